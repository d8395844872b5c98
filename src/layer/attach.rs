//! Applies layers: plan all of them, then write one after the other, comparing every header with
//! the plan and the archive's digest once more.

use super::archive::{Budget, ReadError};
use super::error::Refusal;
use super::extract::{ApplyError, Target};
use super::name::printable;
use super::plan::{Order, Planned, plan, select, walk};
use super::{AppliedLayer, AttachRequest, Attached, LayerError, Progress, Workspace};

pub(super) fn attach(
    workspace: &Workspace,
    request: &AttachRequest,
    progress: &mut Progress<'_>,
) -> Result<Attached, LayerError> {
    workspace.check_expiry()?;
    let order = Order::of(&request.upstream)?;
    let ids = select(workspace, &request.upstream)?;
    workspace.prefetch(&ids, true)?;
    let layers = plan(workspace, &ids, &order, workspace.budget)?;
    let mut target = Target::open(&request.at)?;
    let mut applied = Vec::with_capacity(layers.len());
    for mut layer in layers {
        apply(&mut target, &mut layer, progress)?;
        applied.push(AppliedLayer {
            id: layer.info.id,
            layer: layer.info.record.layer,
            size: layer.info.record.layer_size,
            entries: layer.entries.len() as u64,
        });
    }
    target.finish()?;
    Ok(Attached {
        layers: applied,
        tree: target.tree.digest(),
    })
}

fn apply(
    target: &mut Target,
    layer: &mut Planned,
    progress: &mut Progress<'_>,
) -> Result<(), LayerError> {
    let Planned {
        info,
        blob,
        entries,
        uncompressed,
    } = layer;
    let budget = Budget {
        entries: entries.len() as u64,
        bytes: *uncompressed,
    };
    let mut expected = entries.iter();
    // What failed in the target is no fault of the archive, and is told first.
    let mut failed = None;
    let result = walk(info, blob, budget, |entry, reader| {
        if expected.next() != Some(&entry) {
            return Err(ReadError::Refused(Refusal {
                entry: Some(printable(entry.path.as_bytes())),
                reason: "the archive changed after it was checked".to_owned(),
            }));
        }
        let written = target.apply(&info.id, &entry, &mut |buffer| reader.read_content(buffer));
        progress(target.done);
        match written {
            Ok(()) => Ok(()),
            Err(ApplyError::Read(error)) => Err(error),
            Err(ApplyError::Layer(error)) => {
                failed = Some(error);
                Err(ReadError::Io(std::io::Error::other(
                    "the target cannot be written",
                )))
            }
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    result?;
    target.finish_layer(&info.id)
}
