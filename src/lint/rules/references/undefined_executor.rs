//! `undefined-executor`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job names an executor that is not defined.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// executors:
    ///   linux: {docker: [{image: "cimg/base:2024.01"}]}
    /// jobs:
    ///   build: {executor: lunix, steps: [checkout]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// executors:
    ///   linux: {docker: [{image: "cimg/base:2024.01"}]}
    /// jobs:
    ///   build: {executor: linux, steps: [checkout]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source hold.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#executor
    UNDEFINED_EXECUTOR: "undefined-executor", References, Error, |context, out| context.problems(&UNDEFINED_EXECUTOR, out)
}
