//! The table of contents of an archive: what it holds and where its frames lie, so that an attach
//! can be planned without reading the archive, and the archive be read on several threads. JSON in
//! zstd, laid out in lines, so that neither side has to hold it whole.
//!
//! It is a claim: whoever uses it compares every header with it, and every byte of the archive
//! with the digest of the ref.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use super::Digest;
use super::archive::{Entry, EntryKind, ReadError};
use super::codec::PIECE;
use super::error::Refusal;
use super::name::{EntryPath, MAX_PATH, printable};

/// The longest line, in bytes: two paths of 4,096 bytes, each written as escapes, fit.
const MAX_LINE: u64 = 64 << 10;
/// The smallest frame before compression, but for the last: what bounds their number.
const MIN_FRAME: u64 = 64 << 10;
/// The largest frame after compression: zstd adds little to what does not compress.
const MAX_PACKED: u64 = PIECE as u64 + (PIECE as u64 >> 6);
/// The largest window that a reader has to provide: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;

const HEAD: &str = "{\"schema\":1,\"entries\":[";
const MIDDLE: &str = "],\"frames\":[";
const END: &str = "]}";

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Frame {
    /// Its first byte in the archive as it is stored.
    pub(super) offset: u64,
    /// How many bytes it has there.
    pub(super) length: u64,
    /// How many bytes it has before compression.
    pub(super) size: u64,
}

/// One entry, as a line has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    /// A path that is no UTF-8, in hex.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    path_hex: Option<Cow<'a, str>>,
    #[serde(rename = "type")]
    kind: LineKind,
    mode: u32,
    mtime: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    target_hex: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineKind {
    File,
    Dir,
    Symlink,
    Hardlink,
}

/// Writes a table of contents: its entries in the order of the archive, then its frames.
pub(super) struct TocWriter<W: Write> {
    out: zstd::stream::write::Encoder<'static, W>,
    line: Vec<u8>,
    first: bool,
}

impl<W: Write> TocWriter<W> {
    pub(super) fn new(inner: W) -> io::Result<Self> {
        let mut out = zstd::stream::write::Encoder::new(inner, 1)?;
        writeln!(out, "{HEAD}")?;
        Ok(Self {
            out,
            line: Vec::new(),
            first: true,
        })
    }

    fn put(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        if !std::mem::take(&mut self.first) {
            self.line.extend_from_slice(b",\n");
        }
        serde_json::to_writer(&mut self.line, value)?;
        self.out.write_all(&self.line)
    }

    /// Adds an entry; a file with the digest of its content.
    pub(super) fn entry(&mut self, entry: &Entry, digest: Option<Digest>) -> io::Result<()> {
        let (path, path_hex) = text(entry.path.as_bytes());
        let mut line = Line {
            path,
            path_hex,
            kind: LineKind::File,
            mode: entry.mode,
            mtime: entry.mtime,
            size: None,
            digest: None,
            target: None,
            target_hex: None,
        };
        match &entry.kind {
            EntryKind::File { size } => (line.size, line.digest) = (Some(*size), digest),
            EntryKind::Folder => line.kind = LineKind::Dir,
            EntryKind::Symlink { target } => {
                line.kind = LineKind::Symlink;
                (line.target, line.target_hex) = text(target);
            }
            EntryKind::Hardlink { target } => {
                line.kind = LineKind::Hardlink;
                (line.target, line.target_hex) = text(target.as_bytes());
            }
        }
        self.put(&line)
    }

    /// Ends the entries, adds the frames, and returns the inner writer.
    pub(super) fn finish(mut self, frames: &[Frame]) -> io::Result<W> {
        write!(self.out, "\n{MIDDLE}\n")?;
        self.first = true;
        for frame in frames {
            self.put(frame)?;
        }
        write!(self.out, "\n{END}\n")?;
        self.out.finish()
    }
}

/// Returns a name as text, or in hex where it is none.
fn text(bytes: &[u8]) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.into()), None),
        Err(_) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (None, Some(hex.into()))
        }
    }
}

fn bytes(text: Option<Cow<'_, str>>, hex: Option<Cow<'_, str>>) -> Option<Vec<u8>> {
    match (text, hex) {
        (Some(text), None) => Some(text.into_owned().into_bytes()),
        (None, Some(hex))
            if hex.len() % 2 == 0 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()) =>
        {
            hex.as_bytes()
                .chunks_exact(2)
                .map(|pair| {
                    let pair = std::str::from_utf8(pair).ok()?;
                    u8::from_str_radix(pair, 16).ok()
                })
                .collect()
        }
        _ => None,
    }
}

fn refuse(reason: impl Into<String>) -> ReadError {
    ReadError::Refused(Refusal {
        entry: None,
        reason: format!("its table of contents {}", reason.into()),
    })
}

