//! Reads the archive profile and refuses everything else, with the entry's name and the reason.
//! Never trusts a claimed size with memory: what is kept is read through a limit first.

use std::io::{self, Read};

use super::super::error::Refusal;
use super::super::name::{EntryPath, MAX_PATH, printable};
use super::{BLOCK, Entry, EntryKind, OCTAL_LIMIT};

/// The most that extension headers of one entry may hold, in bytes: extended attributes of other
/// writers pass through, a bomb does not.
const MAX_RECORDS: u64 = 1 << 20;

/// How much a layer may unpack to, whatever it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Entries of any type, and folders that are only implied.
    pub entries: u64,
    /// Bytes of the archive before compression.
    pub bytes: u64,
}

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The archive breaks the profile.
    Refused(Refusal),
    /// The bytes could not be read or decompressed.
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn refuse(name: Option<&[u8]>, reason: impl Into<String>) -> ReadError {
    ReadError::Refused(Refusal {
        entry: name.map(printable),
        reason: reason.into(),
    })
}

/// Reads entries one after the other.
pub(crate) struct Reader<R> {
    inner: R,
    budget: Budget,
    used: u64,
    entries: u64,
    /// Bytes of the current file that nobody has read yet.
    left: u64,
    /// Bytes that fill its last block.
    padding: u64,
}

