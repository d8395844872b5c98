//! Workspaces as one tar: how layers travel where a store cannot be reached. The tar holds the
//! files of the store as they lie there, refs last, so that plain `tar` can make and unpack one as
//! well. What comes in is checked as a whole before any of it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::archive::{Budget, END, Entry, EntryKind, ReadError, Reader, padding, push_headers};
use super::digest::Hashing;
use super::name::{EntryPath, decode_job, encode_job, printable};
use super::prune::STAGING;
use super::store::{Committed, timestamp};
use super::tally::Tally;
use super::{Digest, LayerError, LayerId, Progress, Record, Workspace};

/// The most files of a tar that is imported.
const MOST_FILES: u64 = 10_000_000;

/// What a tar holds of one workspace, or what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// The workspace's id.
    pub workspace: String,
    /// The layers that were carried.
    pub layers: Vec<LayerId>,
    /// Of these, the ones that were there already with the same bytes.
    pub known: Vec<LayerId>,
    /// Bytes of blobs.
    pub bytes: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The workspaces by name.
    pub workspaces: Vec<Carried>,
    /// Files of the tar that no layer needs, printable; they were left out.
    pub ignored: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The tar itself cannot be read, or breaks the rules of an archive.
    #[error("the tar is refused: {0}")]
    Tar(String),
    /// A layer in it is bad, or the store cannot be written.
    #[error(transparent)]
    Layer(#[from] LayerError),
}

/// Writes workspaces as one tar.
///
/// # Errors
/// A blob that is not what its digest says, a store that cannot be read, an output that cannot be
/// written.
pub fn export(
    workspaces: &[Workspace],
    output: impl Write,
    name: &Path,
    progress: &mut Progress<'_>,
) -> Result<Vec<Carried>, LayerError> {
    let tally = Tally::new(progress);
    let mut tar = Tar {
        output,
        name,
        tally,
    };
    let mut all = Vec::new();
    let mut refs = Vec::new();
    for workspace in workspaces {
        all.push(tar.workspace(workspace, &mut refs)?);
    }
    for (path, line, stored) in refs {
        tar.bytes(&path, &line, stored)?;
    }
    tar.zeros(END)?;
    tar.output.flush().map_err(|error| tar_error(name, error))?;
    Ok(all)
}

fn tar_error(name: &Path, error: io::Error) -> LayerError {
    LayerError::io("write", name, error)
}

struct Tar<'a, W: Write> {
    output: W,
    /// What the output is called, for errors.
    name: &'a Path,
    tally: Tally<'a>,
}

impl<W: Write> Tar<'_, W> {
    /// Writes the layout file and the blobs, and returns the refs for later.
    fn workspace(
        &mut self,
        workspace: &Workspace,
        refs: &mut Vec<(String, Vec<u8>, SystemTime)>,
    ) -> Result<Carried, LayerError> {
        let folder = encode_job(workspace.id());
        let mut carried = Carried {
            workspace: workspace.id().to_owned(),
            ..Carried::default()
        };
        let layout = super::store::OCI_LAYOUT.as_bytes();
        self.bytes(&format!("{folder}/oci-layout"), layout, UNIX_EPOCH)?;
        let mut done = BTreeSet::new();
        for info in workspace.layers()? {
            let manifest = workspace.manifest(&info.id, &info.record)?;
            let document = (info.record.manifest, info.record.manifest_size);
            let blobs = manifest
                .layers
                .iter()
                .chain([&manifest.config])
                .map(|blob| (blob.digest, blob.size))
                .chain([document]);
            for (digest, size) in blobs {
                if done.insert(digest) {
                    self.blob(workspace, &info.id, &folder, digest, size)?;
                    carried.bytes += size;
                }
            }
            let job = encode_job(&info.id.job);
            refs.push((
                format!("{folder}/refs/{job}/{}", info.id.ref_name()),
                format!("{}\n", info.record).into_bytes(),
                info.stored,
            ));
            carried.layers.push(info.id);
        }
        Ok(carried)
    }

    fn blob(
        &mut self,
        workspace: &Workspace,
        id: &LayerId,
        folder: &str,
        digest: Digest,
        size: u64,
    ) -> Result<(), LayerError> {
        let file = workspace.open_blob(id, "blob", digest, size)?;
        let path = format!("{folder}/blobs/sha256/{}", digest.hex());
        self.header(&path, size, UNIX_EPOCH)?;
        let mut content = Hashing::new(file.take(size));
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = content.read(&mut buffer).map_err(|error| {
                LayerError::io("read", &workspace.dir().join("blobs/sha256"), error)
            })?;
            if count == 0 {
                break;
            }
            self.put(&buffer[..count])?;
            self.tally.add(count);
        }
        let (_, found, length) = content.finish();
        if found != digest || length != size {
            return Err(LayerError::Damaged {
                layer: id.clone(),
                reason: format!("its blob does not have the digest {digest}"),
            });
        }
        self.zeros(padding(size) as u64)
    }

    fn bytes(&mut self, path: &str, bytes: &[u8], time: SystemTime) -> Result<(), LayerError> {
        let size = bytes.len() as u64;
        self.header(path, size, time)?;
        self.put(bytes)?;
        self.zeros(padding(size) as u64)
    }

    fn header(&mut self, path: &str, size: u64, time: SystemTime) -> Result<(), LayerError> {
        let entry = Entry {
            path: EntryPath::found(path.as_bytes()),
            kind: EntryKind::File { size },
            mode: 0o644,
            mtime: time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        };
        let mut headers = Vec::new();
        push_headers(&entry, &mut headers).map_err(|error| tar_error(self.name, error))?;
        self.put(&headers)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.output
            .write_all(bytes)
            .map_err(|error| tar_error(self.name, error))
    }

    fn zeros(&mut self, count: u64) -> Result<(), LayerError> {
        io::copy(&mut io::repeat(0).take(count), &mut self.output)
            .map(drop)
            .map_err(|error| tar_error(self.name, error))
    }
}

