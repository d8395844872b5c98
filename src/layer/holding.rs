//! What an attach left in its target, and whether it is still there: every entry is looked at
//! again, relative to folder handles, on several threads. Folders are compared by what they are
//! and not by their times: others may put files beside those of the layers.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::beneath::{Beneath, FileKind, facts_of};
use super::extract::Target;
use super::name::MARKER;
use super::parallel::Pieces;
use super::plan::{Order, Plan};
use super::remember::Record;
use super::store::LayerInfo;
use super::{AppliedLayer, AttachRequest, Attached, Digest, Workspace};

/// How many entries a thread looks at before it takes the next ones.
const BATCH: usize = 1024;
/// How long the clock of a file system may take to tick.
const PATIENCE: Duration = Duration::from_millis(50);

/// The document of a record.
#[derive(Serialize, Deserialize)]
struct Held {
    /// The layers, their order, and what they may hold.
    request: Digest,
    /// What the entries looked like.
    fingerprint: Digest,
    tree: Digest,
    /// How many entries each layer has.
    entries: Vec<u64>,
}

/// The paths of a target in which something was attached, a folder at a time: its path, how many
/// names, and the names. Each text has its length in front, each number four bytes.
#[derive(Default)]
struct Paths {
    bytes: Vec<u8>,
    /// Where each batch of folders begins.
    batches: Vec<usize>,
}

impl Paths {
    fn text(&mut self, text: &[u8]) {
        self.bytes
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(text);
    }

    /// Lists what a plan has entries for.
    fn of(plan: &Plan) -> Self {
        let mut nodes: Vec<(u32, u32)> = (1..=plan.arena.len() as u32)
            .filter(|node| plan.item(*node).is_some())
            .map(|node| (plan.arena.parent(node), node))
            .collect();
        nodes.sort_unstable();
        let mut paths = Self::default();
        for names in nodes.chunk_by(|a, b| a.0 == b.0) {
            paths.text(&plan.arena.path_bytes(names[0].0));
            paths
                .bytes
                .extend_from_slice(&(names.len() as u32).to_le_bytes());
            for (_, node) in names {
                paths.text(plan.arena.name(*node));
            }
        }
        paths
    }

