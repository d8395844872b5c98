//! The layer format: immutable archives in a grow-only store, one OCI image layout a workspace.
//! Knows nothing of configs: roots, patterns and job names come in from outside.

mod archive;
mod attach;
mod beneath;
mod carry;
mod codec;
mod diff;
mod digest;
mod error;
mod extract;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod holding;
mod index;
mod inspect;
mod inventory;
mod items;
mod layout;
mod ledger;
mod listing;
mod manifest;
mod name;
mod pack;
mod parallel;
mod persist;
mod plan;
mod portable;
mod prune;
mod remember;
mod remote;
mod scan;
mod store;
mod tally;
mod toc;
mod tree;
pub mod twin;
mod unpack;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use archive::{Budget, Entry, EntryKind};
pub(crate) use beneath::place;
pub use carry::{Carried, ImportError, Imported, export, import};
pub use diff::{Change, State};
pub use digest::{BadDigest, Digest};
pub use error::{ErrorKind, LayerError, Refusal};
pub use index::Indexed;
pub use inspect::Verdict;
pub use items::{Item, largest, largest_of};
pub use ledger::{Note, Noted, NotedLayer};
pub use manifest::{
    ARTIFACT_TYPE, CONFIG_TYPE, Descriptor, Encoding, LAYER_TYPE, LayerBlob, LayerConfig, Manifest,
    Record, TOC_TYPE,
};
pub use name::{EntryPath, decode_job, encode_job, printable};
pub use prune::{ExpiredWorkspace, LEFTOVER_AGE, PruneRequest, Pruned, prune, workspaces};
pub use remote::{BadUrl, Copied, CopiedLayer, Location, Moved, RemoteOptions};
pub use store::LayerInfo;
pub use tree::tree_digest_of;
pub use usage::{Amount, Stray, Usage};

/// How long a workspace is kept unless its store says otherwise: 15 days, CircleCI's default and
/// maximum (circleci-semantics §1.4).
pub const LIFETIME: Duration = Duration::from_secs(15 * 24 * 60 * 60);

/// What an attach may unpack unless the store says otherwise: far above any honest workspace, and
/// far below what fills a disk without a word.
pub const BUDGET: Budget = Budget {
    entries: 5_000_000,
    bytes: 256 << 30,
};

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
    store: PathBuf,
    id: String,
    dir: PathBuf,
    lifetime: Duration,
    budget: Budget,
    threads: usize,
    /// Set where the folder is the mirror of a store elsewhere.
    link: Option<Arc<remote::Link>>,
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
    /// The items that selected nothing while others did; worth a warning.
    pub unmatched: Vec<String>,
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

impl Workspace {
    /// Opens a workspace of a directory store, without making anything yet. An id with other
    /// characters than `[A-Za-z0-9._-]` is percent-encoded in the folder's name.
    #[must_use]
    pub fn in_dir(store: &Path, id: &str) -> Self {
        Self {
            store: store.to_owned(),
            id: id.to_owned(),
            dir: store.join(encode_job(id)),
            lifetime: LIFETIME,
            budget: BUDGET,
            threads: parallel::default_threads(),
            link: None,
        }
    }

    /// Returns the workspace with another lifetime than [`LIFETIME`].
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Returns the workspace with another budget than [`BUDGET`].
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Returns the workspace with another number of threads than `HOLDALL_THREADS` or the machine
    /// says. What is made does not depend on it.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Returns the id under which the workspace was opened.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the store's folder, which holds one folder a workspace.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.store
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
        persist::persist(self, request, progress)
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
        match attach::attach(self, request, progress) {
            // A mirror may have rotted where the store has not.
            Err(LayerError::Damaged { layer, .. }) if self.forget(&layer) => {
                attach::attach(self, request, progress)
            }
            other => other,
        }
    }
}
