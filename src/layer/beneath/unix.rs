//! Folders by handle. `openat2` resolves a path in the kernel; where that is missing (before
//! Linux 5.6, under a strict seccomp filter, on other systems) each component is opened on its
//! own, without following links.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, fchmod, fstat, futimens,
    linkat, mkdirat, openat, readlinkat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::{Facts, FileKind, Special, Stamp};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// A folder below which paths are resolved.
#[derive(Debug)]
pub(in crate::layer) struct Beneath {
    root: Folder,
}

/// An open folder.
#[derive(Debug)]
pub(in crate::layer) struct Folder(OwnedFd);

impl Beneath {
    /// Opens the folder; it may itself be reached through links.
    pub(in crate::layer) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            root: Folder(openat(CWD, path, FOLDER, Mode::empty())?),
        })
    }

    pub(in crate::layer) fn root(&self) -> &Folder {
        &self.root
    }

    /// Opens a folder below the root; the empty path is the root itself.
    pub(in crate::layer) fn folder(&self, path: &[u8]) -> io::Result<Folder> {
        Ok(Folder(self.resolve(path, FOLDER)?))
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let root = self.root.0.as_fd();
        if path.is_empty() {
            return openat(root, c".", flags, Mode::empty());
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{ResolveFlags, openat2};
            let resolve =
                ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            loop {
                match openat2(root, path, flags, Mode::empty(), resolve) {
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
                FOLDER
            } else {
                flags
            };
            let parent = here.as_ref().map_or(self.root.0.as_fd(), AsFd::as_fd);
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

impl Folder {
    /// Opens a folder in this one.
    pub(in crate::layer) fn folder(&self, name: &[u8]) -> io::Result<Self> {
        let flags = FOLDER | OFlags::NOFOLLOW;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Hands out the names in it, one after the other.
    pub(in crate::layer) fn each<E: From<io::Error>>(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let dir = Dir::read_from(&self.0).map_err(io::Error::from)?;
        for item in dir {
            let item = item.map_err(io::Error::from)?;
            let name = item.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                take(name)?;
            }
        }
        Ok(())
    }

    /// Looks at what has a name, and follows no link.
    pub(in crate::layer) fn look(&self, name: &[u8]) -> io::Result<Facts> {
        Ok(facts(&statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Reads where a symbolic link leads.
    pub(in crate::layer) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Opens a file for reading. A FIFO that took its place does not block.
    pub(in crate::layer) fn open(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Opens a file for writing.
    pub(in crate::layer) fn open_to_write(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Creates a file, with at most this mode; fails where the name is taken.
    pub(in crate::layer) fn create(&self, name: &[u8], mode: u32) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, permissions(mode))?.into())
    }

    /// Makes a folder; fails where the name is taken.
    pub(in crate::layer) fn make_folder(&self, name: &[u8], mode: u32) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, permissions(mode))?)
    }

    /// Removes a file or a link; fails where the name is a folder's.
    pub(in crate::layer) fn remove(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Gives a file of this folder another name elsewhere.
    pub(in crate::layer) fn hard_link(
        &self,
        name: &[u8],
        folder: &Self,
        new: &[u8],
    ) -> io::Result<()> {
        Ok(linkat(&self.0, name, &folder.0, new, AtFlags::empty())?)
    }

    /// Makes a symbolic link. Where it leads is looked up by systems that have to know.
    pub(in crate::layer) fn symlink(
        &self,
        target: &[u8],
        name: &[u8],
        mtime: u64,
        _leads_to_folder: impl Fn() -> bool,
    ) -> io::Result<()> {
        symlinkat(target, &self.0, name)?;
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(utimensat(&self.0, name, &times(mtime), flags)?)
    }

    /// Returns its permissions.
    pub(in crate::layer) fn mode(&self) -> io::Result<u32> {
        Ok(facts(&fstat(&self.0)?).mode & 0o7777)
    }

    /// Sets its permissions.
    pub(in crate::layer) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(&self.0, permissions(mode))?)
    }

    /// Gives the folder its mode and time.
    pub(in crate::layer) fn seal(&self, mode: u32, mtime: u64) -> io::Result<()> {
        seal_handle(&self.0, mode, mtime)
    }
}

/// Gives a file that is written its mode and time.
pub(in crate::layer) fn seal(file: &File, mode: u32, mtime: u64) -> io::Result<()> {
    seal_handle(file, mode, mtime)
}

fn seal_handle(handle: impl AsFd, mode: u32, mtime: u64) -> io::Result<()> {
    fchmod(&handle, permissions(mode))?;
    Ok(futimens(&handle, &times(mtime))?)
}

/// Looks at an open file.
pub(in crate::layer) fn facts_of(file: &File) -> io::Result<Facts> {
    Ok(facts(&fstat(file)?))
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_lossless,
    reason = "the fields have other widths on other systems"
)]
fn facts(stat: &Stat) -> Facts {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => FileKind::Folder,
        FileType::RegularFile => FileKind::File,
        FileType::Symlink => FileKind::Symlink,
        FileType::Socket => FileKind::Special(Special::Socket),
        FileType::Fifo => FileKind::Special(Special::Fifo),
        FileType::BlockDevice | FileType::CharacterDevice => FileKind::Special(Special::Device),
        FileType::Unknown => FileKind::Special(Special::Unknown),
    };
    Facts {
        kind,
        mode: stat.st_mode as u32,
        linked: stat.st_nlink > 1,
        stamp: Stamp {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        },
        accessed: (stat.st_atime as i64, stat.st_atime_nsec as u32),
    }
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the mode has other widths on other systems"
)]
fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o7777) as rustix::fs::RawMode)
}

fn times(mtime: u64) -> Timestamps {
    let time = Timespec {
        tv_sec: i64::try_from(mtime).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// Returns the path of an entry as the system takes it.
pub(in crate::layer) fn os_path(path: &[u8]) -> Cow<'_, Path> {
    Cow::Borrowed(Path::new(OsStr::from_bytes(path)))
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
