//! The directory store: one OCI image layout a workspace. Blobs come in by rename, a layer counts
//! once its ref exists, and a ref is created exclusively, so no lock is needed and a crash leaves
//! either no ref or a whole layer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::beneath::{self, place};
use super::manifest::{CONFIG_TYPE, LayerConfig, Manifest, Record};
use super::name::decode_job;
use super::remote::Blob;
use super::{Digest, LayerError, LayerId, Workspace};

/// The largest manifest or config that is read, in bytes: registries take manifests up to 4 MiB.
pub(super) const MAX_DOCUMENT: u64 = 4 << 20;
/// The largest ref that is read, in bytes; a whole one has about 200.
pub(super) const MAX_REF: u64 = 1024;
pub(super) const OCI_LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// What became of a ref.
pub(super) enum Committed {
    New,
    /// Another layer has this number.
    Exists(Record),
}

/// A layer as its documents describe it.
#[derive(Debug, Clone)]
pub struct LayerInfo {
    /// Which one.
    pub id: LayerId,
    /// The ref's line.
    pub record: Record,
    /// The facts.
    pub config: LayerConfig,
    /// Digest and size of the archive's table of contents, where it has one.
    pub toc: Option<(Digest, u64)>,
    /// When the ref was made, by the store's clock.
    pub stored: SystemTime,
}

impl Workspace {
    pub(super) fn blob_path(&self, digest: Digest) -> PathBuf {
        self.dir().join("blobs/sha256").join(digest.hex())
    }

    pub(super) fn ref_path(&self, id: &LayerId) -> PathBuf {
        self.dir()
            .join("refs")
            .join(super::name::encode_job(&id.job))
            .join(id.ref_name())
    }

    /// Makes the folders and the layout file where they are missing.
    pub(super) fn prepare(&self, job: &str) -> Result<(), LayerError> {
        self.prepare_layout()?;
        make_dir(&self.dir().join("refs").join(super::name::encode_job(job)))
    }

    /// Makes what every workspace has, whatever its jobs.
    pub(super) fn prepare_layout(&self) -> Result<(), LayerError> {
        for part in ["blobs/sha256", "tmp", "refs"] {
            make_dir(&self.dir().join(part))?;
        }
        let layout = self.dir().join("oci-layout");
        if !layout.exists() {
            // Two writers at once write the same bytes.
            let mut file = self.temp()?;
            file.write_all(OCI_LAYOUT.as_bytes())
                .map_err(|error| LayerError::io("write", &layout, error))?;
            place(file, &layout).map_err(|error| LayerError::io("write", &layout, error))?;
        }
        Ok(())
    }

