//! `unused-suppression`: found when the comments are read, after all other findings.

use crate::lint::rule::{Fixable, declare_rule};

declare_rule! {
    /// # What it does
    /// A comment `# holdall: ignore` is there for a finding that is not there, or is not written
    /// so that it could be read.
    ///
    /// # Why is this bad
    /// What it silenced was mended, or it never did anything. The next finding in its place would
    /// be silenced unseen. One that cannot be read, `ignore [rule]` with a blank or `ignore[rule`
    /// without its end, silences nothing at all.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       # holdall: ignore[path-globstar] we know
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a rule that is switched off would have found something.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    UNUSED_SUPPRESSION: "unused-suppression", Suppression, Warning, |_, _| {}, fix = Fixable::Safe
}
