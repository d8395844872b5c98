//! `old-version`: the config is of version 2 or 2.0.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, SourceId};

declare_rule! {
    /// # What it does
    /// The config is of version 2 or 2.0.
    ///
    /// # Why is this bad
    /// The compiler that the service announced for September 2026 takes 2.1 only. Commands,
    /// parameters, matrices and conditions mean nothing in version 2.
    ///
    /// # Example
    /// ```yaml
    /// version: 2
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// version: 2.1
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the config runs on a server of your own, whose compiler may be an older one.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#version
    /// - https://discuss.circleci.com/t/54719
    OLD_VERSION: "old-version", Structure, Warning, check, tags = &["next-compiler"]
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let version = context.compiled.tree.root().and_then(|r| r.get("version"));
    let Some(version) = version.filter(|v| matches!(v.value.text(), Some("2" | "2.0"))) else {
        return;
    };
    let heredoc = context
        .compiled
        .tree
        .nodes()
        .find(|n| n.text().is_some_and(|t| t.contains("<<")) && !crate::yaml::is_merge_key(*n));
    let at = |span| Location::new(SourceId::default(), span);
    let mut draft = OLD_VERSION
        .finding("a version that the service gives up", at(version.value.span()), "only 2.1 is taken from September 2026 on")
        .help("write `version: 2.1`, with a `workflows` section and `\\<<` where `<<` is meant as it is");
    if let Some(node) = heredoc {
        draft = draft.label(at(node.span()), "`<<` has to be `\\<<` in 2.1");
    }
    out.push(draft.done());
}
