//! `unquoted-branch-variable`: `$CIRCLE_BRANCH`, `$CIRCLE_TAG` or another variable that a
//! stranger chooses is used without quotes, or given to `eval` or `sh -c`.

use crate::finding::{Confidence, Finding, Fix, Severity};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::lint::script::Script;
use crate::lint::shell::{Command, Variable, Word};
use crate::yaml::SourceId;

declare_rule! {
    /// # What it does
    /// `$CIRCLE_BRANCH`, `$CIRCLE_TAG` or another variable that a stranger chooses is used
    /// without quotes, or given to `eval` or `sh -c`.
    ///
    /// # Why is this bad
    /// Handed to `eval` or `sh -c` the text is read as a script: a branch may well be called
    /// `x$(…)`. Without quotes, elsewhere, a variable that is empty leaves no word at all; that is
    /// for information only, as git allows neither blanks nor patterns in a name.
    ///
    /// # Example
    /// ```yaml
    /// - run: sh -c "make deploy-$CIRCLE_BRANCH"
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: make "deploy-$CIRCLE_BRANCH"
    /// ```
    ///
    /// # What holdall cannot know
    /// What the program does with the text.
    ///
    /// # References
    /// - https://circleci.com/docs/variables/#built-in-environment-variables
    /// - https://git-scm.com/docs/git-check-ref-format
    UNQUOTED_BRANCH_VARIABLE: "unquoted-branch-variable", Security, Warning, check, fix = Fixable::Unsafe
}

/// Variables whose text whoever pushes chooses.
const CHOSEN: [&str; 3] = ["CIRCLE_BRANCH", "CIRCLE_TAG", "CIRCLE_PR_USERNAME"];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for script in context.scripts() {
        for command in &script.commands {
            let code = code_words(command);
            for (i, word) in command.words.iter().enumerate() {
                let is_code = code.contains(&i);
                let chosen = word.variables.iter();
                for variable in chosen.filter(|v| CHOSEN.contains(&v.name.as_str())) {
                    if is_code {
                        out.push(run_as_code(script, variable));
                    } else if !variable.quoted && is_cut(command, word) {
                        out.push(unquoted(context, script, word, variable));
                    }
                }
            }
        }
    }
}

/// Quotes do not help here: the shell that is called reads the text once more.
fn run_as_code(script: &Script, variable: &Variable) -> Finding {
    UNQUOTED_BRANCH_VARIABLE
        .finding(
            "a stranger's text run as code",
            script.at(variable.range.clone()),
            "the shell that gets this reads it as a script",
        )
        .help(format!(
            "hand it over as an argument: `sh -c '… \"$1\"' sh \"${}\"`",
            variable.name
        ))
        .note("the name of a branch or a tag may hold `$(…)`, `;` and backquotes")
        .done()
}

/// Git allows no blanks and no `*?[` in a name, so that an empty one is all that can go wrong.
fn unquoted(context: &Context<'_>, script: &Script, word: &Word, variable: &Variable) -> Finding {
    UNQUOTED_BRANCH_VARIABLE
        .finding(
            "a stranger's text without quotes",
            script.at(variable.range.clone()),
            "where this is empty, the word is gone",
        )
        .severity(Severity::Info)
        .confidence(Confidence::Medium)
        .help(format!("write `\"${}\"`", variable.name))
        .fix(quoted(context, script, word, variable))
        .done()
}

/// Says whether the shell cuts a word where its variables are not quoted: neither in an
/// assignment, nor in `[[`; where it is only printed it does not matter.
fn is_cut(command: &Command, word: &Word) -> bool {
    let whole = matches!(
        command.program(),
        None | Some("[[" | "export" | "case" | "echo" | "printf")
    );
    !whole && (!word.text.contains('=') || word.text.starts_with('-'))
}

const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "su"];

/// Returns the words of a command that a shell reads as a script: what stands behind `eval` and
/// `sh -c`.
fn code_words(command: &Command) -> Vec<usize> {
    let words = &command.words;
    if command.program() == Some("eval") {
        return (1..words.len()).collect();
    }
    let name = |i: usize| words[i].text.rsplit('/').next().unwrap_or_default();
    let called = (0..words.len()).filter(|i| SHELLS.contains(&name(*i)));
    called
        .filter_map(|i| {
            let option = words.get(i + 1)?.text.as_str();
            let takes = option.starts_with('-') && !option.starts_with("--");
            (takes && option.ends_with('c')).then_some(i + 2)
        })
        .collect()
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
