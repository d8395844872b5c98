//! `persist-whole-root`: a persist step takes everything in its root, and the root is the
//! working directory or the home directory: `paths: [.]`, `./` or `*`.

use crate::finding::{Finding, Severity};
use crate::flow::{Place, Space};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::takes_all;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A persist step takes everything in its root, and the root is the working directory or the
    /// home directory: `paths: [.]`, `./` or `*`.
    ///
    /// # Why is this bad
    /// The layer holds the whole checkout, with `.git`, caches and whatever lies about; each job
    /// that attaches the workspace downloads all of it. It is a warning where something that does
    /// not belong into a layer is known to lie there: the repository itself, or a layer that was
    /// attached.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - run: make
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: [.]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - run: make
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: [dist]
    /// ```
    ///
    /// # What holdall cannot know
    /// Which of the files a later job needs. Later jobs that do without `checkout` may need all
    /// of them.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PERSIST_WHOLE_ROOT: "persist-whole-root", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            let job = flow.job(layer.job);
            let wd = Place::of_working_directory(&job.working_directory.value);
            let home = layer.root.space == Space::Home && layer.root.parts.is_empty();
            let Some(item) = layer.persist.paths.iter().find(|p| takes_all(&p.value)) else {
                continue;
            };
            if layer.root != wd && !home {
                continue;
            }
            let brings = flow.sees_layers(layer.job) || flow.may_see_more(layer.job);
            let before = job.steps[..layer.step].iter();
            let inside = before.rev().find_map(|step| match &step.kind {
                StepKind::Checkout(checkout) => {
                    let at = wd.join(checkout.path.as_ref().map_or(".", |p| &p.value));
                    let below = layer.root.to_below(&at)?;
                    let dir = below.iter().map(|p| format!("{p}/")).collect::<String>();
                    Some((step, format!("`{dir}.git` comes from here")))
                }
                // An attach that sees no layer brings nothing.
                StepKind::Attach(_) if !brings => None,
                StepKind::Attach(attach) => {
                    let at = wd.join(&attach.at.value);
                    layer.root.to_below(&at)?;
                    Some((
                        step,
                        "layers of earlier jobs come from here, and go into this one again"
                            .to_owned(),
                    ))
                }
                _ => None,
            });
            let place = if home {
                "the home directory"
            } else {
                "the working directory"
            };
            let mut draft = PERSIST_WHOLE_ROOT
                .finding(
                    "a layer of everything there is",
                    item,
                    format!("all of {place}"),
                )
                .help("name the folders that later jobs need");
            if let Some((step, text)) = inside {
                draft = draft
                    .severity(Severity::Warning)
                    .label(step.origin.at, text);
            }
            out.push(draft.done());
        }
    }
}
