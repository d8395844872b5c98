//! `no-executor`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job or an executor does not say what it runs on.
    ///
    /// # Why is this bad
    /// The service cannot start a job without `docker`, `machine`, `macos` or a named executor.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#executors
    NO_EXECUTOR: "no-executor", Structure, Error, |context, out| context.problems(&NO_EXECUTOR, out)
}
