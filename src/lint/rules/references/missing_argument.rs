//! `missing-argument`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A call lacks an argument that has no default.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// commands:
    ///   greet:
    ///     parameters:
    ///       to: {type: string}
    ///     steps:
    ///       - run: echo hello << parameters.to >>
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - greet
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   greet:
    ///     parameters:
    ///       to: {type: string}
    ///     steps:
    ///       - run: echo hello << parameters.to >>
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - greet: {to: world}
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source declare.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/
    MISSING_ARGUMENT: "missing-argument", References, Error, |context, out| context.problems(&MISSING_ARGUMENT, out)
}
