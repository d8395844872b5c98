//! The way to one workspace of a remote store: a transport, with retries, resumed downloads that
//! are verified, and a count of what has moved.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::parallel::each;
use super::part::{Part, lock};
use super::{Created, Fault, FaultKind, Listed, Location, RemoteOptions, RemoteRef, Transport};
use crate::layer::manifest::{Manifest, Record};
use crate::layer::{Digest, LayerError, LayerId, Workspace};

/// How often something is tried again after a passing failure, with nothing moved in between.
const TRIES: u32 = 4;
/// The wait before the first further try; it doubles with each.
const BACKOFF: Duration = Duration::from_millis(200);

/// A blob by its digest and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::layer) struct Blob {
    pub(in crate::layer) digest: Digest,
    pub(in crate::layer) size: u64,
}

/// What has gone over the network so far, in bytes, and what is known to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Uploaded.
    pub sent: u64,
    /// Of how much.
    pub to_send: u64,
    /// Downloaded.
    pub received: u64,
    /// Of how much.
    pub to_receive: u64,
}

/// Why a blob did not arrive.
#[derive(Debug)]
pub(in crate::layer) enum NotFetched {
    /// The store does not have it.
    Absent,
    /// What the store has under this digest is something else.
    Corrupt(String),
    /// The store or the disk failed.
    Failed(LayerError),
}

impl NotFetched {
    /// Returns the error that names the layer whose part did not arrive.
    pub(super) fn of(self, id: &LayerId, what: &str, store: &str) -> LayerError {
        let reason = match self {
            Self::Failed(error) => return error,
            Self::Absent => format!("its {what} is missing in the store {store}"),
            Self::Corrupt(reason) => format!("its {what}: {reason}"),
        };
        LayerError::Damaged {
            layer: id.clone(),
            reason,
        }
    }
}

/// One workspace of a remote store.
pub(in crate::layer) struct Link {
    pub(super) transport: Box<dyn Transport>,
    store: String,
    pub(super) options: RemoteOptions,
    /// Set where the repository was missing when the refs were listed.
    no_store: Mutex<Option<Fault>>,
    /// Blobs that are there for sure.
    there: Mutex<HashSet<Digest>>,
    sent: AtomicU64,
    to_send: AtomicU64,
    received: AtomicU64,
    to_receive: AtomicU64,
    said: AtomicBool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn open(
        location: &Location,
        workspace: &str,
        options: &RemoteOptions,
    ) -> Result<Self, LayerError> {
        Ok(Self {
            transport: super::connect(location, workspace, options)?,
            store: location.to_string(),
            options: options.clone(),
            no_store: Mutex::default(),
            there: Mutex::default(),
            sent: AtomicU64::default(),
            to_send: AtomicU64::default(),
            received: AtomicU64::default(),
            to_receive: AtomicU64::default(),
            said: AtomicBool::default(),
        })
    }

    pub(in crate::layer) fn store(&self) -> &str {
        &self.store
    }

    fn failed(&self, fault: Fault) -> LayerError {
        fault.of(&self.store)
    }

    fn watch(&self) {
        if let Some(watch) = &self.options.watch {
            watch(Moved {
                sent: self.sent.load(Ordering::Relaxed),
                to_send: self.to_send.load(Ordering::Relaxed),
                received: self.received.load(Ordering::Relaxed),
                to_receive: self.to_receive.load(Ordering::Relaxed),
            });
        }
    }

    /// Returns what the store cannot guarantee, the first time that it is asked and known.
    pub(in crate::layer) fn caveat(&self) -> Option<String> {
        let caveat = self.transport.caveat()?;
        (!self.said.swap(true, Ordering::Relaxed)).then_some(caveat)
    }

