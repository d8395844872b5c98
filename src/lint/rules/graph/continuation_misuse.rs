//! `continuation-misuse`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A pipeline that is continued and is in no setup state.
    ///
    /// # Why is this bad
    /// Only a config with `setup: true` can be continued with another one. Elsewhere the service answers
    /// `Pipeline is not in setup state.`
    ///
    /// # Example
    /// ```yaml
    /// version: 2.1
    /// orbs: {continuation: circleci/continuation@1}
    /// workflows:
    ///   main: {jobs: [continuation/continue]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// version: 2.1
    /// setup: true
    /// orbs: {continuation: circleci/continuation@1}
    /// ```
    ///
    /// # What holdall cannot know
    /// The parameters of the config that is continued with.
    ///
    /// # References
    /// - https://circleci.com/docs/dynamic-config/
    CONTINUATION_MISUSE: "continuation-misuse", Graph, Error, |context, out| context.problems(&CONTINUATION_MISUSE, out)
}
