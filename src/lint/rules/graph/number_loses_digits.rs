//! `number-loses-digits`: a number without quotes ends with a zero behind its point, or begins
//! with a zero: `3.10`, `010`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, Scalar, ScalarStyle, Schema, SourceId};

declare_rule! {
    /// # What it does
    /// A number without quotes ends with a zero behind its point, or begins with a zero: `3.10`,
    /// `010`.
    ///
    /// # Why is this bad
    /// It is read as a number before anything else sees it: `3.10` becomes `3.1`, `010` becomes
    /// 8. Versions are texts.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {python: {type: string}}
    ///     docker: [{image: "cimg/python:<< parameters.python >>"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix: {parameters: {python: [3.9, 3.10]}}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {python: {type: string}}
    ///     docker: [{image: "cimg/python:<< parameters.python >>"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test:
    ///           matrix: {parameters: {python: ["3.9", "3.10"]}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a number is meant.
    ///
    /// # References
    /// - https://circleci.com/docs/introduction-to-yaml-configurations/
    NUMBER_LOSES_DIGITS: "number-loses-digits", Graph, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for node in context.compiled.tree.nodes() {
        let (Some(ScalarStyle::Plain), Some(text)) = (node.style(), node.text()) else {
            continue;
        };
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let becomes = match node.scalar(Schema::Yaml11) {
            Some(Scalar::Float(f))
                if text.ends_with('0')
                    && text.contains('.')
                    && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                    && !text.ends_with(".0") =>
            {
                format!("{f:?}")
            }
            Some(Scalar::Int(n))
                if text.len() > 1
                    && text.starts_with('0')
                    && text.bytes().all(|b| b.is_ascii_digit())
                    && n != 0 =>
            {
                n.to_string()
            }
            _ => continue,
        };
        out.push(
            NUMBER_LOSES_DIGITS
                .finding(
                    "a number that is not read as it is written",
                    Location::new(SourceId::default(), node.span()),
                    format!("this is read as {becomes}"),
                )
                .help(format!("write it as text: `\"{text}\"`"))
                .done(),
        );
    }
}
