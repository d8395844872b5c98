//! What a job hands to people: artifacts and test reports, copied below the folder of its results.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Copies a file, or all that is in a folder, to a place below `results`; links to files become
/// files, as uploads do. Returns how many files there were, none where the path is not there.
pub(super) fn copy(from: &Path, results: &Path, name: &Path) -> io::Result<Option<u64>> {
    if !from.exists() {
        return Ok(None);
    }
    let to = below(results, name);
    let mut files = 0;
    if from.is_dir() {
        folder(from, &to, &mut files)?;
    } else {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, &to)?;
        files += 1;
    }
    Ok(Some(files))
}

fn folder(from: &Path, to: &Path, files: &mut u64) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut entries = fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            folder(&path, &target, files)?;
        } else if path.is_file() {
            fs::copy(&path, &target)?;
            *files += 1;
        }
    }
    Ok(())
}

/// Copies a folder as it is, links included; sockets, pipes and devices are left out.
pub(super) fn keep(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            keep(&path, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Returns a path below a folder, whatever it says of folders above.
fn below(folder: &Path, name: &Path) -> PathBuf {
    let mut out = folder.to_owned();
    for part in name.components() {
        if let std::path::Component::Normal(part) = part {
            out.push(part);
        }
    }
    out
}