    /// Says whether the folder has a blob in full size.
    pub(super) fn holds(&self, blob: Blob) -> Result<bool, LayerError> {
        let path = self.blob_path(blob.digest);
        match fs::metadata(&path) {
            Ok(meta) => Ok(meta.is_file() && meta.len() == blob.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(LayerError::io("read", &path, error)),
        }
    }

    /// Renames a file of `tmp/` whose digest was taken to its place among the blobs.
    pub(super) fn adopt(&self, file: &Path, digest: Digest) -> Result<(), LayerError> {
        let path = self.blob_path(digest);
        fs::rename(file, &path).map_err(|error| LayerError::io("write", &path, error))
    }

    /// Makes a file in `tmp/` that vanishes unless it is renamed.
    pub(super) fn temp(&self) -> Result<NamedTempFile, LayerError> {
        let dir = self.dir().join("tmp");
        beneath::temp_in(&dir, "layer-", "")
            .map_err(|error| LayerError::io("create a file in", &dir, error))
    }

    /// Renames a finished file to its digest. Always renames: a blob of the same name that is
    /// there already may be torn.
    pub(super) fn commit_blob(
        &self,
        file: NamedTempFile,
        digest: Digest,
        durable: bool,
    ) -> Result<(), LayerError> {
        let path = self.blob_path(digest);
        let write = |error| LayerError::io("write", &path, error);
        if durable {
            file.as_file().sync_all().map_err(write)?;
        }
        place(file, &path).map_err(write)?;
        if durable {
            sync_parent(&path)?;
        }
        Ok(())
    }

    /// Stores a small document and returns its digest and size.
    pub(super) fn put_document(
        &self,
        bytes: &[u8],
        durable: bool,
    ) -> Result<(Digest, u64), LayerError> {
        let digest = Digest::of(bytes);
        let mut file = self.temp()?;
        file.write_all(bytes)
            .map_err(|error| LayerError::io("write", file.path(), error))?;
        self.commit_blob(file, digest, durable)?;
        Ok((digest, bytes.len() as u64))
    }

    /// Creates the ref, which is what makes the layer exist. Where the folder is the mirror of a
    /// store elsewhere, that store decides.
    pub(super) fn commit_ref(
        &self,
        id: &LayerId,
        record: &Record,
        durable: bool,
    ) -> Result<Committed, LayerError> {
        if let Some(link) = &self.link {
            return self.publish(link, id, record);
        }
        let path = self.ref_path(id);
        let write = |error| LayerError::io("write", &path, error);
        let line = format!("{record}\n");
        let mut file = self.temp()?;
        file.write_all(line.as_bytes()).map_err(write)?;
        if durable {
            file.as_file().sync_all().map_err(write)?;
        }
        let created = match fs::hard_link(file.path(), &path) {
            // Some file systems have no hard links: one small exclusive write instead.
            Err(error) if no_links(&error) => exclusive_write(&path, line.as_bytes()),
            other => other,
        };
        match created {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if let Some(existing) = self.read_ref_patiently(id)? {
                    return Ok(Committed::Exists(existing));
                }
                // A line that was cut off by a crash counts as absent.
                place(file, &path).map_err(write)?;
            }
            Err(error) => return Err(write(error)),
        }
        if durable {
            sync_parent(&path)?;
        }
        Ok(Committed::New)
    }

    /// Reads a ref that another writer may be writing this very moment.
    fn read_ref_patiently(&self, id: &LayerId) -> Result<Option<Record>, LayerError> {
        if let Some(record) = self.record(id)? {
            return Ok(Some(record));
        }
        std::thread::sleep(Duration::from_millis(100));
        self.record(id)
    }

