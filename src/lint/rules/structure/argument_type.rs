//! `argument-type`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An argument is not of the type that its parameter declares.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// commands:
    ///   test:
    ///     parameters:
    ///       nodes: {type: integer}
    ///     steps:
    ///       - run: make -j << parameters.nodes >>
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - test: {nodes: "four"}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   test:
    ///     parameters:
    ///       nodes: {type: integer}
    ///     steps:
    ///       - run: make -j << parameters.nodes >>
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - test: {nodes: 4}
    /// ```
    ///
    /// # What holdall cannot know
    /// What a template stands for that only the service can fill in.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#parameter-types
    ARGUMENT_TYPE: "argument-type", Structure, Error, |context, out| context.problems(&ARGUMENT_TYPE, out)
}
