//! `setup-misuse`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Something that does not work in a setup config.
    ///
    /// # Why is this bad
    /// Setup configs are not started by the schedules that they write down.
    ///
    /// # Example
    /// ```yaml
    /// setup: true
    /// workflows:
    ///   nightly:
    ///     triggers:
    ///       - schedule: {cron: "0 0 * * *", filters: {branches: {only: main}}}
    ///     jobs: [generate]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// setup: true
    /// workflows:
    ///   generate:
    ///     jobs: [generate]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/dynamic-config/
    SETUP_MISUSE: "setup-misuse", Graph, Warning, |context, out| context.problems(&SETUP_MISUSE, out)
}
