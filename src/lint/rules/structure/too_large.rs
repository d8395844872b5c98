//! `too-large`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// The config stands for more values than are read.
    ///
    /// # Why is this bad
    /// Aliases, merge keys and commands multiply what they hold. A config of this size cannot be
    /// compiled by anyone.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {a: {type: integer}, b: {type: integer}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix:
    ///             parameters:
    ///               a: &numbers [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
    ///                   18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    ///                   36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49]
    ///               b: *numbers
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {a: {type: integer}, b: {type: integer}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix:
    ///             parameters:
    ///               a: [0, 1, 2]
    ///               b: [0, 1, 2]
    /// ```
    ///
    /// # What holdall cannot know
    /// The service's own limits, which are not documented.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/
    TOO_LARGE: "too-large", Structure, Error, |context, out| context.problems(&TOO_LARGE, out)
}
