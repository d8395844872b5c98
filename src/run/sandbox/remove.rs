//! Removes what a job left behind: links are never followed, folders without permissions are
//! opened up, and no depth is too deep.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, chmodat, fchmod, openat, renameat, unlinkat,
};
use rustix::io::Errno;

/// How deep a walk goes before it moves what is deeper to the top: one open folder a level.
const DEEPEST: usize = 64;

/// Removes a folder of ours with everything in it. No process may be at work in it any more.
pub(crate) fn remove_tree(dir: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::open(parent, flags, Mode::empty())?;
    let name = CString::new(name.as_bytes())?;
    let Some(top) = open_dir(parent.as_fd(), &name)? else {
        return Ok(());
    };
    let mut walk = Walk {
        top: top.as_fd(),
        moved: 0,
    };
    // What was too deep waits at the top under a new name: walk until nothing was moved.
    loop {
        let before = walk.moved;
        walk.empty(&top, 0)?;
        if walk.moved == before {
            break;
        }
    }
    match unlinkat(&parent, &name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

struct Walk<'a> {
    top: BorrowedFd<'a>,
    moved: u64,
}

impl Walk<'_> {
    fn empty(&mut self, dir: &OwnedFd, depth: usize) -> io::Result<()> {
        // A folder that forbids its owner to write would keep its entries.
        let _ = fchmod(dir, Mode::RWXU);
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entry.file_type() != FileType::Directory {
                match unlinkat(dir, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => continue,
                    // File systems that do not tell types: it may be a folder all the same.
                    Err(Errno::ISDIR | Errno::PERM) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let Some(child) = open_dir(dir.as_fd(), name)? else {
                continue;
            };
            if depth >= DEEPEST {
                let _ = fchmod(&child, Mode::RWXU);
                self.moved += 1;
                renameat(dir, name, self.top, format!(".deep-{}", self.moved))?;
                continue;
            }
            self.empty(&child, depth + 1)?;
            drop(child);
            match unlinkat(dir, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Opens a folder, with its permissions opened up where they are in the way.
fn open_dir(parent: BorrowedFd<'_>, name: &std::ffi::CStr) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(parent, name, flags, Mode::empty());
    match open() {
        Ok(dir) => Ok(Some(dir)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            Ok(Some(open()?))
        }
        Err(error) => {
            let name = OsStr::from_bytes(name.to_bytes()).display();
            let error = io::Error::from(error);
            Err(io::Error::new(error.kind(), format!("{name}: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn everything_goes_and_nothing_outside_is_touched() {
        let world = tempfile::tempdir().unwrap();
        let outside = world.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "x").unwrap();
        let tree = world.path().join("tree");
        fs::create_dir_all(tree.join("shut/inner")).unwrap();
        fs::write(tree.join("shut/inner/file"), "x").unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        symlink("nowhere", tree.join("broken")).unwrap();
        // Nothing below may be listed, entered or changed.
        for dir in ["shut/inner", "shut"] {
            fs::set_permissions(tree.join(dir), fs::Permissions::from_mode(0o000)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(outside.join("file").exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn no_depth_is_too_deep() {
        let world = tempfile::tempdir().unwrap();
        let tree = world.path().join("tree");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::create_dir(&tree).unwrap();
        let mut dir = rustix::fs::open(&tree, flags, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&dir, "d", Mode::RWXU).unwrap();
            dir = openat(&dir, "d", flags, Mode::empty()).unwrap();
        }
        drop(dir);
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
