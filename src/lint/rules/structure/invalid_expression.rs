//! `invalid-expression`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An expression cannot be read, or compares what cannot be compared.
    ///
    /// # Why is this bad
    /// The compiler refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// when: pipeline.number > "3"
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// when: pipeline.number > 3
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#logic-statements
    /// - https://circleci.com/docs/pipeline-variables/
    INVALID_EXPRESSION: "invalid-expression", Structure, Error, |context, out| context.problems(&INVALID_EXPRESSION, out)
}
