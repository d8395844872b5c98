//! `undefined-job`: found while the config is compiled.

use crate::lint::rule::{Fixable, declare_rule};

declare_rule! {
    /// # What it does
    /// A workflow runs a job that is not defined.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs: [biuld]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source hold, and jobs of other files that are joined with this one: a file
    /// of another name than `config.yml` that has no jobs at all gets one warning.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#jobs
    UNDEFINED_JOB: "undefined-job", References, Error, |context, out| context.problems(&UNDEFINED_JOB, out), fix = Fixable::Unsafe
}
