//! Notes of what was attached: the bytes that were read for it, and which files the job then read.
//! They are for people who want to know what a workspace costs; nothing depends on them, and one
//! that cannot be written is no failure.
//!
//! Whether a file was read is asked of its access time. An attach sets it to the time of the
//! content; the kernel moves it on the first read, unless the file system was told not to, and
//! that is tried out first.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::archive::{Entry, EntryKind};
use super::beneath::{Beneath, FileKind, Folder, facts_of, place, temp_in};
use super::store::timestamp;
use super::{AppliedLayer, Attached, Digest, LayerError, LayerId, Workspace};

/// The folder of the notes, in the workspace's folder.
pub(super) const FOLDER: &str = "attached";
/// The largest note that is read, in bytes.
const MOST: u64 = 64 << 20;

/// What is noted of one attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The version of the note: 1.
    pub schema: u32,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// The job that attached, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The bytes of the archives that were read.
    pub bytes: u64,
    /// The layers in the order in which they were applied.
    pub layers: Vec<NotedLayer>,
}

/// One layer of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedLayer {
    /// The job that made it.
    pub job: String,
    /// From 1.
    pub attempt: u32,
    /// The parallelism index, from 0.
    pub node: u32,
    /// The n-th persist of the node, from 0.
    pub seq: u32,
    /// The archive's digest.
    pub digest: Digest,
    /// Its files that nobody had read when the job ended; missing where that cannot be known.
    /// Files whose names are no text are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Vec<String>>,
}

impl NotedLayer {
    fn id(&self) -> LayerId {
        LayerId {
            job: self.job.clone(),
            attempt: self.attempt,
            node: self.node,
            seq: self.seq,
        }
    }
}

/// A note that has been written.
#[derive(Debug, Clone)]
pub struct Noted {
    path: PathBuf,
    note: Note,
}

impl Workspace {
    /// Notes what an attach applied.
    ///
    /// # Errors
    /// The store cannot be written, which says nothing about the attach.
    pub fn note_attach(&self, job: Option<&str>, attached: &Attached) -> Result<Noted, LayerError> {
        let layer = |layer: &AppliedLayer| NotedLayer {
            job: layer.id.job.clone(),
            attempt: layer.id.attempt,
            node: layer.id.node,
            seq: layer.id.seq,
            digest: layer.layer,
            unread: None,
        };
        let note = Note {
            schema: 1,
            at: timestamp(SystemTime::now()),
            job: job.map(str::to_owned),
            bytes: attached.layers.iter().map(|layer| layer.size).sum(),
            layers: attached.layers.iter().map(layer).collect(),
        };
        let folder = self.dir().join(FOLDER);
        fs::create_dir_all(&folder).map_err(|error| LayerError::io("create", &folder, error))?;
        let file = temp_in(&folder, "", ".json")
            .and_then(|file| Ok(file.keep()?))
            .map_err(|error| LayerError::io("create a file in", &folder, error))?;
        let noted = Noted { path: file.1, note };
        self.write_note(&noted)?;
        Ok(noted)
    }

    /// Adds to a note which files below `at` nobody has read since the attach. Says whether that
    /// could be known.
    ///
    /// # Errors
    /// A layer or the target cannot be read, the store cannot be written.
    pub fn note_reads(&self, mut noted: Noted, at: &Path) -> Result<bool, LayerError> {
        if !reads_show(at).map_err(|error| LayerError::io("read", at, error))? {
            return Ok(false);
        }
        let beneath = Beneath::open(at).map_err(|error| LayerError::io("read", at, error))?;
        let mut seen = Seen {
            beneath,
            folders: HashMap::new(),
        };
        for layer in &mut noted.note.layers {
            let entries = self.listed(&layer.id())?;
            let unread = entries.iter().filter(|entry| seen.is_unread(entry));
            let names =
                unread.filter_map(|entry| String::from_utf8(entry.path.as_bytes().into()).ok());
            layer.unread = Some(names.collect());
        }
        self.write_note(&noted)?;
        Ok(true)
    }

