//! Object stores: `s3://`, `gs://` and `az://`. The keys are the paths of a folder store, so that
//! a store can be copied with the vendor's own tools. A ref is created by a conditional write;
//! whether the store honours that is tried before the first one.

mod fault;
mod open;
mod parts;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path as FilePath;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload,
};
use tokio::sync::Semaphore;

use self::fault::{credentials, fault, unsupported};
use self::parts::{PART, PARTS_IN_MEMORY};
use super::runtime::{Runtime, whole};
use super::url::{ObjectUrl, Vendor};
use super::{Blob, Created, Fault, FaultKind, Listed, RemoteOptions, RemoteRef, Transport};
use crate::layer::manifest::Record;
use crate::layer::store::{MAX_REF, OCI_LAYOUT};
use crate::layer::{LayerId, encode_job};

/// What was uploaded longer ago is uploaded again rather than relied upon.
const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Objects {
    store: Box<dyn ObjectStore>,
    url: ObjectUrl,
    /// The endpoint or account.
    place: String,
    /// Prefix and workspace.
    base: Path,
    runtime: Runtime,
    /// Room for parts in memory, for all blobs together.
    room: Semaphore,
    /// Whether the store refuses to create what exists; known once it was tried.
    exclusive: OnceLock<bool>,
}

impl Objects {
    pub(super) fn connect(
        url: &ObjectUrl,
        workspace: &str,
        options: &RemoteOptions,
    ) -> Result<Self, Fault> {
        let runtime = Runtime::new(options.silence)?;
        let text = format!("{}/{}", url.prefix, encode_job(workspace));
        let base = Path::parse(text.trim_start_matches('/'))
            .map_err(|error| Fault::new(FaultKind::Final, whole(&error)))?;
        let (store, place) = open::client(url, options).map_err(|error| {
            Fault::new(FaultKind::Final, whole(&error)).hint(credentials(url.vendor))
        })?;
        Ok(Self {
            store,
            place,
            url: url.clone(),
            base,
            runtime,
            room: Semaphore::new(PARTS_IN_MEMORY),
            exclusive: OnceLock::new(),
        })
    }

    fn key(&self, parts: &str) -> Result<Path, Fault> {
        Path::parse(format!("{}/{parts}", self.base))
            .map_err(|error| Fault::new(FaultKind::Final, whole(&error)))
    }

    fn blob_key(&self, blob: Blob) -> Result<Path, Fault> {
        self.key(&format!("blobs/sha256/{}", blob.digest.hex()))
    }

    fn fault(&self, error: Error) -> Fault {
        fault(&self.url, &error)
    }

