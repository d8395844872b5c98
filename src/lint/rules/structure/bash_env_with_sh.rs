//! `bash-env-with-sh`: a step writes to `$BASH_ENV` in a job whose shell is `sh`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A step writes to `$BASH_ENV` in a job whose shell is `sh`.
    ///
    /// # Why is this bad
    /// Only bash reads that file: what is written there is never set.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "alpine:3.19"}]
    ///     shell: /bin/sh -e
    ///     steps:
    ///       - run: echo 'export A=1' >> "$BASH_ENV"
    ///       - run: echo "$A"
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     shell: /bin/bash -e
    ///     steps:
    ///       - run: echo 'export A=1' >> "$BASH_ENV"
    ///       - run: echo "$A"
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a step reads the file itself: where one does, with `.` or `source`, the rule is
    /// silent.
    ///
    /// # References
    /// - https://circleci.com/docs/env-vars/
    BASH_ENV_WITH_SH: "bash-env-with-sh", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        let Some(shell) = job.shell.as_ref().filter(|s| is_sh(&s.value)) else {
            continue;
        };
        // Who points the variable at a file has one in mind that the shell reads: `/etc/profile`.
        let chosen = job.environment.iter().any(|v| v.name == "BASH_ENV");
        let reads = chosen
            || runs(job).any(|(_, run)| {
                let script = &run.command.value;
                script.contains(". $BASH_ENV")
                    || script.contains(". \"$BASH_ENV")
                    || script.contains("source $BASH_ENV")
                    || script.contains("source \"$BASH_ENV")
                    || run.shell.as_ref().is_some_and(|s| !is_sh(s))
            });
        if reads {
            continue;
        }
        for (_, run) in runs(job) {
            let Some(script) = context.script(run) else {
                continue;
            };
            let word = script
                .commands
                .iter()
                .flat_map(|c| &c.words)
                .find(|w| w.redirected && w.variables.iter().any(|v| v.name == "BASH_ENV"));
            if let Some(word) = word {
                out.push(
                    BASH_ENV_WITH_SH
                        .finding(
                            "`$BASH_ENV` where no bash reads it",
                            script.at(word.range.clone()),
                            "nothing reads this file",
                        )
                        .label(shell.written(), "the job's shell")
                        .help("use bash, or read the file in each step: `. \"$BASH_ENV\"`")
                        .done(),
                );
                break;
            }
        }
    }
}

fn is_sh(shell: &str) -> bool {
    let program = shell.split_whitespace().next().unwrap_or("");
    matches!(program.rsplit('/').next(), Some("sh" | "ash" | "dash"))
}
