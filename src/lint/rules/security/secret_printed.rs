//! `secret-printed`: a script prints a variable that by its name holds a secret, or the whole
//! environment.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A script prints a variable that by its name holds a secret, or the whole environment.
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
        for command in &script.commands {
            if !matches!(command.program(), Some("echo" | "printf")) || command.piped {
                continue;
            }
            // Into a file, it is not printed.
            if command.words.iter().any(|w| w.redirected) {
                continue;
            }
            let inner = |text: &str| text.contains("$(") || text.contains('`');
            if command.words.iter().any(|w| inner(&w.text)) {
                continue;
            }
            let secret = command.words.iter().flat_map(|w| &w.variables).find(|v| {
                SECRETS
                    .iter()
                    .any(|s| v.name.to_ascii_uppercase().ends_with(s))
            });
            if let Some(variable) = secret {
                // `${#TOKEN}` and `${TOKEN:0:4}` show a part on purpose.
                let written = script.text.get(variable.range.clone()).unwrap_or("");
                if written.contains(':') || written.contains('#') || written.contains('+') {
                    continue;
                }
                out.push(
                    SECRET_PRINTED
                        .finding(
                            "a secret is printed",
                            script.at(variable.range.clone()),
                            format!("`{}` goes to the log", variable.name),
                        )
                        .confidence(Confidence::Medium)
                        .help("do not print it; `test -n \"$NAME\"` says whether it is set")
                        .done(),
                );
            }
        }
    }
}
