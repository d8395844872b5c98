//! The variables that a config sets as they are written: in the environments of jobs, executors,
//! images and `run` steps, wherever their text stands, below an anchor too. A parameter, a job or
//! an executor may be called `environment` as well: that is none.

use crate::yaml::{Entry, Node, Shape, Tree};

/// Keys whose entries have names of their own.
const NAMED_FREELY: [&str; 6] = [
    "parameters",
    "jobs",
    "commands",
    "executors",
    "workflows",
    "orbs",
];

/// Returns all variables that are set.
pub(super) fn variables(tree: &Tree) -> impl Iterator<Item = Entry<'_>> {
    tree.nodes()
        .flat_map(below)
        .filter_map(|node| node.get("environment"))
        .flat_map(|environment| entries(environment.value))
}

/// Returns what stands right below a node and may have an environment.
fn below(node: Node<'_>) -> Vec<Node<'_>> {
    match node.shape() {
        Shape::Mapping(entries) => entries
            .filter(|e| e.key.text().is_none_or(|key| !NAMED_FREELY.contains(&key)))
            .map(|e| e.value)
            .collect(),
        Shape::Sequence(items) => items.collect(),
        _ => Vec::new(),
    }
}

fn entries(environment: Node<'_>) -> Vec<Entry<'_>> {
    match environment.shape() {
        Shape::Mapping(entries) => entries.collect(),
        Shape::Sequence(items) => items.flat_map(Node::entries).collect(),
        _ => Vec::new(),
    }
}
