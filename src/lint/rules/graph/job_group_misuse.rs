//! `job-group-misuse`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job group that is defined or called in a way that groups do not allow.
    ///
    /// # Why is this bad
    /// Groups take no parameters, hold no groups, and are called with `name`, `requires`, `filters` and
    /// `serial-group` only. Who waits for a member waits for the whole group: jobs outside see the group's name, and
    /// members see each other. The service refuses everything else.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   publish: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   announce: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// job-groups:
    ///   release:
    ///     jobs: [build, publish: {requires: [build]}]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - release
    ///       - announce: {requires: [publish]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   publish: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   announce: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// job-groups:
    ///   release:
    ///     jobs: [build, publish: {requires: [build]}]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - release
    ///       - announce: {requires: [release]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#job-groups
    JOB_GROUP_MISUSE: "job-group-misuse", Graph, Error, |context, out| context.problems(&JOB_GROUP_MISUSE, out)
}