/// Adds the workspaces of a tar to a store: what is there stays, what is new comes in. Nothing
/// counts unless every layer of the tar is whole and fits in.
///
/// # Errors
/// The tar or a layer in it is bad, a layer's number is taken by another layer, a workspace has
/// expired, or the store cannot be written.
pub fn import(
    store: &Path,
    input: impl Read,
    progress: &mut Progress<'_>,
) -> Result<Imported, ImportError> {
    let tally = &mut Tally::new(progress);
    fs::create_dir_all(store).map_err(|error| LayerError::io("create", store, error))?;
    // Beside the workspaces, so that files come in by rename.
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(store)
        .map_err(|error| LayerError::io("create a folder in", store, error))?;
    let mut staged = Staged {
        folder: staging.path(),
        names: BTreeSet::new(),
        workspaces: BTreeSet::new(),
        stored: BTreeMap::new(),
        ignored: Vec::new(),
    };
    staged.unpack(tally.over(input))?;
    let mut ready = Vec::new();
    for id in &staged.workspaces {
        let from = Workspace::in_dir(staging.path(), id);
        let to = Workspace::in_dir(store, id);
        ready.push(check(from, to, &mut staged.ignored, tally)?);
    }
    let mut imported = Imported {
        ignored: staged.ignored,
        ..Imported::default()
    };
    for incoming in ready {
        imported.workspaces.push(incoming.commit(&staged.stored)?);
    }
    Ok(imported)
}

/// A tar that is being unpacked.
struct Staged<'a> {
    folder: &'a Path,
    names: BTreeSet<Vec<u8>>,
    /// Ids of workspaces that a file was unpacked for.
    workspaces: BTreeSet<String>,
    /// When refs were made where they come from.
    stored: BTreeMap<(String, LayerId), SystemTime>,
    ignored: Vec<String>,
}

impl Staged<'_> {
    fn unpack(&mut self, input: impl Read) -> Result<(), ImportError> {
        let budget = Budget {
            entries: MOST_FILES,
            bytes: u64::MAX,
        };
        let mut reader = Reader::new(input, budget);
        while let Some(entry) = reader.next().map_err(refused)? {
            let path = entry.path.as_bytes().to_vec();
            match entry.kind {
                EntryKind::Folder => continue,
                EntryKind::File { .. } => {}
                _ => {
                    return Err(ImportError::Tar(format!(
                        "`{}` is no file, and a store holds nothing else",
                        entry.path
                    )));
                }
            }
            if !self.names.insert(path) {
                return Err(ImportError::Tar(format!("it holds `{}` twice", entry.path)));
            }
            match self.place(&entry) {
                Some(place) => write(&place, &mut reader)?,
                None if made_anew(entry.path.as_bytes()) => {}
                None => self.ignored.push(printable(entry.path.as_bytes())),
            }
        }
        Ok(())
    }

    /// Says where a file of a store goes; nowhere for what a store does not need.
    fn place(&mut self, entry: &Entry) -> Option<PathBuf> {
        let text = std::str::from_utf8(entry.path.as_bytes()).ok()?;
        let parts: Vec<&str> = text.split('/').collect();
        let (workspace, rest) = parts.split_first()?;
        let id = decode_job(workspace)?;
        match rest {
            ["blobs", "sha256", hex] => {
                format!("sha256:{hex}").parse::<Digest>().ok()?;
            }
            ["refs", job, name] => {
                let layer = LayerId::from_ref_name(&decode_job(job)?, name)?;
                let time = UNIX_EPOCH + Duration::from_secs(entry.mtime.min(1 << 40));
                self.stored.insert((id.clone(), layer), time);
            }
            _ => return None,
        }
        self.workspaces.insert(id);
        Some(self.folder.join(text))
    }
}

