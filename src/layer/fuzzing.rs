//! Laws of archives, documents and names, for the fuzz targets, which cannot reach what is
//! private, and for tests of what they found. A broken law panics.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a law that does not hold stops whoever asked"
)]

use std::collections::BTreeSet;
use std::io::Read;

use super::archive::{
    Arena, Budget, END, Entry, EntryKind, ReadError, Reader, Shape, padding, push_headers,
};
use super::name::{decode_job, encode_job};
use super::{LayerConfig, LayerId, Manifest, Record};

/// What an archive under test may hold.
const BUDGET: Budget = Budget {
    entries: 64,
    bytes: 1 << 20,
};

/// Checks the laws of archives on any bytes.
///
/// What is accepted stays within its budget and below its root; it reads the same by small pieces;
/// written again it reads the same; and the `tar` crate sees the same names, types and contents.
pub fn archive(bytes: &[u8]) {
    let first = read(bytes);
    assert_eq!(first, read(Pieces(bytes)), "pieces change nothing");
    let Ok(entries) = first else {
        return;
    };
    assert!(entries.len() as u64 <= BUDGET.entries, "within its budget");
    let mut names = BTreeSet::new();
    for (entry, content) in &entries {
        let path = entry.path.as_bytes();
        assert!(names.insert(path), "no name twice");
        assert!(!path.is_empty() && path[0] != b'/' && !path.contains(&0));
        assert!(
            path.split(|byte| *byte == b'/')
                .all(|part| !part.is_empty() && part != b"." && part != b".."),
            "below the root"
        );
        assert!(entry.mode <= 0o777, "no special bits");
        if let EntryKind::File { size } = entry.kind {
            assert_eq!(size, content.len() as u64, "as long as it says");
        }
    }
    assert_eq!(
        Ok(&entries),
        read(&write(&entries)[..]).as_ref(),
        "written again"
    );
    same_for_tar(bytes, &entries);
}

type Contents = Vec<(Entry, Vec<u8>)>;

/// Reads an archive as a layer is read; only whether it is refused counts, not why.
fn read(input: impl Read) -> Result<Contents, ()> {
    let mut reader = Reader::new(input, BUDGET);
    let (mut arena, mut shape) = (Arena::default(), Shape::default());
    let mut entries = Vec::new();
    let result = (|| {
        while let Some(entry) = reader.next()? {
            if shape.add(&mut arena, &entry).is_err() {
                return Ok(false);
            }
            let mut content = Vec::new();
            let mut buffer = [0; 700];
            loop {
                let count = reader.read_content(&mut buffer)?;
                if count == 0 {
                    break;
                }
                content.extend_from_slice(&buffer[..count]);
            }
            entries.push((entry, content));
        }
        Ok::<bool, ReadError>(true)
    })();
    match result {
        Ok(true) => Ok(entries),
        _ => Err(()),
    }
}

/// Hands bytes out in odd pieces.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(self.0.len()).min(7);
        let (now, later) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

fn write(entries: &Contents) -> Vec<u8> {
    let mut out = Vec::new();
    for (entry, content) in entries {
        push_headers(entry, &mut out).expect("memory takes it");
        if matches!(entry.kind, EntryKind::File { .. }) {
            out.extend_from_slice(content);
            out.resize(out.len() + padding(content.len() as u64), 0);
        }
    }
    out.resize(out.len() + END as usize, 0);
    out
}

/// Compares with a reader that others wrote.
fn same_for_tar(bytes: &[u8], entries: &Contents) {
    let mut archive = tar::Archive::new(bytes);
    let mut theirs = Vec::new();
    for entry in archive.entries().expect("it begins") {
        let mut entry = entry.expect("what we accept is a tar");
        let kind = entry.header().entry_type();
        let path = entry.path_bytes().into_owned();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        // The root's own entry, and headers for the whole archive.
        if kind.is_pax_global_extensions() || path.is_empty() || path == b"." {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("all of it is there");
        let link = entry.link_name_bytes().map(|link| link.into_owned());
        theirs.push((path, kind.as_byte(), link.unwrap_or_default(), content));
    }
    let ours: Vec<_> = entries
        .iter()
        .map(|(entry, content)| {
            let (kind, link) = match &entry.kind {
                EntryKind::File { .. } => (b'0', Vec::new()),
                EntryKind::Folder => (b'5', Vec::new()),
                EntryKind::Symlink { target } => (b'2', target.clone()),
                EntryKind::Hardlink { target } => (b'1', target.as_bytes().to_vec()),
            };
            (entry.path.as_bytes().to_vec(), kind, link, content.clone())
        })
        .collect();
    assert_eq!(ours.len(), theirs.len(), "as many entries");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let kind = if theirs.1 == 0 { b'0' } else { theirs.1 };
        assert_eq!((&ours.0, ours.1), (&theirs.0, kind), "name and type");
        assert_eq!(ours.3, theirs.3, "content");
        if matches!(ours.1, b'1' | b'2') {
            let link = match ours.1 {
                b'1' => theirs.2.strip_prefix(b"./").unwrap_or(&theirs.2),
                _ => &theirs.2,
            };
            assert_eq!(ours.2, link, "link target");
        }
    }
}