    /// Lists the refs. A repository that is missing and would be made holds none; whoever has to
    /// read from it learns of it by [`Link::must_exist`].
    pub(super) fn list(&self) -> Result<Vec<Listed>, LayerError> {
        match persistently(|| self.transport.list()) {
            Err(fault) if fault.kind == FaultKind::NoStore && self.transport.makes_itself() => {
                if let Ok(mut no_store) = self.no_store.lock() {
                    *no_store = Some(fault);
                }
                Ok(Vec::new())
            }
            other => other.map_err(|fault| self.failed(fault)),
        }
    }

    /// Fails where the repository was missing.
    pub(in crate::layer) fn must_exist(&self) -> Result<(), LayerError> {
        let fault = self.no_store.lock().ok().and_then(|fault| fault.clone());
        fault.map_or(Ok(()), |fault| Err(self.failed(fault)))
    }

    pub(super) fn same(
        &self,
        listed: &Listed,
        known: &Record,
        stored: std::time::SystemTime,
    ) -> Result<bool, LayerError> {
        persistently(|| self.transport.same(listed, known, stored))
            .map_err(|fault| self.failed(fault))
    }

    pub(super) fn read(&self, listed: &Listed) -> Result<Option<RemoteRef>, LayerError> {
        persistently(|| self.transport.read(listed)).map_err(|fault| self.failed(fault))
    }

    /// Downloads a blob into a workspace's folder, unless it is there. A download that was cut
    /// off goes on where it stopped, in this process or in a later one.
    pub(in crate::layer) fn fetch(&self, into: &Workspace, blob: Blob) -> Result<(), NotFetched> {
        if into.holds(blob).map_err(NotFetched::Failed)? {
            return Ok(());
        }
        // What no attach would unpack need not fill the disk first; a tar is a little larger.
        if blob.size > into.budget.bytes.saturating_mul(2) {
            return Err(NotFetched::Corrupt(format!(
                "{} is said to have {} bytes, which is more than may be unpacked",
                blob.digest, blob.size
            )));
        }
        into.prepare_layout().map_err(NotFetched::Failed)?;
        let path = into
            .dir()
            .join("tmp")
            .join(format!("part-{}", blob.digest.hex()));
        let file =
            lock(&path).map_err(|e| NotFetched::Failed(LayerError::io("write", &path, e)))?;
        if into.holds(blob).map_err(NotFetched::Failed)? {
            // Another process has brought it while this one waited.
            let _ = fs::remove_file(&path);
            return Ok(());
        }
        self.to_receive.fetch_add(blob.size, Ordering::Relaxed);
        let mut part = Part::resume(file, blob)
            .map_err(|e| NotFetched::Failed(LayerError::io("read", &path, e)))?;
        self.received.fetch_add(part.length, Ordering::Relaxed);
        let resumed = part.length > 0;
        let mut result = self.fill(&mut part, blob, &path);
        if resumed && matches!(result, Err(NotFetched::Corrupt(_))) {
            // What an earlier process left may be at fault: once more from the start.
            part.restart()
                .map_err(|e| NotFetched::Failed(LayerError::io("write", &path, e)))?;
            result = self.fill(&mut part, blob, &path);
        }
        if let Err(NotFetched::Corrupt(_) | NotFetched::Absent) = &result {
            let _ = fs::remove_file(&path);
        }
        result?;
        into.adopt(&path, blob.digest).map_err(NotFetched::Failed)
    }

