//! `suppression-unbalanced`: found when the comments are read, after all other findings.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A comment `# cci-ignore-start` without its `-end`, or the other way round.
    ///
    /// # Why is this bad
    /// The official language server refuses it, and nothing is silenced.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     # cci-ignore-start
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     # cci-ignore-start
    ///     steps: [checkout]
    ///     # cci-ignore-end
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://github.com/CircleCI-Public/circleci-yaml-language-server
    SUPPRESSION_UNBALANCED: "suppression-unbalanced", Suppression, Warning, |_, _| {}
}
