//! `condition-string-parameter`: the condition of a workflow is a parameter of type string.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::Location;

declare_rule! {
    /// # What it does
    /// The condition of a workflow is a parameter of type string.
    ///
    /// # Why is this bad
    /// Every text but the empty one counts as true, `"false"` as well.
    ///
    /// # Example
    /// ```yaml
    /// parameters:
    ///   deploy: {type: string, default: "false"}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: << pipeline.parameters.deploy >>
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// parameters:
    ///   deploy: {type: boolean, default: false}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: << pipeline.parameters.deploy >>
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the text is only tested for being there: then `not: {equal: ["", …]}` says so.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#logic-statements
    CONDITION_STRING_PARAMETER: "condition-string-parameter", Graph, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let Some(root) = context.compiled.tree.root() else {
        return;
    };
    let Some(parameters) = root.get("parameters").map(|e| e.value) else {
        return;
    };
    let source = crate::yaml::SourceId::default();
    for workflow in root
        .get("workflows")
        .into_iter()
        .flat_map(|w| w.value.entries())
    {
        let condition = ["when", "unless"]
            .into_iter()
            .find_map(|key| workflow.value.get(key));
        let Some(text) = condition.and_then(|c| c.value.text()) else {
            continue;
        };
        let name = text
            .trim()
            .trim_start_matches("<<")
            .trim_end_matches(">>")
            .trim();
        let Some(name) = name.strip_prefix("pipeline.parameters.") else {
            continue;
        };
        let Some(declared) = parameters.get(name) else {
            continue;
        };
        let string = declared.value.get("type").and_then(|t| t.value.text()) == Some("string");
        // An empty default says that being there is what counts.
        let default = declared
            .value
            .get("default")
            .and_then(|d| d.value.text())
            .unwrap_or("");
        if let Some(condition) = condition.filter(|_| string && !default.is_empty()) {
            out.push(
                CONDITION_STRING_PARAMETER
                    .finding(
                        "a text as a condition",
                        Location::new(source, condition.value.span()),
                        "every text but the empty one is true",
                    )
                    .label(
                        Location::new(source, declared.key.span()),
                        format!("`{name}` is of type string, `{default}` by default"),
                    )
                    .confidence(Confidence::Medium)
                    .help("declare it as `boolean`, or compare it: `equal: [\"…\", << … >>]`")
                    .done(),
            );
        }
    }
}
