//! `serial-group-misuse`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A serial group that the service does not take, or one that two jobs of one workflow wait in.
    ///
    /// # Why is this bad
    /// Jobs of one serial group run one after the other in the whole organisation. A name with other characters
    /// than letters, digits, `.`, `_`, `/` and `-`, or of more than 512, is refused; of two jobs of one workflow in
    /// the same group one is skipped.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - deploy: {serial-group: deploy to production}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - deploy: {serial-group: deploy/production}
    /// ```
    ///
    /// # What holdall cannot know
    /// Jobs of other projects in the same group.
    ///
    /// # References
    /// - https://circleci.com/docs/controlling-serial-execution-across-your-organization/
    SERIAL_GROUP_MISUSE: "serial-group-misuse", Graph, Warning, |context, out| context.problems(&SERIAL_GROUP_MISUSE, out)
}
