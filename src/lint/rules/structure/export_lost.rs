//! `export-lost`: a step exports a variable, and a later step of the job uses it.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A step exports a variable, and a later step of the job uses it.
    ///
    /// # Why is this bad
    /// Each step has a shell of its own: what one exports is gone in the next.
    ///
    /// # Example
    /// ```yaml
    /// - run: export VERSION=$(cat version.txt)
    /// - run: echo "building $VERSION"
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: echo "export VERSION=$(cat version.txt)" >> "$BASH_ENV"
    /// - run: echo "building $VERSION"
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the variable comes from a context or from the project's settings too.
    ///
    /// # References
    /// - https://circleci.com/docs/set-environment-variable/
    EXPORT_LOST: "export-lost", Structure, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        let scripts: Vec<_> = runs(job)
            .filter_map(|(_, run)| context.script(run))
            .collect();
        let all: Vec<&str> = runs(job)
            .map(|(_, run)| run.command.value.as_str())
            .collect();
        for (i, script) in scripts.iter().enumerate() {
            for command in script
                .commands
                .iter()
                .filter(|c| c.program() == Some("export"))
            {
                let assigned = command.words.iter().find_map(|w| w.text.split_once('='));
                let Some((name, _)) = assigned.filter(|(n, _)| !n.is_empty() && *n != "PATH")
                else {
                    continue;
                };
                let kept = all
                    .iter()
                    .any(|s| s.contains("BASH_ENV") && s.contains(name));
                let used = scripts.iter().skip(i + 1).find_map(|later| {
                    let sets = later
                        .commands
                        .iter()
                        .flat_map(|c| &c.words)
                        .any(|w| w.text.starts_with(&format!("{name}=")));
                    let found = later
                        .commands
                        .iter()
                        .flat_map(|c| &c.words)
                        .flat_map(|w| &w.variables)
                        .find(|v| v.name == name);
                    found.filter(|_| !sets).map(|v| later.at(v.range.clone()))
                });
                let known = job.environment.iter().any(|v| v.name == name);
                if let Some(used) = used.filter(|_| !kept && !known) {
                    out.push(
                        EXPORT_LOST
                            .finding(
                                "a variable that is gone in the next step",
                                script.command_at(command),
                                format!("`{name}` is set in this step only"),
                            )
                            .label(used, "it is not set here")
                            .confidence(Confidence::Medium)
                            .help(format!("write `echo 'export {name}=…' >> \"$BASH_ENV\"`"))
                            .done(),
                    );
                }
            }
        }
    }
}
