//! Stores that are not a folder of this machine. The engine only ever works on a folder: a remote
//! store is a transport (one file a kind), and a mirror in the user's cache stands for it. This
//! file holds what all kinds share: the address, the settings, and what a transport can do.

mod copy;
mod fault;
mod folder;
mod link;
mod mirror;
#[cfg(feature = "s3")]
mod object;
#[cfg(feature = "registry")]
mod oci;
mod parallel;
mod part;
#[cfg(any(feature = "s3", feature = "registry"))]
mod runtime;
mod url;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use copy::{Copied, CopiedLayer};
pub(super) use fault::{Fault, FaultKind};
pub use link::Moved;
pub(super) use link::{Blob, Link};
pub use url::{BadUrl, Location};

use super::manifest::Record;
use super::{LayerError, LayerId};

/// How a remote store is spoken to.
#[derive(Clone)]
pub struct RemoteOptions {
    /// The folder that holds the mirrors; made where it is missing.
    pub cache: PathBuf,
    /// How long a connection may take to come up.
    pub connect: Duration,
    /// How long the store may be silent before it counts as gone.
    pub silence: Duration,
    /// How many transfers are under way at once.
    pub transfers: usize,
    /// Told of every piece that was sent or received, from any thread.
    pub watch: Option<Arc<dyn Fn(Moved) + Send + Sync>>,
}

impl RemoteOptions {
    /// How long a connection may take to come up, unless said otherwise.
    pub const CONNECT: Duration = Duration::from_secs(5);
    /// How long a store may be silent, unless said otherwise.
    pub const SILENCE: Duration = Duration::from_secs(15);
    /// How many transfers are under way at once, unless said otherwise.
    pub const TRANSFERS: usize = 8;

    /// Returns the settings that hold unless said otherwise, with the mirrors in this folder.
    #[must_use]
    pub fn in_cache(cache: &Path) -> Self {
        Self {
            cache: cache.to_owned(),
            connect: Self::CONNECT,
            silence: Self::SILENCE,
            transfers: Self::TRANSFERS,
            watch: None,
        }
    }
}

impl std::fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("cache", &self.cache)
            .field("connect", &self.connect)
            .field("silence", &self.silence)
            .field("transfers", &self.transfers)
            .finish_non_exhaustive()
    }
}

/// A ref as a listing shows it: what it is called there, and since when it is there if the
/// listing says so.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// A key or a tag; only the transport reads it.
    pub(super) name: String,
    pub(super) stored: Option<SystemTime>,
}

/// A ref that was read.
#[derive(Debug, Clone)]
pub(super) struct RemoteRef {
    pub(super) id: LayerId,
    pub(super) record: Record,
    /// Documents that came along; they spare a second way.
    pub(super) documents: Vec<Vec<u8>>,
}

/// What became of a ref that should be created.
#[derive(Debug)]
pub(super) enum Created {
    /// It is there now, or was there with the same content.
    New,
    /// Another layer has this number.
    Exists(Box<RemoteRef>),
}

/// One workspace of a store elsewhere. Every call blocks; calls may come from several threads.
pub(super) trait Transport: Send + Sync {
    /// Returns what tells this store from others of the same URL: its endpoint, its account.
    fn place(&self) -> String;

    /// Lists the refs of the workspace.
    fn list(&self) -> Result<Vec<Listed>, Fault>;

    /// Returns the name under which a layer's ref is listed.
    fn name(&self, id: &LayerId) -> String;

    /// Says whether a listed ref still is what the mirror has of it.
    fn same(&self, listed: &Listed, known: &Record, stored: SystemTime) -> Result<bool, Fault>;

    /// Reads a listed ref; `None` where it is gone by now or was never finished.
    fn read(&self, listed: &Listed) -> Result<Option<RemoteRef>, Fault>;

    /// Stores the manifest and creates the ref exclusively. All blobs of the layer are there.
    fn create(&self, id: &LayerId, record: &Record, manifest: &[u8]) -> Result<Created, Fault>;

    /// Says whether a blob is there in full size.
    fn has(&self, blob: Blob) -> Result<bool, Fault>;

    /// Uploads a blob from a file, and tells how many bytes have left.
    fn put(&self, blob: Blob, file: &Path, sent: &(dyn Fn(u64) + Sync)) -> Result<(), Fault>;

    /// Downloads a blob from this byte on, in order.
    fn get(
        &self,
        blob: Blob,
        from: u64,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Fault>;

    /// Says whether a store that is missing comes into being with what is put there.
    fn makes_itself(&self) -> bool;

    /// Returns what this store cannot guarantee, as far as it has been found out; said once.
    fn caveat(&self) -> Option<String>;
}

/// Opens the way to a workspace of a store.
fn connect(
    location: &Location,
    workspace: &str,
    options: &RemoteOptions,
) -> Result<Box<dyn Transport>, LayerError> {
    let _ = options;
    match location {
        Location::Folder(path) => Ok(Box::new(folder::Folder::new(path, workspace))),
        #[cfg(feature = "s3")]
        Location::Object(url) => object::Objects::connect(url, workspace, options)
            .map(|store| Box::new(store) as Box<dyn Transport>)
            .map_err(|fault| fault.of(&url.to_string())),
        #[cfg(not(feature = "s3"))]
        Location::Object(url) => Err(lacks(&url.to_string(), "s3")),
        #[cfg(feature = "registry")]
        Location::Registry(url) => oci::Registry::connect(url, workspace, options)
            .map(|store| Box::new(store) as Box<dyn Transport>)
            .map_err(|fault| fault.of(&url.to_string())),
        #[cfg(not(feature = "registry"))]
        Location::Registry(url) => Err(lacks(&url.to_string(), "registry")),
    }
}

#[cfg(not(all(feature = "s3", feature = "registry")))]
fn lacks(url: &str, feature: &'static str) -> LayerError {
    LayerError::Lacks {
        url: url.to_owned(),
        feature,
    }
}
