//! Tar archives with every field wrong on purpose, stored as layers with all digests right, beside
//! a folder whose change would be an escape.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

use std::fs;
use std::path::{Path, PathBuf};

use holdall::layer::{
    AttachRequest, Attached, CONFIG_TYPE, Descriptor, Digest, Encoding, LayerBlob, LayerConfig,
    LayerError, Manifest, Record, Upstream, Workspace, tree_digest_of,
};

/// One tar header block; every field can be wrong on purpose.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: u8,
    pub(crate) size: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) mode: Vec<u8>,
    pub(crate) mtime: Vec<u8>,
    pub(crate) magic: [u8; 8],
    pub(crate) prefix: Vec<u8>,
    pub(crate) checksum: Option<u32>,
}

pub(crate) fn octal(value: u64, width: usize) -> Vec<u8> {
    format!("{value:0width$o}\0", width = width - 1).into_bytes()
}

pub(crate) fn header(name: impl AsRef<[u8]>, kind: u8, size: u64) -> Header {
    Header {
        name: name.as_ref().to_vec(),
        kind,
        size: octal(size, 12),
        link: Vec::new(),
        mode: octal(0o644, 8),
        mtime: octal(1_700_000_000, 12),
        magic: *b"ustar\x0000",
        prefix: Vec::new(),
        checksum: None,
    }
}

impl Header {
    pub(crate) fn link(mut self, link: impl AsRef<[u8]>) -> Self {
        self.link = link.as_ref().to_vec();
        self
    }

    pub(crate) fn block(&self) -> Vec<u8> {
        let mut block = vec![0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, &self.mode);
        put(108, &octal(0, 8));
        put(116, &octal(0, 8));
        put(124, &self.size);
        put(136, &self.mtime);
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, &self.link);
        put(257, &self.magic);
        put(345, &self.prefix);
        let sum = self
            .checksum
            .unwrap_or(block.iter().map(|byte| u32::from(*byte)).sum());
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

/// An archive under construction.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    pub(crate) fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    pub(crate) fn head(self, header: &Header) -> Self {
        self.raw(header.block())
    }

    pub(crate) fn data(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let padding = vec![0; bytes.len().next_multiple_of(512) - bytes.len()];
        self.raw(bytes).raw(padding)
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, text: &str) -> Self {
        self.head(&header(name, b'0', text.len() as u64)).data(text)
    }

    pub(crate) fn folder(self, name: &str) -> Self {
        let mut folder = header(name, b'5', 0);
        folder.mode = octal(0o755, 8);
        self.head(&folder)
    }

    pub(crate) fn symlink(self, name: &str, target: impl AsRef<[u8]>) -> Self {
        self.head(&header(name, b'2', 0).link(target))
    }

    pub(crate) fn hardlink(self, name: &str, target: &str) -> Self {
        self.head(&header(name, b'1', 0).link(target))
    }

    pub(crate) fn extension(self, kind: u8, data: impl AsRef<[u8]>) -> Self {
        let size = data.as_ref().len() as u64;
        self.head(&header("././@Extension", kind, size)).data(data)
    }

    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.extension(b'x', pax_records(records))
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.raw([0; 1024]).0
    }
}

pub(crate) fn pax_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest..)
            .find(|length| *length == rest + length.to_string().len())
            .unwrap();
        data.extend_from_slice(format!("{length} {key}=").as_bytes());
        data.extend_from_slice(value);
        data.push(b'\n');
    }
    data
}

pub(crate) struct Lab {
    pub(crate) dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("victim")).unwrap();
        fs::write(dir.path().join("victim/file"), "precious").unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> (Digest, u64) {
        let digest = Digest::of(bytes);
        let blobs = self.path("store/default/blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        (digest, bytes.len() as u64)
    }

    /// Stores an archive as the layer of a job, with all digests right.
    pub(crate) fn layer(
        &self,
        job: &str,
        blob: &[u8],
        encoding: Encoding,
        edit: impl Fn(&mut LayerConfig),
    ) {
        let mut config: LayerConfig = serde_json::from_value(serde_json::json!({
            "schema": 1, "job": job, "attempt": 1, "node": 0, "seq": 0, "compression": encoding,
        }))
        .unwrap();
        edit(&mut config);
        let (layer, layer_size) = self.put(blob);
        let (digest, size) = self.put(&serde_json::to_vec(&config).unwrap());
        let manifest = Manifest::describe(
            Descriptor {
                media_type: CONFIG_TYPE.to_owned(),
                digest,
                size,
                annotations: None,
            },
            LayerBlob {
                title: "layer",
                digest: layer,
                size: layer_size,
                encoding,
            },
        );
        let (manifest, manifest_size) = self.put(&serde_json::to_vec(&manifest).unwrap());
        let record = Record {
            manifest,
            manifest_size,
            layer,
            layer_size,
            encoding,
        };
        let refs = self.path("store/default/refs").join(job);
        fs::create_dir_all(&refs).unwrap();
        fs::write(refs.join("1.0.0"), format!("{record}\n")).unwrap();
    }

    pub(crate) fn tar(&self, job: &str, archive: &[u8]) {
        self.layer(job, archive, Encoding::None, |_| {});
    }

    /// Attaches the jobs, each after the one before it, and makes sure that nothing outside the
    /// target has changed.
    pub(crate) fn attach(&self, jobs: &[&str]) -> Result<Attached, LayerError> {
        let outside = self.outside();
        let result = Workspace::in_dir(&self.path("store"), "default").attach(
            &AttachRequest {
                at: self.path("out"),
                upstream: jobs
                    .iter()
                    .enumerate()
                    .map(|(at, job)| Upstream {
                        job: (*job).to_owned(),
                        after: jobs[..at].iter().map(|job| (*job).to_owned()).collect(),
                    })
                    .collect(),
            },
            &mut |_| {},
        );
        assert_eq!(
            self.outside(),
            outside,
            "something outside the target changed"
        );
        result
    }

    pub(crate) fn outside(&self) -> (Digest, Vec<String>) {
        let mut names: Vec<String> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        (tree_digest_of(&self.path("victim")).unwrap(), names)
    }
}

pub(crate) fn nothing_written(out: &Path) -> bool {
    fs::read_dir(out).unwrap().next().is_none()
}
