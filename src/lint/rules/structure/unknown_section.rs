//! `unknown-section`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A top-level key is almost the name of a section.
    ///
    /// # Why is this bad
    /// The service drops top-level keys that it does not know without a word: a typo loses the whole
    /// section.
    ///
    /// # Example
    /// ```yaml
    /// workflow:
    ///   main: …
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// workflows:
    ///   main: …
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the section only holds anchors: any name is fine for that, a near miss of a known
    /// one is not likely.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    UNKNOWN_SECTION: "unknown-section", Structure, Warning, |context, out| context.problems(&UNKNOWN_SECTION, out)
}
