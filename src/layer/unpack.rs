//! Reads an archive with a table of contents on several threads and writes what it holds. Every
//! byte of the archive is accounted for: headers have to be those that the plan's entries give,
//! what fills blocks has to be zeros, and the digest of the whole is taken in order.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use super::archive::{EntryKind, padding, push_headers};
use super::beneath::{read_exact_at, write_all_at};
use super::codec::PIECE;
use super::digest::Hashing;
use super::extract::{Hand, Target};
use super::layout::{Layout, overlap};
use super::name::{EntryPath, printable};
use super::parallel::{Pieces, lock};
use super::plan::{Item, ItemKind, Plan, Planned};
use super::toc::Frame;
use super::{LayerError, Transferred};

/// Writes the files of one layer, and returns once its archive has the digest of its ref.
pub(super) fn unpack(
    plan: &Plan,
    layer: &Planned,
    (frames, layout): (&[Frame], &Layout),
    target: &Target,
    threads: usize,
    progress: &mut dyn FnMut(Transferred),
) -> Result<(), LayerError> {
    let unpacker = Unpacker {
        plan,
        layer,
        frames,
        layout,
        spans: layout.spanning.iter().map(|_| Mutex::default()).collect(),
        spare: Mutex::new(Vec::new()),
    };
    let pieces = Pieces {
        threads,
        count: frames.len(),
        ahead: threads + 2,
        stop: &AtomicBool::new(false),
    };
    let mut hashing = Hashing::new(io::sink());
    let desk = || {
        Ok(Desk {
            raw: vec![0; PIECE],
            headers: Vec::new(),
            hand: Hand::new(target, &layer.info.id),
            decompressor: zstd::bulk::Decompressor::new()
                .map_err(|error| unpacker.damaged(format!("it cannot be unpacked: {error}")))?,
        })
    };
    pieces.run(
        desk,
        |desk, number| unpacker.frame(desk, number),
        |read| {
            io::Write::write_all(&mut hashing, &read.bytes)
                .map_err(|error| unpacker.damaged(error.to_string()))?;
            lock(&unpacker.spare).push(read.bytes);
            progress(read.done);
            Ok(())
        },
    )?;
    let (_, digest, _) = hashing.finish();
    if digest != layer.info.record.layer {
        return Err(unpacker.damaged(format!(
            "its archive does not have the digest {}",
            layer.info.record.layer
        )));
    }
    Ok(())
}

struct Unpacker<'a> {
    plan: &'a Plan,
    layer: &'a Planned,
    frames: &'a [Frame],
    layout: &'a Layout,
    spans: Vec<Mutex<Span>>,
    /// Buffers to use again.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// A file that lies in several frames: whoever comes first creates it, whoever comes last gives
/// it its mode and time.
#[derive(Default)]
struct Span {
    file: Option<Arc<File>>,
    written: u64,
}

/// What a thread keeps from frame to frame.
struct Desk<'a> {
    raw: Vec<u8>,
    headers: Vec<u8>,
    hand: Hand<'a>,
    decompressor: zstd::bulk::Decompressor<'static>,
}

/// A frame that has been written, as it is stored.
struct Read {
    bytes: Vec<u8>,
    done: Transferred,
}

