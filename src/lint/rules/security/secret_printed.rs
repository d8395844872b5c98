//! `secret-printed`: a script prints a variable that by its name holds a secret, or the whole
//! environment of a job with a context.

use crate::finding::{Confidence, Finding};
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;
use crate::lint::script::Script;
use crate::lint::shell::Command;
use crate::yaml::Location;

declare_rule! {
    /// # What it does
    /// A script prints a variable that by its name holds a secret, or the whole environment of a
    /// job with a context.
    ///
    /// # Why is this bad
    /// The output of a job can be read by everybody who can see it, for open projects the whole
    /// world. The service masks what it knows as a secret, and nothing that was changed on the
    /// way.
    ///
    /// # Example
    /// ```yaml
    /// - run: echo "token is $GITHUB_TOKEN"
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: test -n "$GITHUB_TOKEN"
    /// ```
    ///
    /// # What holdall cannot know
    /// What the variable holds, and whether the service masks it.
    ///
    /// # References
    /// - https://circleci.com/docs/env-vars/#secrets-masking
    SECRET_PRINTED: "secret-printed", Security, Warning, check
}

/// Ends of names that hold secrets.
const SECRETS: [&str; 8] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for script in context.scripts() {
        for command in script.commands.iter().filter(|c| reaches_the_log(c)) {
            out.extend(variable(script, command));
        }
    }
    let mut told = HashSet::default();
    for job in context.jobs() {
        // What a context is there for are secrets; what else is set may be none.
        let Some(holder) = job.contexts.first() else {
            continue;
        };
        for (_, run) in runs(job) {
            let Some(script) = context.script(run) else {
                continue;
            };
            let commands = script.commands.iter();
            for command in commands.filter(|c| reaches_the_log(c) && prints_all(c)) {
                let at = script.command_at(command);
                if told.insert(at) {
                    out.push(whole_environment(at, &holder.value));
                }
            }
        }
    }
}

/// Says whether what a command prints goes to the log, not into a file or another command.
fn reaches_the_log(command: &Command) -> bool {
    !command.piped && !command.words.iter().any(|w| w.redirected)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRETS.iter().any(|s| name.ends_with(s))
}

/// Looks for a secret that a command prints by its name.
fn variable(script: &Script, command: &Command) -> Option<Finding> {
    let inner = |text: &str| text.contains("$(") || text.contains('`');
    if command.words.iter().any(|w| inner(&w.text)) {
        return None;
    }
    let (name, range) = match command.program() {
        Some("echo" | "printf") => {
            let mut variables = command.words.iter().flat_map(|w| &w.variables);
            let variable = variables.find(|v| is_secret(&v.name))?;
            (&variable.name, &variable.range)
        }
        Some("printenv") => {
            let word = command.arguments().iter().find(|w| is_secret(&w.text))?;
            (&word.text, &word.range)
        }
        _ => return None,
    };
    // `${#TOKEN}` and `${TOKEN:0:4}` show a part on purpose.
    let written = script.text.get(range.clone()).unwrap_or("");
    if written.contains([':', '#', '+']) {
        return None;
    }
    let found = SECRET_PRINTED
        .finding(
            "a secret is printed",
            script.at(range.clone()),
            format!("`{name}` goes to the log"),
        )
        .confidence(Confidence::Medium)
        .help("do not print it; `test -n \"$NAME\"` says whether it is set");
    Some(found.done())
}

/// Says whether a command prints all variables: such a word, and nothing that it is to do.
fn prints_all(command: &Command) -> bool {
    let words: Vec<&str> = command.words.iter().map(|w| w.text.as_str()).collect();
    matches!(
        words.as_slice(),
        ["env" | "printenv" | "set" | "export"] | ["export" | "declare", "-p" | "-x"]
    )
}

fn whole_environment(at: Location, holder: &str) -> Finding {
    SECRET_PRINTED
        .finding(
            "a secret is printed",
            at,
            format!("all variables go to the log, those of the context `{holder}` too"),
        )
        .confidence(Confidence::Medium)
        .help("print the variables that are needed by their names")
        .done()
}
