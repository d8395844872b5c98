//! `condition-mixes-expression`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A condition mixes an expression with `<< >>`, or stands where expressions are plain text.
    ///
    /// # Why is this bad
    /// What is put in place of `<< >>` makes a text, and a text that is not empty is true: the condition
    /// always holds.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: << pipeline.git.branch >> == "main"
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: pipeline.git.branch == "main"
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#logic-statements
    CONDITION_MIXES_EXPRESSION: "condition-mixes-expression", Graph, Error, |context, out| context.problems(&CONDITION_MIXES_EXPRESSION, out)
}
