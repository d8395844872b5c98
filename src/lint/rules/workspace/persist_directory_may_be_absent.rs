//! `persist-directory-may-be-absent`: a job whose tests are split or selected persists a folder
//! that no step makes sure of.

use crate::finding::{Confidence, Finding};
use crate::flow::Layer;
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::names::is_file;
use crate::lint::rules::workspace::takes_all;
use crate::plan::{Job, StepKind};

declare_rule! {
    /// # What it does
    /// A job whose tests are split or selected persists a folder that no step makes sure of; or the
    /// step right before has only just made the root, and nothing is in it.
    ///
    /// # Why is this bad
    /// A node that gets no test, or a rerun of failed tests only, writes nothing: the folder is
    /// not there, the persist fails with "did not match any files", and the job with it. So it does
    /// where files are looked for in a root that `mkdir` has made a moment ago.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     parallelism: 4
    ///     steps:
    ///       - checkout
    ///       - run: circleci tests glob "test/*.js" | circleci tests run --command="xargs npx jest --coverage"
    ///       - persist_to_workspace: {root: ., paths: [coverage]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     parallelism: 4
    ///     steps:
    ///       - checkout
    ///       - run: mkdir -p coverage
    ///       - run: circleci tests glob "test/*.js" | circleci tests run --command="xargs npx jest --coverage"
    ///       - persist_to_workspace: {root: ., paths: [coverage]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a program makes the folder in every case.
    ///
    /// # References
    /// - https://circleci.com/docs/rerun-failed-tests/
    PERSIST_DIRECTORY_MAY_BE_ABSENT: "persist-directory-may-be-absent", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            let job = flow.job(layer.job);
            out.extend(just_made(context, job, layer));
            let split = runs(job)
                .take_while(|(i, _)| *i < layer.step)
                .find_map(|(_, run)| {
                    let script = context.script(run)?;
                    let found = script.commands.iter().find(|c| {
                        c.is(&["circleci", "tests", "run"]) || c.is(&["circleci", "tests", "split"])
                    });
                    found.map(|c| script.command_at(c))
                });
            let Some(split) = split else {
                continue;
            };
            let tracked = context.tracked();
            for item in &layer.persist.paths {
                let name = item.value.trim_start_matches("./").trim_end_matches('/');
                let open = name.is_empty()
                    || name == "."
                    || name.contains(['*', '?', '['])
                    || is_file(job, layer.step, name);
                let last = name.rsplit('/').next().unwrap_or(name);
                let made = runs(job).any(|(_, run)| {
                    run.command
                        .value
                        .lines()
                        .any(|l| l.contains("mkdir") && l.contains(last))
                });
                let there = tracked
                    .as_ref()
                    .is_some_and(|files| files.iter().any(|f| f.starts_with(&format!("{name}/"))));
                if open || made || there {
                    continue;
                }
                out.push(
                    PERSIST_DIRECTORY_MAY_BE_ABSENT
                        .finding(
                            "a folder that may not be there",
                            item,
                            "a node without tests does not make this",
                        )
                        .label(split, "the tests are given out here")
                        .confidence(Confidence::Low)
                        .help(format!("make it before: `mkdir -p {name}`"))
                        .done(),
                );
            }
        }
    }
}

/// Finds a root that the last command before the persist step makes: it is empty. (Without `-p`,
/// `mkdir` fails where the folder is there already.)
fn just_made(context: &Context<'_>, job: &Job, layer: &Layer<'_>) -> Option<Finding> {
    let StepKind::Run(run) = &job.steps[..layer.step].last()?.kind else {
        return None;
    };
    let item = layer.persist.paths.iter().find(|p| !takes_all(&p.value))?;
    let script = context.script(run)?;
    let command = script.commands.last()?;
    let plain = |path: &str| {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        path.to_owned()
    };
    let root = plain(&layer.persist.root.value);
    let [made] = command.arguments() else {
        return None;
    };
    let makes = command.program() == Some("mkdir") && plain(&made.text) == root;
    (makes && run.working_directory.is_none() && !run.background).then(|| {
        PERSIST_DIRECTORY_MAY_BE_ABSENT
            .finding(
                "a persisted path that is not there",
                item,
                format!("nothing has put this into `{root}`"),
            )
            .label(
                script.command_at(command),
                "the root is made here, and is empty",
            )
            .help(format!(
                "copy it there before, or let the root be where it is: `cp … {root}/`"
            ))
            .note("the service says: The specified paths did not match any files")
            .done()
    })
}
