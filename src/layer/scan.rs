//! What a persist takes: items are resolved below the root, folders are taken whole, links stay
//! links. Nothing is read here but folders; the list is sorted by bytes.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::glob::{ExpandError, Pattern, expand};

use super::LayerError;
use super::archive::{Entry, EntryKind};
use super::name::{EntryPath, printable};
use super::tree::special;

/// What was found.
#[derive(Debug)]
pub(super) struct Scan {
    /// Sorted by path.
    pub(super) sources: Vec<Source>,
    /// The items that selected nothing.
    pub(super) unmatched: Vec<String>,
}

/// One entry and what its file looked like when it was found.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) entry: Entry,
    pub(super) stamp: Stamp,
}

/// What tells that a file is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            seconds: meta.mtime(),
            nanoseconds: meta.mtime_nsec(),
        }
    }
}

/// Resolves the items below the root. `store` is never taken, wherever it lies: a store inside
/// its own layers would grow while it is read.
pub(super) fn scan(root: &Path, items: &[String], store: &Path) -> Result<Scan, LayerError> {
    check_root(root)?;
    let cleaned = items
        .iter()
        .map(|item| clean(item))
        .collect::<Result<Vec<_>, _>>()?;
    let store = fs::metadata(store)
        .ok()
        .map(|meta| (meta.dev(), meta.ino()));
    let mut walk = Walk {
        root,
        store,
        found: BTreeMap::new(),
    };
    let mut unmatched = Vec::new();
    for (item, pattern) in items.iter().zip(&cleaned) {
        let selected = expand(root, pattern).map_err(|error| match error {
            ExpandError::Pattern(error) => LayerError::Pattern(error),
            ExpandError::Io { path, source } => LayerError::io("read", &path, source),
        })?;
        if selected.is_empty() {
            unmatched.push(item.clone());
        }
        for path in selected {
            walk.take(path)?;
        }
    }
    if unmatched.len() == items.len() {
        return Err(LayerError::NoMatch {
            root: root.to_owned(),
            paths: items.to_vec(),
        });
    }
    Ok(Scan {
        sources: walk.finish()?,
        unmatched,
    })
}

/// The words are those of Go's `stat`, which CircleCI prints.
fn check_root(root: &Path) -> Result<(), LayerError> {
    let missing = |reason: String| LayerError::Root {
        root: root.to_owned(),
        reason,
    };
    match fs::metadata(root) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(missing("not a directory".to_owned())),
        Err(error) => Err(missing(match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            io::ErrorKind::NotADirectory => "not a directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        })),
    }
}

/// Resolves `.` and `..` in an item by its text, as a path that is joined to the root is.
fn clean(item: &str) -> Result<String, LayerError> {
    let fail = |reason| LayerError::PathItem {
        item: item.to_owned(),
        reason,
    };
    if item.is_empty() {
        return Err(fail("is empty; write `.` for the whole root"));
    }
    if item.contains('\0') {
        return Err(fail("holds a NUL character"));
    }
    // Malformed also where a component would be dropped below.
    Pattern::parse(item)?;
    if item.starts_with('/') {
        return Err(fail("is absolute"));
    }
    let mut kept = Vec::new();
    for component in item.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                kept.pop().ok_or_else(|| fail("climbs out of the root"))?;
            }
            other => kept.push(other),
        }
    }
    Ok(kept.join("/"))
}

struct Walk<'a> {
    root: &'a Path,
    store: Option<(u64, u64)>,
    found: BTreeMap<Vec<u8>, (PathBuf, Metadata)>,
}

impl Walk<'_> {
    /// Takes a path and, where it is a folder, everything below it.
    fn take(&mut self, path: PathBuf) -> Result<(), LayerError> {
        let mut todo = vec![path];
        while let Some(path) = todo.pop() {
            let here = self.root.join(&path);
            let failed = |error| LayerError::io("read", &here, error);
            if path.as_os_str().is_empty() {
                for item in fs::read_dir(&here).map_err(failed)? {
                    todo.push(PathBuf::from(item.map_err(failed)?.file_name()));
                }
                continue;
            }
            if self.found.contains_key(path.as_os_str().as_bytes()) {
                continue;
            }
            let meta = fs::symlink_metadata(&here).map_err(failed)?;
            if Some((meta.dev(), meta.ino())) == self.store {
                continue;
            }
            if meta.is_dir() {
                for item in fs::read_dir(&here).map_err(failed)? {
                    todo.push(path.join(item.map_err(failed)?.file_name()));
                }
            }
            self.found
                .insert(path.as_os_str().as_bytes().to_vec(), (path, meta));
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Source>, LayerError> {
        let mut names: HashMap<(u64, u64), EntryPath> = HashMap::new();
        let mut sources = Vec::with_capacity(self.found.len());
        for (bytes, (path, meta)) in self.found {
            let kind = meta.file_type();
            if let Some(what) = special(&kind) {
                return Err(LayerError::Special {
                    path: printable(&bytes),
                    what,
                });
            }
            let path_in_layer = EntryPath::from_archive(&bytes, false)
                .and_then(|path| path.ok_or("it is the root"))
                .map_err(|reason| LayerError::Name {
                    path: printable(&bytes),
                    reason,
                })?;
            let kind = if kind.is_dir() {
                EntryKind::Folder
            } else if kind.is_symlink() {
                let here = self.root.join(&path);
                let target =
                    fs::read_link(&here).map_err(|error| LayerError::io("read", &here, error))?;
                EntryKind::Symlink {
                    target: target.as_os_str().as_bytes().to_vec(),
                }
            } else {
                match names.get(&(meta.dev(), meta.ino())) {
                    Some(first) if meta.nlink() > 1 => EntryKind::Hardlink {
                        target: first.clone(),
                    },
                    _ => {
                        names.insert((meta.dev(), meta.ino()), path_in_layer.clone());
                        EntryKind::File { size: meta.size() }
                    }
                }
            };
            sources.push(Source {
                entry: Entry {
                    path: path_in_layer,
                    kind,
                    mode: meta.mode() & 0o777,
                    // Before 1970 there is no whole second that every tar can hold.
                    mtime: u64::try_from(meta.mtime()).unwrap_or(0),
                },
                stamp: Stamp::of(&meta),
            });
        }
        Ok(sources)
    }
}

/// Returns the path of an entry as the system takes it.
pub(super) fn os_path(path: &EntryPath) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_below_the_root() {
        assert_eq!(clean("./a//b/").unwrap(), "a/b");
        assert_eq!(clean("a/../b").unwrap(), "b");
        assert_eq!(clean(".").unwrap(), "");
        for bad in ["/a", "..", "a/../..", "", "a\0"] {
            assert!(
                matches!(clean(bad), Err(LayerError::PathItem { .. })),
                "{bad}"
            );
        }
        assert!(matches!(clean("[a/../b"), Err(LayerError::Pattern(_))));
    }
}
