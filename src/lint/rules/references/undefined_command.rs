//! `undefined-command`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A step is neither builtin nor a command of the config.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// - chekout
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source hold.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#authoring-reusable-commands
    UNDEFINED_COMMAND: "undefined-command", References, Error, |context, out| context.problems(&UNDEFINED_COMMAND, out)
}
