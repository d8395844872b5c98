//! Layers that cannot be applied together: jobs that may run at the same time persist the same
//! path, and a job further down attaches both.

use std::collections::BTreeSet;

use super::Conflict;
use crate::flow::{Flow, Item, Layer, OverlapKind};
use crate::plan::JobIndex;

/// Returns for each job the jobs that it is in conflict with, each with one path. Paths that meet
/// only where a wildcard happens to match are left out: nobody knows.
pub(super) fn conflicts(flow: &Flow<'_>) -> Vec<Vec<Conflict>> {
    let mut all = vec![Vec::new(); flow.workflow.jobs.len()];
    let mut known = BTreeSet::new();
    let paths: Vec<Vec<Item>> = flow.layers.iter().map(items).collect();
    let mut attach: Vec<JobIndex> = flow.attaches.iter().map(|attach| attach.job).collect();
    attach.dedup();
    let fixed = |layer: &Layer<'_>| !layer.persist.varies && !layer.conditional;
    for (at, first) in flow.layers.iter().enumerate().filter(|(_, l)| fixed(l)) {
        for (other, second) in flow.layers.iter().enumerate().skip(at + 1) {
            let (a, b) = (first.job, second.job);
            if a == b || !fixed(second) || !flow.graph.is_concurrent(a, b) {
                continue;
            }
            let meets =
                |job: &JobIndex| flow.graph.is_upstream(a, *job) && flow.graph.is_upstream(b, *job);
            let Some(path) = meet(&paths[at], &paths[other]) else {
                continue;
            };
            // One path is enough to say of two jobs.
            if attach.iter().any(meets) && known.insert((a.min(b), a.max(b))) {
                for (one, other) in [(a, b), (b, a)] {
                    all[one].push(Conflict {
                        job: flow.job(other).name.clone(),
                        path: path.clone(),
                    });
                }
            }
        }
    }
    all
}

fn items(layer: &Layer<'_>) -> Vec<Item> {
    let paths = layer.persist.paths.iter();
    paths.filter_map(|path| Item::parse(&path.value)).collect()
}

fn meet(first: &[Item], second: &[Item]) -> Option<String> {
    let pairs = first
        .iter()
        .flat_map(|a| second.iter().map(move |b| (a, b)));
    let found = pairs.filter_map(|(a, b)| a.overlap(b));
    let mut sure = found.filter(|overlap| overlap.kind != OverlapKind::Pattern);
    sure.next().map(|overlap| overlap.witness)
}
