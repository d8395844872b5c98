//! What a workspace costs: the room that it takes, how long it takes it, and what its attaches
//! have read.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use super::inventory::Role;
use super::{LayerError, Workspace};

const DAY: f64 = 24.0 * 60.0 * 60.0;

/// Files of one sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub files: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What a workspace costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// The archives of layers.
    pub archives: Amount,
    /// Refs, manifests, configs and all else that describes layers.
    pub documents: Amount,
    /// Blobs that no ref leads to: left by a crash, or of a layer that is being made.
    pub unreferenced: Amount,
    /// Files under construction, or what is left of them.
    pub temporary: Amount,
    /// What was remembered of trees and targets, to spare work.
    pub caches: Amount,
    /// Files that are not of the format.
    pub strays: Amount,
    /// Bytes of all archives times the days since they were stored, but not past their expiry.
    pub byte_days: f64,
    /// The same up to the day on which the workspace expires.
    pub byte_days_at_expiry: f64,
    /// How often the workspace was attached, as far as notes say, and the bytes of the archives
    /// that were read for it.
    pub attaches: Amount,
}

impl Usage {
    /// Returns the bytes of all files.
    #[must_use]
    pub fn total(&self) -> u64 {
        [
            self.archives,
            self.documents,
            self.unreferenced,
            self.temporary,
            self.caches,
            self.strays,
        ]
        .iter()
        .map(|amount| amount.bytes)
        .sum()
    }
}

impl Workspace {
    /// Returns what the workspace costs, as of `now`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn usage(&self, now: SystemTime) -> Result<Usage, LayerError> {
        let referenced = self.referenced()?;
        let mut usage = Usage::default();
        let mut here = HashSet::new();
        for found in self.inventory()? {
            if let Role::Blob(digest) = found.role {
                here.insert(digest);
            }
            let amount = match &found.role {
                Role::Blob(digest) if referenced.archives.contains(digest) => &mut usage.archives,
                Role::Blob(digest) if referenced.documents.contains(digest) => &mut usage.documents,
                Role::Blob(_) => &mut usage.unreferenced,
                Role::Layout | Role::Ref(_) | Role::Note => &mut usage.documents,
                Role::CutRef | Role::Temporary => &mut usage.temporary,
                Role::Cache => &mut usage.caches,
                Role::Stray => &mut usage.strays,
            };
            amount.add(found.size);
        }
        let expires = self.expires()?;
        for id in self.ids()? {
            // What is damaged takes room all the same, and its ref says how much.
            let Ok(Some(record)) = self.record(&id) else {
                continue;
            };
            let Ok(stored) = self.stored(&id) else {
                continue;
            };
            // What the mirror of a store elsewhere does not hold takes its room there.
            if self.link.is_some() && here.insert(record.layer) {
                usage.archives.add(record.layer_size);
            }
            let days = |until: SystemTime| {
                until
                    .duration_since(stored)
                    .unwrap_or(Duration::ZERO)
                    .as_secs_f64()
                    / DAY
            };
            let end = expires.unwrap_or(now);
            #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
            let bytes = record.layer_size as f64;
            usage.byte_days += bytes * days(now.min(end));
            usage.byte_days_at_expiry += bytes * days(end);
        }
        for note in self.notes()? {
            usage.attaches.add(note.bytes);
        }
        Ok(usage)
    }

    /// Returns the files that the format does not know, and refs that were cut off, relative to
    /// the workspace's folder. They hurt nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn strays(&self) -> Result<Vec<Stray>, LayerError> {
        let referenced = self.referenced()?;
        let stray = |found: super::inventory::Found| {
            let why = match &found.role {
                Role::Blob(digest) if !referenced.contains(digest) => "no ref leads to this blob",
                Role::CutRef => "a ref that was cut off; it counts as absent",
                Role::Temporary => "a temporary file",
                Role::Stray => "no file of the format",
                _ => return None,
            };
            Some(Stray {
                path: found.path,
                bytes: found.size,
                why,
            })
        };
        Ok(self.inventory()?.into_iter().filter_map(stray).collect())
    }
}

/// A file of a workspace's folder that no layer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Relative to the workspace's folder.
    pub path: std::path::PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is.
    pub why: &'static str,
}
