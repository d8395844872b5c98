//! Writes the archive profile: ustar headers, PAX records for long names and huge sizes only, and
//! nothing in them that depends on the machine. An archive is the headers and content of its
//! entries, one after the other, so where each byte lies follows from the entries alone.

use std::io;

use super::{BLOCK, Entry, EntryKind, OCTAL_LIMIT};

/// What stands after the last entry: two zero blocks.
pub(crate) const END: u64 = 2 * BLOCK as u64;

/// Appends an entry's headers; a file's bytes, and [`padding`], follow.
pub(crate) fn push_headers(entry: &Entry, out: &mut Vec<u8>) -> io::Result<()> {
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
        let length = records.len() as u64;
        let extension = tar::EntryType::XHeader;
        out.extend_from_slice(&header(b"././@PaxHeader", extension, length, b"", 0, 0)?);
        out.append(&mut records);
        out.extend_from_slice(&[0; BLOCK][..padding(length)]);
    }
    out.extend_from_slice(&header(
        &name,
        kind,
        field_size,
        link,
        entry.mode,
        entry.mtime,
    )?);
    Ok(())
}

/// Returns how many bytes [`push_headers`] appends.
pub(crate) fn headers_length(entry: &Entry) -> u64 {
    let link = match &entry.kind {
        EntryKind::Symlink { target } => target.len(),
        EntryKind::Hardlink { target } => target.as_bytes().len(),
        EntryKind::File { .. } | EntryKind::Folder => 0,
    };
    let name = entry.path.as_bytes().len() + usize::from(entry.kind == EntryKind::Folder);
    let mut records = 0;
    for (key, length) in [("path", name), ("linkpath", link)] {
        if length > 100 {
            records += record_length(key, length);
        }
    }
    if let EntryKind::File { size } = entry.kind
        && size >= OCTAL_LIMIT
    {
        records += record_length("size", size.to_string().len());
    }
    let records = records as u64;
    let block = BLOCK as u64;
    if records == 0 {
        block
    } else {
        2 * block + records.next_multiple_of(block)
    }
}

/// Returns how many zeros fill the last block of a file (or of records) of this size.
pub(crate) fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

/// A record counts its own length, its digits included.
fn push_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let length = record_length(key, value.len());
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn record_length(key: &str, value: usize) -> usize {
    let rest = key.len() + value + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    length
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

    #[test]
    fn the_length_of_headers_is_known_before_they_are_written() {
        use crate::layer::name::EntryPath;
        for length in [1, 99, 100, 101, 254, 255] {
            for kind in [
                EntryKind::Folder,
                EntryKind::File { size: 7 },
                EntryKind::File { size: OCTAL_LIMIT },
                EntryKind::Symlink {
                    target: vec![b't'; length * 5],
                },
                EntryKind::Hardlink {
                    target: EntryPath::found(&vec![b't'; length]),
                },
            ] {
                let entry = Entry {
                    path: EntryPath::found(&vec![b'n'; length]),
                    kind,
                    mode: 0o644,
                    mtime: 1,
                };
                let mut bytes = Vec::new();
                push_headers(&entry, &mut bytes).unwrap();
                assert_eq!(bytes.len() as u64, headers_length(&entry), "{entry:?}");
            }
        }
    }
}