    /// Reads a ref's line; `None` where there is none, or one without its end.
    fn line(&self, id: &LayerId) -> Result<Option<Record>, Fault> {
        let key = self.key(&format!("refs/{}", self.name(id)))?;
        let bytes = self.runtime.answer(async {
            let found: GetResult = self.store.get(&key).await?;
            if found.meta.size > MAX_REF {
                return Ok(None);
            }
            found.bytes().await.map(Some)
        })?;
        let odd = |what: &str| Fault::new(FaultKind::Final, format!("the ref {id} {what}"));
        let bytes: Bytes = match bytes {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(odd("is too long")),
            Err(error) => match self.fault(error) {
                fault if fault.kind == FaultKind::Absent => return Ok(None),
                fault => return Err(fault),
            },
        };
        let Some(line) = bytes.strip_suffix(b"\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(line).map_err(|_| odd("is no text"))?;
        text.parse().map(Some).map_err(|reason: String| {
            let reason = reason.strip_prefix("its ref ").unwrap_or(&reason);
            odd(reason)
        })
    }

    fn write(&self, key: &Path, bytes: Vec<u8>, mode: PutMode) -> Result<(), Failure> {
        let size = bytes.len() as u64;
        let options = PutOptions::from(mode);
        self.runtime
            .uploaded(
                size,
                self.store.put_opts(key, PutPayload::from(bytes), options),
            )
            .map_err(Failure::Fault)?
            .map_err(Failure::Store)
            .map(drop)
    }

    /// Finds out whether the store refuses to create what exists, with a file that every writer
    /// writes alike.
    fn is_exclusive(&self) -> Result<bool, Fault> {
        if let Some(known) = self.exclusive.get() {
            return Ok(*known);
        }
        let key = self.key("oci-layout")?;
        let mut exclusive = false;
        // The first one may create it; the second one has to be refused.
        for _ in 0..2 {
            match self.write(&key, OCI_LAYOUT.into(), PutMode::Create) {
                Ok(()) => {}
                Err(Failure::Store(Error::AlreadyExists { .. })) => {
                    exclusive = true;
                    break;
                }
                Err(Failure::Store(error)) if unsupported(&error) => {
                    self.write(&key, OCI_LAYOUT.into(), PutMode::Overwrite)
                        .map_err(|error| error.fault(self))?;
                    break;
                }
                Err(error) => return Err(error.fault(self)),
            }
        }
        Ok(*self.exclusive.get_or_init(|| exclusive))
    }

    fn is_lookalike(&self) -> bool {
        self.url.vendor == Vendor::S3 && !self.place.is_empty()
    }

    fn exists(&self, id: &LayerId, record: Record) -> Created {
        Created::Exists(Box::new(RemoteRef {
            id: id.clone(),
            record,
            documents: Vec::new(),
        }))
    }

    /// Looks, writes, and looks again: all that is left where the store honours no condition.
    fn create_carefully(
        &self,
        id: &LayerId,
        key: &Path,
        record: &Record,
    ) -> Result<Created, Fault> {
        if let Some(existing) = self.line(id)? {
            return Ok(match existing == *record {
                true => Created::New,
                false => self.exists(id, existing),
            });
        }
        let line = format!("{record}\n").into_bytes();
        self.write(key, line, PutMode::Overwrite)
            .map_err(|error| error.fault(self))?;
        match self.line(id)? {
            Some(existing) if existing != *record => Ok(self.exists(id, existing)),
            Some(_) => Ok(Created::New),
            None => Err(Fault::new(
                FaultKind::Passing,
                format!("the ref {id} is not there yet"),
            )),
        }
    }
}

/// A failure of the store, or on the way to it.
enum Failure {
    Store(Error),
    Fault(Fault),
}

impl Failure {
    fn fault(self, objects: &Objects) -> Fault {
        match self {
            Self::Store(error) => objects.fault(error),
            Self::Fault(fault) => fault,
        }
    }
}

impl Transport for Objects {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn list(&self) -> Result<Vec<Listed>, Fault> {
        let refs = self.key("refs")?;
        let below = format!("{refs}/");
        // A page at a time has to come in time, not the whole list.
        let mut listed = Vec::new();
        let mut list = self.store.list(Some(&refs));
        while let Some(item) = self.runtime.answer(list.next())? {
            let item = item.map_err(|error| self.fault(error))?;
            let key: &str = item.location.as_ref();
            let Some(name) = key.strip_prefix(&below) else {
                continue;
            };
            if LayerId::from_listed(name).is_some() {
                listed.push(Listed {
                    name: name.to_owned(),
                    stored: Some(item.last_modified.into()),
                });
            }
        }
        Ok(listed)
    }

    fn name(&self, id: &LayerId) -> String {
        format!("{}/{}", encode_job(&id.job), id.ref_name())
    }

    fn same(&self, listed: &Listed, _: &Record, stored: SystemTime) -> Result<bool, Fault> {
        Ok(listed.stored == Some(stored))
    }

    fn read(&self, listed: &Listed) -> Result<Option<RemoteRef>, Fault> {
        let Some(id) = LayerId::from_listed(&listed.name) else {
            return Ok(None);
        };
        Ok(self.line(&id)?.map(|record| RemoteRef {
            id,
            record,
            documents: Vec::new(),
        }))
    }

