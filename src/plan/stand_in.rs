//! Values of the pipeline that stay open in a text, for somebody who writes the text down for
//! other pipelines: each is marked with its name and what it is here.
//!
//! A value that is no text keeps its type; its mark is beside it, among what templates put in place.
//!
//! The marks are characters for private use, which no config has a meaning for.

use std::borrow::Cow;

use super::Located;

const BEGIN: char = '\u{F0001}';
const HERE: char = '\u{F0002}';
const END: char = '\u{F0003}';

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextPart<'t> {
    /// Text as it is.
    Plain(&'t str),
    /// A value of the pipeline.
    Value {
        /// Its full name: `pipeline.git.branch`.
        name: &'t str,
        /// What it is here: the default of a parameter, what git says.
        here: &'t str,
    },
}

/// Marks a value.
pub(crate) fn stand_in(name: &str, here: &str) -> String {
    format!("{BEGIN}{name}{HERE}{}{END}", actual(here))
}

/// Cuts a text at its marks.
#[must_use]
pub fn text_parts(text: &str) -> Vec<TextPart<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let mark = &rest[begin + BEGIN.len_utf8()..];
        let Some((inner, after)) = mark.split_once(END) else {
            break;
        };
        let Some((name, here)) = inner.split_once(HERE) else {
            break;
        };
        if begin > 0 {
            out.push(TextPart::Plain(&rest[..begin]));
        }
        out.push(TextPart::Value { name, here });
        rest = after;
    }
    if !rest.is_empty() {
        out.push(TextPart::Plain(rest));
    }
    out
}

/// Returns a text with its marks: that of a number or a truth value too, which is all of the text.
#[must_use]
pub fn marked(text: &Located<String>) -> Cow<'_, str> {
    if text.value.contains(BEGIN) {
        return Cow::Borrowed(&text.value);
    }
    let filled = text.filled.iter().flat_map(|f| f.iter());
    let mut whole = filled.take_while(|f| f.whole);
    match whole.find(|f| f.name.starts_with(BEGIN)) {
        Some(mark) => Cow::Owned(mark.name.to_string()),
        None => Cow::Borrowed(&text.value),
    }
}

/// Puts in place of the marks what the values are here.
#[must_use]
pub fn actual(text: &str) -> String {
    let parts = text_parts(text).into_iter().map(|part| match part {
        TextPart::Plain(text) => text,
        TextPart::Value { here, .. } => here,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_and_undone() {
        let text = format!("a {} b", stand_in("pipeline.git.branch", "main"));
        assert_eq!(actual(&text), "a main b");
        let value = TextPart::Value {
            name: "pipeline.git.branch",
            here: "main",
        };
        let parts = [TextPart::Plain("a "), value, TextPart::Plain(" b")];
        assert_eq!(text_parts(&text), parts);
        assert_eq!(actual("plain"), "plain");
    }
}
