//! Makes a layer: scan, archive, blobs, and the ref last.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::digest::Hashing;
use super::listing::Kind;
use super::manifest::{CONFIG_TYPE, Descriptor, LayerBlob, LayerConfig, Manifest, Record};
use super::name::encode_job;
use super::pack::{Packed, Packer};
use super::remember::{Packing, Record as Memory};
use super::scan::{Scan, scan};
use super::store::{Committed, timestamp};
use super::toc::{Frame, TocWriter};
use super::tree::{self, IMPLIED_MODE, Line};
use super::{
    Compression, Digest, LayerError, LayerId, PersistRequest, Persisted, Progress, Transferred,
    Workspace,
};

/// How often another number is tried before giving up; each try means that another writer won.
const TRIES: u32 = 10_000;

/// An archive that is in the store, without a ref.
struct Archived {
    packing: Packing,
    unmatched: Vec<String>,
}

pub(super) fn persist(
    workspace: &Workspace,
    request: &PersistRequest,
    progress: &mut Progress<'_>,
) -> Result<Persisted, LayerError> {
    check(request)?;
    workspace.check_expiry()?;
    let archived = match archive(workspace, request, progress) {
        // Once more from the start: what wrote to the file or removed it may have finished.
        Err(LayerError::Changed { .. } | LayerError::Vanished { .. }) => {
            archive(workspace, request, progress)?
        }
        other => other?,
    };
    commit(workspace, request, archived)
}

fn check(request: &PersistRequest) -> Result<(), LayerError> {
    let problem = if request.job.is_empty() {
        "a layer needs the name of its job"
    } else if request.attempt == 0 {
        "attempts are counted from 1"
    } else if request.node >= request.nodes.max(1) {
        "the node's index is not below the number of nodes"
    } else if request.paths.is_empty() {
        "a layer needs at least one path"
    } else {
        return Ok(());
    };
    Err(LayerError::Request(problem.to_owned()))
}

fn archive(
    workspace: &Workspace,
    request: &PersistRequest,
    progress: &mut Progress<'_>,
) -> Result<Archived, LayerError> {
    let scan = scan(
        &request.root,
        &request.paths,
        workspace.store(),
        workspace.threads,
    )?;
    workspace.prepare(&request.job)?;
    let record = Memory::of_packing(workspace, request);
    if let Some(record) = &record
        && let Some(packing) = Packing::recall(record, workspace, &scan, request.durable)
    {
        return Ok(Archived {
            packing,
            unmatched: scan.unmatched,
        });
    }
    progress(Transferred::default());
    let packer = Packer::new(&scan, &request.root, request.compression, workspace.threads)?;
    let mut files = Files::new(workspace, request.compression, &scan)?;
    packer.run(|packed| {
        files.add(&packer, packed)?;
        progress(files.done);
        Ok(())
    })?;
    let uncompressed = packer.total();
    let packing = files.commit(workspace, request.durable, uncompressed)?;
    if let Some(record) = &record {
        packing.remember(record, workspace, &scan);
    }
    Ok(Archived {
        packing,
        unmatched: scan.unmatched,
    })
}

/// The blobs of a layer under construction.
struct Files<'a> {
    scan: &'a Scan,
    archive: Hashing<NamedTempFile>,
    toc: Option<TocWriter<Hashing<BufWriter<NamedTempFile>>>>,
    frames: Vec<Frame>,
    digests: Vec<Digest>,
    /// How many places of the scan the table of contents has.
    listed: usize,
    done: Transferred,
}

impl<'a> Files<'a> {
    fn new(
        workspace: &Workspace,
        compression: Compression,
        scan: &'a Scan,
    ) -> Result<Self, LayerError> {
        let toc = match compression {
            Compression::Zstd(_) => {
                let temp = workspace.temp()?;
                let path = temp.path().to_owned();
                let writer = TocWriter::new(Hashing::new(BufWriter::new(temp)));
                Some(writer.map_err(|error| LayerError::io("write", &path, error))?)
            }
            // The pieces of gzip are made for readers that know nothing of them.
            Compression::None | Compression::Gzip => None,
        };
        Ok(Self {
            scan,
            archive: Hashing::new(workspace.temp()?),
            toc,
            frames: Vec::new(),
            digests: vec![Digest([0; 32]); scan.len()],
            listed: 0,
            done: Transferred::default(),
        })
    }

    /// Writes the next piece.
    fn add(&mut self, packer: &Packer<'_>, packed: &Packed) -> Result<(), LayerError> {
        let offset = self.archive.length();
        let written = self.archive.write_all(&packed.bytes);
        written.map_err(|error| LayerError::io("write", self.archive.inner().path(), error))?;
        for (index, digest) in &packed.digests {
            self.digests[*index] = *digest;
        }
        self.done.bytes += packed.done.bytes;
        self.done.entries += packed.done.entries;
        if let Some(toc) = &mut self.toc {
            self.frames.push(Frame {
                offset,
                length: packed.bytes.len() as u64,
                size: packed.raw as u64,
            });
            for index in self.listed..packed.complete {
                let digest = packer.is_file(index).then(|| self.digests[index]);
                if let Some(entry) = self.scan.entry(index) {
                    toc.entry(&entry, digest).map_err(|error| {
                        LayerError::io("write", self.archive.inner().path(), error)
                    })?;
                }
            }
        }
        self.listed = packed.complete;
        Ok(())
    }

