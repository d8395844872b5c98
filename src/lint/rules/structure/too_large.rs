//! `too-large`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// The config stands for more values than are read.
    ///
    /// # Why is this bad
    /// Aliases, merge keys and commands multiply what they hold. A config of this size cannot be
    /// compiled by anyone.
    ///
    /// # Example
    /// ```yaml
    /// a: &a [x, x]
    /// b: &b [*a, *a]
    /// # and so on, thirty times
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// a: [x, x]
    /// ```
    ///
    /// # What holdall cannot know
    /// The service's own limits, which are not documented.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    TOO_LARGE: "too-large", Structure, Error, |context, out| context.problems(&TOO_LARGE, out)
}
