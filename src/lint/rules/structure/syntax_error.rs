//! `syntax-error`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// The text is not YAML, or holds a second document.
    ///
    /// # Why is this bad
    /// The service cannot read the config at all, so no pipeline starts. The parser stops at the first
    /// place that makes no sense; the cause is often a line or two above it.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: image: x
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     image: x
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing: the parser says what it cannot read.
    ///
    /// # References
    /// - https://circleci.com/docs/introduction-to-yaml-configurations/
    /// - https://yaml.org/spec/
    SYNTAX_ERROR: "syntax-error", Structure, Error, |context, out| context.problems(&SYNTAX_ERROR, out)
}
