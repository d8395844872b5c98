//! `executor-combination`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Two kinds of executor are given at once.
    ///
    /// # Why is this bad
    /// A job runs on one of `docker`, `machine` and `macos`.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     machine: {image: "ubuntu-2204:current"}
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     machine: {image: "ubuntu-2204:current"}
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// What an orb's executor without source is.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#executors
    EXECUTOR_COMBINATION: "executor-combination", Structure, Error, |context, out| context.problems(&EXECUTOR_COMBINATION, out)
}
