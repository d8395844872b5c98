//! Reads folders, on several threads, relative to the handle of a root and never through a link.
//! What is found is held as a list a folder, with one buffer for all names: small, and looked at
//! again cheaply when it is asked whether anything changed.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::LayerError;
use super::beneath::{self, Beneath, Facts, FileKind, Special, Stamp};
use super::name::{EntryPath, MAX_PATH, printable};
use super::parallel::lock;

/// What was found under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder that holds something selected and is not selected itself.
    Implied,
    /// A folder, and the number of its listing.
    Folder(u32),
    /// A regular file, and whether it has other names.
    File {
        linked: bool,
    },
    /// A symbolic link, and the number of its target in the listing.
    Symlink(u32),
    /// Another name of the file at this place of the order.
    Hardlink(u32),
    Special(Special),
}

/// One name of a listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    name: (u32, u16),
    pub(super) mode: u16,
    pub(super) kind: Kind,
    pub(super) stamp: Stamp,
}

impl Item {
    /// Appends what it is and how it is stamped to a buffer.
    pub(super) fn push_bytes(&self, out: &mut Vec<u8>) {
        let (kind, number) = match self.kind {
            Kind::Implied => (b'i', 0),
            Kind::Folder(_) => (b'd', 0),
            Kind::File { .. } => (b'f', 0),
            Kind::Symlink(_) => (b'l', 0),
            Kind::Hardlink(first) => (b'h', first),
            Kind::Special(_) => (b's', 0),
        };
        out.push(kind);
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&self.mode.to_le_bytes());
        self.stamp.push_bytes(out);
    }
}

/// What one folder holds, sorted by name.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The folder's path below the root.
    path: Box<[u8]>,
    names: Vec<u8>,
    targets: Vec<Box<[u8]>>,
    pub(super) items: Vec<Item>,
}

impl Listing {
    fn new(path: &[u8]) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    pub(super) fn name(&self, item: usize) -> &[u8] {
        self.name_of(&self.items[item])
    }

    fn name_of(&self, item: &Item) -> &[u8] {
        let (at, length) = item.name;
        &self.names[at as usize..][..usize::from(length)]
    }

    /// Returns a symbolic link's target, and nothing for everything else.
    pub(super) fn target(&self, item: usize) -> &[u8] {
        match self.items[item].kind {
            Kind::Symlink(number) => &self.targets[number as usize],
            _ => b"",
        }
    }

    /// Appends the path of one of its items to a buffer.
    pub(super) fn push_path(&self, item: usize, out: &mut Vec<u8>) {
        if !self.path.is_empty() {
            out.extend_from_slice(&self.path);
            out.push(b'/');
        }
        out.extend_from_slice(self.name(item));
    }

    /// Adds a name; `target` reads that of a symbolic link.
    fn add(
        &mut self,
        name: &[u8],
        facts: &Facts,
        target: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let kind = match facts.kind {
            FileKind::Folder => Kind::Folder(0),
            FileKind::File => Kind::File {
                linked: facts.linked,
            },
            FileKind::Symlink => {
                self.targets.push(target()?.into());
                Kind::Symlink(self.targets.len() as u32 - 1)
            }
            FileKind::Special(what) => Kind::Special(what),
        };
        self.push(name, (facts.mode & 0o777) as u16, kind, facts.stamp)
    }

    fn push(&mut self, name: &[u8], mode: u16, kind: Kind, stamp: Stamp) -> io::Result<()> {
        let too_much = |_| io::Error::other("the folder's names are too long to be held");
        let at = u32::try_from(self.names.len()).map_err(too_much)?;
        let length = u16::try_from(name.len()).map_err(too_much)?;
        self.names.extend_from_slice(name);
        self.items.push(Item {
            name: (at, length),
            mode,
            kind,
            stamp,
        });
        Ok(())
    }

    fn sort(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        items.sort_unstable_by(|a, b| self.name_of(a).cmp(self.name_of(b)));
        items.shrink_to_fit();
        self.items = items;
        self.names.shrink_to_fit();
    }
}

/// Why a folder could not be listed: itself, or something in it.
enum Unlisted {
    Folder(io::Error),
    Layer(LayerError),
}

impl From<io::Error> for Unlisted {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

impl From<LayerError> for Unlisted {
    fn from(error: LayerError) -> Self {
        Self::Layer(error)
    }
}

/// Reads the folders of one root.
pub(super) struct Lister<'a> {
    pub(super) root: &'a Path,
    pub(super) beneath: Beneath,
    /// Device and inode of a folder that is passed over.
    pub(super) skip: Option<(u64, u64)>,
}

/// Folders that wait to be read, and those that were.
#[derive(Default)]
struct Queue {
    waiting: Vec<(u32, Vec<u8>)>,
    busy: usize,
    done: Vec<Listing>,
    failed: Option<LayerError>,
}