/// Says whether a file of a store is one that each store makes for itself.
fn made_anew(path: &[u8]) -> bool {
    let mut parts = path.splitn(3, |byte| *byte == b'/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(b"oci-layout" | b"index.json"), None) => true,
        (Some(folder), Some(_)) => folder == super::ledger::FOLDER.as_bytes() || folder == b"cache",
        _ => false,
    }
}

fn refused(error: ReadError) -> ImportError {
    ImportError::Tar(match error {
        ReadError::Refused(refusal) => refusal.to_string(),
        ReadError::Io(error) => error.to_string(),
    })
}

fn write<R: Read>(place: &Path, reader: &mut Reader<R>) -> Result<(), ImportError> {
    let failed = |error| LayerError::io("write", place, error);
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = File::create_new(place).map_err(failed)?;
    let mut buffer = vec![0; 1 << 17];
    loop {
        let count = reader.read_content(&mut buffer).map_err(refused)?;
        if count == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..count]).map_err(failed)?;
    }
}

/// A workspace of a tar that has been checked.
struct Incoming {
    from: Workspace,
    to: Workspace,
    layers: Vec<(LayerId, Record)>,
    /// The blobs that layers need.
    blobs: Vec<(Digest, u64)>,
}

/// Checks every layer of a workspace from a tar, and that it fits into the store.
fn check(
    from: Workspace,
    to: Workspace,
    ignored: &mut Vec<String>,
    tally: &mut Tally<'_>,
) -> Result<Incoming, LayerError> {
    let mut layers = Vec::new();
    let mut blobs = BTreeMap::new();
    for info in from.layers()? {
        from.files_counted(&info.id, tally)?;
        let manifest = from.manifest(&info.id, &info.record)?;
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            from.check_blob(&info.id, blob.digest, blob.size)?;
            blobs.insert(blob.digest, blob.size);
        }
        blobs.insert(info.record.manifest, info.record.manifest_size);
        match to.record(&info.id)? {
            Some(other) if other != info.record => {
                return Err(LayerError::Taken { id: info.id });
            }
            _ => layers.push((info.id, info.record)),
        }
    }
    for found in from.inventory()? {
        let needed = match &found.role {
            super::inventory::Role::Blob(digest) => blobs.contains_key(digest),
            super::inventory::Role::Ref(_) => true,
            _ => false,
        };
        if !needed {
            let path = Path::new(&encode_job(from.id())).join(&found.path);
            ignored.push(printable(path.as_os_str().as_encoded_bytes()));
        }
    }
    to.check_expiry()?;
    let now = SystemTime::now();
    match from.expires()? {
        Some(date) if date <= now => Err(LayerError::Expired {
            workspace: from.id().to_owned(),
            expired: timestamp(date),
            now: timestamp(now),
        }),
        _ => Ok(Incoming {
            from,
            to,
            layers,
            blobs: blobs.into_iter().collect(),
        }),
    }
}

impl Workspace {
    /// Reads a blob and compares its digest.
    fn check_blob(&self, id: &LayerId, digest: Digest, size: u64) -> Result<(), LayerError> {
        let file = self.open_blob(id, "blob", digest, size)?;
        let mut content = Hashing::new(file);
        io::copy(&mut content, &mut io::sink())
            .map_err(|error| LayerError::io("read", self.dir(), error))?;
        match content.finish().1 == digest {
            true => Ok(()),
            false => Err(LayerError::Damaged {
                layer: id.clone(),
                reason: format!("its blob does not have the digest {digest}"),
            }),
        }
    }
}

impl Incoming {
    /// Moves the blobs in, and then makes the refs.
    fn commit(
        self,
        stored: &BTreeMap<(String, LayerId), SystemTime>,
    ) -> Result<Carried, LayerError> {
        let mut carried = Carried {
            workspace: self.to.id().to_owned(),
            bytes: self.blobs.iter().map(|(_, size)| size).sum(),
            ..Carried::default()
        };
        self.to.prepare_layout()?;
        for (digest, _) in &self.blobs {
            let place = self.to.blob_path(*digest);
            fs::rename(self.from.blob_path(*digest), &place)
                .map_err(|error| LayerError::io("write", &place, error))?;
        }
        for (id, record) in self.layers {
            self.to.prepare(&id.job)?;
            match self.to.commit_ref(&id, &record, false)? {
                Committed::New => {
                    // A layer is no younger for having travelled.
                    if let Some(time) = stored.get(&(carried.workspace.clone(), id.clone())) {
                        self.to.set_stored(&id, *time)?;
                    }
                }
                Committed::Exists(other) if other == record => carried.known.push(id.clone()),
                // Somebody took the number since it was looked at.
                Committed::Exists(_) => return Err(LayerError::Taken { id }),
            }
            carried.layers.push(id);
        }
        Ok(carried)
    }
}
