//! What an attach will do, known before the first byte: which layers, in which order, what they
//! hold, and that no two of them collide. Every archive is read once for it, and its digest is
//! compared on the way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek};

use super::archive::{Arena, Budget, Entry, EntryKind, ReadError, Reader, Shape};
use super::codec::decoder;
use super::digest::Hashing;
use super::error::Refusal;
use super::name::printable;
use super::store::LayerInfo;
use super::{LayerError, LayerId, Upstream, Workspace};

/// A layer whose archive has been read and checked.
pub(super) struct Planned {
    pub(super) info: LayerInfo,
    /// Stays open, so that what is applied is the file that was checked.
    pub(super) blob: File,
    pub(super) entries: Vec<Entry>,
    /// The archive's size before compression.
    pub(super) uncompressed: u64,
}

/// Which jobs come before which: the transitive closure of what the request says.
pub(super) struct Order {
    before: HashMap<String, HashSet<String>>,
}

impl Order {
    /// Reads the order of a request. A job that is named as coming before another has to be
    /// listed before it, and no job is listed twice; names that are not listed have no layers
    /// here and say nothing.
    pub(super) fn of(upstream: &[Upstream]) -> Result<Self, LayerError> {
        let listed: HashSet<&str> = upstream.iter().map(|job| job.job.as_str()).collect();
        let mut before: HashMap<String, HashSet<String>> = HashMap::new();
        for entry in upstream {
            let mut all = HashSet::new();
            for earlier in &entry.after {
                match before.get(earlier) {
                    Some(theirs) => {
                        all.extend(theirs.iter().cloned());
                        all.insert(earlier.clone());
                    }
                    None if listed.contains(earlier.as_str()) => {
                        return Err(LayerError::Request(format!(
                            "{earlier} comes before {} and is listed after it",
                            entry.job
                        )));
                    }
                    None => {}
                }
            }
            if before.insert(entry.job.clone(), all).is_some() {
                return Err(LayerError::Request(format!(
                    "{} is listed twice",
                    entry.job
                )));
            }
        }
        Ok(Self { before })
    }

    /// Returns whether the first layer surely comes before the second.
    fn precedes(&self, first: &LayerId, second: &LayerId) -> bool {
        if first.job == second.job {
            return first.node == second.node && first.seq < second.seq;
        }
        self.before
            .get(&second.job)
            .is_some_and(|jobs| jobs.contains(&first.job))
    }
}

/// Returns the layers of the listed jobs in the order in which they apply: as listed, then by
/// node, then by number; of each job those of its highest attempt.
pub(super) fn select(
    workspace: &Workspace,
    upstream: &[Upstream],
) -> Result<Vec<LayerId>, LayerError> {
    let mut selected = Vec::new();
    for entry in upstream {
        let mut ids = Vec::new();
        for id in workspace.job_ids(&entry.job)? {
            // A line without an end is no layer.
            if workspace.record(&id)?.is_some() {
                ids.push(id);
            }
        }
        let highest = ids.iter().map(|id| id.attempt).max();
        selected.extend(ids.into_iter().filter(|id| Some(id.attempt) == highest));
    }
    Ok(selected)
}

/// Reads and checks all layers. `budget` is what they may hold together.
pub(super) fn plan(
    workspace: &Workspace,
    ids: &[LayerId],
    order: &Order,
    budget: Budget,
) -> Result<Vec<Planned>, LayerError> {
    let mut arena = Arena::default();
    let mut world = World::default();
    let mut left = budget;
    let mut layers: Vec<Planned> = Vec::with_capacity(ids.len());
    for id in ids {
        let info = workspace.layer(id)?;
        let (planned, trails) = read_layer(workspace, info, left, &mut arena)?;
        left.entries = left.entries.saturating_sub(planned.entries.len() as u64);
        left.bytes = left.bytes.saturating_sub(planned.uncompressed);
        world.add(layers.len(), &planned, trails, &layers, order)?;
        layers.push(planned);
    }
    world.finish(&layers)?;
    Ok(layers)
}

/// Reads one archive to its end: digest, profile, recorded sizes.
pub(super) fn read_layer(
    workspace: &Workspace,
    info: LayerInfo,
    budget: Budget,
    arena: &mut Arena,
) -> Result<(Planned, Vec<Vec<u32>>), LayerError> {
    let record = info.record;
    let mut blob = workspace.open_blob(&info.id, "archive", record.layer, record.layer_size)?;
    let budget = Budget {
        entries: budget.entries.min(info.config.entries.unwrap_or(u64::MAX)),
        bytes: budget
            .bytes
            .min(info.config.uncompressed_size.unwrap_or(u64::MAX)),
    };
    let mut entries = Vec::new();
    let mut trails = Vec::new();
    let mut shape = Shape::default();
    let paths_before = arena.len() as u64;
    let uncompressed = walk(&info, &mut blob, budget, |entry, _| {
        let refuse = |reason: String| {
            ReadError::Refused(Refusal {
                entry: Some(printable(entry.path.as_bytes())),
                reason,
            })
        };
        trails.push(
            shape
                .add(arena, &entry)
                .map_err(|reason| refuse(reason.to_owned()))?,
        );
        // Folders that are only implied cost memory as well; generous, for deep honest trees.
        if arena.len() as u64 - paths_before
            > budget.entries.saturating_mul(16).saturating_add(4096)
        {
            return Err(refuse("too many folders that no entry names".to_owned()));
        }
        entries.push(entry);
        Ok(())
    })?;
    let damaged = |reason: String| LayerError::Damaged {
        layer: info.id.clone(),
        reason,
    };
    if let Some(size) = info
        .config
        .uncompressed_size
        .filter(|size| *size != uncompressed)
    {
        return Err(damaged(format!(
            "it unpacks to {uncompressed} bytes instead of {size}"
        )));
    }
    if let Some(count) = info
        .config
        .entries
        .filter(|count| *count != entries.len() as u64)
    {
        return Err(damaged(format!(
            "it holds {} entries instead of {count}",
            entries.len()
        )));
    }
    let planned = Planned {
        info,
        blob,
        entries,
        uncompressed,
    };
    Ok((planned, trails))
}

