//! What an attach will do, known before the first byte: which layers, in which order, what they
//! hold, and that no two of them collide. It is read from an archive's table of contents, which is
//! checked against its digest first, or else from the archive itself, read once to its end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, Write};

use super::archive::{
    Added, Arena, Budget, Entry, EntryKind, ReadError, Reader, Shape, headers_length,
};
use super::beneath::read_exact_at;
use super::codec::{PIECE, decoder};
use super::digest::Hashing;
use super::error::Refusal;
use super::layout::{Extent, Layout};
use super::manifest::Encoding;
use super::name::printable;
use super::store::LayerInfo;
use super::tally::Tally;
use super::toc::{Frame, read_toc};
use super::{Digest, LayerError, LayerId, Upstream, Workspace};

/// A layer whose content is known.
pub(super) struct Planned {
    pub(super) info: LayerInfo,
    /// Stays open, so that what is applied is the file that was looked at.
    pub(super) blob: File,
    pub(super) list: List,
    /// The archive's size before compression.
    pub(super) uncompressed: u64,
    /// Where the frames lie, and what begins in each; only with a table of contents.
    pub(super) frames: Option<(Vec<Frame>, Layout)>,
}

/// The entries of one archive, in its order; their paths are in the arena.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) items: Vec<Item>,
    targets: Vec<Box<[u8]>>,
    /// The digests of the contents of files, for each item; empty where they are not known yet.
    pub(super) digests: Vec<Digest>,
    /// For each item whether a later layer replaces it, so that it need not be written.
    replaced: Vec<bool>,
}

/// One entry of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) node: u32,
    pub(super) mode: u16,
    pub(super) kind: ItemKind,
    pub(super) mtime: u64,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    File {
        size: u64,
    },
    Folder,
    /// With the number of its target.
    Symlink(u32),
    /// With the number of the file among the items.
    Hardlink(u32),
}

impl List {
    fn push(&mut self, entry: &Entry, added: Added) {
        let kind = match &entry.kind {
            EntryKind::File { size } => ItemKind::File { size: *size },
            EntryKind::Folder => ItemKind::Folder,
            EntryKind::Symlink { target } => {
                self.targets.push(target.as_slice().into());
                ItemKind::Symlink(self.targets.len() as u32 - 1)
            }
            EntryKind::Hardlink { .. } => ItemKind::Hardlink(added.file.unwrap_or_default()),
        };
        self.items.push(Item {
            node: added.node,
            mode: (entry.mode & 0o777) as u16,
            kind,
            mtime: entry.mtime,
        });
    }

    /// Returns whether an item has to be written: no later layer replaces it.
    pub(super) fn lasts(&self, item: usize) -> bool {
        !self.replaced.get(item).is_some_and(|replaced| *replaced)
    }

    pub(super) fn target(&self, number: u32) -> &[u8] {
        &self.targets[number as usize]
    }

    /// Returns an entry as the archive has it.
    pub(super) fn entry(&self, arena: &Arena, item: usize) -> Entry {
        let item = &self.items[item];
        Entry {
            path: arena.path(item.node),
            kind: match item.kind {
                ItemKind::File { size } => EntryKind::File { size },
                ItemKind::Folder => EntryKind::Folder,
                ItemKind::Symlink(number) => EntryKind::Symlink {
                    target: self.target(number).to_vec(),
                },
                ItemKind::Hardlink(file) => EntryKind::Hardlink {
                    target: arena.path(self.items[file as usize].node),
                },
            },
            mode: u32::from(item.mode),
            mtime: item.mtime,
        }
    }

    /// Returns all entries, in the order of the archive.
    pub(super) fn entries(&self, arena: &Arena) -> Vec<Entry> {
        (0..self.items.len())
            .map(|item| self.entry(arena, item))
            .collect()
    }
}

/// What an attach will do.
pub(super) struct Plan {
    pub(super) arena: Arena,
    pub(super) layers: Vec<Planned>,
    pub(super) world: World,
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