    fn commit(
        self,
        workspace: &Workspace,
        durable: bool,
        uncompressed: u64,
    ) -> Result<Packing, LayerError> {
        let tree = self.tree();
        let (temp, layer, size) = self.archive.finish();
        let path = temp.path().to_owned();
        let failed = |error: io::Error| LayerError::io("write", &path, error);
        workspace.commit_blob(temp, layer, durable)?;
        let toc = match self.toc {
            Some(toc) => {
                let hashing = toc.finish(&self.frames).map_err(failed)?;
                let (buffer, digest, size) = hashing.finish();
                let temp = buffer
                    .into_inner()
                    .map_err(|error| failed(error.into_error()))?;
                workspace.commit_blob(temp, digest, durable)?;
                Some((digest, size))
            }
            None => None,
        };
        Ok(Packing {
            fingerprint: self.scan.fingerprint(),
            layer,
            size,
            uncompressed,
            entries: self.scan.entries(),
            tree,
            toc,
        })
    }

    fn tree(&self) -> Digest {
        let scan = self.scan;
        tree::digest(
            scan.len(),
            |index, out| scan.push_path(index, out),
            |index| match scan.kind(index) {
                Kind::Implied => Line::Folder(IMPLIED_MODE),
                Kind::Folder(_) => Line::Folder(scan.mode(index)),
                Kind::Symlink(_) => Line::Link(Cow::Borrowed(scan.target(index))),
                Kind::Hardlink(first) => {
                    let first = first as usize;
                    Line::File(scan.mode(first), self.digests[first])
                }
                Kind::File { .. } | Kind::Special(_) => {
                    Line::File(scan.mode(index), self.digests[index])
                }
            },
        )
    }
}

fn commit(
    workspace: &Workspace,
    request: &PersistRequest,
    archived: Archived,
) -> Result<Persisted, LayerError> {
    let mut id = LayerId {
        job: request.job.clone(),
        attempt: request.attempt,
        node: request.node,
        seq: 0,
    };
    for _ in 0..TRIES {
        id.seq = match request.seq {
            Some(seq) => seq,
            None => workspace.next_seq(&id)?,
        };
        let record = describe(workspace, request, &archived, &id)?;
        let persisted = |manifest| Persisted {
            id: id.clone(),
            manifest,
            layer: archived.packing.layer,
            size: archived.packing.size,
            uncompressed: archived.packing.uncompressed,
            entries: archived.packing.entries,
            tree: archived.packing.tree,
            unmatched: archived.unmatched.clone(),
        };
        match workspace.commit_ref(&id, &record, request.durable)? {
            Committed::New => return Ok(persisted(record.manifest)),
            Committed::Exists(_) if request.seq.is_none() => {}
            // A retry after a crash or a lost answer.
            Committed::Exists(existing) if existing.layer == archived.packing.layer => {
                return Ok(persisted(existing.manifest));
            }
            Committed::Exists(_) => return Err(LayerError::Taken { id }),
        }
    }
    Err(LayerError::Request(format!(
        "no free number was found for a layer of {}",
        id.job
    )))
}

/// Stores config and manifest and returns the ref's content.
fn describe(
    workspace: &Workspace,
    request: &PersistRequest,
    archived: &Archived,
    id: &LayerId,
) -> Result<Record, LayerError> {
    let now = SystemTime::now();
    let encoding = request.compression.into();
    let config = LayerConfig {
        schema: 1,
        workspace: Some(workspace.id().to_owned()),
        workflow: request.workflow.clone(),
        job: id.job.clone(),
        attempt: id.attempt,
        node: id.node,
        nodes: Some(request.nodes),
        seq: id.seq,
        root: Some(request.root_text.clone()),
        paths: Some(request.paths.clone()),
        requires: Some(request.requires.clone()),
        created: Some(timestamp(now)),
        expires: Some(timestamp(now + workspace.lifetime)),
        compression: encoding,
        uncompressed_size: Some(archived.packing.uncompressed),
        entries: Some(archived.packing.entries),
        producer: Some(concat!("holdall/", env!("CARGO_PKG_VERSION")).to_owned()),
    };
    let text = |error: serde_json::Error| {
        LayerError::Request(format!("the layer cannot be described: {error}"))
    };
    let (digest, size) =
        workspace.put_document(&serde_json::to_vec(&config).map_err(text)?, request.durable)?;
    let title = format!("{}.{}", encode_job(&id.job), id.ref_name());
    let mut manifest = Manifest::describe(
        Descriptor {
            media_type: CONFIG_TYPE.to_owned(),
            digest,
            size,
            annotations: None,
        },
        LayerBlob {
            title: &title,
            digest: archived.packing.layer,
            size: archived.packing.size,
            encoding,
        },
    );
    if let Some((digest, size)) = archived.packing.toc {
        manifest = manifest.with_toc(digest, size);
    }
    let (manifest, manifest_size) = workspace.put_document(
        &serde_json::to_vec(&manifest).map_err(text)?,
        request.durable,
    )?;
    Ok(Record {
        manifest,
        manifest_size,
        layer: archived.packing.layer,
        layer_size: archived.packing.size,
        encoding,
    })
}
