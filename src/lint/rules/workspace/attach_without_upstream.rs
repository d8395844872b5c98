//! `attach-without-upstream`: an attach that can see no layer.

use crate::finding::{Finding, Fix, Severity, listed};
use crate::flow::{Attach, Flow, Layer};
use crate::hash::{HashMap, HashSet};
use crate::lint::Context;
use crate::lint::context::{names_attached, runs_after};
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::plan::JobIndex;
use crate::yaml::Location;

declare_rule! {
    /// # What it does
    /// A job attaches the workspace, and no job upstream of it persists anything.
    ///
    /// # Why is this bad
    /// Only the layers of jobs that come before this one arrive: those that it requires, and those
    /// that they require. Without them the step brings nothing, and a later command fails with
    /// "No such file or directory".
    ///
    /// It is an error where the job goes on to use what a job persists that it does not wait for.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: cp -r dist/ /srv
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: cp -r dist/ /srv
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy: {requires: [build]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What jobs and commands of orbs without source persist: where one is upstream, the rule is
    /// silent.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    ATTACH_WITHOUT_UPSTREAM: "attach-without-upstream", Workspace, Error, check, Missing, fix = Fixable::Unsafe
}

/// Returns the attaches that see no layer and cannot see one that is not shown.
pub(super) fn blind<'f, 'p>(flow: &'f Flow<'p>) -> impl Iterator<Item = &'f Attach<'p>> {
    flow.attaches
        .iter()
        .filter(|a| !flow.sees_layers(a.job) && !flow.may_see_more(a.job))
}

/// Returns the layer that the job itself made before it attaches, if it did.
pub(super) fn own_layer<'f, 'p>(flow: &'f Flow<'p>, attach: &Attach<'_>) -> Option<&'f Layer<'p>> {
    let mut own = flow.layers_of(attach.job).iter();
    own.find(|l| l.step < attach.step)
}

/// Returns where a later step of the attaching job names what a layer brings.
pub(super) fn used(
    flow: &Flow<'_>,
    attach: &Attach<'_>,
    layer: &Layer<'_>,
) -> Option<(Location, String)> {
    let job = flow.job(attach.job);
    runs_after(job, attach.step).find_map(|(run, at)| {
        let item = layer
            .persist
            .paths
            .iter()
            .find(|p| names_attached(job, attach, run, &p.value))?;
        Some((at, item.value.clone()))
    })
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        let makers = Makers::new(context, flow);
        let at = flow.workflow.origin.at;
        let elsewhere = |f: &Flow<'_>| {
            !f.layers.is_empty() && f.workflow.origin.at != at && f.workflow.definition.is_none()
        };
        let elsewhere = context.everywhere().iter().any(elsewhere);
        for attach in blind(flow) {
            if own_layer(flow, attach).is_some() {
                // attach-own-layer says what is the matter.
                continue;
            }
            if elsewhere && !makers.any_but(&flow.job(attach.job).name) {
                // Only other workflows persist: cross-workflow-attach says so.
                continue;
            }
            out.push(report(context, flow, attach, &makers));
        }
    }
}

/// The jobs of a workflow that persist, under whatever outcome of its conditions: gathered once for
/// all its attaches.
pub(super) struct Makers<'c> {
    /// Their names as they are written, each once.
    written: Vec<&'c str>,
    /// The jobs that make layers: which of those names each goes by, and its own name.
    named: Vec<(usize, &'c str)>,
    /// For each written name the jobs of the flow that make layers under it.
    jobs: Vec<Vec<JobIndex>>,
}

impl<'c> Makers<'c> {
    pub(super) fn new(context: &Context<'c>, flow: &Flow<'_>) -> Self {
        let mut makers = Self {
            written: Vec::new(),
            named: Vec::new(),
            jobs: Vec::new(),
        };
        let Some(whole) = context.whole(flow) else {
            return makers;
        };
        let mut numbers: HashMap<&str, usize> = HashMap::default();
        let mut known = HashSet::default();
        for job in whole.layers.iter().map(|layer| whole.job(layer.job)) {
            let number = *numbers.entry(&job.written_name).or_insert_with(|| {
                makers.written.push(&job.written_name);
                makers.written.len() - 1
            });
            if known.insert((number, job.name.as_str())) {
                makers.named.push((number, &job.name));
            }
        }
        makers.jobs.resize(makers.written.len(), Vec::new());
        for layer in &flow.layers {
            if let Some(number) = numbers.get(flow.job(layer.job).written_name.as_str()) {
                makers.jobs[*number].push(layer.job);
            }
        }
        makers
    }

    /// Says whether a job of another name than this persists.
    pub(super) fn any_but(&self, own: &str) -> bool {
        self.named.iter().any(|(_, name)| *name != own)
    }

