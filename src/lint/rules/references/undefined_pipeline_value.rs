//! `undefined-pipeline-value`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A name begins with `pipeline.` and is no value of the pipeline.
    ///
    /// # Why is this bad
    /// The service puts nothing in its place, or refuses the config.
    ///
    /// # Example
    /// ```yaml
    /// - run: echo << pipeline.git.brnch >>
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: echo << pipeline.git.branch >>
    /// ```
    ///
    /// # What holdall cannot know
    /// Values that the service has added since this version of holdall.
    ///
    /// # References
    /// - https://circleci.com/docs/pipeline-variables/
    UNDEFINED_PIPELINE_VALUE: "undefined-pipeline-value", References, Warning, |context, out| context.problems(&UNDEFINED_PIPELINE_VALUE, out)
}
