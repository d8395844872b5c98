//! `invalid-condition`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A condition is not a logic statement that can be judged.
    ///
    /// # Why is this bad
    /// `and`, `or` and `equal` take lists, `matches` takes a pattern and a value. The compiler refuses
    /// other shapes.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when:
    ///       and: []
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when:
    ///       equal: [main, << pipeline.git.branch >>]
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#logic-statements
    INVALID_CONDITION: "invalid-condition", Structure, Error, |context, out| context.problems(&INVALID_CONDITION, out)
}
