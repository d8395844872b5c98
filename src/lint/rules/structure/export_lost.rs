//! `export-lost`: a step exports a variable, and a later step of the job uses it.

use std::ops::Range;
use std::rc::Rc;

use crate::finding::{Confidence, Finding};
use crate::hash::{HashMap, HashSet};
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;
use crate::lint::script::Script;

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
        let kept: Vec<&str> = runs(job)
            .map(|(_, run)| run.command.value.as_str())
            .filter(|text| text.contains("BASH_ENV"))
            .collect();
        let uses = uses(&scripts);
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
                let Some(used) = uses.get(name) else {
                    continue;
                };
                let Some((later, range)) = used.get(used.partition_point(|(at, _)| *at <= i))
                else {
                    continue;
                };
                let known = job.environment.iter().any(|v| v.name == name);
                if known || kept.iter().any(|text| text.contains(name)) {
                    continue;
                }
                out.push(
                    EXPORT_LOST
                        .finding(
                            "a variable that is gone in the next step",
                            script.command_at(command),
                            format!("`{name}` is set in this step only"),
                        )
                        .label(scripts[*later].at(range.clone()), "it is not set here")
                        .confidence(Confidence::Medium)
                        .help(format!("write `echo 'export {name}=…' >> \"$BASH_ENV\"`"))
                        .done(),
                );
            }
        }
    }
}

/// Returns for each variable the scripts that use it and do not set it, in order, with the place of
/// its first use there.
fn uses(scripts: &[Rc<Script>]) -> HashMap<&str, Vec<(usize, Range<usize>)>> {
    let mut uses: HashMap<&str, Vec<(usize, Range<usize>)>> = HashMap::default();
    for (i, script) in scripts.iter().enumerate() {
        let words = || script.commands.iter().flat_map(|c| &c.words);
        let assigned = words().filter_map(|w| w.text.split_once('='));
        let set: HashSet<&str> = assigned.map(|(name, _)| name).collect();
        for variable in words().flat_map(|w| &w.variables) {
            if set.contains(variable.name.as_str()) {
                continue;
            }
            let used = uses.entry(&variable.name).or_default();
            if used.last().is_none_or(|(last, _)| *last != i) {
                used.push((i, variable.range.clone()));
            }
        }
    }
    uses
}