/// What extension headers say about the next entry.
#[derive(Debug, Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    pax: bool,
    gnu: bool,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(inner: R, budget: Budget) -> Self {
        Self {
            inner,
            budget,
            used: 0,
            entries: 0,
            left: 0,
            padding: 0,
        }
    }

    /// Returns how many bytes of archive have been read.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Reads the next entry's headers; `None` at the end, which has been checked up to the last
    /// byte.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            self.skip_content()?;
            let Some((header, extension)) = self.headers()? else {
                return Ok(None);
            };
            if let Some(entry) = self.entry(header, extension)? {
                return Ok(Some(entry));
            }
        }
    }

    /// Reads one entry's header with the extension headers in front of it.
    fn headers(&mut self) -> Result<Option<(RawHeader, Extension)>, ReadError> {
        let mut extension = Extension::default();
        loop {
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                if extension.pax || extension.gnu {
                    return Err(refuse(None, "an extension header with no entry after it"));
                }
                self.check_end()?;
                return Ok(None);
            }
            let header = RawHeader::parse(&block)?;
            let mixed = match header.kind {
                b'x' => extension.gnu,
                b'L' | b'K' => extension.pax,
                _ => false,
            };
            if mixed {
                return Err(refuse(None, "PAX records and GNU long names for one entry"));
            }
            match header.kind {
                b'x' => {
                    if extension.pax {
                        return Err(refuse(Some(&header.name), "two PAX headers for one entry"));
                    }
                    let data = self.extension_data(&header)?;
                    parse_records(&data, &mut extension)
                        .map_err(|reason| refuse(Some(&header.name), reason))?;
                    extension.pax = true;
                }
                b'g' => {
                    if extension.pax || extension.gnu {
                        return Err(refuse(
                            None,
                            "a global header between an entry and its extension header",
                        ));
                    }
                    let data = self.extension_data(&header)?;
                    let mut global = Extension::default();
                    parse_records(&data, &mut global).map_err(|reason| refuse(None, reason))?;
                    if global.path.is_some() || global.link.is_some() || global.size.is_some() {
                        return Err(refuse(
                            None,
                            "a global header that carries a name or a size",
                        ));
                    }
                }
                b'L' | b'K' => {
                    let data = self.extension_data(&header)?;
                    let value = data.strip_suffix(b"\0").unwrap_or(&data).to_vec();
                    let slot = if header.kind == b'L' {
                        &mut extension.path
                    } else {
                        &mut extension.link
                    };
                    if slot.replace(value).is_some() {
                        return Err(refuse(Some(&header.name), "two long names for one entry"));
                    }
                    extension.gnu = true;
                }
                _ => return Ok(Some((header, extension))),
            }
        }
    }

    /// Judges an entry; `None` is the root's own entry, which other writers emit and which says
    /// nothing that a layer keeps.
    fn entry(
        &mut self,
        header: RawHeader,
        extension: Extension,
    ) -> Result<Option<Entry>, ReadError> {
        let name = extension.path.unwrap_or_else(|| header.name.clone());
        let fail = |reason: &str| refuse(Some(&name), reason);
        let size = match extension.size {
            None => header.size,
            Some(size) if size < OCTAL_LIMIT => {
                return Err(fail("a PAX size below 8 GiB, which readers disagree about"));
            }
            Some(size) if header.size != 0 && header.size != size => {
                return Err(fail("two different sizes"));
            }
            Some(size) => size,
        };
        if extension.link.is_some() && !matches!(header.kind, b'1' | b'2') {
            return Err(fail("a long link target, and it is no link"));
        }
        let link = extension.link.unwrap_or(header.link);
        let kind = match header.kind {
            b'0' | 0 => EntryKind::File { size },
            b'5' => EntryKind::Folder,
            b'2' if link.is_empty() || link.contains(&0) || link.len() > MAX_PATH => {
                return Err(fail(
                    "a symbolic link whose target is empty, too long or holds a NUL byte",
                ));
            }
            b'2' => EntryKind::Symlink { target: link },
            b'1' => match EntryPath::from_archive(&link, false) {
                Ok(Some(target)) => EntryKind::Hardlink { target },
                Ok(None) => return Err(fail("a hard link to the root")),
                Err(reason) => {
                    return Err(fail(&format!(
                        "a hard link to `{}`: {reason}",
                        printable(&link)
                    )));
                }
            },
            b'3' | b'4' => return Err(fail("a device")),
            b'6' => return Err(fail("a FIFO")),
            b'S' => return Err(fail("a sparse file")),
            other => {
                return Err(fail(&format!(
                    "an entry of the unknown type `{}`",
                    char::from(other).escape_default()
                )));
            }
        };
        if !matches!(kind, EntryKind::File { .. }) && size != 0 {
            return Err(fail("it has content, and it is no regular file"));
        }
        let folder = kind == EntryKind::Folder;
        let path = EntryPath::from_archive(&name, folder).map_err(fail)?;
        // The root's own entry is kept nowhere and counts as bytes only.
        let Some(path) = path else {
            return Ok(None);
        };
        self.entries += 1;
        if self.entries > self.budget.entries {
            return Err(fail(&format!("more than {} entries", self.budget.entries)));
        }
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        Ok(Some(Entry {
            path,
            kind,
            mode: header.mode & 0o777,
            mtime: header.mtime,
        }))
    }

    /// Reads a piece of the current file; 0 at its end.
    pub(crate) fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let limit = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if limit == 0 {
            return Ok(0);
        }
        let count = self.read_some(&mut buffer[..limit])?;
        if count == 0 {
            return Err(refuse(None, "the archive ends inside a file"));
        }
        self.left -= count as u64;
        Ok(count)
    }

    fn skip_content(&mut self) -> Result<(), ReadError> {
        let mut buffer = [0; 32 * 1024];
        while self.read_content(&mut buffer)? > 0 {}
        let padding = usize::try_from(self.padding).unwrap_or(0);
        self.padding = 0;
        let pad = &mut buffer[..padding];
        self.fill(pad)?;
        Ok(())
    }

    fn extension_data(&mut self, header: &RawHeader) -> Result<Vec<u8>, ReadError> {
        if header.size == 0 || header.size > MAX_RECORDS {
            return Err(refuse(
                Some(&header.name),
                format!("an extension header of {} bytes", header.size),
            ));
        }
        // At most a mebibyte: small enough to reserve.
        let mut data = vec![0; usize::try_from(header.size).unwrap_or(0)];
        self.fill(&mut data)?;
        let padding = (BLOCK - data.len() % BLOCK) % BLOCK;
        self.fill(&mut [0; BLOCK][..padding])?;
        Ok(data)
    }

    fn block(&mut self) -> Result<[u8; BLOCK], ReadError> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ReadError> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_some(&mut buffer[done..])? {
                0 => return Err(refuse(None, "the archive ends in the middle")),
                count => done += count,
            }
        }
        Ok(())
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.used += count as u64;
        if self.used > self.budget.bytes {
            return Err(refuse(
                None,
                format!(
                    "it unpacks to more than the {} bytes that it may",
                    self.budget.bytes
                ),
            ));
        }
        Ok(count)
    }

    /// After the first zero block only zeros may come: at least one more block, then what fills
    /// the last record.
    fn check_end(&mut self) -> Result<(), ReadError> {
        let mut buffer = [0; 8 * 1024];
        let mut total = 0_u64;
        loop {
            let count = self.read_some(&mut buffer)?;
            if count == 0 {
                break;
            }
            if buffer[..count].iter().any(|byte| *byte != 0) {
                return Err(refuse(None, "data after the end of the archive"));
            }
            total += count as u64;
        }
        if total < BLOCK as u64 || !total.is_multiple_of(BLOCK as u64) {
            return Err(refuse(None, "its end is cut off"));
        }
        Ok(())
    }
}

