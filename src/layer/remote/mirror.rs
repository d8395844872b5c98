//! The mirror of a remote workspace: a folder in the user's cache that the engine works on. Refs
//! are brought up to date when the workspace is opened, blobs come when they are needed, and a
//! ref that is made goes to the store first.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::link::blobs_of;
use super::parallel::each;
use super::{Blob, Created, Link, Location, RemoteOptions, RemoteRef};
use crate::layer::beneath::{changed, make_private, place, set_modified};
use crate::layer::manifest::Record;
use crate::layer::store::Committed;
use crate::layer::{Digest, LIFETIME, LayerError, LayerId, LayerInfo, Workspace};

/// A ref that was written later than this before the listing began may be newer than the listing.
const MARGIN: u64 = 2;
/// How long a mirror is kept after its last use: a day more than a workspace.
const KEPT: Duration = Duration::from_secs(LIFETIME.as_secs() + 24 * 60 * 60);

impl Workspace {
    /// Opens a workspace of any store. Of a remote one it sees the layers of this moment.
    ///
    /// # Errors
    /// The store cannot be reached, or its kind is not part of this build.
    pub fn open(
        location: &Location,
        id: &str,
        options: &RemoteOptions,
    ) -> Result<Self, LayerError> {
        if let Location::Folder(path) = location {
            return Ok(Self::in_dir(path, id));
        }
        let link = Link::open(location, id, options)?;
        let name = format!("{location}\n{}", link.transport.place());
        let folder = options.cache.join(&Digest::of(name.as_bytes()).hex()[..32]);
        let mut workspace = Self::in_dir(&folder, id);
        workspace.link = Some(Arc::new(link));
        workspace.prepare_layout()?;
        // Layers may hold what only their user may see.
        make_private(&folder);
        workspace.touch();
        workspace.refresh()?;
        Ok(workspace)
    }

    /// Returns the store as a person names it: its URL, or the folder.
    #[must_use]
    pub fn store_name(&self) -> String {
        match &self.link {
            Some(link) => link.store().to_owned(),
            None => self.store().display().to_string(),
        }
    }

    /// Returns what the store cannot guarantee, the first time that it is known.
    #[must_use]
    pub fn caveat(&self) -> Option<String> {
        self.link.as_ref()?.caveat()
    }

    /// Says whether a layer's archive can be read without fetching it first.
    #[must_use]
    pub fn is_at_hand(&self, layer: &LayerInfo) -> bool {
        let blob = Blob {
            digest: layer.record.layer,
            size: layer.record.layer_size,
        };
        self.link.is_none() || self.holds(blob).unwrap_or(false)
    }

    /// Says that the mirror is in use, and removes those that no one has used for long.
    fn touch(&self) {
        let now = SystemTime::now();
        // Its time is when the mirror was last used; a cache that cannot be tidied still serves.
        let mark = |dir: &Path| dir.join("oci-layout");
        let _ = set_modified(&mark(self.dir()), now);
        let Ok(siblings) = fs::read_dir(self.store()) else {
            return;
        };
        for sibling in siblings.flatten().map(|item| item.path()) {
            let last = fs::metadata(mark(&sibling)).and_then(|meta| meta.modified());
            if last.is_ok_and(|last| last + KEPT < now) {
                let _ = fs::remove_dir_all(sibling);
            }
        }
    }

