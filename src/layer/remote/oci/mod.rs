//! OCI registries: `oci://` and `oci+http://`. A layer is an artifact with a tag of its own. A tag
//! can be overwritten by whoever may push, so creating one looks before and after; the rest is in
//! the caveat that the documentation tells.

mod fault;
mod login;
mod pages;
mod tag;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream;
use oci_client::client::{BlobResponse, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::header::HeaderValue;

use self::login::credentials;
use self::pages::{PAGE, every_page};
use self::tag::{is_of, tag};
use super::runtime::{Runtime, brief, whole};
use super::url::RegistryUrl;
use super::{Blob, Created, Fault, FaultKind, Listed, RemoteOptions, RemoteRef, Transport};
use crate::layer::manifest::{LayerConfig, MANIFEST_TYPE, Manifest, Record};
use crate::layer::store::MAX_DOCUMENT;
use crate::layer::{Digest, LayerId};

/// Bytes of one piece of an upload.
const PIECE: usize = 1 << 17;

pub(super) struct Registry {
    client: Client,
    auth: RegistryAuth,
    url: RegistryUrl,
    workspace: String,
    runtime: Runtime,
    /// Set once a token to push was granted.
    may_push: OnceLock<()>,
}

impl Registry {
    pub(super) fn connect(
        url: &RegistryUrl,
        workspace: &str,
        options: &RemoteOptions,
    ) -> Result<Self, Fault> {
        let runtime = Runtime::new(options.silence)?;
        let protocol = if url.tls {
            ClientProtocol::Https
        } else {
            ClientProtocol::Http
        };
        let client = Client::try_from(ClientConfig {
            protocol,
            // In one piece: not every registry takes parts.
            use_monolithic_push: true,
            connect_timeout: Some(options.connect),
            user_agent: concat!("holdall/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        })
        .map_err(|error| Fault::new(FaultKind::Final, whole(&error)))?;
        let registry = Self {
            client,
            auth: credentials(&url.registry)?,
            url: url.clone(),
            workspace: workspace.to_owned(),
            runtime,
            may_push: OnceLock::new(),
        };
        registry.log_in(RegistryOperation::Pull)?;
        Ok(registry)
    }

    /// Gets a token before the first request: later, a refused one would look like anything.
    fn log_in(&self, operation: RegistryOperation) -> Result<(), Fault> {
        self.ask(self.client.auth(&self.repository(), &self.auth, operation))
            .map(drop)
    }

    fn log_in_to_push(&self) -> Result<(), Fault> {
        if self.may_push.get().is_none() {
            self.log_in(RegistryOperation::Push)?;
            let _ = self.may_push.set(());
        }
        Ok(())
    }

    fn repository(&self) -> Reference {
        self.tagged("latest")
    }

    fn tagged(&self, tag: &str) -> Reference {
        Reference::with_tag(
            self.url.registry.clone(),
            self.url.repository.clone(),
            tag.to_owned(),
        )
    }

    fn ask<T>(
        &self,
        work: impl Future<Output = Result<T, OciDistributionError>>,
    ) -> Result<T, Fault> {
        self.runtime
            .answer(work)?
            .map_err(|error| self.fault(&error))
    }

    /// Returns the digest of the manifest that a tag points to.
    fn head(&self, tag: &str) -> Result<Option<Digest>, Fault> {
        match self.ask(
            self.client
                .fetch_manifest_digest(&self.tagged(tag), &self.auth),
        ) {
            Ok(digest) => digest
                .parse()
                .map(Some)
                .map_err(|error| Fault::new(FaultKind::Final, format!("tag {tag}: {error}"))),
            Err(fault) if matches!(fault.kind, FaultKind::Absent | FaultKind::NoStore) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Downloads a blob from this byte on.
    fn blob(
        &self,
        blob: Blob,
        from: u64,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let descriptor = OciDescriptor {
            digest: blob.digest.to_string(),
            size: i64::try_from(blob.size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        };
        let reference = self.repository();
        let answer = self.ask(async {
            self.client
                .store_auth_if_needed(reference.resolve_registry(), &self.auth)
                .await;
            self.client
                .pull_blob_stream_partial(&reference, &descriptor, from, None)
                .await
        })?;
        // What a registry sends that knows no ranges begins with what is here already.
        let (stream, mut skip) = match answer {
            BlobResponse::Full(stream) => (stream, from),
            BlobResponse::Partial(stream) => (stream, 0),
        };
        self.runtime.drain(
            stream.stream,
            |piece| {
                let old = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
                skip -= old as u64;
                match piece.len() - old {
                    0 => Ok(()),
                    _ => take(&piece[old..]),
                }
            },
            |error| Fault::new(FaultKind::Passing, brief(&whole(&error))),
        )
    }

    /// Downloads a small document whole.
    fn document(&self, blob: Blob) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        self.get(blob, 0, &mut |piece| {
            if (bytes.len() + piece.len()) as u64 > blob.size {
                return Err(io::Error::other(
                    "a document is longer than its manifest says",
                ));
            }
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Reads the layer that a tag points to.
    fn layer(&self, tag: &str) -> Result<Option<RemoteRef>, Fault> {
        let foreign = |what: String| {
            Fault::new(FaultKind::Final, format!("the tag {tag} {what}"))
                .hint("another program may have overwritten it; run the job that made the layer again, as a new attempt")
        };
        let pulled = self.ask(self.client.pull_manifest_raw(
            &self.tagged(tag),
            &self.auth,
            &[MANIFEST_TYPE],
        ));
        let bytes = match pulled {
            Ok((bytes, _)) => bytes,
            Err(fault) if fault.kind == FaultKind::Absent => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|_| foreign("points to something that is no layer".to_owned()))?;
        let record = manifest
            .record(&bytes)
            .map_err(|reason| foreign(format!("is no layer: {reason}")))?;
        if manifest.config.size > MAX_DOCUMENT {
            return Err(foreign("has a config that is too large".to_owned()));
        }
        let config = self.document(Blob {
            digest: manifest.config.digest,
            size: manifest.config.size,
        })?;
        if Digest::of(&config) != manifest.config.digest {
            return Err(foreign("has a config of another digest".to_owned()));
        }
        let facts: LayerConfig = serde_json::from_slice(&config)
            .map_err(|error| foreign(format!("has a config that does not read: {error}")))?;
        let id = LayerId {
            job: facts.job,
            attempt: facts.attempt,
            node: facts.node,
            seq: facts.seq,
        };
        if self.name(&id) != tag {
            return Err(foreign(format!(
                "points to the layer {id}, which has another tag"
            )));
        }
        Ok(Some(RemoteRef {
            id,
            record,
            documents: vec![bytes.to_vec(), config],
        }))
    }
}

impl Transport for Registry {
    fn place(&self) -> String {
        String::new()
    }

    fn list(&self) -> Result<Vec<Listed>, Fault> {
        let repository = self.repository();
        let mut names = every_page(|last| {
            self.ask(
                self.client
                    .list_tags(&repository, &self.auth, Some(PAGE), last),
            )
            .map(|page| page.tags)
        })?;
        names.retain(|tag| is_of(&self.workspace, tag));
        names.sort();
        Ok(names
            .into_iter()
            .map(|name| Listed { name, stored: None })
            .collect())
    }

    fn name(&self, id: &LayerId) -> String {
        tag(&self.workspace, id)
    }

    fn same(&self, listed: &Listed, known: &Record, _: SystemTime) -> Result<bool, Fault> {
        Ok(self.head(&listed.name)? == Some(known.manifest))
    }

    fn read(&self, listed: &Listed) -> Result<Option<RemoteRef>, Fault> {
        self.layer(&listed.name)
    }

    fn create(&self, id: &LayerId, record: &Record, manifest: &[u8]) -> Result<Created, Fault> {
        self.log_in_to_push()?;
        let name = self.name(id);
        let theirs = |found: Option<Digest>| match found {
            Some(digest) if digest != record.manifest => match self.layer(&name)? {
                Some(found) => Ok(Some(Created::Exists(Box::new(found)))),
                None => Err(Fault::new(
                    FaultKind::Passing,
                    format!("the tag {name} comes and goes"),
                )),
            },
            Some(_) => Ok(Some(Created::New)),
            None => Ok(None),
        };
        if let Some(done) = theirs(self.head(&name)?)? {
            return Ok(done);
        }
        let content = HeaderValue::from_static(MANIFEST_TYPE);
        let tagged = self.tagged(&name);
        let push = self
            .client
            .push_manifest_raw(&tagged, Bytes::from(manifest.to_vec()), content);
        self.ask(push)?;
        // Another writer may have come in between; the last one stands.
        theirs(self.head(&name)?)?.ok_or_else(|| {
            Fault::new(
                FaultKind::Passing,
                format!("the tag {name} is not there yet"),
            )
        })
    }

    fn has(&self, blob: Blob) -> Result<bool, Fault> {
        self.log_in_to_push()?;
        let digest = blob.digest.to_string();
        let reference = self.repository();
        self.ask(async {
            self.client
                .store_auth_if_needed(reference.resolve_registry(), &self.auth)
                .await;
            self.client.blob_exists(&reference, &digest).await
        })
    }

    fn put(&self, blob: Blob, file: &Path, sent: &(dyn Fn(u64) + Sync)) -> Result<(), Fault> {
        self.log_in_to_push()?;
        let disk = |error: io::Error| {
            Fault::new(FaultKind::Final, format!("cannot read the blob: {error}"))
        };
        let file = File::open(file).map_err(disk)?;
        let (tell, told) = std::sync::mpsc::channel();
        let pieces = stream::iter(Pieces { file, tell });
        let digest = blob.digest.to_string();
        let reference = self.repository();
        let push = self
            .client
            .push_blob_stream(&reference, pieces, &digest, Some(blob.size));
        let result = self.runtime.watched(blob.size, push, || {
            let pieces: u64 = told.try_iter().sum();
            sent(pieces);
            pieces
        })?;
        result.map(drop).map_err(|error| self.fault(&error))
    }

    fn get(
        &self,
        blob: Blob,
        from: u64,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        match self.blob(blob, from, &mut *take) {
            // A manifest is no blob to a registry.
            Err(fault) if fault.kind == FaultKind::Absent && blob.size <= MAX_DOCUMENT => {
                let reference = Reference::with_digest(
                    self.url.registry.clone(),
                    self.url.repository.clone(),
                    blob.digest.to_string(),
                );
                let accepted = [MANIFEST_TYPE];
                let pull = self
                    .client
                    .pull_manifest_raw(&reference, &self.auth, &accepted);
                let (bytes, _) = self.ask(pull)?;
                let rest = usize::try_from(from)
                    .ok()
                    .and_then(|from| bytes.get(from..));
                take(rest.unwrap_or_default())
                    .map_err(|error| Fault::new(FaultKind::Final, error.to_string()))
            }
            other => other,
        }
    }

    fn makes_itself(&self) -> bool {
        true
    }

    fn caveat(&self) -> Option<String> {
        None
    }
}

/// A file in pieces, each of which is told of when it is taken.
struct Pieces {
    file: File,
    tell: std::sync::mpsc::Sender<u64>,
}

impl Iterator for Pieces {
    type Item = Result<Bytes, OciDistributionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut buffer = vec![0; PIECE];
        match self.file.read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => {
                // Nobody may be listening any more.
                let _ = self.tell.send(count as u64);
                buffer.truncate(count);
                Some(Ok(Bytes::from(buffer)))
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}
