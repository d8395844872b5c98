//! `regex-unsupported`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A pattern uses what the new compiler refuses: look-around, back-references, possessive
    /// quantifiers, or more than 128 characters.
    ///
    /// # Why is this bad
    /// The compiler announced for September 2026 matches in linear time and refuses such patterns.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when:
    ///       matches: {pattern: "^(?!main).*$", value: << pipeline.git.branch >>}
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
    ///       not: {equal: [main, << pipeline.git.branch >>]}
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the engine of filters is switched with that of conditions.
    ///
    /// # References
    /// - https://discuss.circleci.com/t/54719
    /// - https://github.com/google/re2/wiki/Syntax
    REGEX_UNSUPPORTED: "regex-unsupported", Graph, Error, |context, out| context.problems(&REGEX_UNSUPPORTED, out), tags = &["next-compiler"]
}