    /// Returns the jobs that come before one, sorted.
    pub(super) fn before(&self, job: &str) -> Vec<&str> {
        let mut jobs: Vec<&str> = self
            .before
            .get(job)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        jobs.sort_unstable();
        jobs
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
    infos: Vec<LayerInfo>,
    order: &Order,
    budget: Budget,
) -> Result<Plan, LayerError> {
    let mut ground = Ground::default();
    let mut world = World::default();
    let mut left = budget;
    let mut layers: Vec<Planned> = Vec::with_capacity(infos.len());
    for info in infos {
        let planned = read_listing(workspace, info, left, &mut ground)?;
        left.entries = left.entries.saturating_sub(planned.list.items.len() as u64);
        left.bytes = left.bytes.saturating_sub(planned.uncompressed);
        world.add(layers.len(), &planned, &ground.arena, &layers, order)?;
        layers.push(planned);
    }
    world.finish(&layers)?;
    for (number, layer) in layers.iter_mut().enumerate() {
        layer.list.replaced = world.replaced(number, &layer.list);
    }
    Ok(Plan {
        arena: ground.arena,
        layers,
        world,
    })
}

/// Reads what a layer holds by the shortest way: its table of contents, else its archive.
pub(super) fn read_listing(
    workspace: &Workspace,
    info: LayerInfo,
    budget: Budget,
    ground: &mut Ground,
) -> Result<Planned, LayerError> {
    match info.toc {
        Some(toc) if info.record.encoding == Encoding::Zstd => {
            read_contents(workspace, info, toc, budget, ground)
        }
        _ => read_layer(workspace, info, budget, ground, &mut Tally::unwatched()),
    }
}

/// The paths of several archives, and the rules that span the entries of one.
#[derive(Default)]
pub(super) struct Ground {
    pub(super) arena: Arena,
    shape: Shape,
    /// How many paths there were before the archive that is read.
    before: usize,
}

impl Ground {
    fn begin(&mut self) {
        self.shape.begin();
        self.before = self.arena.len();
    }

