//! Texts of a config in a workflow file: values of the pipeline become expressions, and what only
//! looks like an expression is kept from being one.

use super::names;
use crate::plan::{TextPart, text_parts};
use crate::transpile::values::Parameter;

/// Keeps a text from being read as an expression.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${{", "${{ '${{' }}")
}

/// Returns a text in which values of the pipeline are expressions. One that GitHub does not have
/// is what it is here, and said to `unknown`.
pub(super) fn template(
    text: &str,
    parameters: &[Parameter],
    unknown: &mut dyn FnMut(&str),
) -> String {
    let mut out = String::new();
    for part in text_parts(text) {
        match part {
            TextPart::Plain(plain) => out.push_str(&escaped(plain)),
            TextPart::Value { name, here } => match names::pipeline_value(name, parameters) {
                Some(expression) => out.push_str(&format!("${{{{ {expression} }}}}")),
                None => {
                    unknown(name);
                    out.push_str(&escaped(here));
                }
            },
        }
    }
    out
}

/// Makes an id of a name: letters, digits, `-` and `_`, beginning with a letter or `_`.
pub(super) fn id(name: &str) -> String {
    let mut out: String = name
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
            _ => '-',
        })
        .collect();
    if !out.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        out.insert(0, '_');
    }
    out
}
