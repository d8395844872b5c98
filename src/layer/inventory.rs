//! What lies in a workspace's folder, file by file: what belongs to the format, what nothing
//! refers to, and what is not ours at all. Nothing is changed here.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::manifest::Manifest;
use super::name::decode_job;
use super::{Digest, LayerError, LayerId, Workspace};

/// What a file of a workspace's folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// `oci-layout`, `index.json`.
    Layout,
    /// A ref whose line has an end.
    Ref(LayerId),
    /// A ref whose line was cut off: it counts as absent.
    CutRef,
    /// A file that has the name of a digest.
    Blob(Digest),
    /// A file under construction, or what is left of one.
    Temporary,
    /// A note of what an attach applied.
    Note,
    /// What was remembered of trees that were packed and targets that were filled.
    Cache,
    /// Something that the format does not know.
    Stray,
}

/// One file of a workspace's folder.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Relative to the workspace's folder.
    pub(super) path: PathBuf,
    pub(super) role: Role,
    /// In bytes.
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// The blobs that refs lead to.
#[derive(Debug, Default)]
pub(super) struct Referenced {
    pub(super) archives: HashSet<Digest>,
    pub(super) documents: HashSet<Digest>,
    /// Whether every manifest could be read, so that no blob is missing here.
    pub(super) whole: bool,
}

impl Referenced {
    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.archives.contains(digest) || self.documents.contains(digest)
    }
}

impl Workspace {
    /// Lists every file of the workspace's folder but for records, sorted by path; none where there
    /// is no folder.
    pub(super) fn inventory(&self) -> Result<Vec<Found>, LayerError> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let path = self.dir().join(&folder);
            let items = match fs::read_dir(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                other => other.map_err(|error| LayerError::io("read", &path, error))?,
            };
            for item in items {
                let item = item.map_err(|error| LayerError::io("read", &path, error))?;
                let relative = folder.join(item.file_name());
                let meta = match item.metadata() {
                    // Renamed or removed meanwhile.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    other => other.map_err(|error| LayerError::io("read", &item.path(), error))?,
                };
                if meta.is_dir() {
                    // Records of what was packed and attached come and go as they like.
                    if relative != Path::new(super::remember::FOLDER) {
                        folders.push(relative);
                    }
                    continue;
                }
                let role = match meta.is_file() {
                    true => self.role(&relative)?,
                    false => Role::Stray,
                };
                let modified = meta
                    .modified()
                    .map_err(|error| LayerError::io("read", &item.path(), error))?;
                found.push(Found {
                    path: relative,
                    role,
                    size: meta.len(),
                    modified,
                });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn role(&self, path: &Path) -> Result<Role, LayerError> {
        let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
        Ok(match parts.as_deref() {
            Some(["oci-layout" | "index.json"]) => Role::Layout,
            Some(["tmp", ..]) => Role::Temporary,
            Some(["cache", _]) => Role::Cache,
            Some([super::ledger::FOLDER, name]) if name.ends_with(".json") => Role::Note,
            Some(["blobs", "sha256", hex]) => match format!("sha256:{hex}").parse() {
                Ok(digest) => Role::Blob(digest),
                Err(_) => Role::Stray,
            },
            Some(["refs", job, name]) => {
                let id = decode_job(job).and_then(|job| LayerId::from_ref_name(&job, name));
                match id {
                    None => Role::Stray,
                    Some(id) => match self.record(&id) {
                        Ok(None) => Role::CutRef,
                        // Whether it reads is for a check to say; it is one.
                        Ok(Some(_)) | Err(LayerError::Damaged { .. }) => Role::Ref(id),
                        Err(error) => return Err(error),
                    },
                }
            }
            _ => Role::Stray,
        })
    }

    /// Finds the blobs that refs lead to.
    pub(super) fn referenced(&self) -> Result<Referenced, LayerError> {
        let mut all = Referenced {
            whole: true,
            ..Referenced::default()
        };
        for id in self.ids()? {
            let record = match self.record(&id) {
                Ok(None) => continue,
                Ok(Some(record)) => record,
                Err(LayerError::Damaged { .. }) => {
                    all.whole = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            all.archives.insert(record.layer);
            all.documents.insert(record.manifest);
            match self.manifest(&id, &record) {
                Ok(manifest) => {
                    let Manifest { config, layers, .. } = manifest;
                    all.documents.insert(config.digest);
                    let others = layers.into_iter().map(|blob| blob.digest);
                    all.documents
                        .extend(others.filter(|digest| *digest != record.layer));
                }
                Err(LayerError::Damaged { .. }) => all.whole = false,
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}