/// Reads an archive from its start to its end, compares the digest of its bytes with the ref, and
/// returns its size before compression. What `visit` says is final only once this returns.
pub(super) fn walk(
    info: &LayerInfo,
    blob: &mut File,
    budget: Budget,
    mut visit: impl FnMut(Entry, &mut Reader<Box<dyn Read + '_>>) -> Result<(), ReadError>,
) -> Result<u64, LayerError> {
    let damaged = |reason: String| LayerError::Damaged {
        layer: info.id.clone(),
        reason,
    };
    let io_error = |error: io::Error| match error.raw_os_error() {
        Some(_) => LayerError::io(
            "read the archive of",
            std::path::Path::new(&info.id.to_string()),
            error,
        ),
        None => damaged(format!("its archive does not unpack: {error}")),
    };
    blob.rewind().map_err(io_error)?;
    let mut hashing = Hashing::new(blob);
    let result = (|| {
        let decoder = decoder(info.record.encoding, &mut hashing)?;
        let mut reader = Reader::new(decoder, budget);
        while let Some(entry) = reader.next()? {
            visit(entry, &mut reader)?;
        }
        Ok(reader.used())
    })();
    let whole = match &result {
        // The digest tells more than the first thing that a damaged archive trips over.
        Ok(_) | Err(ReadError::Refused(_)) => true,
        Err(ReadError::Io(error)) => error.raw_os_error().is_none(),
    };
    if whole {
        io::copy(&mut hashing, &mut io::sink()).map_err(io_error)?;
        let (_, digest, _) = hashing.finish();
        if digest != info.record.layer {
            return Err(damaged(format!(
                "its archive does not have the digest {}",
                info.record.layer
            )));
        }
    }
    result.map_err(|error| match error {
        ReadError::Refused(refusal) => LayerError::Refused {
            layer: info.id.clone(),
            refusal,
        },
        ReadError::Io(error) => io_error(error),
    })
}

/// What all layers together hold at each path.
#[derive(Default)]
struct World {
    slots: HashMap<u32, Slot>,
    conflicts: BTreeMap<(usize, usize), Vec<String>>,
}

#[derive(Clone, Copy)]
struct Slot {
    layer: usize,
    folder: bool,
}

impl World {
    fn add(
        &mut self,
        index: usize,
        planned: &Planned,
        trails: Vec<Vec<u32>>,
        earlier: &[Planned],
        order: &Order,
    ) -> Result<(), LayerError> {
        let id = |layer: usize| {
            earlier
                .get(layer)
                .map_or(&planned.info.id, |planned| &planned.info.id)
                .clone()
        };
        for (entry, trail) in planned.entries.iter().zip(trails) {
            let Some((last, parents)) = trail.split_last() else {
                continue;
            };
            let folder = entry.kind == EntryKind::Folder;
            let steps = parents
                .iter()
                .map(|parent| (parent, true))
                .chain([(last, folder)]);
            for (step, folder) in steps {
                let new = Slot {
                    layer: index,
                    folder,
                };
                let Some(old) = self.slots.insert(*step, new) else {
                    continue;
                };
                if old.layer == index || (old.folder && folder) {
                    continue;
                }
                let path = entry.path.to_string();
                if old.folder != folder {
                    let (first, second) = (id(old.layer), id(index));
                    let (folder, other) = if folder {
                        (second, first)
                    } else {
                        (first, second)
                    };
                    return Err(LayerError::Clash {
                        path,
                        folder,
                        other,
                    });
                }
                // Who wrote before the last writer comes before it, or there was a conflict.
                if !order.precedes(&id(old.layer), &id(index)) {
                    self.conflicts
                        .entry((old.layer, index))
                        .or_default()
                        .push(path);
                }
            }
        }
        Ok(())
    }

    fn finish(self, layers: &[Planned]) -> Result<(), LayerError> {
        let Some(((first, second), mut paths)) = self.conflicts.into_iter().next() else {
            return Ok(());
        };
        paths.sort();
        Err(LayerError::Conflict {
            first: layers[first].info.id.clone(),
            second: layers[second].info.id.clone(),
            paths,
        })
    }
}
