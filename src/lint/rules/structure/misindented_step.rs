//! `misindented-step`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A list item has two keys where it should have one.
    ///
    /// # Why is this bad
    /// A step is one name with its arguments below it. The second key is usually an argument that is
    /// indented too little.
    ///
    /// # Example
    /// ```yaml
    /// - run:
    ///   command: make
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run:
    ///     command: make
    /// ```
    ///
    /// # What holdall cannot know
    /// Which of the keys was meant to be the step.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#steps
    MISINDENTED_STEP: "misindented-step", Structure, Error, |context, out| context.problems(&MISINDENTED_STEP, out)
}
