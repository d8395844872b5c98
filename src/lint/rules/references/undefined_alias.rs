//! `undefined-alias`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An alias has no anchor before it.
    ///
    /// # Why is this bad
    /// YAML anchors have to stand above their first use in the same file.
    ///
    /// # Example
    /// ```yaml
    /// a: *base
    /// base: &base 1
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// base: &base 1
    /// a: *base
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether another file that is joined with this one before it brings the anchor.
    ///
    /// # References
    /// - https://yaml.org/spec/1.2.2/#alias-nodes
    UNDEFINED_ALIAS: "undefined-alias", References, Error, |context, out| context.problems(&UNDEFINED_ALIAS, out)
}
