//! `missing-key`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A key that has to be there is not.
    ///
    /// # Why is this bad
    /// The compiler refuses the config: a step without its key cannot be run.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: out
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: out
    ///     paths: [dist]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a machine without an image still runs, as it did in earlier years, and whether the
    /// workflows stand in another file that is joined with this one, where it is not called
    /// `config.yml`: these are warnings.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    MISSING_KEY: "missing-key", Structure, Error, |context, out| context.problems(&MISSING_KEY, out)
}
