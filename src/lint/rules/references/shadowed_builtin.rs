//! `shadowed-builtin`: a command has the name of a builtin step.

use crate::circleci::STEP_NAMES;
use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, SourceId};

declare_rule! {
    /// # What it does
    /// A command has the name of a builtin step.
    ///
    /// # Why is this bad
    /// It stands in for the step everywhere in the config, which a reader does not expect.
    ///
    /// # Example
    /// ```yaml
    /// commands:
    ///   checkout:
    ///     steps: [run: git clone "$CIRCLE_REPOSITORY_URL" .]
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   clone:
    ///     steps: [run: git clone "$CIRCLE_REPOSITORY_URL" .]
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [clone]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether that is meant.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/
    SHADOWED_BUILTIN: "shadowed-builtin", References, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let root = context
        .compiled
        .tree
        .root()
        .filter(|_| context.compiled.templates);
    let commands = root.and_then(|r| r.get("commands"));
    for command in commands.into_iter().flat_map(|c| c.value.entries()) {
        let name = command.key.text().unwrap_or_default();
        if STEP_NAMES.contains(&name) || name == "deploy" {
            out.push(
                SHADOWED_BUILTIN
                    .finding(
                        "a command named like a builtin step",
                        Location::new(SourceId::default(), command.key.span()),
                        format!("this replaces the step `{name}`"),
                    )
                    .help("give it a name of its own")
                    .done(),
            );
        }
    }
}
