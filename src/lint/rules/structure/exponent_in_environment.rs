//! `exponent-in-environment`: a number of more than six digits, without quotes, is the value of
//! an environment variable.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, Node, Scalar, Schema, Shape, SourceId};

declare_rule! {
    /// # What it does
    /// A number of more than six digits, without quotes, is the value of an environment variable.
    ///
    /// # Why is this bad
    /// It is written with an exponent: `12345678` becomes `1.2345678e+07`.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     environment: {PROJECT_ID: 12345678}
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     environment: {PROJECT_ID: "12345678"}
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the compiler of today still does so.
    ///
    /// # References
    /// - https://circleci.com/docs/set-environment-variable/
    EXPONENT_IN_ENVIRONMENT: "exponent-in-environment", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for node in context.compiled.tree.nodes() {
        let Some(environment) = node.get("environment") else {
            continue;
        };
        for variable in variables(environment.value) {
            let Some(Scalar::Int(n)) = variable.value.scalar(Schema::Yaml11) else {
                continue;
            };
            if n.unsigned_abs() >= 1_000_000 {
                out.push(
                    EXPONENT_IN_ENVIRONMENT
                        .finding(
                            "a number that gets an exponent",
                            Location::new(SourceId::default(), variable.value.span()),
                            "numbers of more than six digits are written with one",
                        )
                        .help(format!("write it as text: `\"{n}\"`"))
                        .done(),
                );
            }
        }
    }
}

fn variables(node: Node<'_>) -> Vec<crate::yaml::Entry<'_>> {
    match node.shape() {
        Shape::Mapping(entries) => entries.collect(),
        Shape::Sequence(items) => items.flat_map(Node::entries).collect(),
        _ => Vec::new(),
    }
}
