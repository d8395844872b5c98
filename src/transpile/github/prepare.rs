//! The first step of a job: the working directory where CircleCI has it, the file that each shell
//! reads first, the programs of CircleCI's own that scripts call.

use super::executor::Place;
use super::write::Block;
use super::{Context, builtins};
use crate::circleci::actual;
use crate::flow::{Place as Path, Space};
use crate::plan::{Job, StepKind};
use crate::transpile::{Ledger, Node};

const LINKED: &str = "# The working directory as the config names it, which leads to GitHub's\n";
const LINK: &str = r#"as_root() { "$@" 2>/dev/null || sudo "$@"; }
as_root mkdir -p "$(dirname "$directory")"
if [ -d "$directory" ] && [ ! -L "$directory" ] && ! rmdir "$directory" 2>/dev/null; then
  cp -a "$directory/." "$GITHUB_WORKSPACE/"
  as_root mv "$directory" "$directory.before"
fi
as_root ln -sfn "$GITHUB_WORKSPACE" "$directory"
"#;

const MOVED: &str = "# The working directory, and GitHub's name for it\n";
const MOVE: &str = r#"mkdir -p "$directory" 2>/dev/null || {
  sudo mkdir -p "$directory"
  sudo chown "$(id -u):$(id -g)" "$directory"
}
if [ ! -L "$GITHUB_WORKSPACE" ]; then
  cd "$directory"
  rmdir "$GITHUB_WORKSPACE"
  ln -s "$directory" "$GITHUB_WORKSPACE"
fi
"#;

/// Says whether the config's working directory is a link to GitHub's: caches are kept by their
/// ways from there, so that it has to be no link itself where a job has any.
pub(super) fn is_linked(job: &Job) -> bool {
    has_caches(job) && !reaches_above(job)
}

/// Says whether caches of a job hold nothing: GitHub's name for its directory has to be a link.
pub(super) fn loses_caches(job: &Job) -> bool {
    has_caches(job) && reaches_above(job)
}

fn has_caches(job: &Job) -> bool {
    let cache =
        |kind: &StepKind| matches!(kind, StepKind::SaveCache(_) | StepKind::RestoreCache(_));
    job.steps.iter().any(|s| cache(&s.kind))
}

/// Says whether layers of a job hold its working directory itself: it can be no link then.
fn reaches_above(job: &Job) -> bool {
    let own = Path::of_working_directory(&actual(&job.working_directory.value));
    let mut roots = job.steps.iter().filter_map(|s| match &s.kind {
        StepKind::Persist(persist) => Some(&persist.root),
        StepKind::Attach(attach) => Some(&attach.at),
        _ => None,
    });
    roots.any(|root| {
        let root = own.join(&actual(&root.value));
        // Where the home folder is, nobody says; it is one of these.
        let homes = ["", "/home", "/home/circleci", "/root"];
        let home = root.space == Space::Root
            && own.space != Space::Root
            && homes
                .iter()
                .any(|h| *h == root.to_string().trim_end_matches('/'));
        home || root.to_below(&own).is_some_and(|names| !names.is_empty())
    })
}

/// Writes the first step: the working directory where CircleCI has it, and the file that each
/// shell reads first.
pub(super) fn prepare(
    context: &Context<'_>,
    job: &Job,
    node: Node,
    place: Place,
    head: &mut Block,
    ledger: &mut Ledger,
) -> Block {
    let directory = actual(&job.working_directory.value);
    let mut step = Block::default();
    step.put("name", "Prepare the job as CircleCI does");
    let mut text = String::new();
    let elsewhere = !matches!(
        directory.as_str(),
        "~" | "/" | "." | "" | "/tmp" | "/root" | "~/"
    );
    if elsewhere && !directory.contains('$') && place == Place::Unix {
        let word = |path: &str| crate::words::quoted(path);
        let target = match (directory.strip_prefix("~/"), directory.starts_with('/')) {
            (Some(rest), _) => format!("\"$HOME\"/{}", word(rest)),
            (None, true) => word(&directory),
            (None, false) => format!("\"$HOME\"/{}", word(&directory)),
        };
        let (about, name, script) = match is_linked(job) {
            true => (LINKED, "HOLDALL_LINK", LINK),
            false => (MOVED, "HOLDALL_MOVE", MOVE),
        };
        let script = context.shared(name, script);
        text.push_str(&format!("{about}directory={target}\n{script}"));
        ledger.converted(node, "working_directory");
    } else {
        let why = format!("the job works in GitHub's workspace, not in `{directory}`");
        ledger.approximated(node, "working_directory", why.clone());
        head.note(format!("Differs: {why}."));
    }
    text.push_str("# The file that each shell reads first\n: >>\"$RUNNER_TEMP/bash_env\"\necho \"BASH_ENV=$RUNNER_TEMP/bash_env\" >>\"$GITHUB_ENV\"\n");
    let used = builtins::used_by(job);
    if used.contains("CIRCLE_SHELL_ENV") {
        text.push_str("echo \"CIRCLE_SHELL_ENV=$RUNNER_TEMP/bash_env\" >>\"$GITHUB_ENV\"\n");
    }
    if used.contains("CIRCLE_PROJECT_REPONAME") {
        // A schedule's event does not say it.
        text.push_str(
            "echo \"CIRCLE_PROJECT_REPONAME=${GITHUB_REPOSITORY#*/}\" >>\"$GITHUB_ENV\"\n",
        );
    }
    text.push_str(&super::steps::shims(job));
    step.put(
        "shell",
        if place == Place::Windows {
            "bash"
        } else {
            "sh"
        },
    );
    step.put("run", text);
    step
}