/// The fields of one header block.
struct RawHeader {
    name: Vec<u8>,
    link: Vec<u8>,
    kind: u8,
    size: u64,
    mode: u32,
    mtime: u64,
}

impl RawHeader {
    fn parse(block: &[u8; BLOCK]) -> Result<Self, ReadError> {
        let mut name = until_nul(&block[..100]).to_vec();
        let fail = |reason: &str| refuse(Some(until_nul(&block[..100])), reason);
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| {
                if (148..156).contains(&at) {
                    32
                } else {
                    u32::from(*byte)
                }
            })
            .sum();
        if number(&block[148..156]) != Some(u64::from(sum)) {
            return Err(refuse(None, "a header whose checksum is wrong"));
        }
        match &block[257..265] {
            b"ustar\x0000" => {
                let prefix = until_nul(&block[345..500]);
                if !prefix.is_empty() {
                    let mut whole = prefix.to_vec();
                    whole.push(b'/');
                    whole.append(&mut name);
                    name = whole;
                }
            }
            b"ustar  \0" => {}
            _ => return Err(fail("its header is neither ustar nor GNU")),
        }
        Ok(Self {
            link: until_nul(&block[157..257]).to_vec(),
            kind: block[156],
            size: number(&block[124..136]).ok_or_else(|| fail("its size is no number"))?,
            mode: number(&block[100..108])
                .and_then(|mode| u32::try_from(mode).ok())
                .ok_or_else(|| fail("its mode is no number"))?,
            mtime: number(&block[136..148])
                .ok_or_else(|| fail("its time is negative or no number"))?,
            name,
        })
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Reads a numeric field: octal digits between spaces and NULs, or GNU's base 256 for what is not
/// negative and fits into 63 bits.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if *first & 0x80 != 0 {
        if *first != 0x80 {
            return None;
        }
        let (zeros, low) = rest.split_at(rest.len().saturating_sub(8));
        if zeros.iter().any(|byte| *byte != 0) {
            return None;
        }
        let value = low
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        return i64::try_from(value).is_ok().then_some(value);
    }
    let text = field.trim_ascii_start();
    let end = text
        .iter()
        .position(|byte| matches!(byte, 0 | b' '))
        .unwrap_or(text.len());
    let (digits, tail) = text.split_at(end);
    if tail.iter().any(|byte| !matches!(byte, 0 | b' ')) || digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// Reads PAX records: `<length> <key>=<value>LF`, where the length counts the whole record.
fn parse_records(data: &[u8], extension: &mut Extension) -> Result<(), String> {
    let mut rest = data;
    while !rest.is_empty() {
        let malformed = || "a malformed PAX record".to_owned();
        let space = rest
            .iter()
            .take(12)
            .position(|byte| *byte == b' ')
            .ok_or_else(malformed)?;
        let digits = &rest[..space];
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
            return Err(malformed());
        }
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
            .ok_or_else(malformed)?;
        let record = rest.get(space + 1..length).ok_or_else(malformed)?;
        rest = &rest[length..];
        let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(malformed)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if key.is_empty() {
            return Err(malformed());
        }
        if key.starts_with(b"GNU.sparse.") {
            return Err("a sparse file".to_owned());
        }
        let shown = printable(key);
        let slot = match key {
            b"path" => &mut extension.path,
            b"linkpath" => &mut extension.link,
            b"size" => {
                let size = std::str::from_utf8(value)
                    .ok()
                    .filter(|text| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()))
                    .and_then(|text| text.parse::<u64>().ok())
                    .filter(|size| i64::try_from(*size).is_ok())
                    .ok_or("a PAX size that is no number")?;
                if extension.size.replace(size).is_some() {
                    return Err("the PAX record `size` twice".to_owned());
                }
                continue;
            }
            _ => continue,
        };
        if value.is_empty() || value.contains(&0) {
            return Err(format!(
                "the PAX record `{shown}` is empty or holds a NUL byte"
            ));
        }
        if slot.replace(value.to_vec()).is_some() {
            return Err(format!("the PAX record `{shown}` twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256_and_never_negative() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"00000000012"), Some(10));
        assert_eq!(
            number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]),
            Some(0x2_0000_0000)
        );
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(b"0000648\0"), None);
        assert_eq!(number(b"        "), None);
        assert_eq!(number(b"12\x0034\0\0\0"), None);
        assert_eq!(number(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
