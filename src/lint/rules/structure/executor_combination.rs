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
    /// build:
    ///   docker: [{image: x}]
    ///   machine: true
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// build:
    ///   docker: [{image: x}]
    /// ```
    ///
    /// # What holdall cannot know
    /// What an orb's executor without source is.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#executors
    EXECUTOR_COMBINATION: "executor-combination", Structure, Error, |context, out| context.problems(&EXECUTOR_COMBINATION, out)
}