    /// Brings the refs up to date with the store.
    fn refresh(&self) -> Result<(), LayerError> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let began = SystemTime::now();
        let mut known: HashMap<String, (LayerId, Record, SystemTime)> = HashMap::new();
        for id in self.ids()? {
            if let (Ok(Some(record)), Some(stored)) = (self.record(&id), self.ref_time(&id)) {
                known.insert(link.transport.name(&id), (id, record, stored));
            }
        }
        let listed = link.list()?;
        let alive: HashSet<LayerId> = each(link.options.transfers, &listed, |item| {
            if let Some((id, record, stored)) = known.get(&item.name)
                && link.same(item, record, *stored)?
            {
                return Ok(Some(id.clone()));
            }
            let Some(found) = link.read(item)? else {
                return Ok(None);
            };
            self.mirror(&found, item.stored)?;
            Ok(Some(found.id))
        })?
        .into_iter()
        .flatten()
        .collect();
        let limit = began
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs().saturating_sub(MARGIN));
        for id in self.ids()? {
            // What another process wrote since the listing began is not in the listing.
            let old = fs::metadata(self.ref_path(&id))
                .is_ok_and(|meta| changed(&meta).is_some_and(|time| time < limit));
            if old && !alive.contains(&id) {
                let _ = fs::remove_file(self.ref_path(&id));
            }
        }
        Ok(())
    }

    /// Writes a ref of the store into the mirror, in the place of what was there.
    fn mirror(&self, found: &RemoteRef, stored: Option<SystemTime>) -> Result<(), LayerError> {
        self.prepare(&found.id.job)?;
        for document in &found.documents {
            self.put_document(document, false)?;
        }
        let path = self.ref_path(&found.id);
        let write = |error| LayerError::io("write", &path, error);
        let mut file = self.temp()?;
        file.write_all(format!("{}\n", found.record).as_bytes())
            .map_err(write)?;
        if let Some(stored) = stored {
            file.as_file().set_modified(stored).map_err(write)?;
        }
        place(file, &path).map_err(write)?;
        Ok(())
    }

    fn ref_time(&self, id: &LayerId) -> Option<SystemTime> {
        fs::metadata(self.ref_path(id))
            .and_then(|meta| meta.modified())
            .ok()
    }

    /// Uploads a layer and creates its ref in the store; the mirror follows.
    pub(in crate::layer) fn publish(
        &self,
        link: &Link,
        id: &LayerId,
        record: &Record,
    ) -> Result<Committed, LayerError> {
        let (found, committed) = match link.publish(self, id, record)? {
            Created::New => {
                let found = RemoteRef {
                    id: id.clone(),
                    record: *record,
                    documents: Vec::new(),
                };
                (found, Committed::New)
            }
            Created::Exists(found) => {
                let record = found.record;
                (*found, Committed::Exists(record))
            }
        };
        self.mirror(&found, None)?;
        Ok(committed)
    }

    /// Makes sure that a blob is in the folder, where it can come from a store elsewhere.
    pub(in crate::layer) fn ensure(
        &self,
        id: &LayerId,
        what: &str,
        blob: Blob,
    ) -> Result<(), LayerError> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        link.fetch(self, blob)
            .map_err(|error| error.of(id, what, link.store()))
    }

    /// Fetches the documents of these layers, and their archives too if asked, several at once.
    /// Nothing to do where the store is a folder.
    pub(in crate::layer) fn prefetch(
        &self,
        ids: &[LayerId],
        archives: bool,
    ) -> Result<(), LayerError> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        link.must_exist()?;
        let needed = each(link.options.transfers, ids, |id| {
            let Some(record) = self.record(id)? else {
                return Ok(Vec::new());
            };
            let (_, manifest, _) = self.documents(id, &record)?;
            let blobs = blobs_of(&manifest);
            Ok(blobs.into_iter().map(|blob| (id.clone(), blob)).collect())
        })?;
        if archives {
            let blobs: Vec<(LayerId, Blob)> = needed.into_iter().flatten().collect();
            each(link.options.transfers, &blobs, |(id, blob)| {
                self.ensure(id, "archive", *blob)
            })?;
        }
        Ok(())
    }

    /// Forgets what the mirror holds of a layer, and says whether there was anything to forget.
    pub(in crate::layer) fn forget(&self, id: &LayerId) -> bool {
        let Ok(Some(record)) = self.record(id) else {
            return false;
        };
        if self.link.is_none() {
            return false;
        }
        let mut blobs = vec![record.layer, record.manifest];
        if let Ok((_, manifest, _)) = self.documents(id, &record) {
            blobs.extend(blobs_of(&manifest).iter().map(|blob| blob.digest));
        }
        for digest in blobs {
            let _ = fs::remove_file(self.blob_path(digest));
        }
        true
    }

    /// Returns the same workspace over an empty mirror of its own, which vanishes with the guard:
    /// what is read through it has come from the store just now.
    pub(in crate::layer) fn afresh(&self) -> Result<Option<(tempfile::TempDir, Self)>, LayerError> {
        let Some(link) = &self.link else {
            return Ok(None);
        };
        let folder = tempfile::Builder::new()
            .prefix("fresh-")
            .tempdir_in(&link.options.cache)
            .map_err(|error| LayerError::io("create a folder in", &link.options.cache, error))?;
        let mut fresh = Self::in_dir(folder.path(), &self.id);
        fresh.link = Some(Arc::clone(link));
        fresh.lifetime = self.lifetime;
        fresh.budget = self.budget;
        fresh.prepare_layout()?;
        fresh.refresh()?;
        Ok(Some((folder, fresh)))
    }
}
