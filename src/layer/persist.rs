//! Makes a layer: scan, archive, blobs, and the ref last.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use super::archive::{Entry, EntryKind, Writer};
use super::beneath::Beneath;
use super::codec::Encoder;
use super::digest::Hashing;
use super::manifest::{CONFIG_TYPE, Descriptor, LayerBlob, LayerConfig, Manifest, Record};
use super::name::{encode_job, printable};
use super::scan::{Scan, Source, Stamp, scan};
use super::store::{Committed, timestamp};
use super::tree::Tree;
use super::{
    Digest, LayerError, LayerId, PersistRequest, Persisted, Progress, Transferred, Workspace,
};

/// How often another number is tried before giving up; each try means that another writer won.
const TRIES: u32 = 10_000;

/// An archive that is in the store, without a ref.
struct Archived {
    layer: Digest,
    size: u64,
    uncompressed: u64,
    tree: Digest,
    scan: Scan,
}

pub(super) fn persist(
    workspace: &Workspace,
    request: &PersistRequest,
    progress: &mut Progress<'_>,
) -> Result<Persisted, LayerError> {
    check(request)?;
    workspace.check_expiry()?;
    let archived = match archive(workspace, request, progress) {
        // Once more from the start: what wrote to the file may have finished.
        Err(LayerError::Changed { .. }) => archive(workspace, request, progress)?,
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
    let scan = scan(&request.root, &request.paths, workspace.store())?;
    workspace.prepare(&request.job)?;
    let root = Beneath::open(&request.root)
        .map_err(|error| LayerError::io("read", &request.root, error))?;
    let temp = workspace.temp()?;
    let path = temp.path().to_owned();
    let failed = |error| LayerError::io("write", &path, error);

    let hashing = Hashing::new(BufWriter::with_capacity(1 << 17, temp));
    let mut packer = Packer {
        writer: Writer::new(Encoder::new(hashing, request.compression)),
        tree: Tree::default(),
        done: Transferred::default(),
        buffer: vec![0; 1 << 17],
        archive: &path,
        root,
        at: &request.root,
    };
    for source in &scan.sources {
        packer.add(source)?;
        progress(packer.done);
    }
    let Packer { writer, tree, .. } = packer;
    let (encoder, uncompressed) = writer.finish().map_err(failed)?;
    let (buffer, layer, size) = encoder.finish().map_err(failed)?.finish();
    let temp = buffer
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    workspace.commit_blob(temp, layer, request.durable)?;
    Ok(Archived {
        layer,
        size,
        uncompressed,
        tree: tree.digest(),
        scan,
    })
}

struct Packer<'a, W: Write> {
    writer: Writer<W>,
    tree: Tree,
    done: Transferred,
    buffer: Vec<u8>,
    archive: &'a Path,
    root: Beneath,
    at: &'a Path,
}

impl<W: Write> Packer<'_, W> {
    fn add(&mut self, source: &Source) -> Result<(), LayerError> {
        let entry = &source.entry;
        let path = entry.path.as_bytes();
        match &entry.kind {
            EntryKind::File { size } => {
                let digest = self.file(entry, *size, source.stamp)?;
                self.tree.file(path, entry.mode, digest);
            }
            EntryKind::Folder => {
                self.header(entry)?;
                self.tree.folder(path, entry.mode);
            }
            EntryKind::Symlink { target } => {
                self.header(entry)?;
                self.tree.link(path, target);
            }
            EntryKind::Hardlink { target } => {
                self.header(entry)?;
                self.tree.same(path, target.as_bytes());
            }
        }
        self.done.entries += 1;
        Ok(())
    }

    fn header(&mut self, entry: &Entry) -> Result<(), LayerError> {
        self.writer
            .entry(entry)
            .map_err(|error| LayerError::io("write", self.archive, error))
    }

    /// Archives a file and makes sure that it is the one that was found, before and after.
    fn file(&mut self, entry: &Entry, size: u64, stamp: Stamp) -> Result<Digest, LayerError> {
        let changed = || LayerError::Changed {
            path: printable(entry.path.as_bytes()),
        };
        let here = self.at.join(super::scan::os_path(&entry.path));
        let read = |error: io::Error| LayerError::io("read", &here, error);
        let file: File = match self.root.file(entry.path.as_bytes()) {
            Ok(handle) => handle.into(),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(read(error));
            }
            // Gone, or a link by now.
            Err(_) => return Err(changed()),
        };
        let current = |file: &File| file.metadata().map(|meta| Stamp::of(&meta)).map_err(read);
        if current(&file)? != stamp {
            return Err(changed());
        }
        self.header(entry)?;
        let mut content = Hashing::new(&file);
        while content.length() < size {
            let limit = usize::try_from(size - content.length())
                .unwrap_or(usize::MAX)
                .min(self.buffer.len());
            let count = content.read(&mut self.buffer[..limit]).map_err(read)?;
            if count == 0 {
                return Err(changed());
            }
            self.writer
                .content(&self.buffer[..count])
                .map_err(|error| LayerError::io("write", self.archive, error))?;
            self.done.bytes += count as u64;
        }
        self.writer
            .pad(size)
            .map_err(|error| LayerError::io("write", self.archive, error))?;
        let (_, digest, _) = content.finish();
        if current(&file)? != stamp {
            return Err(changed());
        }
        Ok(digest)
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
            layer: archived.layer,
            size: archived.size,
            uncompressed: archived.uncompressed,
            entries: archived.scan.sources.len() as u64,
            tree: archived.tree,
            unmatched: archived.scan.unmatched.clone(),
        };
        match workspace.commit_ref(&id, &record, request.durable)? {
            Committed::New => return Ok(persisted(record.manifest)),
            Committed::Exists(_) if request.seq.is_none() => {}
            // A retry after a crash or a lost answer.
            Committed::Exists(existing) if existing.layer == archived.layer => {
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
        uncompressed_size: Some(archived.uncompressed),
        entries: Some(archived.scan.sources.len() as u64),
        producer: Some(concat!("holdall/", env!("CARGO_PKG_VERSION")).to_owned()),
    };
    let text = |error: serde_json::Error| {
        LayerError::Request(format!("the layer cannot be described: {error}"))
    };
    let (digest, size) =
        workspace.put_document(&serde_json::to_vec(&config).map_err(text)?, request.durable)?;
    let title = format!("{}.{}", encode_job(&id.job), id.ref_name());
    let manifest = Manifest::describe(
        Descriptor {
            media_type: CONFIG_TYPE.to_owned(),
            digest,
            size,
            annotations: None,
        },
        LayerBlob {
            title: &title,
            digest: archived.layer,
            size: archived.size,
            encoding,
        },
    );
    let (manifest, manifest_size) = workspace.put_document(
        &serde_json::to_vec(&manifest).map_err(text)?,
        request.durable,
    )?;
    Ok(Record {
        manifest,
        manifest_size,
        layer: archived.layer,
        layer_size: archived.size,
        encoding,
    })
}
