//! Applies layers: plan all of them, then write one after the other, comparing every header with
//! the plan and the archive's digest once more.

use std::borrow::Cow;
use std::io::Write;

use super::archive::{Budget, Entry, EntryKind, ReadError, Reader};
use super::digest::Hashing;
use super::error::Refusal;
use super::extract::{Hand, Target};
use super::name::printable;
use super::parallel::and_one_more;
use super::plan::{Item, ItemKind, Order, Plan, Planned, plan, select, walk};
use super::remember::Record;
use super::tally::Tally;
use super::tree::{self, IMPLIED_MODE, Line};
use super::unpack::unpack;
use super::{
    AppliedLayer, AttachRequest, Attached, Digest, LayerError, Progress, Transferred, Workspace,
    holding,
};

pub(super) fn attach(
    workspace: &Workspace,
    request: &AttachRequest,
    progress: &mut Progress<'_>,
) -> Result<Attached, LayerError> {
    workspace.check_expiry()?;
    let order = Order::of(&request.upstream)?;
    let ids = select(workspace, &request.upstream)?;
    workspace.prefetch(&ids, false)?;
    let infos = ids
        .iter()
        .map(|id| workspace.layer(id))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(record) = Record::of_target(workspace, &request.at) {
        let held = holding::recall(&record, workspace, request, &order, &infos);
        if let Some(attached) = held {
            return Ok(attached);
        }
        record.forget();
    }
    workspace.prefetch(&ids, true)?;
    let mut plan = plan(workspace, infos, &order, workspace.budget)?;
    let target = Target::open(&request.at)?;
    target.takes(&plan)?;
    target.make_folders(&plan)?;
    let mut done = Transferred::default();
    let mut more = |new: Transferred| {
        done.bytes += new.bytes;
        done.entries += new.entries;
        progress(done);
    };
    for number in 0..plan.layers.len() {
        let layer = &plan.layers[number];
        if let Some((frames, layout)) = &layer.frames {
            let frames = (frames.as_slice(), layout);
            unpack(
                &plan,
                layer,
                frames,
                &target,
                and_one_more(workspace.threads),
                &mut more,
            )?;
        } else {
            stream(&mut plan, number, &target, &mut more)?;
        }
        let layer = &plan.layers[number];
        Hand::new(&target, &layer.info.id).link(&plan, layer)?;
    }
    target.finish_folders(&plan, workspace.threads)?;
    let tree = plan.tree();
    if let Some(record) = Record::of_target(workspace, &request.at) {
        holding::remember(&record, workspace, request, &order, &plan, &target, tree);
    }
    target.finish()?;
    let layers = plan.layers.iter().map(|layer| AppliedLayer {
        id: layer.info.id.clone(),
        layer: layer.info.record.layer,
        size: layer.info.record.layer_size,
        entries: layer.list.items.len() as u64,
    });
    Ok(Attached {
        layers: layers.collect(),
        tree,
    })
}

/// Writes the files of a layer whose archive has no table of contents, and learns their digests.
fn stream(
    plan: &mut Plan,
    number: usize,
    target: &Target,
    progress: &mut dyn FnMut(Transferred),
) -> Result<(), LayerError> {
    let Plan { arena, layers, .. } = plan;
    let Planned {
        info,
        blob,
        list,
        uncompressed,
        ..
    } = &mut layers[number];
    let budget = Budget {
        entries: list.items.len() as u64,
        bytes: *uncompressed,
    };
    let mut digests = Vec::with_capacity(list.items.len());
    let mut hand = Hand::new(target, &info.id);
    // What failed in the target is no fault of the archive, and is told first.
    let mut failed = None;
    let result = walk(
        info,
        blob,
        budget,
        &mut Tally::unwatched(),
        |entry, reader| {
            let index = digests.len();
            if index >= list.items.len() || list.entry(arena, index) != entry {
                return Err(ReadError::Refused(Refusal {
                    entry: Some(printable(entry.path.as_bytes())),
                    reason: "the archive changed after it was checked".to_owned(),
                }));
            }
            let mut done = Transferred {
                entries: 1,
                bytes: 0,
            };
            let mut digest = Digest([0; 32]);
            if let EntryKind::File { size } = entry.kind
                && list.lasts(index)
            {
                done.bytes = size;
                digest = match file(&mut hand, &entry, &list.items[index], reader) {
                    Ok(digest) => digest,
                    Err(ApplyError::Read(error)) => return Err(error),
                    Err(ApplyError::Layer(error)) => {
                        failed = Some(error);
                        return Err(ReadError::Io(std::io::Error::other(
                            "the target cannot be written",
                        )));
                    }
                };
            }
            digests.push(digest);
            progress(done);
            Ok(())
        },
    );
    if let Some(error) = failed {
        return Err(error);
    }
    result?;
    list.digests = digests;
    Ok(())
}

/// Why a file could not be written.
enum ApplyError {
    Read(ReadError),
    Layer(LayerError),
}

fn file(
    hand: &mut Hand<'_>,
    entry: &Entry,
    item: &Item,
    reader: &mut Reader<impl std::io::Read>,
) -> Result<Digest, ApplyError> {
    let created = hand.create(&entry.path).map_err(ApplyError::Layer)?;
    let mut content = Hashing::new(created);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = reader.read_content(&mut buffer).map_err(ApplyError::Read)?;
        if count == 0 {
            break;
        }
        content
            .write_all(&buffer[..count])
            .map_err(|error| ApplyError::Layer(hand.failed(&entry.path, error)))?;
    }
    let (created, digest, _) = content.finish();
    hand.seal(&entry.path, &created, item)
        .map_err(ApplyError::Layer)?;
    Ok(digest)
}

impl Plan {
    /// Returns the entry that holds at a path after all layers; `None` where none names it.
    pub(super) fn item(&self, node: u32) -> Option<&Item> {
        let (layer, item) = self.world.slot(node).named?;
        Some(&self.layers[layer as usize].list.items[item as usize])
    }

    /// Returns the tree digest of all layers together.
    fn tree(&self) -> Digest {
        tree::digest(
            self.arena.len(),
            |number, out| self.arena.push_path(number as u32 + 1, out),
            |number| self.line(number as u32 + 1),
        )
    }

    fn line(&self, node: u32) -> Line<'_> {
        let Some((layer, number)) = self.world.slot(node).named else {
            return Line::Folder(IMPLIED_MODE);
        };
        let list = &self.layers[layer as usize].list;
        let item = &list.items[number as usize];
        let file = |number: u32| {
            let mode = list.items[number as usize].mode;
            Line::File(u32::from(mode), list.digests[number as usize])
        };
        match item.kind {
            ItemKind::Folder => Line::Folder(u32::from(item.mode)),
            ItemKind::Symlink(target) => Line::Link(Cow::Borrowed(list.target(target))),
            ItemKind::Hardlink(first) => file(first),
            ItemKind::File { .. } => file(number),
        }
    }
}
