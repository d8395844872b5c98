//! `redundant-version`: the workflows of a config of version 2.1 have a `version` of their own.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, SourceId};

declare_rule! {
    /// # What it does
    /// The workflows of a config of version 2.1 have a `version` of their own.
    ///
    /// # Why is this bad
    /// Only version 2 needs it; in 2.1 it means nothing.
    ///
    /// # Example
    /// ```yaml
    /// version: 2.1
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   version: 2
    ///   main:
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// version: 2.1
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#workflows
    REDUNDANT_VERSION: "redundant-version", Structure, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let root = context
        .compiled
        .tree
        .root()
        .filter(|_| context.compiled.templates);
    let version = root
        .and_then(|r| r.get("workflows"))
        .and_then(|w| w.value.get("version"));
    // A workflow may be called so.
    if let Some(version) = version.filter(|v| v.value.text().is_some()) {
        out.push(
            REDUNDANT_VERSION
                .finding(
                    "a version that nothing reads",
                    Location::new(SourceId::default(), version.span()),
                    "version 2.1 does not need it",
                )
                .help("remove this line")
                .done(),
        );
    }
}
