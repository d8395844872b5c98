//! `conditional-layer`: under some values of the pipeline's parameters a job attaches the
//! workspace and no job upstream persists anything; under others one does.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::attach_without_upstream::blind;

declare_rule! {
    /// # What it does
    /// Under some values of the pipeline's parameters a job attaches the workspace and no job
    /// upstream persists anything; under others one does.
    ///
    /// # Why is this bad
    /// The layer is made only under a condition, and the attach happens without it: in those
    /// pipelines the step brings nothing, and what uses the files fails.
    ///
    /// # Example
    /// ```yaml
    /// parameters:
    ///   fast: {type: boolean, default: false}
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - unless:
    ///           condition: << pipeline.parameters.fast >>
    ///           steps:
    ///             - persist_to_workspace: {root: ., paths: [out]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: ./deploy out/
    /// workflows:
    ///   main:
    ///     jobs: [build, deploy: {requires: [build]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// parameters:
    ///   fast: {type: boolean, default: false}
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: ./deploy out/
    /// workflows:
    ///   main:
    ///     jobs: [build, deploy: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether anybody starts a pipeline with these values.
    ///
    /// # References
    /// - https://circleci.com/docs/pipeline-variables/
    CONDITIONAL_LAYER: "conditional-layer", Workspace, Warning, check, There
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        let Some(whole) = context.whole(flow) else {
            continue;
        };
        for attach in blind(flow) {
            let job = flow.job(attach.job);
            // The same attach, where every outcome is looked at together.
            let same = whole.attaches.iter().find(|a| {
                a.origin.at == attach.origin.at && whole.job(a.job).written_name == job.written_name
            });
            let Some(same) = same.filter(|a| !whole.may_see_more(a.job)) else {
                continue;
            };
            let visible = whole.visible(same.job);
            let Some(layer) = visible
                .iter()
                .find(|l| l.conditional)
                .filter(|_| visible.iter().all(|l| l.conditional))
            else {
                continue;
            };
            let maker = whole.job(layer.job);
            let condition = maker.steps.get(layer.step).and_then(|s| s.condition);
            let mut draft = CONDITIONAL_LAYER
                .finding("attached where the layer may not be made", attach.origin.at, format!("`{}` sees no layer then", job.name))
                .label(layer.origin.at, format!("`{}` persists this under a condition", maker.name))
                .help("put the attach, and what uses it, under the same condition, or persist in every case");
            if let Some(condition) = condition {
                draft = draft.label(condition, "the condition");
            }
            out.push(draft.done());
        }
    }
}
