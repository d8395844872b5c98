//! `unquoted-branch-variable`: `$CIRCLE_BRANCH`, `$CIRCLE_TAG` or another variable that a
//! stranger chooses is used without quotes, or given to `eval` or `sh -c`.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// `$CIRCLE_BRANCH`, `$CIRCLE_TAG` or another variable that a stranger chooses is used
    /// without quotes, or given to `eval` or `sh -c`.
    ///
    /// # Why is this bad
    /// Without quotes the shell cuts the text at blanks and expands its patterns; a name that
    /// begins with `-` is an option. Handed to `eval` it is a command.
    ///
    /// # Example
    /// ```yaml
    /// - run: git push origin $CIRCLE_BRANCH
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: git push origin "$CIRCLE_BRANCH"
    /// ```
    ///
    /// # What holdall cannot know
    /// What the program does with the text.
    ///
    /// # References
    /// - https://circleci.com/docs/variables/#built-in-environment-variables
    /// - https://www.shellcheck.net/wiki/SC2086
    UNQUOTED_BRANCH_VARIABLE: "unquoted-branch-variable", Security, Warning, check
}

/// Variables whose text whoever pushes chooses.
const CHOSEN: [&str; 3] = ["CIRCLE_BRANCH", "CIRCLE_TAG", "CIRCLE_PR_USERNAME"];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for script in context.scripts() {
        for command in &script.commands {
            // Neither cuts words in an assignment, nor does `[[`.
            if matches!(
                command.program(),
                None | Some("[[" | "export" | "case" | "echo" | "printf")
            ) {
                continue;
            }
            let variables = command
                .words
                .iter()
                .filter(|w| !w.text.contains('=') || w.text.starts_with('-'))
                .flat_map(|w| &w.variables);
            for variable in variables.filter(|v| !v.quoted && CHOSEN.contains(&v.name.as_str())) {
                out.push(
                    UNQUOTED_BRANCH_VARIABLE
                        .finding(
                            "a stranger's text without quotes",
                            script.at(variable.range.clone()),
                            "the shell cuts this at blanks",
                        )
                        .confidence(Confidence::Medium)
                        .help(format!("write `\"${}\"`", variable.name))
                        .done(),
                );
            }
        }
    }
}
