//! `matrix-argument`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A parameter of a matrix that its job does not declare.
    ///
    /// # Why is this bad
    /// The values of a matrix are arguments of the job: the service refuses one that the job does
    /// not take.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {version: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           version: "1"
    ///           matrix: {parameters: {os: [linux, mac]}}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {version: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix: {parameters: {version: ["1", "2"]}}
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source declare.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#matrix
    MATRIX_ARGUMENT: "matrix-argument", Graph, Error, |context, out| context.problems(&MATRIX_ARGUMENT, out)
}
