//! `invalid-cron`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A schedule that the service does not read.
    ///
    /// # Why is this bad
    /// The service reads five plain fields of cron, in UTC: no steps (`*/5`), no ranges inside lists (`1,3-5`), no
    /// ranges of names (`Tue-Sat`). A schedule that it does not read never starts the workflow.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   nightly:
    ///     triggers:
    ///       - schedule:
    ///           cron: "*/15 * * * *"
    ///           filters: {branches: {only: main}}
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   nightly:
    ///     triggers:
    ///       - schedule:
    ///           cron: "0,15,30,45 * * * *"
    ///           filters: {branches: {only: main}}
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/workflows/#scheduling-a-workflow
    INVALID_CRON: "invalid-cron", Graph, Error, |context, out| context.problems(&INVALID_CRON, out)
}
