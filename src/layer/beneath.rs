//! A folder handle and nothing outside it: every path is resolved below the handle and through
//! folders only. `openat2` does it in the kernel; where that is missing (before Linux 5.6, under
//! a strict seccomp filter, on other systems) each component is opened on its own, without
//! following links.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// A folder below which paths are resolved.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
}

impl Beneath {
    /// Opens the folder; it may itself be reached through links.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: openat(CWD, path, flags, Mode::empty())?,
        })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens a folder below the root; the empty path is the root itself.
    pub(super) fn folder(&self, path: &[u8]) -> io::Result<OwnedFd> {
        Ok(self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)?)
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        if path.is_empty() {
            return openat(&self.root, c".", flags, Mode::empty());
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{ResolveFlags, openat2};
            let resolve =
                ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            loop {
                match openat2(&self.root, path, flags, Mode::empty(), resolve) {
                    // A rename elsewhere in the tree made the kernel unsure.
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP) => break,
                    other => return other,
                }
            }
        }
        self.walk(path, flags)
    }

    fn walk(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mut components = path.split(|byte| *byte == b'/').peekable();
        let mut here: Option<OwnedFd> = None;
        while let Some(component) = components.next() {
            if matches!(component, b"" | b"." | b"..") {
                return Err(Errno::INVAL);
            }
            let flags = if components.peek().is_some() {
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
            } else {
                flags
            };
            let parent = here.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            here = Some(openat(
                parent,
                component,
                flags | OFlags::NOFOLLOW,
                Mode::empty(),
            )?);
        }
        here.ok_or(Errno::NOENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn neither_way_leaves_the_root_or_follows_a_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/a/b")).unwrap();
        fs::write(dir.path().join("root/a/f"), "").unwrap();
        fs::write(dir.path().join("secret"), "").unwrap();
        symlink("a", dir.path().join("root/in")).unwrap();
        symlink("..", dir.path().join("root/out")).unwrap();
        symlink("a/f", dir.path().join("root/file")).unwrap();
        let beneath = Beneath::open(&dir.path().join("root")).unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        for resolve in [Beneath::resolve, Beneath::walk] {
            assert!(resolve(&beneath, b"a/b", flags).is_ok());
            assert!(resolve(&beneath, b"a/f", flags).is_ok());
            for bad in [
                "in",
                "in/b",
                "out",
                "out/secret",
                "../secret",
                "a/../../secret",
                "file",
                "/etc/passwd",
            ] {
                assert!(resolve(&beneath, bad.as_bytes(), flags).is_err(), "{bad}");
            }
        }
    }
}
