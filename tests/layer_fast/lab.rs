//! A folder with a tree and a store, and what is done between the two.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use holdall::layer::{
    AttachRequest, Attached, Compression, Digest, LayerConfig, LayerError, Manifest,
    PersistRequest, Persisted, Record, Upstream, Workspace,
};

pub(crate) const MARKER: &str = ".holdall-attach-incomplete";

pub(crate) struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::in_dir(&self.path("store"), "default")
    }

    pub(crate) fn persist_as(
        &self,
        job: &str,
        compression: Compression,
        threads: usize,
    ) -> Persisted {
        let request = PersistRequest {
            root_text: "root".to_owned(),
            compression,
            ..PersistRequest::new(job, &self.path("root"), &["."])
        };
        self.workspace()
            .with_threads(threads)
            .persist(&request, &mut |_| {})
            .unwrap()
    }

    pub(crate) fn persist(&self, job: &str) -> Persisted {
        self.persist_as(job, Compression::Zstd(1), 2)
    }

    pub(crate) fn attach_with(
        &self,
        at: &str,
        job: &str,
        threads: usize,
    ) -> Result<Attached, LayerError> {
        let request = AttachRequest {
            at: self.path(at),
            upstream: vec![Upstream {
                job: job.to_owned(),
                after: Vec::new(),
            }],
        };
        self.workspace()
            .with_threads(threads)
            .attach(&request, &mut |_| {})
    }

    pub(crate) fn attach(&self, at: &str, job: &str) -> Result<Attached, LayerError> {
        self.attach_with(at, job, 2)
    }

    pub(crate) fn blob(&self, digest: Digest) -> PathBuf {
        self.path("store/default/blobs/sha256").join(digest.hex())
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> (Digest, u64) {
        let digest = Digest::of(bytes);
        fs::write(self.blob(digest), bytes).unwrap();
        (digest, bytes.len() as u64)
    }

    pub(crate) fn manifest(&self, persisted: &Persisted) -> Manifest {
        serde_json::from_slice(&fs::read(self.blob(persisted.manifest)).unwrap()).unwrap()
    }

    /// Returns the lines of a layer's table of contents.
    pub(crate) fn toc(&self, persisted: &Persisted) -> String {
        let toc = self.manifest(persisted).toc().unwrap().digest;
        let file = fs::File::open(self.blob(toc)).unwrap();
        let mut text = String::new();
        let mut decoder = zstd::stream::read::Decoder::new(file).unwrap();
        decoder.read_to_string(&mut text).unwrap();
        text
    }

    /// Gives a layer another table of contents (or none) and config, with all digests right.
    pub(crate) fn relabel(
        &self,
        persisted: &Persisted,
        toc: Option<&[u8]>,
        edit: impl Fn(&mut LayerConfig),
    ) {
        let mut manifest = self.manifest(persisted);
        manifest.layers.truncate(1);
        if let Some(toc) = toc {
            let (digest, size) = self.put(toc);
            manifest = manifest.with_toc(digest, size);
        }
        let config = fs::read(self.blob(manifest.config.digest)).unwrap();
        let mut config: LayerConfig = serde_json::from_slice(&config).unwrap();
        edit(&mut config);
        let (digest, size) = self.put(&serde_json::to_vec(&config).unwrap());
        (manifest.config.digest, manifest.config.size) = (digest, size);
        let (digest, size) = self.put(&serde_json::to_vec(&manifest).unwrap());
        let id = &persisted.id;
        let path = self
            .path("store/default/refs")
            .join(format!("{}/{}.{}.{}", id.job, id.attempt, id.node, id.seq));
        let line = fs::read_to_string(&path).unwrap();
        let mut record: Record = line.trim_end().parse().unwrap();
        (record.manifest, record.manifest_size) = (digest, size);
        fs::write(path, format!("{record}\n")).unwrap();
    }

    /// Lets the clock tick, so that what was written before is older than what comes.
    pub(crate) fn settle(&self) {
        std::thread::sleep(Duration::from_millis(60));
    }
}

pub(crate) fn packed(text: &str) -> Vec<u8> {
    zstd::bulk::compress(text.as_bytes(), 1).unwrap()
}

pub(crate) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Half of it compresses.
            (state >> 24) as u8 & 0x5f
        })
        .collect()
}

/// Files over, at and under the size of a piece, and many small ones.
pub(crate) fn furnish(lab: &Lab) {
    lab.file("a/huge", noise(1, 9_000_000));
    lab.file("a/piece", noise(2, (4 << 20) - 1024));
    lab.file("a.txt", "beside a folder of nearly its name");
    lab.file("a-b/c", "");
    lab.file(&format!("b/{0}/{0}", "l".repeat(120)), "x");
    for at in 0..300 {
        lab.file(
            &format!("many/{}/f{at}", at % 7),
            noise(at, at as usize * 97),
        );
    }
    symlink("huge", lab.path("root/a/link")).unwrap();
    fs::hard_link(lab.path("root/a/huge"), lab.path("root/z")).unwrap();
    fs::create_dir(lab.path("root/empty")).unwrap();
}