    /// Returns the numbers of the written names of all jobs but that of this name.
    fn all_but(&self, own: &str) -> Vec<usize> {
        let mut seen = vec![false; self.written.len()];
        let others = self.named.iter().filter(|(_, name)| *name != own);
        others
            .map(|(number, _)| *number)
            .filter(|number| !std::mem::replace(&mut seen[*number], true))
            .collect()
    }
}

/// Lets a job wait for another one, which is not one that waits for it.
pub(super) fn edge(
    context: &Context<'_>,
    flow: &Flow<'_>,
    job: usize,
    maker: usize,
) -> Option<Fix> {
    let (job_of, other) = (flow.job(job), flow.job(maker));
    let own = job_of.origin.via.is_empty() && !flow.graph.is_upstream(job, maker);
    let name = other
        .matrix
        .as_ref()
        .map_or(&other.written_name, |m| &m.alias);
    // Calls of one definition, arms of a matrix among them, do the same work beside each other: an
    // edge between two of them is nobody's meaning.
    let other_work = job_of.definition != other.definition;
    (own && other_work).then_some(())?;
    mend::require(context.tree(), job_of.origin.at, &job_of.written_name, name)
}

fn report(
    context: &Context<'_>,
    flow: &Flow<'_>,
    attach: &Attach<'_>,
    makers: &Makers<'_>,
) -> Finding {
    let job = flow.job(attach.job);
    let at = attach.origin.at;
    let draft = ATTACH_WITHOUT_UPSTREAM.finding(
        "attached without a layer to attach",
        at,
        format!("`{}` sees no layer", job.name),
    );
    let draft = draft.job(&job.name);
    let needed = flow
        .layers
        .iter()
        .filter(|l| l.job != attach.job)
        // A job that waits for this one cannot come before it.
        .filter(|l| !flow.graph.is_upstream(attach.job, l.job))
        // Another call of the same job makes what this one makes itself.
        .filter(|l| flow.job(l.job).definition != job.definition)
        .find_map(|l| used(flow, attach, l).map(|u| (l, u)));
    if let Some((layer, (place, item))) = needed {
        let maker = flow.job(layer.job);
        // Under a condition the two may never come together.
        let draft = if attach.conditional || layer.conditional {
            draft.severity(Severity::Warning)
        } else {
            draft
        };
        return draft
            .label(
                layer.persist.paths_at,
                format!("`{}` persists `{item}`", maker.name),
            )
            .label(
                job.origin.at,
                format!("`{}` does not wait for `{}`", job.name, maker.name),
            )
            .label(place, format!("`{item}` is used here"))
            .help(format!(
                "add `requires: [{}]` to `{}` in workflow `{}`",
                maker.written_name, job.written_name, flow.workflow.name
            ))
            .fix(edge(context, flow, attach.job, layer.job))
            .done();
    }
    let severity = match needed_elsewhere(context, flow, attach) {
        true => Severity::Info,
        false => Severity::Warning,
    };
    let draft = draft
        .severity(severity)
        .label(job.origin.at, "the job runs here");
    // A job that waits for this one cannot come before it.
    let able = |number: &usize| {
        let jobs = &makers.jobs[*number];
        let mut jobs = jobs.iter();
        jobs.len() == 0 || jobs.any(|job| !flow.graph.is_upstream(attach.job, *job))
    };
    let all = makers.all_but(&job.name);
    let able: Vec<usize> = all.iter().copied().filter(able).collect();
    if able.is_empty() {
        draft
            .help(if all.is_empty() {
                "remove the step: no other job of the workflow persists anything"
            } else {
                "remove the step: all jobs that persist anything wait for this one"
            })
            .done()
    } else {
        let verb = if able.len() == 1 {
            "persists"
        } else {
            "persist"
        };
        // Of several it is not known which is meant.
        let only = match able[..] {
            [number] => makers.jobs[number].first(),
            _ => None,
        };
        let names: Vec<&str> = able.iter().map(|number| makers.written[*number]).collect();
        draft
            .fix(only.and_then(|maker| edge(context, flow, attach.job, *maker)))
            .help(format!(
                "require the job whose files are needed ({} {verb}), or remove the step",
                listed(&names, 5)
            ))
            .done()
    }
}

/// Says whether the step brings layers in another workflow: one job serves both.
pub(super) fn needed_elsewhere(
    context: &Context<'_>,
    flow: &Flow<'_>,
    attach: &Attach<'_>,
) -> bool {
    let other = |f: &&Flow<'_>| f.workflow.origin.at != flow.workflow.origin.at;
    let mut others = context.everywhere().iter().filter(other);
    others.any(|f| {
        let mut same = f
            .attaches
            .iter()
            .filter(|a| a.origin.at == attach.origin.at);
        same.any(|a| f.sees_layers(a.job))
    })
}