impl Lister<'_> {
    fn failed(&self, path: &[u8], error: io::Error) -> LayerError {
        // The root itself was there a moment ago, and is told of as such if it is gone.
        if error.kind() == io::ErrorKind::NotFound && !path.is_empty() {
            return LayerError::Vanished {
                path: printable(path),
            };
        }
        LayerError::io("read", &beneath::join(self.root, path), error)
    }

    /// Reads one folder; the empty path is the root.
    pub(super) fn list(&self, path: &[u8]) -> Result<Listing, LayerError> {
        let failed = |error: io::Error| self.failed(path, error);
        let folder = self.beneath.folder(path).map_err(failed)?;
        let mut listing = Listing::new(path);
        folder
            .each(|name| {
                let whole = || {
                    let mut whole = path.to_vec();
                    if !whole.is_empty() {
                        whole.push(b'/');
                    }
                    whole.extend_from_slice(name);
                    whole
                };
                let facts = folder
                    .look(name)
                    .map_err(|error| self.failed(&whole(), error))?;
                if self.skips(&facts) {
                    return Ok(());
                }
                if path.len() + 1 + name.len() > MAX_PATH {
                    return Err(Unlisted::Layer(LayerError::Name {
                        path: printable(&whole()),
                        reason: "its name is longer than 4,096 bytes",
                    }));
                }
                let target = || folder.read_link(name);
                Ok(listing
                    .add(name, &facts, target)
                    .map_err(|error| self.failed(&whole(), error))?)
            })
            .map_err(|error| match error {
                Unlisted::Layer(error) => error,
                Unlisted::Folder(error) => failed(error),
            })?;
        listing.sort();
        Ok(listing)
    }

    /// Looks at single paths, none of which lies below another, and lists them with the folders
    /// that they imply.
    pub(super) fn pick(&self, paths: &[&[u8]]) -> Result<Listing, LayerError> {
        let mut listing = Listing::new(b"");
        let mut implied = BTreeSet::new();
        for path in paths {
            let failed = |error: io::Error| self.failed(path, error);
            let entry = EntryPath::found(path);
            let (parent, name) = entry.split();
            let folder = self
                .beneath
                .folder(parent.unwrap_or_default())
                .map_err(failed)?;
            let facts = folder.look(name).map_err(failed)?;
            if self.skips(&facts) {
                continue;
            }
            let target = || folder.read_link(name);
            listing.add(path, &facts, target).map_err(failed)?;
            let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            implied.extend(slashes.map(|(at, _)| &path[..at]));
        }
        let nothing = Stamp::default();
        for folder in implied {
            listing
                .push(folder, 0o755, Kind::Implied, nothing)
                .map_err(|error| self.failed(folder, error))?;
        }
        listing.sort();
        Ok(listing)
    }

    fn skips(&self, facts: &Facts) -> bool {
        Some((facts.stamp.device, facts.stamp.inode)) == self.skip
    }

    /// Reads everything below the folders of a listing; that one is number 0 of the result, and
    /// each folder's item knows the number of its own.
    pub(super) fn descend(
        &self,
        mut top: Listing,
        threads: usize,
    ) -> Result<Vec<Listing>, LayerError> {
        let mut queue = Queue {
            done: vec![Listing::default()],
            ..Queue::default()
        };
        queue.enqueue(&mut top);
        queue.done[0] = top;
        let queue = Mutex::new(queue);
        let moved = Condvar::new();
        thread::scope(|scope| {
            // One folder at a time is enough for a small tree, and no thread is started for it.
            if lock(&queue).waiting.len() > 1 {
                for _ in 1..threads {
                    scope.spawn(|| self.work(&queue, &moved));
                }
            }
            self.work(&queue, &moved);
        });
        let queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        match queue.failed {
            Some(error) => Err(error),
            None => Ok(queue.done),
        }
    }

    fn work(&self, queue: &Mutex<Queue>, moved: &Condvar) {
        let mut held = lock(queue);
        loop {
            if held.failed.is_some() || (held.waiting.is_empty() && held.busy == 0) {
                moved.notify_all();
                return;
            }
            let Some((number, path)) = held.waiting.pop() else {
                held = moved.wait(held).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            held.busy += 1;
            drop(held);
            let result = self.list(&path);
            held = lock(queue);
            held.busy -= 1;
            match result {
                Ok(mut listing) => {
                    held.enqueue(&mut listing);
                    held.done[number as usize] = listing;
                }
                Err(error) => held.failed = Some(error),
            }
            if !held.waiting.is_empty() {
                moved.notify_all();
            }
        }
    }
}

impl Queue {
    /// Gives each folder of a listing a number, and lets it wait.
    fn enqueue(&mut self, listing: &mut Listing) {
        for at in 0..listing.items.len() {
            if let Kind::Folder(_) = listing.items[at].kind {
                let number = self.done.len() as u32;
                listing.items[at].kind = Kind::Folder(number);
                let mut path = Vec::new();
                listing.push_path(at, &mut path);
                self.waiting.push((number, path));
                self.done.push(Listing::default());
            }
        }
    }
}
