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
    /// - test
    /// - test
    /// - deploy:
    ///     requires: [test]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - test: {name: test-a}
    /// - test: {name: test-b}
    /// - deploy:
    ///     requires: [test-a, test-b]
    /// ```
    ///
    /// # What holdall cannot know
    /// Which of the jobs is meant.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    REQUIRES_AMBIGUOUS_JOB: "requires-ambiguous-job", Graph, Error, |context, out| context.problems(&REQUIRES_AMBIGUOUS_JOB, out)
}
