//! Copies a workspace between two stores. What is there already is left alone, so a copy that was
//! cut off is simply made again; a layer that is there with other bytes stops the copy before
//! anything has moved.

use std::collections::HashMap;

use super::link::blobs_of;
use super::parallel::each;
use super::{Blob, Created, Link, Location, RemoteOptions, RemoteRef};
use crate::layer::manifest::{Manifest, Record};
use crate::layer::store::Committed;
use crate::layer::{LayerError, LayerId, Workspace};

/// What a copy did.
#[derive(Debug, Clone)]
pub struct Copied {
    /// The layers, in the order of job, attempt, node and number.
    pub layers: Vec<CopiedLayer>,
    /// What the other store cannot guarantee, where that mattered.
    pub caveat: Option<String>,
}

/// One layer of a copy.
#[derive(Debug, Clone)]
pub struct CopiedLayer {
    /// Which one.
    pub id: LayerId,
    /// The archive's size in bytes.
    pub size: u64,
    /// Whether it was missing before.
    pub new: bool,
}

impl Workspace {
    /// Copies every layer to a workspace of the same name in another store.
    ///
    /// # Errors
    /// Either store cannot be reached, a layer here is damaged, or the other store has other bytes
    /// under the same name.
    pub fn push(&self, to: &Location, options: &RemoteOptions) -> Result<Copied, LayerError> {
        let link = Link::open(to, self.id(), options)?;
        let theirs = refs_of(&link)?;
        let mut missing = Vec::new();
        let mut layers = Vec::new();
        for id in self.ids()? {
            let Some(record) = self.record(&id)? else {
                continue;
            };
            let new = match theirs.get(&id) {
                Some(found) if found.record.layer == record.layer => false,
                Some(_) => return Err(LayerError::Taken { id }),
                None => true,
            };
            if new {
                missing.push((id.clone(), record));
            }
            layers.push(CopiedLayer {
                id,
                size: record.layer_size,
                new,
            });
        }
        self.prefetch(
            &missing.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
            true,
        )?;
        each(options.transfers, &missing, |(id, record)| {
            // The store may check nothing, and what rots there unseen is lost.
            self.check_blobs(id, record)?;
            match link.publish(self, id, record)? {
                Created::Exists(found) if found.record.layer != record.layer => {
                    Err(LayerError::Taken { id: id.clone() })
                }
                Created::New | Created::Exists(_) => Ok(()),
            }
        })?;
        Ok(Copied {
            layers,
            caveat: link.caveat(),
        })
    }

    /// Copies every layer from a workspace of the same name in another store.
    ///
    /// # Errors
    /// Either store cannot be reached, a layer there is damaged, or this store has other bytes
    /// under the same name.
    pub fn pull(&self, from: &Location, options: &RemoteOptions) -> Result<Copied, LayerError> {
        let link = Link::open(from, self.id(), options)?;
        let mut theirs: Vec<RemoteRef> = refs_of(&link)?.into_values().collect();
        link.must_exist()?;
        theirs.sort_by(|a, b| a.id.cmp(&b.id));
        let mut missing = Vec::new();
        let mut layers = Vec::new();
        for found in theirs {
            let new = match self.record(&found.id)? {
                Some(record) if record.layer == found.record.layer => false,
                Some(_) => return Err(LayerError::Taken { id: found.id }),
                None => true,
            };
            layers.push(CopiedLayer {
                id: found.id.clone(),
                size: found.record.layer_size,
                new,
            });
            if new {
                missing.push(found);
            }
        }
        each(options.transfers, &missing, |found| {
            self.bring(&link, found)
        })?;
        Ok(Copied {
            layers,
            caveat: self.caveat(),
        })
    }

    /// Downloads one layer and creates its ref here.
    fn bring(&self, link: &Link, found: &RemoteRef) -> Result<(), LayerError> {
        let RemoteRef {
            id,
            record,
            documents,
        } = found;
        self.prepare(&id.job)?;
        for document in documents {
            self.put_document(document, false)?;
        }
        let fetch = |what: &str, blob: Blob| {
            link.fetch(self, blob)
                .map_err(|error| error.of(id, what, link.store()))
        };
        fetch(
            "manifest",
            Blob {
                digest: record.manifest,
                size: record.manifest_size,
            },
        )?;
        let manifest = self.manifest(id, record)?;
        for blob in blobs_of(&manifest) {
            fetch("archive", blob)?;
        }
        // Everything agrees before the layer counts.
        self.documents(id, record)?;
        match self.commit_ref(id, record, false)? {
            Committed::Exists(existing) if existing.layer != record.layer => {
                Err(LayerError::Taken { id: id.clone() })
            }
            Committed::New | Committed::Exists(_) => Ok(()),
        }
    }

    /// Reads every blob of a layer and compares its digest.
    fn check_blobs(&self, id: &LayerId, record: &Record) -> Result<(), LayerError> {
        let manifest: Manifest = self.documents(id, record)?.1;
        for blob in blobs_of(&manifest) {
            let mut file = self.open_blob(id, "archive", blob.digest, blob.size)?;
            let mut hashing = crate::layer::digest::Hashing::new(&mut file);
            let path = self.blob_path(blob.digest);
            std::io::copy(&mut hashing, &mut std::io::sink())
                .map_err(|error| LayerError::io("read", &path, error))?;
            let (_, digest, _) = hashing.finish();
            if digest != blob.digest {
                return Err(LayerError::Damaged {
                    layer: id.clone(),
                    reason: format!("its archive does not have the digest {}", blob.digest),
                });
            }
        }
        Ok(())
    }
}

fn refs_of(link: &Link) -> Result<HashMap<LayerId, RemoteRef>, LayerError> {
    let listed = link.list()?;
    let refs = each(link.options.transfers, &listed, |item| link.read(item))?;
    Ok(refs
        .into_iter()
        .flatten()
        .map(|found| (found.id.clone(), found))
        .collect())
}
