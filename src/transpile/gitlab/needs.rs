//! Which jobs a job of GitLab needs: those that it waits for, and those whose layers it takes.

use super::job::{Context, map};
use crate::plan::{Job, JobIndex, JobStatus, StepKind};
use crate::yaml::Data;

/// Most jobs that a job of GitLab may need, where nobody has set another limit.
const MOST: usize = 50;

/// What a job needs, and the jobs between that gather what is too much for one list.
pub(super) struct Wanted {
    /// The list.
    pub(super) list: Data,
    /// Jobs to write in front of the job: names, and what each needs.
    pub(super) gather: Vec<(String, Data)>,
}

/// Writes the jobs that a job waits for: those that it names, then those whose layers it takes.
/// `gathers` says that jobs may stand between where there are too many; else nothing is returned.
pub(super) fn needs(
    at: &Context<'_>,
    j: JobIndex,
    layers: &[JobIndex],
    gathers: bool,
) -> Option<Wanted> {
    let job = &at.workflow.jobs[j];
    let mut list: Vec<(JobIndex, bool)> = Vec::new();
    for r in &job.requires {
        if !list.iter().any(|(known, _)| *known == r.job) {
            list.push((r.job, layers.contains(&r.job)));
        }
    }
    for layer in layers {
        if !list.iter().any(|(known, _)| known == layer) {
            list.push((*layer, true));
        }
    }
    let entry = |(need, artifacts): &(JobIndex, bool)| {
        let mut entries = vec![("job", Data::Str(at.names[*need].clone()))];
        if !artifacts {
            entries.push(("artifacts", Data::Bool(false)));
        }
        if !at.runs[j].implies(&at.runs[*need]) {
            entries.push(("optional", Data::Bool(true)));
        }
        map(entries)
    };
    let whole = |list: &[(JobIndex, bool)]| Data::List(list.iter().map(entry).collect());
    if list.len() <= MOST {
        let list = whole(&list);
        return Some(Wanted {
            list,
            gather: Vec::new(),
        });
    }
    if !gathers || list.len() > MOST * MOST {
        return None;
    }
    let parts = list.chunks(MOST).enumerate().map(|(n, part)| {
        let name = format!("{}:needs-{}", at.names[j], n + 1);
        let artifacts = part.iter().any(|(_, artifacts)| *artifacts);
        (name, whole(part), artifacts)
    });
    let parts: Vec<(String, Data, bool)> = parts.collect();
    let list = parts.iter().map(|(name, _, artifacts)| {
        let mut entries = vec![("job", Data::Str(name.clone()))];
        if !artifacts {
            entries.push(("artifacts", Data::Bool(false)));
        }
        map(entries)
    });
    Some(Wanted {
        list: Data::List(list.collect()),
        gather: parts
            .into_iter()
            .map(|(name, list, _)| (name, list))
            .collect(),
    })
}

/// Says whether a job makes all its layers wherever a job below it runs.
pub(super) fn surely(at: &Context<'_>, maker: JobIndex, taker: JobIndex) -> bool {
    let job = &at.workflow.jobs[maker];
    let plain = job.steps.iter().all(|s| match &s.kind {
        StepKind::Run(run) => !run.command.value.contains("halt"),
        StepKind::Persist(_) => s.rule.is_none(),
        _ => true,
    });
    let between = at.graph.upstream(taker).chain([taker]);
    let mut passed = between.flat_map(|b| &at.workflow.jobs[b].requires);
    let succeeded = passed.all(|r| r.statuses == [JobStatus::Success]);
    plain && succeeded && at.runs[taker].implies(&at.runs[maker])
}

/// Returns how many layers a job makes on each node.
pub(super) fn made(job: &Job) -> usize {
    job.steps
        .iter()
        .filter(|s| matches!(s.kind, StepKind::Persist(_)))
        .count()
}

pub(super) fn nodes(job: &Job) -> usize {
    job.parallelism.clamp(1, 200) as usize
}