    fn create(&self, id: &LayerId, record: &Record, manifest: &[u8]) -> Result<Created, Fault> {
        let blob = Blob {
            digest: record.manifest,
            size: record.manifest_size,
        };
        self.write(&self.blob_key(blob)?, manifest.to_vec(), PutMode::Overwrite)
            .map_err(|error| error.fault(self))?;
        let key = self.key(&format!("refs/{}", self.name(id)))?;
        if !self.is_exclusive()? {
            return self.create_carefully(id, &key, record);
        }
        let line = format!("{record}\n").into_bytes();
        match self.write(&key, line, PutMode::Create) {
            // Some stores that speak like Amazon's look first and write then, and two writers at
            // once pass both: whose line stands is what counts.
            Ok(()) if self.is_lookalike() => match self.line(id)? {
                Some(existing) if existing != *record => Ok(self.exists(id, existing)),
                _ => Ok(Created::New),
            },
            Ok(()) => Ok(Created::New),
            Err(Failure::Store(Error::AlreadyExists { .. })) => match self.line(id)? {
                // An answer that was lost, to a request that was not.
                Some(existing) if existing == *record => Ok(Created::New),
                Some(existing) => Ok(self.exists(id, existing)),
                // Two writers at once: the store refused this one and the other is not done.
                None => Err(Fault::new(
                    FaultKind::Passing,
                    format!("the ref {id} is being written by another job"),
                )),
            },
            Err(error) => Err(error.fault(self)),
        }
    }

    fn has(&self, blob: Blob) -> Result<bool, Fault> {
        let key = self.blob_key(blob)?;
        match self.runtime.answer(self.store.head(&key))? {
            Ok(meta) => {
                // A lifecycle rule counts from the upload: an old blob is made young again.
                let age = SystemTime::now().duration_since(meta.last_modified.into());
                Ok(meta.size == blob.size && !age.is_ok_and(|age| age >= YOUNG))
            }
            Err(error) => match self.fault(error) {
                fault if fault.kind == FaultKind::Absent => Ok(false),
                fault => Err(fault),
            },
        }
    }

    fn put(&self, blob: Blob, file: &FilePath, sent: &(dyn Fn(u64) + Sync)) -> Result<(), Fault> {
        let key = self.blob_key(blob)?;
        let mut file = File::open(file).map_err(disk)?;
        if blob.size > PART {
            return self.put_parts(blob, &key, &mut file, sent);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(blob.size).unwrap_or(0));
        file.take(PART + 1).read_to_end(&mut bytes).map_err(disk)?;
        if bytes.len() as u64 != blob.size {
            return Err(Fault::new(
                FaultKind::Final,
                format!("{} changed while it was uploaded", blob.digest),
            ));
        }
        self.write(&key, bytes, PutMode::Overwrite)
            .map_err(|error| error.fault(self))?;
        sent(blob.size);
        Ok(())
    }

    fn get(
        &self,
        blob: Blob,
        from: u64,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let key = self.blob_key(blob)?;
        let mut options = GetOptions::default();
        if from > 0 {
            options.range = Some(GetRange::Offset(from));
        }
        let found = self
            .runtime
            .answer(self.store.get_opts(&key, options))?
            .map_err(|error| self.fault(error))?;
        if found.range.start != from {
            return Err(Fault::new(
                FaultKind::Final,
                format!(
                    "asked for {} from byte {from} on, and got another range",
                    blob.digest
                ),
            ));
        }
        self.runtime
            .drain(found.into_stream(), take, |error| match self.fault(error) {
                fault if fault.kind == FaultKind::Final => Fault {
                    kind: FaultKind::Passing,
                    ..fault
                },
                fault => fault,
            })
    }

    fn makes_itself(&self) -> bool {
        false
    }

    fn caveat(&self) -> Option<String> {
        (self.exclusive.get() == Some(&false)).then(|| {
            format!(
                "{} does not honour conditional writes: two jobs that persist under the same job, attempt, node and number at the same moment may replace each other's layer",
                self.url
            )
        })
    }
}

fn disk(error: io::Error) -> Fault {
    Fault::new(FaultKind::Final, format!("cannot read the blob: {error}"))
}
