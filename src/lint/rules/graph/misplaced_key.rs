//! `misplaced-key`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job's definition holds a key that belongs to its entry in a workflow: `filters`,
    /// `requires`, `context`, `matrix`, `pre-steps`, `post-steps` or `serial-group`.
    ///
    /// # Why is this bad
    /// Below `jobs` stands what a job does; when it runs, and after whom, is the workflow's to say.
    /// Version 2.1 refuses the key in the definition.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   deploy:
    ///     docker: [{image: cimg/base:2024.01}]
    ///     filters: {branches: {only: main}}
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - deploy:
    ///           filters: {branches: {only: main}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#workflows
    MISPLACED_KEY: "misplaced-key", Graph, Error, |context, out| context.problems(&MISPLACED_KEY, out)
}
