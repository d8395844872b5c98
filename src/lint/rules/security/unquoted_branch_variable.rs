//! `unquoted-branch-variable`: `$CIRCLE_BRANCH`, `$CIRCLE_TAG` or another variable that a
//! stranger chooses is used without quotes, or given to `eval` or `sh -c`.

use crate::finding::{Confidence, Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::lint::script::Script;
use crate::lint::shell::{Variable, Word};
use crate::yaml::SourceId;

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
    UNQUOTED_BRANCH_VARIABLE: "unquoted-branch-variable", Security, Warning, check, fix = Fixable::Unsafe
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
                .flat_map(|w| w.variables.iter().map(move |v| (w, v)));
            let chosen = variables.filter(|(_, v)| !v.quoted && CHOSEN.contains(&v.name.as_str()));
            for (word, variable) in chosen {
                out.push(
                    UNQUOTED_BRANCH_VARIABLE
                        .finding(
                            "a stranger's text without quotes",
                            script.at(variable.range.clone()),
                            "the shell cuts this at blanks",
                        )
                        .confidence(Confidence::Medium)
                        .help(format!("write `\"${}\"`", variable.name))
                        .fix(quoted(context, &script, word, variable))
                        .done(),
                );
            }
        }
    }
}

/// Puts quotes around a variable that is a word of its own.
fn quoted(context: &Context<'_>, script: &Script, word: &Word, variable: &Variable) -> Option<Fix> {
    let range = &variable.range;
    let at = script.at(range.clone());
    let written = script.text.get(range.clone())?;
    if word.range != *range || !written.starts_with('$') || context.text(at) != written {
        return None;
    }
    let node = (at.source == SourceId::default())
        .then(|| context.tree().around(at.span).pop())
        .flatten()?;
    (node.text() == Some(script.text.as_str())).then_some(())?;
    let places = [(range.start, "\""), (range.end, "\"")];
    mend::insert_into(node, &places, format!("write `\"{written}\"`"), false)
}
