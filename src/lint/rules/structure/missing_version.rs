//! `missing-version`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// The config does not say its version.
    ///
    /// # Why is this bad
    /// A config without `version` is read as a format that the service no longer runs.
    ///
    /// # Example
    /// ```yaml
    /// # the first line is missing
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// version: 2.1
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#version
    MISSING_VERSION: "missing-version", Structure, Error, |context, out| context.problems(&MISSING_VERSION, out)
}
