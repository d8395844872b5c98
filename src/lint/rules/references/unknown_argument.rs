//! `unknown-argument`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A call gives an argument that nothing takes.
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
    ///       - greet: {to: world, too: all}
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
    UNKNOWN_ARGUMENT: "unknown-argument", References, Error, |context, out| context.problems(&UNKNOWN_ARGUMENT, out)
}