    fn add(&mut self, list: &mut List, entry: &Entry, budget: Budget) -> Result<(), ReadError> {
        let refuse = |reason: String| {
            ReadError::Refused(Refusal {
                entry: Some(printable(entry.path.as_bytes())),
                reason,
            })
        };
        if list.items.len() as u64 >= budget.entries {
            return Err(refuse(format!("more than {} entries", budget.entries)));
        }
        let added = self
            .shape
            .add(&mut self.arena, entry)
            .map_err(|reason| refuse(reason.to_owned()))?;
        // Folders that are only implied cost memory as well; generous, for deep honest trees.
        let paths = (self.arena.len() - self.before) as u64;
        if paths > budget.entries.saturating_mul(16).saturating_add(4096) {
            return Err(refuse("too many folders that no entry names".to_owned()));
        }
        list.push(entry, added);
        Ok(())
    }
}

/// What one layer may hold: what is left of the budget, and what it declares.
fn declared(budget: Budget, info: &LayerInfo) -> Budget {
    let declared = (info.config.entries, info.config.uncompressed_size);
    Budget {
        entries: budget.entries.min(declared.0.unwrap_or(u64::MAX)),
        bytes: budget.bytes.min(declared.1.unwrap_or(u64::MAX)),
    }
}

/// Reads one archive to its end: digest, profile, recorded sizes.
pub(super) fn read_layer(
    workspace: &Workspace,
    info: LayerInfo,
    budget: Budget,
    ground: &mut Ground,
    tally: &mut Tally<'_>,
) -> Result<Planned, LayerError> {
    let record = info.record;
    let mut blob = workspace.open_blob(&info.id, "archive", record.layer, record.layer_size)?;
    let budget = declared(budget, &info);
    let mut list = List::default();
    let mut buffer = vec![0; 1 << 16];
    ground.begin();
    let uncompressed = walk(&info, &mut blob, budget, tally, |entry, reader| {
        ground.add(&mut list, &entry, budget)?;
        if info.toc.is_some() {
            let mut content = Hashing::new(io::sink());
            loop {
                let count = reader.read_content(&mut buffer)?;
                if count == 0 {
                    break;
                }
                content.write_all(&buffer[..count])?;
            }
            list.digests.push(content.finish().1);
        }
        Ok(())
    })?;
    if let Some((digest, size)) = info.toc {
        let file = workspace.open_blob(&info.id, "table of contents", digest, size)?;
        compare_contents(
            &info,
            &blob,
            &list,
            &ground.arena,
            Hashing::new(file),
            digest,
        )?;
    }
    let planned = Planned {
        info,
        blob,
        list,
        uncompressed,
        frames: None,
    };
    planned.as_declared()?;
    Ok(planned)
}

/// Compares a table of contents with the archive that was read.
fn compare_contents(
    info: &LayerInfo,
    blob: &File,
    list: &List,
    arena: &Arena,
    mut hashing: Hashing<File>,
    digest: Digest,
) -> Result<(), LayerError> {
    let differs = |reason: String| {
        ReadError::Refused(Refusal {
            entry: None,
            reason,
        })
    };
    let mut next = 0;
    let result = read_toc(&mut hashing, info.record.layer_size, |entry, content| {
        let same = next < list.items.len()
            && list.entry(arena, next) == entry
            && content.is_none_or(|content| content == list.digests[next]);
        next += 1;
        if same {
            return Ok(());
        }
        let path = printable(entry.path.as_bytes());
        Err(differs(format!(
            "its table of contents differs from the archive at `{path}`"
        )))
    })
    .and_then(|frames| {
        if next != list.items.len() {
            let reason = "its table of contents has fewer entries than the archive";
            return Err(differs(reason.to_owned()));
        }
        let mut raw = vec![0; PIECE];
        let mut stored = Vec::new();
        for frame in frames {
            stored.resize(usize::try_from(frame.length).unwrap_or(0), 0);
            read_exact_at(blob, &mut stored, frame.offset)?;
            let count = zstd::bulk::decompress_to_buffer(&stored, &mut raw);
            if count.ok().map(|count| count as u64) != Some(frame.size) {
                let reason = "its table of contents has a frame that the archive has not";
                return Err(differs(reason.to_owned()));
            }
        }
        Ok(())
    });
    let what = format!("its table of contents does not have the digest {digest}");
    judged(info, result, hashing, digest, what)
}

/// Reads what an archive holds from its table of contents.
fn read_contents(
    workspace: &Workspace,
    info: LayerInfo,
    (digest, size): (Digest, u64),
    budget: Budget,
    ground: &mut Ground,
) -> Result<Planned, LayerError> {
    let record = info.record;
    let blob = workspace.open_blob(&info.id, "archive", record.layer, record.layer_size)?;
    let file = workspace.open_blob(&info.id, "table of contents", digest, size)?;
    let budget = declared(budget, &info);
    let mut list = List::default();
    ground.begin();
    let mut hashing = Hashing::new(file);
    let result = read_toc(&mut hashing, record.layer_size, |entry, content| {
        ground.add(&mut list, &entry, budget)?;
        list.digests.push(content.unwrap_or(Digest([0; 32])));
        Ok(())
    });
    let what = format!("its table of contents does not have the digest {digest}");
    let frames = judged(&info, result, hashing, digest, what)?;
    let extents = (0..list.items.len()).map(|item| {
        let entry = list.entry(&ground.arena, item);
        let content = match entry.kind {
            EntryKind::File { size } => size,
            _ => 0,
        };
        Extent {
            headers: headers_length(&entry),
            content,
        }
    });
    let begins = frames.iter().scan(0, |at, frame| {
        let begin = *at;
        *at += frame.size;
        Some(begin)
    });
    let layout = Layout::new(extents, begins);
    if layout.total > budget.bytes {
        return Err(LayerError::Refused {
            layer: info.id.clone(),
            refusal: Refusal {
                entry: None,
                reason: format!(
                    "it unpacks to more than the {} bytes that it may",
                    budget.bytes
                ),
            },
        });
    }
    let framed: u64 = frames.iter().map(|frame| frame.size).sum();
    if framed != layout.total || layout.starts.len() != frames.len() {
        return Err(LayerError::Damaged {
            layer: info.id.clone(),
            reason: format!(
                "its table of contents has entries of {} bytes in frames of {framed}",
                layout.total
            ),
        });
    }
    let planned = Planned {
        info,
        blob,
        list,
        uncompressed: layout.total,
        frames: Some((frames, layout)),
    };
    planned.as_declared()?;
    Ok(planned)
}

impl Planned {
    /// Compares sizes and counts with what the config says.
    fn as_declared(&self) -> Result<(), LayerError> {
        let (uncompressed, count) = (self.uncompressed, self.list.items.len() as u64);
        let config = &self.info.config;
        let reason = match (config.uncompressed_size, config.entries) {
            (Some(size), _) if size != uncompressed => {
                format!("it unpacks to {uncompressed} bytes instead of {size}")
            }
            (_, Some(entries)) if entries != count => {
                format!("it holds {count} entries instead of {entries}")
            }
            _ => return Ok(()),
        };
        Err(LayerError::Damaged {
            layer: self.info.id.clone(),
            reason,
        })
    }
}

/// Reads an archive from its start to its end, compares the digest of its bytes with the ref, and
/// returns its size before compression. What `visit` says is final only once this returns.
pub(super) fn walk(
    info: &LayerInfo,
    blob: &mut File,
    budget: Budget,
    tally: &mut Tally<'_>,
    mut visit: impl FnMut(Entry, &mut Reader<Box<dyn Read + '_>>) -> Result<(), ReadError>,
) -> Result<u64, LayerError> {
    blob.rewind().map_err(|error| unreadable(info, error))?;
    let mut hashing = Hashing::new(tally.over(blob));
    let result = (|| {
        let decoder = decoder(info.record.encoding, &mut hashing)?;
        let mut reader = Reader::new(decoder, budget);
        while let Some(entry) = reader.next()? {
            visit(entry, &mut reader)?;
        }
        Ok(reader.used())
    })();
    let digest = info.record.layer;
    let what = format!("its archive does not have the digest {digest}");
    judged(info, result, hashing, digest, what)
}

fn unreadable(info: &LayerInfo, error: io::Error) -> LayerError {
    match error.raw_os_error() {
        Some(_) => LayerError::io(
            "read the archive of",
            std::path::Path::new(&info.id.to_string()),
            error,
        ),
        None => LayerError::Damaged {
            layer: info.id.clone(),
            reason: format!("its archive does not unpack: {error}"),
        },
    }
}

/// Reads what is left of a blob and compares its digest, before what was read of it is believed.
fn judged<T>(
    info: &LayerInfo,
    result: Result<T, ReadError>,
    mut hashing: Hashing<impl Read>,
    digest: Digest,
    otherwise: String,
) -> Result<T, LayerError> {
    let whole = match &result {
        // The digest tells more than the first thing that a damaged blob trips over.
        Ok(_) | Err(ReadError::Refused(_)) => true,
        Err(ReadError::Io(error)) => error.raw_os_error().is_none(),
    };
    if whole {
        io::copy(&mut hashing, &mut io::sink()).map_err(|error| unreadable(info, error))?;
        let (_, found, _) = hashing.finish();
        if found != digest {
            return Err(LayerError::Damaged {
                layer: info.id.clone(),
                reason: otherwise,
            });
        }
    }
    result.map_err(|error| match error {
        ReadError::Refused(refusal) => LayerError::Refused {
            layer: info.id.clone(),
            refusal,
        },
        ReadError::Io(error) => unreadable(info, error),
    })
}

/// What all layers together hold at each path.
#[derive(Default)]
pub(super) struct World {
    slots: Vec<Slot>,
    conflicts: BTreeMap<(usize, usize), Vec<String>>,
}

/// What is held at one path.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    /// The last layer that holds something here, from 1; 0 where none does.
    layer: u32,
    pub(super) folder: bool,
    /// The last layer with an entry of its own for the path, and the number of that entry.
    pub(super) named: Option<(u32, u32)>,
}

impl World {
    /// Returns what is held at a path.
    pub(super) fn slot(&self, node: u32) -> Slot {
        self.slots.get(node as usize).copied().unwrap_or_default()
    }

