//! Builds a vector: the files of a small store, and the verdict on it.

use std::collections::BTreeMap;
use std::io::Write as _;

use holdall::layer::{Digest, encode_job};
use serde_json::{Value, json};

use crate::tar_lab::{Tar, header, octal};

/// A vector under construction: the files of its folder.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) upstream: Vec<&'static str>,
    pub(crate) concurrent: Vec<&'static str>,
}

/// One layer, with everything that can be wrong on purpose.
pub(crate) struct Layer {
    job: &'static str,
    number: &'static str,
    encoding: &'static str,
    /// The archive before compression.
    archive: Vec<u8>,
    /// Instead of what the encoding makes of the archive.
    blob: Option<Vec<u8>>,
    config: fn(&mut Value),
    manifest: fn(&mut Value),
    line: fn(String) -> String,
}

pub(crate) fn layer(job: &'static str, archive: Tar) -> Layer {
    Layer {
        job,
        number: "1.0.0",
        encoding: "none",
        archive: archive.end(),
        blob: None,
        config: |_| {},
        manifest: |_| {},
        line: |line| line,
    }
}

pub(crate) fn tar() -> Tar {
    Tar::default()
}

impl Layer {
    pub(crate) fn number(self, number: &'static str) -> Self {
        Self { number, ..self }
    }

    pub(crate) fn encoding(self, encoding: &'static str) -> Self {
        Self { encoding, ..self }
    }

    pub(crate) fn blob(self, blob: Vec<u8>) -> Self {
        Self {
            blob: Some(blob),
            ..self
        }
    }

    pub(crate) fn config(self, config: fn(&mut Value)) -> Self {
        Self { config, ..self }
    }

    pub(crate) fn manifest(self, manifest: fn(&mut Value)) -> Self {
        Self { manifest, ..self }
    }

    pub(crate) fn line(self, line: fn(String) -> String) -> Self {
        Self { line, ..self }
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::bulk::compress(bytes, 1).unwrap()
}

impl Vector {
    pub(crate) fn new(name: &str, upstream: &[&'static str]) -> Self {
        let mut vector = Self {
            name: name.to_owned(),
            files: BTreeMap::new(),
            upstream: upstream.to_vec(),
            concurrent: Vec::new(),
        };
        vector.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        vector
    }

    /// Puts a file into the workspace.
    pub(crate) fn file(&mut self, path: &str, bytes: &[u8]) {
        self.files
            .insert(format!("store/default/{path}"), bytes.to_vec());
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) -> (String, usize) {
        let digest = Digest::of(bytes);
        self.file(&format!("blobs/sha256/{}", digest.hex()), bytes);
        (digest.to_string(), bytes.len())
    }

    pub(crate) fn layer(mut self, layer: Layer) -> Self {
        let suffix = match layer.encoding {
            "none" => String::new(),
            other => format!("+{other}"),
        };
        let bytes = layer.blob.unwrap_or_else(|| match layer.encoding {
            "gzip" => gzip(&layer.archive),
            "zstd" => zstd(&layer.archive),
            _ => layer.archive,
        });
        let (digest, size) = self.blob(&bytes);
        let numbers: Vec<u32> = layer
            .number
            .split('.')
            .map(|n| n.parse().unwrap())
            .collect();
        let mut config = json!({
            "schema": 1, "job": layer.job, "attempt": numbers[0], "node": numbers[1],
            "seq": numbers[2], "compression": layer.encoding,
        });
        (layer.config)(&mut config);
        let (config, config_size) = self.blob(config.to_string().as_bytes());
        let job = encode_job(layer.job);
        // The order of the keys, and no space between them, let a shell find the digests.
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.holdall.workspace.v1",
            "config": {
                "mediaType": "application/vnd.holdall.workspace.config.v1+json",
                "digest": config, "size": config_size,
            },
            "layers": [{
                "mediaType": format!("application/vnd.holdall.workspace.layer.v1.tar{suffix}"),
                "digest": digest, "size": size,
                "annotations": {"org.opencontainers.image.title": format!("{job}.{}.tar", layer.number)},
            }],
        });
        (layer.manifest)(&mut manifest);
        let (manifest, manifest_size) = self.blob(manifest.to_string().as_bytes());
        let line = format!(
            "1 {manifest} {manifest_size} {digest} {size} {}\n",
            layer.encoding
        );
        let line = (layer.line)(line);
        self.file(&format!("refs/{job}/{}", layer.number), line.as_bytes());
        self
    }

    pub(crate) fn concurrent(mut self, pair: &'static str) -> Self {
        self.concurrent.push(pair);
        self
    }

    /// Adds a file that belongs to no layer, or spoils one that does.
    pub(crate) fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.file(path, bytes);
        self
    }

    /// Flips a byte of the archives, or takes them away.
    pub(crate) fn spoil(mut self, how: fn(&mut Vec<u8>) -> bool) -> Self {
        // Documents are texts that begin with a brace.
        let archives = |path: &str, bytes: &[u8]| path.contains("/blobs/") && bytes[0] != b'{';
        self.files
            .retain(|path, bytes| !archives(path, bytes) || how(bytes));
        self
    }

    pub(crate) fn good(mut self, about: &str, tree: &[Node]) -> Self {
        let lines = lines(tree);
        let verdict = json!({
            "about": about, "upstream": self.upstream, "concurrent": self.concurrent,
            "tree": Digest::of(&lines).to_string(),
        });
        self.finish("good", lines, &verdict)
    }

    pub(crate) fn bad(self, about: &str, error: &str, says: &str) -> Self {
        self.bad_but_for_sh(about, error, says, true)
    }

    pub(crate) fn bad_but_for_sh(
        mut self,
        about: &str,
        error: &str,
        says: &str,
        shell: bool,
    ) -> Self {
        let verdict = json!({
            "about": about, "upstream": self.upstream, "concurrent": self.concurrent,
            "error": error, "says": says, "shell": shell,
        });
        self.finish("bad", Vec::new(), &verdict)
    }

    pub(crate) fn finish(&mut self, kind: &str, lines: Vec<u8>, verdict: &Value) -> Self {
        let mut files = std::mem::take(&mut self.files);
        if kind == "good" {
            files.insert("tree.txt".to_owned(), lines);
        }
        files.insert(
            "verdict.json".to_owned(),
            format!("{verdict:#}\n").into_bytes(),
        );
        Self {
            name: format!("{kind}/{}", self.name),
            files,
            upstream: Vec::new(),
            concurrent: Vec::new(),
        }
    }
}

/// What a tree holds, written down by hand.
pub(crate) enum Node {
    File(&'static str, u32, &'static str),
    Folder(&'static str, u32),
    Link(&'static str, &'static str),
}

pub(crate) use Node::{File, Folder, Link};

/// The lines of a tree digest; no path here needs an escape that is not written out.
pub(crate) fn lines(tree: &[Node]) -> Vec<u8> {
    let mut lines: Vec<String> = tree
        .iter()
        .map(|node| match node {
            File(path, mode, text) => {
                format!(
                    "{path}\tf\t{mode:03o}\t{}\n",
                    Digest::of(text.as_bytes()).hex()
                )
            }
            Folder(path, mode) => format!("{path}\td\t{mode:03o}\t-\n"),
            Link(path, target) => format!("{path}\tl\t777\t{target}\n"),
        })
        .collect();
    lines.sort();
    lines.concat().into_bytes()
}

pub(crate) fn with_mode(name: &str, kind: u8, mode: u64) -> Vec<u8> {
    let mut header = header(name, kind, 0);
    header.mode = octal(mode, 8);
    header.block()
}