    /// Finds the folders in what was read; `None` where it is cut off.
    fn split(&mut self) -> Option<()> {
        let mut rest = Cursor(&self.bytes);
        let mut batches = Vec::new();
        let mut left = 0_usize;
        while !rest.0.is_empty() {
            if left == 0 {
                batches.push(self.bytes.len() - rest.0.len());
                left = BATCH;
            }
            rest.text()?;
            let count = rest.number()?;
            for _ in 0..count {
                rest.text()?;
            }
            left = left.saturating_sub(count as usize + 1);
        }
        self.batches = batches;
        Some(())
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}

/// Looks at every path and returns a digest of what is there, and the time of its latest change.
/// `None` where something is missing.
fn look(beneath: &Beneath, paths: &Paths, threads: usize) -> Option<(Digest, (i64, u32))> {
    let mut state = Sha256::new();
    let mut latest = (0, 0);
    let pieces = Pieces {
        threads,
        count: paths.batches.len(),
        ahead: usize::MAX / 2,
        stop: &AtomicBool::new(false),
    };
    let batch = |number: usize| -> Option<(Vec<u8>, (i64, u32))> {
        let end = paths.batches.get(number + 1).copied();
        let range = paths.batches[number]..end.unwrap_or(paths.bytes.len());
        let mut rest = Cursor(&paths.bytes[range]);
        let mut seen = Vec::new();
        let mut latest = (0, 0);
        while !rest.0.is_empty() {
            let folder = beneath.folder(rest.text()?).ok()?;
            for _ in 0..rest.number()? {
                let name = rest.text()?;
                let facts = folder.look(name).ok()?;
                let stamp = facts.stamp;
                seen.extend_from_slice(&facts.mode.to_le_bytes());
                if facts.kind == FileKind::Folder {
                    seen.extend_from_slice(&stamp.device.to_le_bytes());
                    seen.extend_from_slice(&stamp.inode.to_le_bytes());
                } else {
                    stamp.push_bytes(&mut seen);
                    latest = latest.max(stamp.changed);
                }
            }
        }
        Some((seen, latest))
    };
    pieces
        .run(
            || Ok(()),
            |(), number| batch(number).ok_or(()),
            |(seen, changed)| {
                state.update(&seen);
                latest = latest.max(changed);
                Ok(())
            },
        )
        .ok()?;
    Some((Digest(state.finalize().into()), latest))
}

/// Returns a digest of what a request asks for: the same layers in the same order, with the same
/// said about which comes before which.
fn request_digest(
    workspace: &Workspace,
    request: &AttachRequest,
    order: &Order,
    layers: &[LayerInfo],
) -> Digest {
    let mut text = format!("{:?}\n", workspace.budget);
    for job in &request.upstream {
        text.push_str(&format!("{:?} {:?}\n", job.job, order.before(&job.job)));
    }
    for layer in layers {
        text.push_str(&format!("{:?} {}\n", layer.id, layer.record));
    }
    Digest::of(text.as_bytes())
}

/// Returns what an attach would do if the target holds all of it already.
pub(super) fn recall(
    record: &Record,
    workspace: &Workspace,
    request: &AttachRequest,
    order: &Order,
    layers: &[LayerInfo],
) -> Option<Attached> {
    let (held, bytes) = record.read::<Held>()?;
    if held.request != request_digest(workspace, request, order, layers)
        || held.entries.len() != layers.len()
    {
        return None;
    }
    let mut paths = Paths {
        bytes,
        batches: Vec::new(),
    };
    paths.split()?;
    let beneath = Beneath::open(&request.at).ok()?;
    // One that failed left the tree partial.
    if beneath.root().look(MARKER.as_bytes()).is_ok() {
        return None;
    }
    let (fingerprint, _) = look(&beneath, &paths, workspace.threads)?;
    if fingerprint != held.fingerprint {
        return None;
    }
    let applied = layers
        .iter()
        .zip(&held.entries)
        .map(|(layer, entries)| AppliedLayer {
            id: layer.id.clone(),
            layer: layer.record.layer,
            size: layer.record.layer_size,
            entries: *entries,
        });
    Some(Attached {
        layers: applied.collect(),
        tree: held.tree,
    })
}

/// Writes down what the target holds, once the clock of its file system has ticked, so that every
/// later change will show. The marker still has to be there.
pub(super) fn remember(
    record: &Record,
    workspace: &Workspace,
    request: &AttachRequest,
    order: &Order,
    plan: &Plan,
    target: &Target,
    tree: Digest,
) {
    let held = || -> Option<(Held, Vec<u8>)> {
        let now = tick(target)?;
        let mut paths = Paths::of(plan);
        paths.split()?;
        let (fingerprint, latest) = look(&target.beneath, &paths, workspace.threads)?;
        if latest >= now {
            return None;
        }
        let layers: Vec<LayerInfo> = plan.layers.iter().map(|layer| layer.info.clone()).collect();
        let entries = plan
            .layers
            .iter()
            .map(|layer| layer.list.items.len() as u64);
        let held = Held {
            request: request_digest(workspace, request, order, &layers),
            fingerprint,
            tree,
            entries: entries.collect(),
        };
        Some((held, paths.bytes))
    };
    match held() {
        Some((held, paths)) => record.write(workspace, &held, &paths),
        None => record.forget(),
    }
}

/// Waits until the clock of the target's file system has moved, and returns its time.
fn tick(target: &Target) -> Option<(i64, u32)> {
    let root = target.beneath.root();
    let marker = root.open_to_write(MARKER.as_bytes()).ok()?;
    let touch = || {
        // Whatever time is set: that of the change is the file system's own.
        marker.set_modified(SystemTime::now()).ok()?;
        Some(facts_of(&marker).ok()?.stamp.changed)
    };
    let first = touch()?;
    let begun = std::time::Instant::now();
    while begun.elapsed() < PATIENCE {
        let now = touch()?;
        if now > first {
            return Some(now);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}
