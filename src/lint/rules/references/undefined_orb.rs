//! `undefined-orb`: found while the config is compiled.

use crate::lint::rule::{Fixable, declare_rule};

declare_rule! {
    /// # What it does
    /// A name begins with an orb that is not declared.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// - node/install   # no `node` in `orbs`
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// orbs:
    ///   node: circleci/node@5.2.0
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a setup job puts the orb in. Where the config declares `circleci/orb-tools`, whose
    /// `continue` puts in the orb under test, this is for information only.
    ///
    /// # References
    /// - https://circleci.com/docs/orb-intro/
    UNDEFINED_ORB: "undefined-orb", References, Error, |context, out| context.problems(&UNDEFINED_ORB, out), fix = Fixable::Unsafe
}
