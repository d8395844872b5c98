//! What the validator says, reduced to what can be explained: a place, and what is wrong there.
//!
//! Where a value may be one of several things, the errors of the one that was meant are taken and
//! the others are forgotten.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value as Json;

/// Something that the schema does not allow.
#[derive(Debug)]
pub(super) struct Fault {
    /// The JSON pointer of the value.
    pub(super) at: String,
    /// The JSON pointer of the schema that it does not fit, without the keyword.
    pub(super) schema: String,
    pub(super) kind: FaultKind,
}

/// What is wrong with a value.
#[derive(Debug)]
pub(super) enum FaultKind {
    /// Keys that nothing reads.
    Unknown(Vec<String>),
    /// None of these keys is there.
    Missing(Vec<String>),
    /// It is of another type.
    Type,
    /// It is text of another form.
    Form,
    /// It is none of these.
    Choice(Vec<String>),
    /// The number is too small or too large.
    Range,
    /// The list is empty.
    Empty,
    /// The map has more than one key.
    Several,
}

/// Reduces an error to faults.
pub(super) fn faults(error: &ValidationError<'_>, out: &mut Vec<Fault>) {
    let kind = match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            FaultKind::Unknown(unexpected.clone())
        }
        Kind::Required { property } => FaultKind::Missing(vec![text(property)]),
        Kind::Type { .. } => FaultKind::Type,
        Kind::Pattern { .. } | Kind::MaxLength { .. } | Kind::MinLength { .. } => FaultKind::Form,
        Kind::Enum { options } => {
            FaultKind::Choice(options.as_array().into_iter().flatten().map(text).collect())
        }
        Kind::Constant { expected_value } => FaultKind::Choice(vec![text(expected_value)]),
        Kind::Minimum { .. } | Kind::Maximum { .. } => FaultKind::Range,
        Kind::MinItems { .. } => FaultKind::Empty,
        Kind::MaxProperties { .. } => FaultKind::Several,
        Kind::AnyOf { context }
        | Kind::OneOfNotValid { context }
        | Kind::OneOfMultipleValid { context } => match alternatives(error, context) {
            Some(keys) => FaultKind::Missing(keys),
            None => {
                for error in meant(error, context) {
                    faults(error, out);
                }
                return;
            }
        },
        // The schema uses no other keyword.
        _ => return,
    };
    let schema = error.schema_path().as_str();
    out.push(Fault {
        at: error.instance_path().as_str().to_owned(),
        schema: schema.rsplit_once('/').map_or("", |(p, _)| p).to_owned(),
        kind,
    });
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the keys of which one has to be there, where that is all the branches differ in.
fn alternatives(
    error: &ValidationError<'_>,
    branches: &[Vec<ValidationError<'static>>],
) -> Option<Vec<String>> {
    branches
        .iter()
        .map(|branch| match branch.as_slice() {
            [only] if only.instance_path() == error.instance_path() => match only.kind() {
                Kind::Required { property } => Some(text(property)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Returns the errors of the branch that was meant: the one that the value gets furthest in.
fn meant<'e>(
    error: &ValidationError<'_>,
    branches: &'e [Vec<ValidationError<'static>>],
) -> &'e [ValidationError<'static>] {
    let fit = |branch: &[ValidationError<'static>]| {
        branch
            .iter()
            .filter(|e| e.instance_path() == error.instance_path())
            .map(|e| match e.kind() {
                Kind::Type { .. } => 0,
                // Text that is no template, where a template would do.
                Kind::Pattern { .. } => 1,
                Kind::Enum { .. } | Kind::Constant { .. } => 2,
                _ => 3,
            })
            .min()
            // Nothing is wrong with the value itself, only with what it holds.
            .unwrap_or(4)
    };
    branches
        .iter()
        .max_by_key(|b| (fit(b), std::cmp::Reverse(b.len())))
        .map_or(&[], Vec::as_slice)
}
