//! `requires-ambiguous-job`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A requirement names a job that the workflow has more than once.
    ///
    /// # Why is this bad
    /// The compiler cannot tell which of them is meant and refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test
    ///       - test
    ///       - deploy: {requires: [test]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test: {name: unit}
    ///       - test: {name: e2e}
    ///       - deploy: {requires: [unit, e2e]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Which of the jobs is meant.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    REQUIRES_AMBIGUOUS_JOB: "requires-ambiguous-job", Graph, Error, |context, out| context.problems(&REQUIRES_AMBIGUOUS_JOB, out)
}