    /// Reads a ref; `None` where there is none, or one whose line has no end.
    pub(super) fn record(&self, id: &LayerId) -> Result<Option<Record>, LayerError> {
        let path = self.ref_path(id);
        let bytes = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LayerError::io("read", &path, error)),
            Ok(file) => {
                read_limited(file, MAX_REF).map_err(|e| LayerError::io("read", &path, e))?
            }
        };
        let damaged = |reason: String| LayerError::Damaged {
            layer: id.clone(),
            reason,
        };
        if bytes.len() as u64 > MAX_REF {
            return Err(damaged("its ref is too long".to_owned()));
        }
        let Some(line) = bytes.strip_suffix(b"\n") else {
            return Ok(None);
        };
        let line =
            std::str::from_utf8(line).map_err(|_| damaged("its ref is no text".to_owned()))?;
        line.parse().map(Some).map_err(damaged)
    }

    /// Lists the refs, in the order of job, attempt, node and number. Refs without an end are
    /// left out.
    pub(super) fn ids(&self) -> Result<Vec<LayerId>, LayerError> {
        let refs = self.dir().join("refs");
        let mut ids = Vec::new();
        for job in list_dir(&refs)? {
            let Some(name) = decode_job(&job) else {
                continue;
            };
            ids.extend(self.job_ids(&name)?);
        }
        ids.sort();
        Ok(ids)
    }

    /// Lists the refs of one job.
    pub(super) fn job_ids(&self, job: &str) -> Result<Vec<LayerId>, LayerError> {
        let dir = self.dir().join("refs").join(super::name::encode_job(job));
        let mut ids: Vec<LayerId> = list_dir(&dir)?
            .iter()
            .filter_map(|name| LayerId::from_ref_name(job, name))
            .collect();
        ids.sort();
        Ok(ids)
    }

    /// Returns the first number that no ref of this attempt and node has or had.
    pub(super) fn next_seq(&self, id: &LayerId) -> Result<u32, LayerError> {
        Ok(self
            .job_ids(&id.job)?
            .iter()
            .filter(|other| (other.attempt, other.node) == (id.attempt, id.node))
            .map(|other| other.seq.saturating_add(1))
            .max()
            .unwrap_or(0))
    }

    /// Opens a blob after comparing its size; one that is elsewhere is brought first.
    pub(super) fn open_blob(
        &self,
        id: &LayerId,
        what: &str,
        digest: Digest,
        size: u64,
    ) -> Result<File, LayerError> {
        self.ensure(id, what, Blob { digest, size })?;
        let path = self.blob_path(digest);
        let damaged = |reason: String| LayerError::Damaged {
            layer: id.clone(),
            reason,
        };
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(format!("its {what} {digest} is missing")));
            }
            other => other.map_err(|error| LayerError::io("read", &path, error))?,
        };
        let actual = file
            .metadata()
            .map_err(|error| LayerError::io("read", &path, error))?
            .len();
        if actual != size {
            return Err(damaged(format!(
                "its {what} has {actual} bytes instead of {size}"
            )));
        }
        Ok(file)
    }

    fn document(
        &self,
        id: &LayerId,
        what: &str,
        digest: Digest,
        size: u64,
    ) -> Result<Vec<u8>, LayerError> {
        let damaged = |reason: String| LayerError::Damaged {
            layer: id.clone(),
            reason,
        };
        if size > MAX_DOCUMENT {
            return Err(damaged(format!(
                "its {what} has {size} bytes, which is too much"
            )));
        }
        let file = self.open_blob(id, what, digest, size)?;
        let bytes = read_limited(file, MAX_DOCUMENT)
            .map_err(|error| LayerError::io("read", &self.blob_path(digest), error))?;
        if bytes.len() as u64 != size || Digest::of(&bytes) != digest {
            return Err(damaged(format!(
                "its {what} does not have the digest {digest}"
            )));
        }
        Ok(bytes)
    }

    /// Reads what is known of a layer, and checks that ref, manifest and config agree. The
    /// archive itself is not read.
    ///
    /// # Errors
    /// The layer is missing, or one of its documents is damaged.
    pub fn layer(&self, id: &LayerId) -> Result<LayerInfo, LayerError> {
        let record = self
            .record(id)?
            .ok_or_else(|| LayerError::Missing(id.clone()))?;
        let (_, manifest, config) = self.documents(id, &record)?;
        let stored = self.stored(id)?;
        Ok(LayerInfo {
            id: id.clone(),
            record,
            config,
            toc: manifest.toc().map(|toc| (toc.digest, toc.size)),
            stored,
        })
    }

    /// Reads the manifest and checks that it agrees with the ref.
    pub(super) fn manifest(&self, id: &LayerId, record: &Record) -> Result<Manifest, LayerError> {
        Ok(self.manifest_bytes(id, record)?.1)
    }

    fn manifest_bytes(
        &self,
        id: &LayerId,
        record: &Record,
    ) -> Result<(Vec<u8>, Manifest), LayerError> {
        let damaged = |reason: String| LayerError::Damaged {
            layer: id.clone(),
            reason,
        };
        let bytes = self.document(id, "manifest", record.manifest, record.manifest_size)?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("its manifest does not read: {error}")))?;
        manifest.check(record).map_err(damaged)?;
        Ok((bytes, manifest))
    }

    /// Reads manifest and config, and checks that they agree with each other and with the ref.
    /// The manifest comes as bytes too.
    pub(super) fn documents(
        &self,
        id: &LayerId,
        record: &Record,
    ) -> Result<(Vec<u8>, Manifest, LayerConfig), LayerError> {
        let damaged = |reason: String| LayerError::Damaged {
            layer: id.clone(),
            reason,
        };
        let (bytes, manifest) = self.manifest_bytes(id, record)?;
        debug_assert_eq!(manifest.config.media_type, CONFIG_TYPE);
        let text = self.document(id, "config", manifest.config.digest, manifest.config.size)?;
        let config: LayerConfig = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("its config does not read: {error}")))?;
        if config.schema != 1 {
            return Err(damaged(format!(
                "its config has schema {}, and this program knows 1",
                config.schema
            )));
        }
        let named = LayerId {
            job: config.job.clone(),
            attempt: config.attempt,
            node: config.node,
            seq: config.seq,
        };
        if named != *id {
            return Err(damaged(format!("its config says that it is {named}")));
        }
        if config.compression != record.encoding {
            return Err(damaged(
                "its config and its ref name different compressions".to_owned(),
            ));
        }
        Ok((bytes, manifest, config))
    }

    /// Says whether the manifest of a layer need not be fetched first. The time of the ref is the
    /// store's own, and near enough to what the manifest says.
    fn is_described(&self, id: &LayerId) -> bool {
        self.link.is_none()
            || self.record(id).is_ok_and(|record| {
                record.is_some_and(|record| self.blob_path(record.manifest).exists())
            })
    }

    /// Returns when a ref was made, by the store's clock.
    pub(super) fn stored(&self, id: &LayerId) -> Result<SystemTime, LayerError> {
        let path = self.ref_path(id);
        fs::metadata(&path)
            .and_then(|meta| meta.modified())
            .map_err(|error| LayerError::io("read", &path, error))
    }

    /// Gives a ref the time at which it was first made.
    pub(super) fn set_stored(&self, id: &LayerId, time: SystemTime) -> Result<(), LayerError> {
        let path = self.ref_path(id);
        beneath::set_modified(&path, time).map_err(|error| LayerError::io("write", &path, error))
    }

    /// Returns when the workspace expires: the latest of its layers' dates. `None` where it holds
    /// no layer yet.
    ///
    /// # Errors
    /// The store cannot be read. A damaged layer counts with the time of its ref.
    pub fn expires(&self) -> Result<Option<SystemTime>, LayerError> {
        let mut latest = None;
        for id in self.ids()? {
            let by_config = self
                .is_described(&id)
                .then(|| self.layer(&id).ok())
                .flatten()
                .and_then(|info| info.config.expires)
                .and_then(|text| humantime::parse_rfc3339(&text).ok());
            let date = match by_config {
                Some(date) => date,
                None => match self.stored(&id) {
                    Ok(stored) => stored + self.lifetime,
                    Err(_) => continue,
                },
            };
            latest = latest.max(Some(date));
        }
        Ok(latest)
    }

    pub(super) fn check_expiry(&self) -> Result<(), LayerError> {
        let now = SystemTime::now();
        match self.expires()? {
            Some(date) if date <= now => Err(LayerError::Expired {
                workspace: self.id.clone(),
                expired: timestamp(date),
                now: timestamp(now),
            }),
            _ => Ok(()),
        }
    }
}

/// Writes a time as RFC 3339 in UTC, to the second.
pub(super) fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn make_dir(path: &Path) -> Result<(), LayerError> {
    fs::create_dir_all(path).map_err(|error| LayerError::io("create", path, error))
}

/// Returns the names in a folder; none where there is no such folder. Names that are no text are
/// not ours.
fn list_dir(path: &Path) -> Result<Vec<String>, LayerError> {
    let failed = |error| LayerError::io("read", path, error);
    let items = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut names = Vec::new();
    for item in items {
        if let Ok(name) = item.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read_limited(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn exclusive_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)
}

fn no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::Unsupported
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::CrossesDevices
    )
}

fn sync_parent(path: &Path) -> Result<(), LayerError> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    beneath::sync_folder(parent).map_err(|error| LayerError::io("flush", parent, error))
}
