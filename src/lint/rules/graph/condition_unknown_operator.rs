//! `condition-unknown-operator`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A condition uses an operator that does not exist.
    ///
    /// # Why is this bad
    /// A map with an unknown key is a literal, and a literal map is true: the condition always holds.
    ///
    /// # Example
    /// ```yaml
    /// parameters:
    ///   kind: {type: string, default: full}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when:
    ///       equals: [full, << pipeline.parameters.kind >>]
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// parameters:
    ///   kind: {type: string, default: full}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when:
    ///       equal: [full, << pipeline.parameters.kind >>]
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#logic-statements
    CONDITION_UNKNOWN_OPERATOR: "condition-unknown-operator", Graph, Error, |context, out| context.problems(&CONDITION_UNKNOWN_OPERATOR, out)
}
