//! What a persist takes: items are resolved below the root, folders are taken whole, links stay
//! links. Nothing is read here but folders; the list is sorted by bytes. `listing` reads folders
//! and holds what was found; here it is decided what is taken, and in which order.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::glob::{ExpandError, Pattern, expand};

use super::archive::{Entry, EntryKind};
use super::beneath::{Beneath, Stamp, identity};
use super::listing::{Kind, Lister, Listing};
use super::name::{EntryPath, printable};
use super::{Digest, LayerError};

/// What was found, sorted by path. A path is kept as its folder and its name: half a million
/// entries have to fit beside the pieces that are compressed.
#[derive(Debug)]
pub(super) struct Scan {
    listings: Vec<Listing>,
    /// Listing and number therein, in the order of the archive.
    order: Vec<(u32, u32)>,
    /// How many of them are folders that no entry names.
    implied: usize,
    /// The items that selected nothing.
    pub(super) unmatched: Vec<String>,
    /// When the scan began.
    pub(super) began: SystemTime,
}

/// Resolves the items below the root. `store` is never taken, wherever it lies: a store inside
/// its own layers would grow while it is read.
pub(super) fn scan(
    root: &Path,
    items: &[String],
    store: &Path,
    threads: usize,
) -> Result<Scan, LayerError> {
    let began = SystemTime::now();
    check_root(root)?;
    let cleaned = items
        .iter()
        .map(|item| clean(item))
        .collect::<Result<Vec<_>, _>>()?;
    let mut selected = BTreeSet::new();
    let mut unmatched = Vec::new();
    for (item, pattern) in items.iter().zip(&cleaned) {
        let found = expand(root, pattern).map_err(|error| match error {
            ExpandError::Pattern(error) => LayerError::Pattern(error),
            ExpandError::Io { path, source } => LayerError::io("read", &path, source),
        })?;
        if found.is_empty() {
            unmatched.push(item.clone());
        }
        for path in found {
            selected.insert(path);
        }
    }
    if unmatched.len() == items.len() {
        return Err(LayerError::NoMatch {
            root: root.to_owned(),
            paths: items.to_vec(),
        });
    }
    let lister = Lister {
        root,
        beneath: Beneath::open(root).map_err(|error| LayerError::io("read", root, error))?,
        skip: identity(store).ok(),
    };
    let top = if selected.contains(&b""[..]) {
        lister.list(b"")?
    } else {
        lister.pick(&outermost(&selected))?
    };
    let mut scan = Scan {
        listings: lister.descend(top, threads)?,
        order: Vec::new(),
        implied: 0,
        unmatched,
        began,
    };
    scan.sort();
    scan.judge()?;
    Ok(scan)
}

