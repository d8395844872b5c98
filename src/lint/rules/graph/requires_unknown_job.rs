//! `requires-unknown-job`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A requirement names a job that the workflow does not have.
    ///
    /// # Why is this bad
    /// The compiler refuses the config. The job may be misspelt, run in another workflow only, or run
    /// under another `name` here.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy: {requires: [biuld]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy: {requires: [build]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Jobs that orbs without source bring, and other files that are joined with this one.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    REQUIRES_UNKNOWN_JOB: "requires-unknown-job", Graph, Error, |context, out| context.problems(&REQUIRES_UNKNOWN_JOB, out)
}
