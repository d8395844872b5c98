//! Object stores: `s3://`, `gs://` and `az://`. The keys are the paths of a folder store, so that
//! a store can be copied with the vendor's own tools. A ref is created by a conditional write;
//! whether the store honours that is tried before the first one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path as FilePath;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, GetOptions, GetRange, GetResult, MultipartUpload,
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
};
use tokio::sync::Semaphore;

use super::runtime::{Runtime, brief, unreachable, whole};
use super::url::{ObjectUrl, Vendor};
use super::{Blob, Created, Fault, FaultKind, Listed, RemoteOptions, RemoteRef, Transport};
use crate::layer::manifest::Record;
use crate::layer::store::{MAX_REF, OCI_LAYOUT};
use crate::layer::{LayerId, encode_job};

/// The size of a part; all but the last are equal, which some stores insist on. What is no larger
/// goes up in one piece.
const PART: u64 = 8 << 20;
/// How many parts a store takes at most; S3 has the lowest number.
const PARTS: u64 = 10_000;
/// How many parts of one blob are under way at once; each is in memory.
const PARTS_AT_ONCE: usize = 4;
/// How many parts of all blobs are in memory at once.
const PARTS_IN_MEMORY: usize = 8;

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
        let (store, place) = build(url, options).map_err(|error| {
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

    /// Sends the parts of a blob in order, some at once, each as soon as there is room in memory.
    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        mut left: u64,
        part: u64,
        limit: Duration,
        file: &mut File,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Fault> {
        let mut under_way = FuturesUnordered::new();
        while left > 0 || !under_way.is_empty() {
            let room = match (left, under_way.len()) {
                (0, _) | (_, PARTS_AT_ONCE..) => None,
                // With none of its own under way, another blob's part has to end.
                (_, 0) => self.room.acquire().await.ok(),
                _ => self.room.try_acquire().ok(),
            };
            let Some(room) = room else {
                // One that ends makes room; there is one, or this would have waited above.
                under_way.next().await.unwrap_or(Ok(()))?;
                continue;
            };
            let size = left.min(part);
            left -= size;
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            file.read_exact(&mut bytes).map_err(disk)?;
            let work = upload.put_part(PutPayload::from(bytes));
            under_way.push(async move {
                let _room = room;
                match tokio::time::timeout(limit, work).await {
                    Ok(Ok(())) => {
                        sent(size);
                        Ok(())
                    }
                    Ok(Err(error)) => Err(self.fault(error)),
                    Err(_) => Err(Fault::new(
                        FaultKind::Silent,
                        format!("a part was not taken within {} seconds", limit.as_secs()),
                    )),
                }
            });
        }
        Ok(())
    }

    fn put_parts(
        &self,
        blob: Blob,
        key: &Path,
        file: &mut File,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Fault> {
        let part = part_size(blob.size);
        let begin = self.runtime.answer(self.store.put_multipart(key))?;
        let mut upload = begin.map_err(|error| self.fault(error))?;
        let limit = self.runtime.allowance(part * PARTS_AT_ONCE as u64);
        let work = self.send_parts(upload.as_mut(), blob.size, part, limit, file, sent);
        let done = match self.runtime.uploaded(blob.size, work) {
            Ok(Ok(())) => self
                .runtime
                .settled(blob.size, upload.complete())
                .and_then(|answer| answer.map_err(|error| self.fault(error))),
            Ok(Err(fault)) | Err(fault) => Err(fault),
        };
        if done.is_err() {
            // What cannot be cleared away here is the lifecycle rule's business.
            let _ = self.runtime.answer(upload.abort());
        }
        done.map(drop)
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

/// Returns the size of the parts that a blob goes up in.
fn part_size(size: u64) -> u64 {
    let least = size.div_ceil(PARTS).next_multiple_of(1 << 20);
    least.max(PART)
}

fn disk(error: io::Error) -> Fault {
    Fault::new(FaultKind::Final, format!("cannot read the blob: {error}"))
}

/// Returns the store, and the endpoint or account that the environment names.
fn build(
    url: &ObjectUrl,
    options: &RemoteOptions,
) -> Result<(Box<dyn ObjectStore>, String), Error> {
    let client = ClientOptions::new()
        .with_connect_timeout(options.connect)
        // The whole of a transfer has no limit; each step of it has one, see `Runtime`.
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: options.silence,
    };
    let names: &[&str] = match url.vendor {
        Vendor::S3 => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        Vendor::Google => &["GOOGLE_BASE_URL"],
        Vendor::Azure => &[
            "AZURE_STORAGE_ENDPOINT",
            "AZURE_ENDPOINT",
            "AZURE_STORAGE_ACCOUNT_NAME",
        ],
    };
    let place = names
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default();
    // Who writes http:// means it.
    let client = client.with_allow_http(place.starts_with("http://"));
    let store: Box<dyn ObjectStore> = match url.vendor {
        Vendor::S3 => Box::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(&url.bucket)
                .with_client_options(client)
                .with_retry(retry)
                .build()?,
        ),
        Vendor::Google => Box::new(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(&url.bucket)
                .with_client_options(client)
                .with_retry(retry)
                .build()?,
        ),
        Vendor::Azure => Box::new(
            MicrosoftAzureBuilder::from_env()
                .with_container_name(&url.bucket)
                .with_client_options(client)
                .with_retry(retry)
                .build()?,
        ),
    };
    Ok((store, place))
}

fn credentials(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::S3 => {
            "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), a web identity or the machine's role; the region from AWS_REGION, the endpoint from AWS_ENDPOINT_URL"
        }
        Vendor::Google => {
            "credentials come from GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_SERVICE_ACCOUNT or the machine's role"
        }
        Vendor::Azure => {
            "the account comes from AZURE_STORAGE_ACCOUNT_NAME, credentials from AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_KEY or AZURE_CLIENT_ID and its kin"
        }
    }
}

/// Says whether a store refused the condition itself.
fn unsupported(error: &Error) -> bool {
    matches!(
        error,
        Error::NotImplemented { .. } | Error::NotSupported { .. }
    ) || whole(error).contains("501 Not Implemented")
}

/// Says what a failure of the store means.
fn fault(url: &ObjectUrl, error: &Error) -> Fault {
    let text = whole(error);
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let no_store = [
        "NoSuchBucket",
        "ContainerNotFound",
        "The specified bucket does not exist",
    ];
    match error {
        _ if has(&no_store) => no_bucket(url),
        Error::NotFound { .. } => Fault::new(FaultKind::Absent, "an object is not there"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => denied(url, &text),
        // Some stores answer a bad key with 400.
        Error::Generic { .. }
            if has(&[
                "status code: 401",
                "status code: 403",
                "InvalidAccessKeyId",
                "AuthorizationHeaderMalformed",
            ]) =>
        {
            denied(url, &text)
        }
        Error::Generic { .. } if has(&["status code: 404"]) => no_bucket(url),
        Error::Generic { .. } if has(&["169.254.169.254", "metadata.google.internal"]) => {
            Fault::new(FaultKind::Denied, "there are no credentials").hint(credentials(url.vendor))
        }
        Error::Generic { .. } => {
            let refused = has(&["status code: 4", "HTTP error: builder"]);
            let kind = match refused {
                true => FaultKind::Final,
                false => FaultKind::Passing,
            };
            Fault::new(kind, unreachable(&text)).hint("check the endpoint and the network")
        }
        _ => Fault::new(FaultKind::Final, brief(&text)),
    }
}

fn no_bucket(url: &ObjectUrl) -> Fault {
    let what = match url.vendor {
        Vendor::Azure => "container",
        Vendor::S3 | Vendor::Google => "bucket",
    };
    Fault::new(
        FaultKind::NoStore,
        format!("there is no {what} `{}`", url.bucket),
    )
    .hint("create it first, or check its name and region")
}

fn denied(url: &ObjectUrl, text: &str) -> Fault {
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| format!(" ({code})"))
        .unwrap_or_default();
    Fault::new(
        FaultKind::Denied,
        format!("it refused the credentials{code}"),
    )
    .hint(credentials(url.vendor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_few_enough() {
        for size in [PART + 1, 1 << 30, 100 << 30, 5 << 40] {
            let part = part_size(size);
            assert!(part >= PART && size.div_ceil(part) <= PARTS, "{size}");
        }
        assert_eq!(part_size(1 << 30), PART);
    }
}
