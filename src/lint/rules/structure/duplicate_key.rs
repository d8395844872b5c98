//! `duplicate-key`: found while the config is read.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A map gives the same key twice.
    ///
    /// # Why is this bad
    /// Only the last one counts: a job, a step or a variable is gone, and nothing says so. Other
    /// readers refuse the whole file.
    ///
    /// # Example
    /// ```yaml
    /// environment:
    ///   MODE: fast
    ///   MODE: safe
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// environment:
    ///   MODE: safe
    /// ```
    ///
    /// # What holdall cannot know
    /// Which of the two was meant.
    ///
    /// # References
    /// - https://yaml.org/spec/1.2.2/#mapping
    DUPLICATE_KEY: "duplicate-key", Structure, Error, |context, out| context.problems(&DUPLICATE_KEY, out)
}
