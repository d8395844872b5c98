//! `invalid-include`: found while an orb is put together.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// `<<include(path)>>` in the source of an orb names a file that is not there, or is a part of
    /// a longer text.
    ///
    /// # Why is this bad
    /// Packing the orb fails: an include has to be all of its text, and its path counts from the
    /// folder of `@orb.yml`.
    ///
    /// # Example
    /// ```yaml
    /// version: 2.1
    /// description: Greets.
    /// commands:
    ///   greet:
    ///     steps:
    ///       - run: |
    ///           set -e
    ///           <<include(scripts/greet.sh)>>
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// version: 2.1
    /// description: Greets.
    /// commands:
    ///   greet:
    ///     steps:
    ///       - run: <<include(scripts/greet.sh)>>
    /// ```
    ///
    /// # What holdall cannot know
    /// In one file that was not packed yet, where its scripts are: then only the form is looked at.
    ///
    /// # References
    /// - https://circleci.com/docs/orb-concepts/#file-include-syntax
    INVALID_INCLUDE: "invalid-include", References, Error, |context, out| context.problems(&INVALID_INCLUDE, out)
}
