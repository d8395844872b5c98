//! `missing-argument`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A call lacks an argument that has no default.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// - greet   # declares `to` without a default
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - greet:
    ///     to: world
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source declare.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/
    MISSING_ARGUMENT: "missing-argument", References, Error, |context, out| context.problems(&MISSING_ARGUMENT, out)
}