/// Leaves out what lies below another selected path.
fn outermost(selected: &BTreeSet<Vec<u8>>) -> Vec<&[u8]> {
    let covered = |path: &[u8]| {
        path.iter()
            .enumerate()
            .any(|(at, byte)| *byte == b'/' && selected.contains(&path[..at]))
    };
    let all = selected.iter().map(Vec::as_slice);
    all.filter(|path| !covered(path)).collect()
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

impl Scan {
    /// Returns how many there are, folders that are only implied among them.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Returns how many entries the archive will hold.
    pub(super) fn entries(&self) -> u64 {
        (self.order.len() - self.implied) as u64
    }

    fn at(&self, index: usize) -> (&Listing, usize) {
        let (listing, item) = self.order[index];
        (&self.listings[listing as usize], item as usize)
    }

    /// Appends the path to a buffer.
    pub(super) fn push_path(&self, index: usize, out: &mut Vec<u8>) {
        let (listing, item) = self.at(index);
        listing.push_path(item, out);
    }

    pub(super) fn path(&self, index: usize) -> EntryPath {
        let mut bytes = Vec::new();
        self.push_path(index, &mut bytes);
        EntryPath::found(&bytes)
    }

    pub(super) fn kind(&self, index: usize) -> Kind {
        let (listing, item) = self.at(index);
        listing.items[item].kind
    }

    pub(super) fn mode(&self, index: usize) -> u32 {
        let (listing, item) = self.at(index);
        u32::from(listing.items[item].mode)
    }

    pub(super) fn stamp(&self, index: usize) -> Stamp {
        let (listing, item) = self.at(index);
        listing.items[item].stamp
    }

    /// Returns a symbolic link's target.
    pub(super) fn target(&self, index: usize) -> &[u8] {
        let (listing, item) = self.at(index);
        listing.target(item)
    }

    /// Returns the entry; `None` for a folder that is only implied.
    pub(super) fn entry(&self, index: usize) -> Option<Entry> {
        let (listing, item) = self.at(index);
        let found = &listing.items[item];
        let kind = match found.kind {
            Kind::Implied => return None,
            Kind::Folder(_) => EntryKind::Folder,
            Kind::Symlink(_) => EntryKind::Symlink {
                target: listing.target(item).to_vec(),
            },
            Kind::Hardlink(first) => EntryKind::Hardlink {
                target: self.path(first as usize),
            },
            // No special file is left after the scan.
            Kind::File { .. } | Kind::Special(_) => EntryKind::File {
                size: found.stamp.size,
            },
        };
        Some(Entry {
            path: self.path(index),
            kind,
            mode: u32::from(found.mode),
            // Before 1970 there is no whole second that every tar can hold.
            mtime: u64::try_from(found.stamp.modified.0).unwrap_or(0),
        })
    }

    /// Puts everything into the order of bytes. What lies below a folder follows the folder, but
    /// for names that continue the folder's own with a byte before `/`: `a`, `a.b`, `a/c`.
    fn sort(&mut self) {
        self.order.reserve_exact(
            self.listings
                .iter()
                .map(|listing| listing.items.len())
                .sum(),
        );
        // Each with the next item, and the folders before it whose content is still to come.
        let mut levels: Vec<(u32, usize, Vec<usize>)> = vec![(0, 0, Vec::new())];
        while let Some((number, next, pending)) = levels.last_mut() {
            let listing = &self.listings[*number as usize];
            let name = (*next < listing.items.len()).then(|| listing.name(*next));
            let due = pending.last().is_some_and(|folder| {
                let folder = listing.name(*folder);
                !name.is_some_and(|name| {
                    name.strip_prefix(folder)
                        .and_then(<[u8]>::first)
                        .is_some_and(|byte| *byte < b'/')
                })
            });
            if due && let Some(folder) = pending.pop() {
                if let Kind::Folder(below) = listing.items[folder].kind {
                    levels.push((below, 0, Vec::new()));
                }
            } else if name.is_some() {
                self.order.push((*number, *next as u32));
                if matches!(listing.items[*next].kind, Kind::Folder(_)) {
                    pending.push(*next);
                }
                *next += 1;
            } else {
                levels.pop();
            }
        }
    }

    /// Refuses what no layer can hold, and finds the names of one file.
    fn judge(&mut self) -> Result<(), LayerError> {
        let mut names: HashMap<(u64, u64), u32> = HashMap::new();
        let mut bytes = Vec::new();
        for index in 0..self.order.len() {
            bytes.clear();
            self.push_path(index, &mut bytes);
            let (listing, item) = self.order[index];
            let found = &mut self.listings[listing as usize].items[item as usize];
            if let Kind::Special(what) = found.kind {
                return Err(LayerError::Special {
                    path: printable(&bytes),
                    what: what.name(),
                });
            }
            EntryPath::check(&bytes).map_err(|reason| LayerError::Name {
                path: printable(&bytes),
                reason,
            })?;
            match found.kind {
                Kind::File { linked: true } => {
                    let file = (found.stamp.device, found.stamp.inode);
                    // Fewer entries than 2^32: their paths alone would fill more memory.
                    let first = *names.entry(file).or_insert(index as u32);
                    if first as usize != index {
                        found.kind = Kind::Hardlink(first);
                    }
                }
                Kind::Implied => self.implied += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns a digest of everything that was found and how it was stamped. Two scans of a root
    /// that are equal in it found the same files, unchanged.
    pub(super) fn fingerprint(&self) -> Digest {
        let mut state = Sha256::new();
        let mut line = Vec::new();
        for index in 0..self.order.len() {
            let (listing, item) = self.at(index);
            line.clear();
            listing.push_path(item, &mut line);
            line.push(0);
            listing.items[item].push_bytes(&mut line);
            line.extend_from_slice(listing.target(item));
            line.push(0);
            state.update(&line);
        }
        Digest(state.finalize().into())
    }

    /// Returns the latest time at which something that was found changed.
    pub(super) fn latest_change(&self) -> (i64, u32) {
        self.listings
            .iter()
            .flat_map(|listing| &listing.items)
            .filter(|item| item.kind != Kind::Implied)
            .map(|item| item.stamp.changed.max(item.stamp.modified))
            .max()
            .unwrap_or_default()
    }
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