/// Reads a table of contents to its end. `visit` gets the entries in order and decides how many
/// there may be; a file comes with the digest of its content. Returns the frames, which follow
/// each other and cover `stored` bytes.
pub(super) fn read_toc(
    inner: impl Read,
    stored: u64,
    mut visit: impl FnMut(Entry, Option<Digest>) -> Result<(), ReadError>,
) -> Result<Vec<Frame>, ReadError> {
    let mut decoder = zstd::stream::read::Decoder::new(inner)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    let mut lines = Lines {
        inner: BufReader::with_capacity(1 << 16, decoder),
        line: Vec::new(),
    };
    if lines.next()? != HEAD.as_bytes() {
        return Err(refuse("is none of version 1"));
    }
    lines.section(MIDDLE, |line| {
        let (entry, digest) = judge(line)?;
        visit(entry, digest)
    })?;
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0_u64;
    lines.section(END, |line| {
        let frame: Frame = serde_json::from_slice(line)
            .map_err(|error| refuse(format!("has a frame that does not read: {error}")))?;
        if frame.offset != at || frame.length == 0 || frame.length > stored - at {
            return Err(refuse("has frames that do not cover the archive"));
        }
        let small = frame.size < MIN_FRAME && at + frame.length < stored;
        if small || frame.size == 0 || frame.size > PIECE as u64 || frame.length > MAX_PACKED {
            return Err(refuse("has a frame of a size that none may have"));
        }
        at += frame.length;
        frames.push(frame);
        Ok(())
    })?;
    if at != stored {
        return Err(refuse("has frames that do not cover the archive"));
    }
    if !lines.inner.fill_buf()?.is_empty() {
        return Err(refuse("goes on after its end"));
    }
    Ok(frames)
}

struct Lines<R> {
    inner: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<&[u8], ReadError> {
        self.line.clear();
        let mut limited = (&mut self.inner).take(MAX_LINE);
        limited.read_until(b'\n', &mut self.line)?;
        match self.line.strip_suffix(b"\n") {
            Some(line) => Ok(line),
            None => Err(refuse("ends in the middle, or has a line that is too long")),
        }
    }

    /// Reads the lines of a list until the one that ends it.
    fn section(
        &mut self,
        end: &str,
        mut visit: impl FnMut(&[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut more = None;
        loop {
            let line = self.next()?;
            if line == end.as_bytes() {
                return match more {
                    Some(true) => Err(refuse("has a comma and nothing after it")),
                    _ => Ok(()),
                };
            }
            // A list of nothing is written with an empty line.
            if line.is_empty() && more.is_none() {
                more = Some(false);
                continue;
            }
            if more == Some(false) {
                return Err(refuse("has a line without its comma"));
            }
            let value = line.strip_suffix(b",");
            more = Some(value.is_some());
            visit(value.unwrap_or(line))?;
        }
    }
}

/// Reads an entry and judges it as the reader of an archive does.
fn judge(line: &[u8]) -> Result<(Entry, Option<Digest>), ReadError> {
    let line: Line<'_> = serde_json::from_slice(line)
        .map_err(|error| refuse(format!("has an entry that does not read: {error}")))?;
    let name =
        bytes(line.path, line.path_hex).ok_or_else(|| refuse("has an entry without a path"))?;
    let fail = |reason: &str| {
        ReadError::Refused(Refusal {
            entry: Some(printable(&name)),
            reason: reason.to_owned(),
        })
    };
    EntryPath::check(&name).map_err(fail)?;
    let target = bytes(line.target, line.target_hex);
    let kind = match (line.kind, line.size, line.digest, target) {
        (LineKind::File, Some(size), Some(_), None) if i64::try_from(size).is_ok() => {
            EntryKind::File { size }
        }
        (LineKind::Dir, None, None, None) => EntryKind::Folder,
        (LineKind::Symlink, None, None, Some(target)) => {
            if target.is_empty() || target.contains(&0) || target.len() > MAX_PATH {
                return Err(fail(
                    "a symbolic link whose target is empty, too long or holds a NUL byte",
                ));
            }
            EntryKind::Symlink { target }
        }
        (LineKind::Hardlink, None, None, Some(target)) => {
            EntryPath::check(&target).map_err(|reason| {
                fail(&format!(
                    "a hard link to `{}`: {reason}",
                    printable(&target)
                ))
            })?;
            EntryKind::Hardlink {
                target: EntryPath::found(&target),
            }
        }
        _ => {
            return Err(fail(
                "its type and what is said about it do not fit together",
            ));
        }
    };
    if line.mode > 0o777 || i64::try_from(line.mtime).is_err() {
        return Err(fail("a mode or a time that no archive of this profile has"));
    }
    let entry = Entry {
        path: EntryPath::found(&name),
        kind,
        mode: line.mode,
        mtime: line.mtime,
    };
    Ok((entry, line.digest))
}