impl Unpacker<'_> {
    fn damaged(&self, reason: String) -> LayerError {
        LayerError::Damaged {
            layer: self.layer.info.id.clone(),
            reason,
        }
    }

    /// The archive is not what its table of contents says.
    fn differs(&self, path: &EntryPath) -> LayerError {
        self.damaged(format!(
            "its archive differs from its table of contents at `{}`",
            printable(path.as_bytes())
        ))
    }

    fn frame(&self, desk: &mut Desk<'_>, number: usize) -> Result<Read, LayerError> {
        let start = self.layout.starts[number];
        let end = self.layout.end(number);
        let mut read = Read {
            bytes: self.load(number, &mut desk.raw, &mut desk.decompressor)?,
            done: Transferred::default(),
        };
        let raw = std::mem::take(&mut desk.raw);
        let list = &self.layer.list;
        let (mut index, mut at) = (start.entry, start.entry_at);
        while at < end && index < list.items.len() {
            let entry = list.entry(&self.plan.arena, index);
            desk.headers.clear();
            push_headers(&entry, &mut desk.headers)
                .map_err(|error| self.damaged(error.to_string()))?;
            let length = desk.headers.len() as u64;
            if let Some((from, to, count)) = overlap(at, length, start.at, end) {
                let from = from as usize;
                if raw[to..][..count] != desk.headers[from..][..count] {
                    return Err(self.differs(&entry.path));
                }
            }
            let begins_here = at >= start.at;
            read.done.entries += u64::from(begins_here);
            at += length;
            if let EntryKind::File { size } = entry.kind {
                let item = &list.items[index];
                if let Some((offset, to, count)) = overlap(at, size, start.at, end) {
                    let part = &raw[to..][..count];
                    read.done.bytes += count as u64;
                    if !list.lasts(index) {
                        // A later layer has the path.
                    } else if count as u64 == size {
                        self.whole(&mut desk.hand, &entry.path, item, part)?;
                    } else {
                        self.part(&mut desk.hand, &entry.path, index, offset, part)?;
                    }
                } else if size == 0 && begins_here && list.lasts(index) {
                    self.whole(&mut desk.hand, &entry.path, item, &[])?;
                }
                at += size;
                let filling = overlap(at, padding(size) as u64, start.at, end);
                if filling.is_some_and(|(_, to, count)| !zeros(&raw[to..][..count])) {
                    return Err(self.differs(&entry.path));
                }
                at += padding(size) as u64;
            }
            index += 1;
        }
        // What is left belongs to the end of the archive.
        let rest = usize::try_from(end - at.clamp(start.at, end)).unwrap_or(0);
        let length = (end - start.at) as usize;
        if !zeros(&raw[length - rest..length]) {
            return Err(self.damaged("data after the end of the archive".to_owned()));
        }
        desk.raw = raw;
        Ok(read)
    }

    /// Reads a frame and unpacks it.
    fn load(
        &self,
        number: usize,
        raw: &mut [u8],
        decompressor: &mut zstd::bulk::Decompressor<'_>,
    ) -> Result<Vec<u8>, LayerError> {
        let frame = self.frames[number];
        let mut bytes = lock(&self.spare).pop().unwrap_or_default();
        // At most a little over 4 MiB, as the table of contents was judged.
        bytes.resize(usize::try_from(frame.length).unwrap_or(0), 0);
        read_exact_at(&self.layer.blob, &mut bytes, frame.offset)
            .map_err(|error| self.unreadable(error))?;
        let count = decompressor
            .decompress_to_buffer(&bytes, raw)
            .map_err(|error| self.damaged(format!("its archive does not unpack: {error}")))?;
        if count as u64 != frame.size {
            return Err(self.damaged(format!(
                "a frame of its archive has {count} bytes instead of {}",
                frame.size
            )));
        }
        Ok(bytes)
    }

    fn unreadable(&self, error: io::Error) -> LayerError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("its archive is cut off".to_owned()),
            _ => {
                let name = self.layer.info.id.to_string();
                LayerError::io("read the archive of", name.as_ref(), error)
            }
        }
    }

    fn whole(
        &self,
        hand: &mut Hand<'_>,
        path: &EntryPath,
        item: &Item,
        content: &[u8],
    ) -> Result<(), LayerError> {
        let file = hand.create(path)?;
        write_all_at(&file, content, 0).map_err(|error| hand.failed(path, error))?;
        hand.seal(path, &file, item)
    }

    fn part(
        &self,
        hand: &mut Hand<'_>,
        path: &EntryPath,
        index: usize,
        offset: u64,
        content: &[u8],
    ) -> Result<(), LayerError> {
        let item = &self.layer.list.items[index];
        let span = self.layout.span(index).map(|number| &self.spans[number]);
        let (Some(span), ItemKind::File { size }) = (span, item.kind) else {
            // The layout names every file that is cut.
            return Err(self.differs(path));
        };
        let file = {
            let mut span = lock(span);
            match &span.file {
                Some(file) => Arc::clone(file),
                None => {
                    let file = Arc::new(hand.create(path)?);
                    span.file = Some(Arc::clone(&file));
                    file
                }
            }
        };
        write_all_at(&file, content, offset).map_err(|error| hand.failed(path, error))?;
        let mut span = lock(span);
        span.written += content.len() as u64;
        if span.written == size {
            span.file = None;
            hand.seal(path, &file, item)?;
        }
        Ok(())
    }
}

fn zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