    fn add(
        &mut self,
        index: usize,
        planned: &Planned,
        arena: &Arena,
        earlier: &[Planned],
        order: &Order,
    ) -> Result<(), LayerError> {
        self.slots.resize(arena.len() + 1, Slot::default());
        let number = index as u32 + 1;
        for (at, item) in planned.list.items.iter().enumerate() {
            let mut node = item.node;
            let mut folder = item.kind == ItemKind::Folder;
            while node != 0 {
                let old = self.slots[node as usize];
                let slot = &mut self.slots[node as usize];
                slot.layer = number;
                slot.folder = folder;
                if node == item.node {
                    slot.named = Some((index as u32, at as u32));
                } else if old.layer == number {
                    // Its parents were looked at with it.
                    break;
                }
                if old.layer != 0 && old.layer != number && !(old.folder && folder) {
                    let path = || printable(arena.path(node).as_bytes());
                    let before = (old.layer as usize - 1, &earlier[old.layer as usize - 1]);
                    let (first, second) = (&before.1.info.id, &planned.info.id);
                    if old.folder != folder {
                        let (folder, other) = if folder {
                            (second.clone(), first.clone())
                        } else {
                            (first.clone(), second.clone())
                        };
                        return Err(LayerError::Clash {
                            path: path(),
                            folder,
                            other,
                        });
                    }
                    // Who wrote before the last writer comes before it, or there was a conflict.
                    if !order.precedes(first, second) {
                        self.conflicts
                            .entry((before.0, index))
                            .or_default()
                            .push(path());
                    }
                }
                node = arena.parent(node);
                folder = true;
            }
        }
        Ok(())
    }

    /// Returns for each item of a layer whether a later layer replaces it. A file that has another
    /// name which lasts is not replaced.
    fn replaced(&self, layer: usize, list: &List) -> Vec<bool> {
        let lasts = |number: usize, item: &Item| {
            self.slot(item.node).named == Some((layer as u32, number as u32))
        };
        let items = list.items.iter().enumerate();
        let mut replaced: Vec<bool> = items.map(|(number, item)| !lasts(number, item)).collect();
        for (number, item) in list.items.iter().enumerate() {
            if let ItemKind::Hardlink(file) = item.kind
                && lasts(number, item)
            {
                replaced[file as usize] = false;
            }
        }
        replaced
    }

    fn finish(&mut self, layers: &[Planned]) -> Result<(), LayerError> {
        let Some(((first, second), mut paths)) = self.conflicts.pop_first() else {
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
