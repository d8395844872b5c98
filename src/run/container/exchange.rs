//! The exchange folder of one job: all that the job may write outside of its container, and what
//! it reads of the layers and caches that are there already.
//!
//! The folder is open to everybody, because nobody knows which user an image has; the folder that
//! it lies in is closed to all but the runner.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::client::mount;
use super::{CACHES, EXCHANGE, LAYERS};
use crate::run::error::RunError;

/// The folder of one job, on this machine.
#[derive(Debug)]
pub(super) struct Exchange {
    /// What lies around it: nobody but the runner sees it.
    pub(super) dir: PathBuf,
    /// The exchange folder itself.
    pub(super) open: PathBuf,
}

/// What a job reads, and where.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub(super) mounts: Vec<std::ffi::OsString>,
    pub(super) has_layers: bool,
    pub(super) has_caches: bool,
}

impl Exchange {
    /// Makes the folder below `dir`, which is empty and of this job alone.
    pub(super) fn create(dir: PathBuf) -> Result<Self, RunError> {
        let open = dir.join("x");
        let made = || -> io::Result<()> {
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
            fs::create_dir(&open)?;
            fs::set_permissions(&open, fs::Permissions::from_mode(0o777))
        };
        made().map_err(|e| RunError::io("create", &open, e))?;
        Ok(Self { dir, open })
    }

    /// Says how the job sees the folder.
    pub(super) fn mount(&self) -> std::ffi::OsString {
        mount(&self.open, EXCHANGE, true)
    }

    /// Offers the layers of a workspace and, where the job wants any, the caches. They are shown
    /// as they are where every user can read them, and as copies otherwise.
    pub(super) fn offer(
        &self,
        layers: &Path,
        caches: Option<&Path>,
        anybody: bool,
    ) -> Result<Offers, RunError> {
        let mut offers = Offers::default();
        let mut show = |from: &Path, name: &str, target: &str| -> Result<bool, RunError> {
            if !from.is_dir() {
                return Ok(false);
            }
            let failed = |e: io::Error| RunError::io("show a container", from, e);
            let shown = if anybody && !is_readable_by_all(from).map_err(failed)? {
                let copy = self.dir.join(name);
                readable_copy(from, &copy).map_err(failed)?;
                copy
            } else {
                from.to_owned()
            };
            offers.mounts.push(mount(&shown, target, false));
            Ok(true)
        };
        let has_layers = show(layers, "layers", LAYERS)?;
        let has_caches = match caches {
            Some(caches) => show(caches, "caches", CACHES)?,
            None => false,
        };
        offers.has_layers = has_layers;
        offers.has_caches = has_caches;
        Ok(offers)
    }
}

/// Says whether a user who owns nothing here can read every file below a folder.
pub(super) fn is_readable_by_all(dir: &Path) -> io::Result<bool> {
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        if !may(&fs::metadata(&dir)?, 0o005) {
            return Ok(false);
        }
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let Some(meta) = there(entry.path().symlink_metadata())? else {
                continue;
            };
            if meta.is_dir() {
                open.push(entry.path());
            } else if meta.is_file() && !may(&meta, 0o004) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

pub(super) fn may(meta: &fs::Metadata, bits: u32) -> bool {
    meta.permissions().mode() & bits == bits
}

/// What vanished meanwhile is as good as never seen.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Copies folders and files so that everybody can read them.
fn readable_copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let Some(meta) = there(entry.path().symlink_metadata())? else {
            continue;
        };
        if meta.is_dir() {
            readable_copy(&entry.path(), &target)?;
        } else if meta.is_file() && there(fs::copy(entry.path(), &target))?.is_some() {
            let mode = meta.permissions().mode() & 0o777 | 0o444;
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_cannot_read_is_copied_so_that_they_can() {
        let world = tempfile::tempdir().unwrap();
        let store = world.path().join("store");
        fs::create_dir_all(store.join("a")).unwrap();
        fs::write(store.join("a/file"), "x").unwrap();
        for dir in [&store, &store.join("a")] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(store.join("a/file"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(is_readable_by_all(&store).unwrap());
        fs::set_permissions(store.join("a/file"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!is_readable_by_all(&store).unwrap());
        fs::set_permissions(store.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
        let copy = world.path().join("copy");
        readable_copy(&store, &copy).unwrap();
        assert!(is_readable_by_all(&copy).unwrap());
        assert_eq!(fs::read(copy.join("a/file")).unwrap(), b"x");
    }
}
