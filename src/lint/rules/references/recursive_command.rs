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
    ///   a: {steps: [a]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   a: {steps: [checkout]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/
    RECURSIVE_COMMAND: "recursive-command", References, Error, |context, out| context.problems(&RECURSIVE_COMMAND, out)
}
