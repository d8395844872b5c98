//! Brings what a job handed out from its exchange folder to where it belongs. The job is over, so
//! nobody writes there any more; what it left behind may be anything, and only plain files count.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// The folders of a workspace that hold what counts; the others are for work under way.
const PARTS: [&str; 3] = ["attached", "blobs", "refs"];

/// Moves new layers into the store, and new caches into theirs. Blobs come first and what leads
/// to them last, so that whoever reads meanwhile finds whole layers or none.
pub(super) fn layers(from: &Path, to: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    collect(from, Path::new(""), &mut files)?;
    files.retain(|file| file.is_wanted());
    files.sort_by_key(Found::rank);
    for file in files {
        bring(
            &from.join(&file.path),
            &to.join(&file.path),
            &file.meta,
            false,
        )?;
    }
    Ok(())
}

/// Moves artifacts, test reports and what is kept of a working directory; a name that is there
/// already is replaced. Folders without files and links are made anew.
pub(super) fn results(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let meta = path.symlink_metadata()?;
        if meta.is_dir() {
            fs::create_dir_all(&target)?;
            results(&path, &target)?;
        } else if meta.is_file() {
            bring(&path, &target, &meta, true)?;
        } else if meta.is_symlink() {
            match std::os::unix::fs::symlink(fs::read_link(&path)?, &target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// A plain file, relative to the folder that was looked through.
struct Found {
    path: PathBuf,
    meta: Metadata,
}

impl Found {
    /// Says whether it belongs to a workspace's layers or is the index of a cache.
    fn is_wanted(&self) -> bool {
        let mut parts = self.path.iter().skip(1);
        match parts.next().and_then(|part| part.to_str()) {
            // Right below the folder: the index of a cache.
            None => self.path.extension().is_some_and(|e| e == "json"),
            Some("oci-layout") => true,
            Some(part) => PARTS.contains(&part),
        }
    }

    fn rank(&self) -> u8 {
        match self.path.iter().nth(1).and_then(|part| part.to_str()) {
            Some("blobs") => 0,
            Some("refs") => 2,
            None => 3,
            Some(_) => 1,
        }
    }
}

fn collect(top: &Path, folder: &Path, files: &mut Vec<Found>) -> io::Result<()> {
    let entries = match fs::read_dir(top.join(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        // Links are what was offered to the job, or none of ours.
        let meta = entry.path().symlink_metadata()?;
        if meta.is_dir() {
            collect(top, &path, files)?;
        } else if meta.is_file() {
            files.push(Found { path, meta });
        }
    }
    Ok(())
}

/// Moves one file. The runner's own is renamed; another user's is copied, so that whoever owns the
/// store owns all that is in it.
fn bring(from: &Path, to: &Path, meta: &Metadata, replaces: bool) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    if meta.uid() == rustix::process::geteuid().as_raw() {
        let renamed = if replaces {
            fs::rename(from, to)
        } else {
            // Of two that make the same thing at once the first one wins.
            renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from)
        };
        match renamed {
            Ok(()) => return Ok(()),
            Err(error) if taken(&error) => return Ok(()),
            // Another file system, or one that cannot do it: a copy will do.
            Err(_) => {}
        }
    }
    let parent = to.parent().unwrap_or(Path::new("."));
    let mut copy = tempfile::Builder::new()
        .prefix(".bring-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(parent)?;
    io::copy(&mut fs::File::open(from)?, copy.as_file_mut())?;
    if meta.permissions().mode() & 0o100 != 0 {
        fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755))?;
    }
    let kept = if replaces {
        copy.persist(to)
    } else {
        copy.persist_noclobber(to)
    };
    match kept {
        Err(error) if !taken(&error.error) => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_counts_is_brought_and_nothing_is_replaced() {
        let world = tempfile::tempdir().unwrap();
        let (from, to) = (world.path().join("x"), world.path().join("store"));
        for name in [
            "w/blobs/sha256/1",
            "w/refs/a/1",
            "w/tmp/t",
            "w/cache/c",
            "k.json",
            "odd",
        ] {
            let path = from.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "new").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", from.join("w/blobs/sha256/link")).unwrap();
        fs::create_dir_all(to.join("w/refs/a")).unwrap();
        fs::write(to.join("w/refs/a/1"), "old").unwrap();
        layers(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("w/blobs/sha256/1")).unwrap(), b"new");
        assert_eq!(fs::read(to.join("w/refs/a/1")).unwrap(), b"old");
        assert!(to.join("k.json").exists());
        for name in ["w/tmp", "w/cache", "odd", "w/blobs/sha256/link"] {
            assert!(!to.join(name).exists(), "{name}");
        }
    }
}
