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
    UNKNOWN_KEY: "unknown-key", Structure, Error, |context, out| context.problems(&UNKNOWN_KEY, out)
}
