//! `wrong-type`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A value is not of the kind that its place needs.
    ///
    /// # Why is this bad
    /// The compiler refuses the config, or reads something else than was meant.
    ///
    /// # Example
    /// ```yaml
    /// steps: checkout
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// What a template stands for that only the service can fill in: such values are passed over.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    WRONG_TYPE: "wrong-type", Structure, Error, |context, out| context.problems(&WRONG_TYPE, out)
}
