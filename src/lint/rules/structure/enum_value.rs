//! `enum-value`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A value that its list of allowed values does not hold.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// - run:
    ///     command: make
    ///     when: allways
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run:
    ///     command: make
    ///     when: always
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#enum
    ENUM_VALUE: "enum-value", Structure, Error, |context, out| context.problems(&ENUM_VALUE, out)
}
