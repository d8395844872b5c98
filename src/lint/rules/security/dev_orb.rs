//! `dev-orb`: a development version of an orb: `@dev:…`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::security::orbs;

declare_rule! {
    /// # What it does
    /// A development version of an orb: `@dev:…`.
    ///
    /// # Why is this bad
    /// Such a version can be replaced by anybody who may publish to the namespace, and is gone
    /// after 90 days.
    ///
    /// # Example
    /// ```yaml
    /// orbs:
    ///   node: circleci/node@dev:alpha
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps: [checkout, node/install-packages]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// orbs:
    ///   node: circleci/node@5.2.0
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps: [checkout, node/install-packages]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the config is there to test the orb itself.
    ///
    /// # References
    /// - https://circleci.com/docs/orb-concepts/#orb-versions-development-vs-production-orbs
    DEV_ORB: "dev-orb", Security, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (at, reference) in orbs(context) {
        if reference.contains("@dev:") {
            out.push(
                DEV_ORB
                    .finding(
                        "a development version of an orb",
                        at,
                        "this can change, and expires",
                    )
                    .help("use a published version")
                    .done(),
            );
        }
    }
}
