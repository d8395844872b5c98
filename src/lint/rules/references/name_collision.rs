//! `name-collision`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Two definitions have names that stand in each other's way: jobs whose names differ by case
    /// only, an approval that is named like a job, a job's parameter that is named like a key of
    /// its entry in a workflow.
    ///
    /// # Why is this bad
    /// Only one of the two is meant where the name stands, and not always the one that a reader
    /// expects: an approval runs no steps, and a parameter `name` never gets the name.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters:
    ///       name: {type: string}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters:
    ///       suite: {type: string}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the collision is meant.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#jobs
    /// - https://circleci.com/docs/reusing-config/
    NAME_COLLISION: "name-collision", References, Warning, |context, out| context.problems(&NAME_COLLISION, out)
}