    fn fill(&self, part: &mut Part, blob: Blob, path: &Path) -> Result<(), NotFetched> {
        let mut tries = 0;
        let mut silent = 0;
        let mut disk = None;
        while part.length < blob.size {
            let before = part.length;
            let result = self.transport.get(blob, before, &mut |bytes| {
                if part.length + bytes.len() as u64 > blob.size {
                    return Err(io::Error::other("more bytes than the blob has"));
                }
                part.add(bytes)
                    .inspect_err(|error| disk = Some(error.kind()))?;
                self.received
                    .fetch_add(bytes.len() as u64, Ordering::Relaxed);
                self.watch();
                Ok(())
            });
            if let Some(kind) = disk {
                return Err(NotFetched::Failed(LayerError::io(
                    "write",
                    path,
                    kind.into(),
                )));
            }
            if part.length > before {
                (tries, silent) = (0, 0);
            }
            if part.length == blob.size {
                break;
            }
            let fault = match result {
                Ok(()) => Fault::new(
                    FaultKind::Passing,
                    format!(
                        "{} ended after {} of {} bytes",
                        blob.digest, part.length, blob.size
                    ),
                ),
                Err(fault) => fault,
            };
            match fault.kind {
                FaultKind::Absent => return Err(NotFetched::Absent),
                FaultKind::Passing if tries < TRIES => {
                    std::thread::sleep(BACKOFF * 2u32.pow(tries));
                    tries += 1;
                }
                FaultKind::Silent if silent < 1 => silent += 1,
                _ => return Err(NotFetched::Failed(self.failed(fault))),
            }
        }
        match part.digest() {
            digest if digest == blob.digest => Ok(()),
            other => Err(NotFetched::Corrupt(format!(
                "the store {} has {other} in the place of {}",
                self.store, blob.digest
            ))),
        }
    }

    /// Uploads a blob unless the store has it.
    fn upload(&self, from: &Workspace, id: &LayerId, blob: Blob) -> Result<(), LayerError> {
        let known = |there: &mut HashSet<Digest>| there.contains(&blob.digest);
        if self.there.lock().is_ok_and(|mut there| known(&mut there)) {
            return Ok(());
        }
        let has = persistently(|| self.transport.has(blob)).map_err(|fault| self.failed(fault))?;
        if !has {
            // Fetches it first where the source is a mirror itself.
            from.open_blob(id, "blob", blob.digest, blob.size)?;
            let path = from.blob_path(blob.digest);
            self.to_send.fetch_add(blob.size, Ordering::Relaxed);
            let counted = AtomicU64::new(0);
            persistently(|| {
                self.sent
                    .fetch_sub(counted.swap(0, Ordering::Relaxed), Ordering::Relaxed);
                self.transport.put(blob, &path, &|bytes| {
                    counted.fetch_add(bytes, Ordering::Relaxed);
                    self.sent.fetch_add(bytes, Ordering::Relaxed);
                    self.watch();
                })
            })
            .map_err(|fault| self.failed(fault))?;
        }
        if let Ok(mut there) = self.there.lock() {
            there.insert(blob.digest);
        }
        Ok(())
    }

    /// Uploads what a layer consists of, and creates its ref last.
    pub(in crate::layer) fn publish(
        &self,
        from: &Workspace,
        id: &LayerId,
        record: &Record,
    ) -> Result<Created, LayerError> {
        let (bytes, manifest, _) = from.documents(id, record)?;
        let blobs = blobs_of(&manifest);
        each(self.options.transfers, &blobs, |blob| {
            self.upload(from, id, *blob)
        })?;
        persistently(|| self.transport.create(id, record, &bytes))
            .map_err(|fault| self.failed(fault))
    }
}

/// Returns what a manifest points to, without the manifest itself.
pub(super) fn blobs_of(manifest: &Manifest) -> Vec<Blob> {
    std::iter::once(&manifest.config)
        .chain(&manifest.layers)
        .map(|descriptor| Blob {
            digest: descriptor.digest,
            size: descriptor.size,
        })
        .collect()
}

/// Tries again after what passes.
fn persistently<T>(mut work: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut tries = 0;
    let mut silent = 0;
    loop {
        match work() {
            Err(fault) if fault.kind == FaultKind::Passing && tries < TRIES => {
                std::thread::sleep(BACKOFF * 2u32.pow(tries));
                tries += 1;
            }
            Err(fault) if fault.kind == FaultKind::Silent && silent < 1 => silent += 1,
            other => return other,
        }
    }
}
