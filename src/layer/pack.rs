//! Makes an archive of what a scan found: pieces of 4 MiB that several threads read and compress,
//! each with the digests of the files that end in it. A file that is no longer what the scan found
//! is an error.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::archive::{Entry, EntryKind, headers_length, padding, push_headers};
use super::beneath::{self, Beneath, Folder, Stamp, facts_of, read_exact_at};
use super::codec::{Compressor, PIECE};
use super::layout::{Extent, Layout, overlap};
use super::listing::Kind;
use super::name::printable;
use super::parallel::{Pieces, and_one_more, lock};
use super::scan::Scan;
use super::{Compression, Digest, LayerError, Transferred};

/// How long to wait for another thread before looking whether it gave up.
const LOOK_UP: Duration = Duration::from_millis(20);

/// One piece, compressed.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    /// Its size before compression.
    pub(super) raw: usize,
    /// The files whose last byte is in it, by their place in the scan.
    pub(super) digests: Vec<(usize, Digest)>,
    /// How many places of the scan are complete with it.
    pub(super) complete: usize,
    pub(super) done: Transferred,
}

/// Reads what a scan found and packs it.
pub(super) struct Packer<'a> {
    scan: &'a Scan,
    root: &'a Path,
    beneath: Beneath,
    layout: Layout,
    chains: Vec<Chain>,
    compression: Compression,
    threads: usize,
    stop: AtomicBool,
    /// Buffers to use again.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// The digest of a file that several pieces hold: each adds its part once the one before has.
#[derive(Default)]
struct Chain {
    state: Mutex<(u64, Sha256)>,
    moved: Condvar,
}

/// Whether to wait until the parts before were added.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Patience {
    None,
    Endless,
}

/// What came of a part.
enum Turn {
    /// It was added; with the last part comes the digest.
    Done(Option<Digest>),
    /// Parts before it were not added yet, or never will be since something failed.
    NotYet,
}

/// What a thread keeps from piece to piece.
pub(super) struct Bench {
    piece: Vec<u8>,
    headers: Vec<u8>,
    folder: Option<(Vec<u8>, Folder)>,
    compressor: Compressor,
}

impl<'a> Packer<'a> {
    pub(super) fn new(
        scan: &'a Scan,
        root: &'a Path,
        compression: Compression,
        threads: usize,
    ) -> Result<Self, LayerError> {
        let extents = (0..scan.len()).map(|index| match scan.entry(index) {
            Some(entry) => Extent {
                headers: headers_length(&entry),
                content: content(&entry),
            },
            None => Extent {
                headers: 0,
                content: 0,
            },
        });
        let layout = Layout::new(extents, (0..).step_by(PIECE));
        Ok(Self {
            scan,
            root,
            beneath: Beneath::open(root).map_err(|error| LayerError::io("read", root, error))?,
            chains: layout.spanning.iter().map(|_| Chain::default()).collect(),
            layout,
            compression,
            threads,
            stop: AtomicBool::new(false),
            spare: Mutex::new(Vec::new()),
        })
    }

    /// Returns the size of the archive before compression.
    pub(super) fn total(&self) -> u64 {
        self.layout.total
    }

    /// Hands out the pieces in order.
    pub(super) fn run(
        &self,
        mut take: impl FnMut(&Packed) -> Result<(), LayerError>,
    ) -> Result<(), LayerError> {
        let threads = and_one_more(self.threads);
        let pieces = Pieces {
            threads,
            count: self.layout.starts.len(),
            ahead: threads + 2,
            stop: &self.stop,
        };
        let bench = || {
            Ok(Bench {
                piece: vec![0; PIECE],
                headers: Vec::new(),
                folder: None,
                compressor: Compressor::new(self.compression)
                    .map_err(|error| self.broken(error))?,
            })
        };
        pieces.run(
            bench,
            |bench, number| self.piece(bench, number),
            |packed| {
                take(&packed)?;
                lock(&self.spare).push(packed.bytes);
                Ok(())
            },
        )
    }

    /// Compression fails for want of memory only.
    fn broken(&self, error: io::Error) -> LayerError {
        LayerError::io("compress what is in", self.root, error)
    }

