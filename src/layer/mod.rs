//! The layer format: immutable archives in a grow-only store, one OCI image layout a workspace.
//! Knows nothing of configs: roots, patterns and job names come in from outside.

use std::path::{Path, PathBuf};

/// Which layer: the job, its attempt, its node and its n-th persist.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerId {
    /// The job's name as the workflow has it.
    pub job: String,
    /// From 1.
    pub attempt: u32,
    /// The parallelism index, from 0.
    pub node: u32,
    /// The n-th persist of that node, from 0.
    pub seq: u32,
}

/// The digest of a blob or a tree: `sha256:` and 64 hex digits when printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Plain tar.
    None,
    /// gzip, which every system reads.
    Gzip,
    /// zstd in independent frames, at this level.
    Zstd(i32),
}

/// Bytes and files so far: what progress shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes of file content.
    pub bytes: u64,
    /// Entries of any type.
    pub entries: u64,
}

/// Called now and then while a layer is made or applied.
pub type Progress<'a> = dyn FnMut(Transferred) + 'a;

/// One workspace of a store: the folder that holds its layout.
#[derive(Debug, Clone)]
pub struct Workspace {
    dir: PathBuf,
}

/// What to persist.
#[derive(Debug, Clone)]
pub struct PersistRequest {
    /// The job's name.
    pub job: String,
    /// From 1.
    pub attempt: u32,
    /// The parallelism index, from 0.
    pub node: u32,
    /// How many nodes the job has.
    pub nodes: u32,
    /// The n-th persist; `None` takes the next free number.
    pub seq: Option<u32>,
    /// The workflow, where one is known.
    pub workflow: Option<String>,
    /// The jobs directly required, for the record.
    pub requires: Vec<String>,
    /// The folder that paths are relative to; absolute.
    pub root: PathBuf,
    /// The root as the config writes it, for the record.
    pub root_text: String,
    /// Patterns of Go's `filepath.Match`, relative to the root.
    pub paths: Vec<String>,
    /// How to compress.
    pub compression: Compression,
    /// Whether to flush to disk before the layer counts.
    pub durable: bool,
}

/// A layer that was made (or was there already with the same bytes).
#[derive(Debug, Clone)]
pub struct Persisted {
    /// Which one.
    pub id: LayerId,
    /// The manifest's digest.
    pub manifest: Digest,
    /// The archive's digest.
    pub layer: Digest,
    /// The archive's size in bytes.
    pub size: u64,
    /// The tar's size in bytes before compression.
    pub uncompressed: u64,
    /// Files, directories and links.
    pub entries: u64,
    /// The tree digest of what it holds.
    pub tree: Digest,
}

/// One upstream job of an attach.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The job's name.
    pub job: String,
    /// The jobs of this attach that come before it (its own upstream).
    pub after: Vec<String>,
}

/// What to attach.
#[derive(Debug, Clone)]
pub struct AttachRequest {
    /// The target folder; absolute; made where it is missing.
    pub at: PathBuf,
    /// The upstream jobs in the order in which their layers apply.
    pub upstream: Vec<Upstream>,
}

/// What an attach did.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The layers in the order in which they were applied.
    pub layers: Vec<AppliedLayer>,
    /// The tree digest of what was applied, all layers together.
    pub tree: Digest,
}

/// One layer of an attach.
#[derive(Debug, Clone)]
pub struct AppliedLayer {
    /// Which one.
    pub id: LayerId,
    /// The archive's digest.
    pub layer: Digest,
    /// The archive's size in bytes.
    pub size: u64,
    /// How many entries it holds.
    pub entries: u64,
}

/// What went wrong with a layer or a store.
#[derive(Debug, thiserror::Error)]
#[error("not built")]
pub struct LayerError;

impl Workspace {
    /// Opens a workspace of a directory store, without making anything yet.
    #[must_use]
    pub fn in_dir(store: &Path, id: &str) -> Self {
        Self {
            dir: store.join(id),
        }
    }

    /// Returns the folder that holds the layout.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds a layer.
    ///
    /// # Errors
    /// Nothing matched, a bad pattern, a file that changed while read, a store that cannot be written.
    pub fn persist(
        &self,
        request: &PersistRequest,
        progress: &mut Progress<'_>,
    ) -> Result<Persisted, LayerError> {
        let _ = (request, progress);
        Err(LayerError)
    }

    /// Applies the upstream layers, in order.
    ///
    /// # Errors
    /// A damaged or hostile layer, a conflict of concurrent layers, a target that cannot be written.
    pub fn attach(
        &self,
        request: &AttachRequest,
        progress: &mut Progress<'_>,
    ) -> Result<Attached, LayerError> {
        let _ = (request, progress);
        Err(LayerError)
    }
}
