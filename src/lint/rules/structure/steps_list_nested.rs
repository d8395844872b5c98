//! `steps-list-nested`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A list stands where a step should.
    ///
    /// # Why is this bad
    /// Lists of steps, from an anchor for example, are not flattened into the list around them.
    ///
    /// # Example
    /// ```yaml
    /// x-setup: &setup_steps
    ///   - checkout
    ///   - run: npm ci
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - *setup_steps
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   setup:
    ///     steps:
    ///       - checkout
    ///       - run: npm ci
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - setup
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#steps
    /// - https://circleci.com/docs/reusing-config/#authoring-reusable-commands
    STEPS_LIST_NESTED: "steps-list-nested", Structure, Error, |context, out| context.problems(&STEPS_LIST_NESTED, out)
}
