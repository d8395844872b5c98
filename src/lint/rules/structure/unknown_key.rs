//! `unknown-key`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A key stands where nothing reads it.
    ///
    /// # Why is this bad
    /// Version 2.1 refuses keys that it does not know inside jobs, steps and commands.
    ///
    /// # Example
    /// ```yaml
    /// - attach_workspace:
    ///     path: /tmp
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - attach_workspace:
    ///     at: /tmp
    /// ```
    ///
    /// # What holdall cannot know
    /// Keys that the service takes and does not document: in steps other than those of the
    /// workspace such keys are passed over unless they look like a typing mistake.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    UNKNOWN_KEY: "unknown-key", Structure, Error, |context, out| context.problems(&UNKNOWN_KEY, out)
}
