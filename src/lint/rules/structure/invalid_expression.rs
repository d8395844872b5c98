//! `invalid-expression`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An expression cannot be read, or compares what cannot be compared.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: pipeline.number > "3"
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: pipeline.number > 3
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#logic-statements
    /// - https://circleci.com/docs/pipeline-variables/
    INVALID_EXPRESSION: "invalid-expression", Structure, Error, |context, out| context.problems(&INVALID_EXPRESSION, out)
}
