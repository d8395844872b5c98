//! `not-supported`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// holdall does not look behind this part of the language.
    ///
    /// # Why is this bad
    /// What stands there is taken as it is: jobs and layers that it would bring are not known, and
    /// rules that depend on them stay silent. An orb without source is no fault of the config: that
    /// is for information only. It is said so that nobody takes silence for a clean result.
    ///
    /// # Example
    /// ```yaml
    /// orbs:
    ///   node: circleci/node@5.2.0   # without its source in .holdall/orbs
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout, node/install-packages]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout, run: npm ci]
    /// ```
    ///
    /// # What holdall cannot know
    /// What stands behind it; rules that depend on it are silent or say so.
    ///
    /// # References
    /// - https://circleci.com/docs/orb-intro/
    NOT_SUPPORTED: "not-supported", Structure, Warning, |context, out| context.problems(&NOT_SUPPORTED, out)
}
