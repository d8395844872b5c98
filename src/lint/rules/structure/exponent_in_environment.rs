//! `exponent-in-environment`: a number of more than six digits, without quotes, is the value of
//! an environment variable.

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::lint::rules::structure::environments::variables;
use crate::yaml::{Location, Node, Scalar, Schema, SourceId};

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
    EXPONENT_IN_ENVIRONMENT: "exponent-in-environment", Structure, Warning, check, fix = Fixable::Safe
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for variable in variables(context.tree()) {
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
                    .fix(quoted(variable.value, n))
                    .done(),
            );
        }
    }
}

/// Writes the number as text, where it is written as it is read.
fn quoted(node: Node<'_>, number: i64) -> Option<Fix> {
    (node.text() == Some(number.to_string().as_str())).then_some(())?;
    mend::quote(node, format!("write `\"{number}\"`"), true)
}
