//! `matrix-exclude-no-match`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An entry of a matrix's `exclude` leaves nothing out.
    ///
    /// # Why is this bad
    /// An exclusion has to name every parameter of the matrix, with values of the same type: one
    /// that does not is ignored without a word, and the jobs run.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {os: {type: string}, node: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix:
    ///             parameters: {os: [linux, mac], node: ["18", "20"]}
    ///             exclude: [{os: mac}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {os: {type: string}, node: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix:
    ///             parameters: {os: [linux, mac], node: ["18", "20"]}
    ///             exclude: [{os: mac, node: "18"}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#matrix
    MATRIX_EXCLUDE_NO_MATCH: "matrix-exclude-no-match", Graph, Warning, |context, out| context.problems(&MATRIX_EXCLUDE_NO_MATCH, out)
}
