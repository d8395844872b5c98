//! `undefined-parameter`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A template names a parameter that is not declared around it.
    ///
    /// # Why is this bad
    /// Parameters are seen only inside the job, command or executor that declares them. The compiler
    /// announced for September 2026 refuses what the old one read as nothing.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     parameters:
    ///       name: {type: string, default: world}
    ///     steps:
    ///       - run: echo << parameters.nmae >>
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     parameters:
    ///       name: {type: string, default: world}
    ///     steps:
    ///       - run: echo << parameters.name >>
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#using-the-parameters-declaration
    /// - https://circleci.com/docs/pipeline-variables/
    UNDEFINED_PARAMETER: "undefined-parameter", References, Error, |context, out| context.problems(&UNDEFINED_PARAMETER, out), tags = &["next-compiler"]
}
