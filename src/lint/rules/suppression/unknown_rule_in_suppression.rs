//! `unknown-rule-in-suppression`: found when the comments are read, after all other findings.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A comment `# holdall: ignore[…]` names a rule that does not exist.
    ///
    /// # Why is this bad
    /// It silences nothing; mostly the name has a typing mistake in it.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       # holdall: ignore[path-globstars]
    ///       - persist_to_workspace: {root: ., paths: ["dist/**"]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       # holdall: ignore[path-globstar] one level is meant
    ///       - persist_to_workspace: {root: ., paths: ["dist/**"]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Rules of later versions.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    UNKNOWN_RULE_IN_SUPPRESSION: "unknown-rule-in-suppression", Suppression, Warning, |_, _| {}
}
