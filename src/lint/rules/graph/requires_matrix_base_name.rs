//! `requires-matrix-base-name`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A requirement names a job by the name of its definition, while the workflow gives the arms
    /// of its matrix another `name`.
    ///
    /// # Why is this bad
    /// Requirements mean the names of the workflow's jobs, or the alias of a matrix: no job has
    /// the name of the definition any more.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {os: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           name: test on << matrix.os >>
    ///           matrix: {alias: all-tests, parameters: {os: [linux, mac]}}
    ///       - deploy: {requires: [test]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {os: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           name: test on << matrix.os >>
    ///           matrix: {alias: all-tests, parameters: {os: [linux, mac]}}
    ///       - deploy: {requires: [all-tests]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#matrix
    REQUIRES_MATRIX_BASE_NAME: "requires-matrix-base-name", Graph, Error, |context, out| context.problems(&REQUIRES_MATRIX_BASE_NAME, out)
}
