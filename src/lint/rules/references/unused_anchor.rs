//! `unused-anchor`: an anchor that no alias uses.

use crate::finding::Finding;
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, Shape, SourceId};

declare_rule! {
    /// # What it does
    /// An anchor that no alias uses.
    ///
    /// # Why is this bad
    /// It does nothing; or an alias has a typing mistake in it.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: &job
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: &job
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    ///   test: *job
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/introduction-to-yaml-configurations/#anchors-and-aliases
    UNUSED_ANCHOR: "unused-anchor", References, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let tree = &context.compiled.tree;
    let mut used = HashSet::default();
    for node in tree.nodes() {
        if let Shape::Alias(Some(target)) = node.shape() {
            used.insert(target.id());
        }
    }
    for anchor in tree.anchors().iter().filter(|a| !used.contains(&a.node)) {
        out.push(
            UNUSED_ANCHOR
                .finding(
                    "an anchor that no alias uses",
                    Location::new(SourceId::default(), anchor.span),
                    "nothing refers to this",
                )
                .help("remove it")
                .done(),
        );
    }
}
