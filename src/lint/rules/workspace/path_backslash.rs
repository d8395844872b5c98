//! `path-backslash`: a backslash as a separator, or a Windows drive, where neither means that.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::machine::on_windows;
use crate::lint::rule::declare_rule;
use crate::plan::{Job, StepKind};

declare_rule! {
    /// # What it does
    /// A path uses `\` as a separator, or names a Windows drive, in a job that does not run on
    /// Windows.
    ///
    /// # Why is this bad
    /// In a pattern `\` takes the next character as it is: `dist\app` matches `distapp`. A drive
    /// is a name like any other on Linux and macOS.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: ['dist\app']
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [dist/app]
    /// ```
    ///
    /// # What holdall cannot know
    /// What a self-hosted runner runs on.
    ///
    /// # References
    /// - https://pkg.go.dev/path/filepath#Match
    PATH_BACKSLASH: "path-backslash", Workspace, Warning, check
}

/// Says whether a job is known to run elsewhere than on Windows.
fn is_posix(job: &Job) -> bool {
    on_windows(job) == Some(false)
}

fn separates(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .windows(2)
        .any(|w| w[0] == b'\\' && (w[1].is_ascii_alphanumeric() || w[1] == b'_'))
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs().filter(|j| is_posix(j)) {
        let mut paths = Vec::new();
        for step in &job.steps {
            match &step.kind {
                StepKind::Persist(p) => {
                    paths.push(&p.root);
                    paths.extend(&p.paths);
                }
                StepKind::Attach(a) => paths.push(&a.at),
                _ => {}
            }
        }
        for path in paths.into_iter().filter(|p| separates(&p.value)) {
            out.push(
                PATH_BACKSLASH
                    .finding(
                        "a backslash where `/` is meant",
                        context.within(path, "\\"),
                        format!("`{}` does not run on Windows", job.name),
                    )
                    .help(format!("write `{}`", path.value.replace('\\', "/")))
                    .done(),
            );
        }
    }
}
