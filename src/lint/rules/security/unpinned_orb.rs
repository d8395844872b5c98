//! `unpinned-orb`: an orb without a full version: `@1`, `@1.2` or `@volatile`.

use crate::finding::{Finding, Severity};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::security::orbs;

declare_rule! {
    /// # What it does
    /// An orb without a full version: `@1`, `@1.2` or `@volatile`.
    ///
    /// # Why is this bad
    /// What runs changes without a change of the config: a faulty or hostile release of the orb
    /// reaches every pipeline at once.
    ///
    /// # Example
    /// ```yaml
    /// orbs:
    ///   node: circleci/node@volatile
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
    /// Whether the organisation allows certified orbs only. Orbs of CircleCI itself, whose owner
    /// runs the jobs anyway, are a hint where only the patch is left open.
    ///
    /// # References
    /// - https://circleci.com/docs/orb-intro/#semantic-versioning-in-orbs
    UNPINNED_ORB: "unpinned-orb", Security, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (at, reference) in orbs(context) {
        let Some((_, version)) = reference.rsplit_once('@') else {
            continue;
        };
        let parts: Vec<&str> = version.split('.').collect();
        let numbers = parts
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        // CircleCI's own orbs are by the service that runs them: a patch is a hint.
        let official = reference.starts_with("circleci/");
        let (severity, text) = match (version, numbers, parts.len()) {
            ("volatile", ..) => (
                Severity::Warning,
                "`volatile` is whatever was published last".to_owned(),
            ),
            (_, true, 1) => (
                Severity::Warning,
                format!("any release of version {version} may run"),
            ),
            (_, true, 2) => (
                if official {
                    Severity::Info
                } else {
                    Severity::Warning
                },
                format!("any patch of version {version} may run"),
            ),
            _ => continue,
        };
        out.push(
            UNPINNED_ORB
                .finding("an orb without a full version", at, text)
                .severity(severity)
                .help("name all three numbers of the version")
                .done(),
        );
    }
}