    fn write_note(&self, noted: &Noted) -> Result<(), LayerError> {
        let failed = |error| LayerError::io("write", &noted.path, error);
        let text = serde_json::to_vec(&noted.note).map_err(|error| failed(error.into()))?;
        // Whoever reads meanwhile sees the old one or the new one.
        let mut file = self.temp()?;
        file.write_all(&text).map_err(failed)?;
        place(file, &noted.path).map_err(failed)
    }

    /// Reads the notes of all attaches, the earliest first. What does not read is left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn notes(&self) -> Result<Vec<Note>, LayerError> {
        let folder = self.dir().join(FOLDER);
        let items = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| LayerError::io("read", &folder, error))?,
        };
        let mut notes = Vec::new();
        for item in items {
            let path = item
                .map_err(|error| LayerError::io("read", &folder, error))?
                .path();
            let Ok(file) = fs::File::open(&path) else {
                continue;
            };
            let mut text = Vec::new();
            if file.take(MOST).read_to_end(&mut text).is_ok()
                && let Ok(note) = serde_json::from_slice::<Note>(&text)
                && note.schema == 1
            {
                notes.push(note);
            }
        }
        notes.sort_by(|a, b| (&a.at, &a.job).cmp(&(&b.at, &b.job)));
        Ok(notes)
    }

    /// Returns, for each layer of whose attaches it is known, the files that no job read. A layer
    /// that was attached where reads do not show is left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn unread(&self) -> Result<BTreeMap<LayerId, Vec<String>>, LayerError> {
        // None where one of the attaches does not know.
        let mut all: BTreeMap<LayerId, Option<Vec<String>>> = BTreeMap::new();
        for note in self.notes()? {
            for layer in note.layers {
                let id = layer.id();
                let merged = match (all.remove(&id), layer.unread) {
                    (Some(None), _) | (_, None) => None,
                    (None, unread) => unread,
                    (Some(Some(mut before)), Some(now)) => {
                        let now: std::collections::HashSet<String> = now.into_iter().collect();
                        before.retain(|name| now.contains(name));
                        Some(before)
                    }
                };
                all.insert(id, merged);
            }
        }
        let known = all
            .into_iter()
            .filter_map(|(id, unread)| Some((id, unread?)));
        Ok(known.collect())
    }
}

/// Tries out whether a read below a folder can be seen at all: on a file system that keeps no
/// access times it cannot.
fn reads_show(at: &Path) -> io::Result<bool> {
    const LONG_AGO: u64 = 1_000_000_000;
    let mut probe = tempfile::Builder::new()
        .prefix(".holdall-probe-")
        .tempfile_in(at)?;
    probe.write_all(b"x")?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(LONG_AGO);
    let times = fs::FileTimes::new().set_accessed(time).set_modified(time);
    probe.as_file().set_times(times)?;
    // By its name, as a job would.
    fs::read(probe.path())?;
    let accessed = facts_of(&fs::File::open(probe.path())?)?.accessed;
    Ok(u64::try_from(accessed.0).ok() != Some(LONG_AGO))
}

/// Looks at the files of a target, one folder after the other.
struct Seen {
    beneath: Beneath,
    folders: HashMap<Vec<u8>, Option<Folder>>,
}

/// How many folders stay open.
const OPEN: usize = 64;

impl Seen {
    /// Says whether a file is there as an attach left it, and nobody has read it.
    fn is_unread(&mut self, entry: &Entry) -> bool {
        let EntryKind::File { size } = entry.kind else {
            return false;
        };
        // What holds nothing is not worth a word.
        if size == 0 {
            return false;
        }
        let (folder, name) = entry.path.split();
        let folder = folder.unwrap_or_default();
        if !self.folders.contains_key(folder) {
            if self.folders.len() >= OPEN {
                self.folders.clear();
            }
            let handle = self.beneath.folder(folder).ok();
            self.folders.insert(folder.to_vec(), handle);
        }
        let Some(Some(handle)) = self.folders.get(folder) else {
            return false;
        };
        let Ok(facts) = handle.look(name) else {
            return false;
        };
        facts.kind == FileKind::File
            && facts.stamp.size == size
            && u64::try_from(facts.stamp.modified.0).is_ok_and(|now| now == entry.mtime)
            && facts.stamp.modified.1 == 0
            && facts.accessed == facts.stamp.modified
    }
}
