//! Writes the archive profile: ustar headers, PAX records for long names and huge sizes only, and
//! nothing in them that depends on the machine.

use std::io::{self, Write};

use super::{BLOCK, Entry, EntryKind, OCTAL_LIMIT};

/// Writes entries in the order in which they come.
pub(crate) struct Writer<W: Write> {
    inner: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, written: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Writes an entry's headers; a file's bytes follow through [`Self::content`].
    pub(crate) fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        let mut name = entry.path.as_bytes().to_vec();
        let (kind, size, link): (_, u64, &[u8]) = match &entry.kind {
            EntryKind::File { size } => (tar::EntryType::Regular, *size, b""),
            EntryKind::Folder => {
                name.push(b'/');
                (tar::EntryType::Directory, 0, b"")
            }
            EntryKind::Symlink { target } => (tar::EntryType::Symlink, 0, target),
            EntryKind::Hardlink { target } => (tar::EntryType::Link, 0, target.as_bytes()),
        };
        let mut records = Vec::new();
        if name.len() > 100 {
            push_record(&mut records, "path", &name);
        }
        if link.len() > 100 {
            push_record(&mut records, "linkpath", link);
        }
        let mut field_size = size;
        if size >= OCTAL_LIMIT {
            push_record(&mut records, "size", size.to_string().as_bytes());
            field_size = 0;
        }
        if !records.is_empty() {
            let header = header(
                b"././@PaxHeader",
                tar::EntryType::XHeader,
                records.len() as u64,
                b"",
                0,
                0,
            )?;
            self.put(&header)?;
            self.put(&records)?;
            self.pad(records.len() as u64)?;
        }
        let header = header(&name, kind, field_size, link, entry.mode, entry.mtime)?;
        self.put(&header)
    }

    /// Writes a piece of the current file.
    pub(crate) fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes)
    }

    /// Fills the last block of a file (or of records) of this size.
    pub(crate) fn pad(&mut self, size: u64) -> io::Result<()> {
        let used = (size % BLOCK as u64) as usize;
        if used > 0 {
            self.put(&[0; BLOCK][used..])?;
        }
        Ok(())
    }

    /// Writes the end of the archive and returns the inner writer and the number of bytes.
    pub(crate) fn finish(mut self) -> io::Result<(W, u64)> {
        self.put(&[0; 2 * BLOCK])?;
        Ok((self.inner, self.written))
    }
}

/// A record counts its own length, its digits included.
fn push_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn header(
    name: &[u8],
    kind: tar::EntryType,
    size: u64,
    link: &[u8],
    mode: u32,
    mtime: u64,
) -> io::Result<[u8; BLOCK]> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(mtime);
    header.set_uid(0);
    header.set_gid(0);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    let fields = header.as_old_mut();
    // Names over 100 bytes are cut here and whole in the records.
    for (field, text) in [(&mut fields.name, name), (&mut fields.linkname, link)] {
        let length = text.len().min(field.len());
        field[..length].copy_from_slice(&text[..length]);
    }
    header.set_cksum();
    Ok(*header.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_itself() {
        for length in [1, 85, 86, 87, 88, 89, 90, 91, 92, 980, 985, 988, 990, 995] {
            let mut records = Vec::new();
            push_record(&mut records, "path", &vec![b'x'; length]);
            let text = String::from_utf8(records).unwrap();
            let (count, _) = text.split_once(' ').unwrap();
            assert_eq!(count.parse::<usize>().unwrap(), text.len());
        }
    }
}