/// Checks the laws of a layer's documents on any bytes.
///
/// What reads as a manifest or a config, written again, reads as the same; and a manifest agrees
/// with a ref only where the ref names its archive.
pub fn documents(bytes: &[u8]) {
    if let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) {
        let again = serde_json::to_vec(&manifest).expect("it is data");
        let again: Manifest = serde_json::from_slice(&again).expect("it was written by us");
        assert_eq!(manifest, again);
        if let Some(layer) = manifest.layers.first() {
            for encoding in [
                super::Encoding::None,
                super::Encoding::Gzip,
                super::Encoding::Zstd,
            ] {
                let mut record = Record {
                    manifest: super::Digest::of(bytes),
                    manifest_size: bytes.len() as u64,
                    layer: layer.digest,
                    layer_size: layer.size,
                    encoding,
                };
                let agrees = manifest.check(&record).is_ok();
                assert!(!agrees || layer.media_type == encoding.media_type());
                record.layer_size ^= 1;
                assert!(manifest.check(&record).is_err(), "another size");
            }
        }
    }
    if let Ok(config) = serde_json::from_slice::<LayerConfig>(bytes) {
        let again = serde_json::to_vec(&config).expect("it is data");
        let again: LayerConfig = serde_json::from_slice(&again).expect("it was written by us");
        assert_eq!(config, again);
    }
}

/// Checks the laws of refs on any text: the line, the name of its file, and that of its folder.
///
/// What is accepted is written in one way only, so that other readers read the same.
pub fn reference(text: &str) {
    if let Ok(record) = text.parse::<Record>() {
        assert_eq!(record.to_string(), text, "one spelling");
    }
    if let Some(id) = LayerId::from_ref_name("job", text) {
        assert_eq!(id.ref_name(), text, "one spelling");
    }
    if let Some(job) = decode_job(text) {
        assert_eq!(encode_job(&job), text, "one spelling");
    }
    if !text.is_empty() {
        let encoded = encode_job(text);
        assert_eq!(decode_job(&encoded).as_deref(), Some(text), "it comes back");
        assert!(!encoded.contains(['/', '\0']) && !encoded.starts_with('.'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seeds of a fuzz target.
    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/seeds")
            .join(target);
        let files = std::fs::read_dir(dir).unwrap();
        let seeds: Vec<Vec<u8>> = files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(!seeds.is_empty());
        seeds
    }

    #[test]
    fn the_laws_hold_for_the_seeds() {
        let archives = seeds("archive");
        assert!(archives.iter().any(|bytes| read(&bytes[..]).is_ok()));
        for bytes in archives {
            archive(&bytes);
        }
        let texts = seeds("documents");
        assert!(
            texts
                .iter()
                .any(|t| serde_json::from_slice::<Manifest>(t).is_ok())
        );
        assert!(
            texts
                .iter()
                .any(|t| serde_json::from_slice::<LayerConfig>(t).is_ok())
        );
        for bytes in texts {
            documents(&bytes);
        }
        let texts = seeds("reference");
        for bytes in texts {
            reference(std::str::from_utf8(&bytes).unwrap());
        }
    }

    #[test]
    fn a_ref_is_written_in_one_way_only() {
        let digest = super::super::Digest::of(b"");
        for size in ["+1", "01", "00", "1_0"] {
            let line = format!("1 {digest} {size} {digest} 1 none");
            assert!(line.parse::<Record>().is_err(), "{line}");
            reference(&line);
        }
    }
}
