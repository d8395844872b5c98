//! `recursive-command`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A command calls itself, at once or through others.
    ///
    /// # Why is this bad
    /// Commands are expanded where they are called, so a recursive one has no end.
    ///
    /// # Example
    /// ```yaml
    /// commands:
    ///   retry:
    ///     steps: [run: make, retry]
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - retry
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   retry:
    ///     steps: [run: make || make]
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - retry
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/
    RECURSIVE_COMMAND: "recursive-command", References, Error, |context, out| context.problems(&RECURSIVE_COMMAND, out)
}
