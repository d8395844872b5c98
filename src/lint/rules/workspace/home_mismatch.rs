//! `home-mismatch`: a workspace step names the home directory of another kind of executor:
//! `/root` on an image of CircleCI, `/home/circleci` on macOS, `/Users/distiller` elsewhere.

use crate::finding::Finding;
use crate::flow::{Place, Space};
use crate::lint::Context;
use crate::lint::machine::Machine;
use crate::lint::rule::declare_rule;
use crate::plan::{Located, StepKind};

declare_rule! {
    /// # What it does
    /// A workspace step names the home directory of another kind of executor: `/root` on an image
    /// of CircleCI, `/home/circleci` on macOS, `/Users/distiller` elsewhere.
    ///
    /// # Why is this bad
    /// The folder is not there, or belongs to somebody else: the step fails. `~` means the home
    /// directory everywhere.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: /root/project, paths: [out]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ~/project, paths: [out]}
    /// ```
    ///
    /// # What holdall cannot know
    /// The user of images that are not CircleCI's.
    ///
    /// # References
    /// - https://circleci.com/docs/circleci-images/
    HOME_MISMATCH: "home-mismatch", Workspace, Warning, check
}

/// Home directories by the beginning of their path.
const HOMES: [&[&str]; 3] = [&["root"], &["home", "circleci"], &["Users", "distiller"]];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        let machine = Machine::of(job);
        let Some(home) = machine.home() else {
            continue;
        };
        let wd = Place::of_working_directory(&job.working_directory.value);
        for step in &job.steps {
            let path: &Located<String> = match &step.kind {
                StepKind::Persist(persist) => &persist.root,
                StepKind::Attach(attach) => &attach.at,
                _ => continue,
            };
            let place = wd.join(&path.value);
            let other = HOMES.iter().find(|h| {
                place.space == Space::Root
                    && place.parts.iter().zip(**h).filter(|(a, b)| a == b).count() == h.len()
            });
            let Some(other) = other
                .map(|h| format!("/{}", h.join("/")))
                .filter(|o| o != home)
            else {
                continue;
            };
            out.push(
                HOME_MISMATCH
                    .finding(
                        "the home directory of another executor",
                        path,
                        format!("`{other}` is not the home directory here"),
                    )
                    .label(machine.at(job), format!("the job is at home in `{home}`"))
                    .help("write `~`")
                    .done(),
            );
        }
    }
}
