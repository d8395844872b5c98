//! `setup-many-workflows`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A setup config in which several workflows would run.
    ///
    /// # Why is this bad
    /// A setup config decides what the pipeline goes on with, in one workflow. The service stops a pipeline with
    /// more than one: `Max number of workflows exceeded.`
    ///
    /// # Example
    /// ```yaml
    /// setup: true
    /// workflows:
    ///   generate: {jobs: [generate]}
    ///   lint: {jobs: [lint]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// setup: true
    /// workflows:
    ///   generate: {jobs: [generate]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Which workflows the values of a real pipeline start.
    ///
    /// # References
    /// - https://circleci.com/docs/dynamic-config/
    SETUP_MANY_WORKFLOWS: "setup-many-workflows", Graph, Error, |context, out| context.problems(&SETUP_MANY_WORKFLOWS, out)
}