    fn piece(&self, bench: &mut Bench, number: usize) -> Result<Packed, LayerError> {
        let start = self.layout.starts[number];
        let end = self.layout.end(number);
        // A piece has 4 MiB at most.
        let raw = usize::try_from(end - start.at).unwrap_or(PIECE);
        let mut packed = Packed {
            bytes: lock(&self.spare).pop().unwrap_or_default(),
            raw,
            digests: Vec::new(),
            complete: self
                .layout
                .starts
                .get(number + 1)
                .map_or(self.scan.len(), |next| next.entry),
            done: Transferred::default(),
        };
        let Bench {
            piece,
            headers,
            folder,
            compressor,
        } = bench;
        let piece = &mut piece[..raw];
        let mut parts: Vec<(usize, u64, std::ops::Range<usize>)> = Vec::new();
        let (mut index, mut at) = (start.entry, start.entry_at);
        while at < end && index < self.scan.len() {
            let Some(entry) = self.scan.entry(index) else {
                index += 1;
                continue;
            };
            headers.clear();
            push_headers(&entry, headers).map_err(|error| self.broken(error))?;
            let length = headers.len() as u64;
            if let Some((from, to, count)) = overlap(at, length, start.at, end) {
                let from = from as usize;
                piece[to..][..count].copy_from_slice(&headers[from..][..count]);
            }
            let begins_here = at >= start.at;
            packed.done.entries += u64::from(begins_here);
            if let EntryKind::File { size } = entry.kind {
                let part = overlap(at + length, size, start.at, end);
                if let Some((offset, to, count)) = part {
                    let into = &mut piece[to..][..count];
                    self.read(&entry, self.scan.stamp(index), folder, offset, into)?;
                    packed.done.bytes += count as u64;
                    if count as u64 == size {
                        packed.digests.push((index, Digest::of(into)));
                    } else {
                        parts.push((index, offset, to..to + count));
                    }
                } else if size == 0 && begins_here {
                    self.read(&entry, self.scan.stamp(index), folder, 0, &mut [])?;
                    packed.digests.push((index, Digest::of(b"")));
                }
            }
            at += length + content(&entry);
            let filling = padding(content(&entry)) as u64;
            if let Some((_, to, count)) = overlap(at, filling, start.at, end) {
                piece[to..][..count].fill(0);
            }
            at += filling;
            index += 1;
        }
        // What is left belongs to the end of the archive.
        let rest = usize::try_from(end - at.clamp(start.at, end)).unwrap_or(0);
        piece[raw - rest..].fill(0);
        // Parts whose turn has not come are left for after the compression: by then it has.
        parts.retain(|(index, offset, range)| {
            let part = &piece[range.clone()];
            match self.chain(*index, *offset, part, Patience::None) {
                Turn::Done(digest) => {
                    packed.digests.extend(digest.map(|digest| (*index, digest)));
                    false
                }
                Turn::NotYet => true,
            }
        });
        compressor
            .compress(piece, &mut packed.bytes)
            .map_err(|error| self.broken(error))?;
        for (index, offset, range) in parts {
            if let Turn::Done(digest) = self.chain(index, offset, &piece[range], Patience::Endless)
            {
                packed.digests.extend(digest.map(|digest| (index, digest)));
            }
        }
        Ok(packed)
    }

    /// Adds a part to the digest of a file if all parts before it were added.
    fn chain(&self, index: usize, offset: u64, part: &[u8], patience: Patience) -> Turn {
        let Some(span) = self.layout.span(index) else {
            return Turn::Done(None);
        };
        let chain = &self.chains[span];
        let mut state = lock(&chain.state);
        while state.0 != offset {
            if patience == Patience::None || self.stop.load(Ordering::Relaxed) {
                return Turn::NotYet;
            }
            state = chain
                .moved
                .wait_timeout(state, LOOK_UP)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.1.update(part);
        state.0 += part.len() as u64;
        chain.moved.notify_all();
        let last = state.0 == self.scan.stamp(index).size;
        Turn::Done(last.then(|| Digest(std::mem::take(&mut state.1).finalize().into())))
    }

    /// Reads a part of a file and makes sure that it is the one that was found. Looked at after the
    /// read: a change before it shows as well, for no program can set back the time of a change.
    fn read(
        &self,
        entry: &Entry,
        stamp: Stamp,
        folder: &mut Option<(Vec<u8>, Folder)>,
        offset: u64,
        into: &mut [u8],
    ) -> Result<(), LayerError> {
        let changed = || LayerError::Changed {
            path: printable(entry.path.as_bytes()),
        };
        let failed = |error: io::Error| {
            let path = beneath::join(self.root, entry.path.as_bytes());
            LayerError::io("read", &path, error)
        };
        let opened = self.open(entry, folder);
        let file: File = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(failed(error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LayerError::Vanished {
                    path: printable(entry.path.as_bytes()),
                });
            }
            // A link by now.
            Err(_) => return Err(changed()),
        };
        let read = read_exact_at(&file, into, offset);
        let now = facts_of(&file).map_err(failed)?;
        if now.stamp != stamp {
            return Err(changed());
        }
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(changed()),
            read => read.map_err(failed),
        }
    }

    fn open(&self, entry: &Entry, known: &mut Option<(Vec<u8>, Folder)>) -> io::Result<File> {
        let (path, name) = entry.path.split();
        let path = path.unwrap_or_default();
        let folder = match known.take() {
            Some((known, handle)) if known == path => (known, handle),
            _ => (path.to_vec(), self.beneath.folder(path)?),
        };
        let opened = folder.1.open(name);
        *known = Some(folder);
        opened
    }

    /// Returns whether an entry has content of its own.
    pub(super) fn is_file(&self, index: usize) -> bool {
        matches!(self.scan.kind(index), Kind::File { .. })
    }
}

fn content(entry: &Entry) -> u64 {
    match entry.kind {
        EntryKind::File { size } => size,
        _ => 0,
    }
}
