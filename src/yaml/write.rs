//! Data written as YAML for a person and for two generations of readers.
//!
//! A plain scalar stays plain only where the rules of YAML 1.1 and of 1.2 both read it as the text
//! that it is (`on`, `1:30` and `012` are quoted); text of several lines is a block. Nothing is
//! folded. Nothing here knows what is written.

use super::scalar::{Scalar, Schema};
use super::tree::ScalarStyle;

/// Data without a text of its own: what is generated, or carried from one text to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(String),
    /// A sequence.
    List(Vec<Data>),
    /// A mapping, in the order in which it is written.
    Map(Vec<(String, Data)>),
}

impl Data {
    /// Returns the value of a key; nothing where this is no map or has no such key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Writes the data as a YAML document that ends with a line break.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Map(entries) if !entries.is_empty() => map(entries, 0, &mut out),
            Self::List(items) if !items.is_empty() => list(items, 0, &mut out),
            other => {
                inline(other, STEP, &mut out);
                out.push('\n');
            }
        }
        out
    }

    /// Returns the data as JSON. A number that JSON does not have becomes text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(n) => Value::from(*n),
            Self::Float(x) => serde_json::Number::from_f64(*x)
                .map_or_else(|| Value::String(float(*x)), Value::Number),
            Self::Str(text) => Value::String(text.clone()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_json()))
                    .collect(),
            ),
        }
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

const STEP: usize = 2;

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', depth));
}

fn map(entries: &[(String, Data)], depth: usize, out: &mut String) {
    for (i, (key, value)) in entries.iter().enumerate() {
        if i > 0 {
            indent(depth, out);
        }
        entry(key, value, depth, out);
    }
}

/// Writes `key: value` from where the cursor stands; `depth` is the key's column.
fn entry(key: &str, value: &Data, depth: usize, out: &mut String) {
    // Keys of more than 1,024 characters need the explicit form (YAML 1.2, §8.2.2).
    let mut written = String::new();
    one_line(key, &mut written);
    if written.chars().count() > 1_000 {
        out.push_str("? ");
        out.push_str(&written);
        out.push('\n');
        indent(depth, out);
    } else {
        out.push_str(&written);
    }
    out.push(':');
    match value {
        Data::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            indent(depth + STEP, out);
            map(entries, depth + STEP, out);
        }
        Data::List(items) if !items.is_empty() => {
            out.push('\n');
            indent(depth + STEP, out);
            list(items, depth + STEP, out);
        }
        other => {
            out.push(' ');
            inline(other, depth + STEP, out);
            out.push('\n');
        }
    }
}

fn list(items: &[Data], depth: usize, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            indent(depth, out);
        }
        out.push_str("- ");
        match item {
            Data::Map(entries) if !entries.is_empty() => map(entries, depth + STEP, out),
            Data::List(items) if !items.is_empty() => list(items, depth + STEP, out),
            other => {
                inline(other, depth + STEP, out);
                out.push('\n');
            }
        }
    }
}

/// Writes what fits behind a key or a dash; a block's lines stand at `depth`.
fn inline(value: &Data, depth: usize, out: &mut String) {
    match value {
        Data::Null => out.push_str("null"),
        Data::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Data::Int(n) => out.push_str(&n.to_string()),
        Data::Float(x) => out.push_str(&float(*x)),
        Data::Str(text) if is_block(text) => block(text, depth, out),
        Data::Str(text) => one_line(text, out),
        Data::List(_) => out.push_str("[]"),
        Data::Map(_) => out.push_str("{}"),
    }
}

/// Writes a number so that both generations of readers take it for one.
fn float(x: f64) -> String {
    if x.is_nan() {
        return ".nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = format!("{x:?}");
    // YAML 1.1 wants a point and a sign in front of an exponent's digits.
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let point = if digits.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{digits}{point}e{sign}{exponent}")
        }
    }
}

fn one_line(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else if text.chars().all(|c| is_printable(c) && c != '\n') {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        double_quoted(text, out);
    }
}

/// Says whether a text can stand without quotes and is read as that text by everybody.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if matches!(first, b' ' | b'\t') || matches!(last, b' ' | b'\t' | b':') {
        return false;
    }
    if !text.chars().all(|c| is_printable(c) && c != '\n') || text.contains('\t') {
        return false;
    }
    let indicator = b",[]{}#&*!|>'\"%@`";
    if indicator.contains(first) || (matches!(first, b'-' | b'?' | b':') && !starts_word(bytes)) {
        return false;
    }
    if text.contains(": ") || text.contains(" #") || text.starts_with("---") || text == "..." {
        return false;
    }
    // A merge key, a default value, the one-letter booleans of YAML 1.1.
    if matches!(text, "<<" | "=" | "y" | "Y" | "n" | "N") || is_date(text) {
        return false;
    }
    [Schema::Core12, Schema::Yaml11].into_iter().all(|schema| {
        matches!(
            Scalar::read(text, ScalarStyle::Plain, None, schema),
            Scalar::Str(_)
        )
    })
}

/// Says whether an indicator at the start is followed by a word that takes its meaning away.
fn starts_word(bytes: &[u8]) -> bool {
    bytes
        .get(1)
        .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.'))
}

/// Says whether YAML 1.1 may take a text for a date: `2019-01-01` and what begins with it.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 5 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

/// Returns a text in double quotes, on one line, every sign escaped that readers disagree about.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    double_quoted(text, &mut out);
    out
}

/// Says whether a sign may stand in a text as it is.
pub(crate) fn is_printable(c: char) -> bool {
    match c {
        '\t' | '\n' => true,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        _ => !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'),
    }
}

/// Says whether a text is best read, and can be written, as a block.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && text.chars().all(is_printable)
        && text.chars().any(|c| !matches!(c, '\n' | ' ' | '\t'))
        // A line of blanks alone would depend on how its reader counts indentation.
        && text
            .split('\n')
            .all(|line| line.is_empty() || !line.bytes().all(|b| matches!(b, b' ' | b'\t')))
}

fn block(text: &str, depth: usize, out: &mut String) {
    out.push('|');
    // Indentation is told from the first line, unless that line is indented or empty itself.
    if text.starts_with([' ', '\t', '\n']) {
        out.push_str(&STEP.to_string());
    }
    let body = text.trim_end_matches('\n');
    match text.len() - body.len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth, out);
            out.push_str(line);
        }
    }
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::Data;
    use crate::yaml::{Node, Scalar, Schema, Shape, parse};
    use proptest::prelude::*;

    fn read(node: Node<'_>, schema: Schema) -> Data {
        match node.shape() {
            Shape::Scalar(_) => match node.scalar(schema) {
                None | Some(Scalar::Null) => Data::Null,
                Some(Scalar::Bool(b)) => Data::Bool(b),
                Some(Scalar::Int(n)) => Data::Int(n),
                Some(Scalar::Float(x)) => Data::Float(x),
                Some(Scalar::Str(text)) => Data::Str(text.to_owned()),
            },
            Shape::Sequence(items) => Data::List(items.map(|i| read(i, schema)).collect()),
            Shape::Mapping(entries) => Data::Map(
                entries
                    .map(|e| {
                        let key = e.key.text().unwrap_or_default().to_owned();
                        (key, read(e.value, schema))
                    })
                    .collect(),
            ),
            Shape::Alias(_) => panic!("an alias was written"),
        }
    }

    fn check(data: &Data) -> Result<(), TestCaseError> {
        let text = data.to_yaml();
        let parsed = parse(text.as_str());
        prop_assert!(parsed.error.is_none(), "{text:?}: {:?}", parsed.error);
        let root = parsed.tree.root().expect("a root");
        for schema in [Schema::Core12, Schema::Yaml11] {
            prop_assert_eq!(&read(root, schema), data, "{}", text);
        }
        // A reader that is not ours.
        let other: serde_yaml::Value =
            serde_yaml::from_str(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        let json = serde_json::to_value(&other).expect("keys are text");
        prop_assert_eq!(json, data.to_json(), "{}", text);
        Ok(())
    }

    fn tree() -> impl Strategy<Value = Data> {
        let text = prop_oneof![
            "[a-z<>:#&*!|%@`'\"\\[\\]{},?=~ .\t\n\\\\-]{0,24}",
            "\\PC{0,12}",
            "[0-9:._xobe+-]{1,8}",
            "([ \t]{0,2}[a-z]{0,3}\n){1,5}[a-z ]{0,3}",
            prop::sample::select(vec![
                "on",
                "Off",
                "yes",
                "y",
                "N",
                "012",
                "1:30",
                "1_000",
                "0b1",
                "0x1f",
                "=",
                "<<",
                "~",
                "null",
                "2019-01-01",
                ".inf",
                "1e3",
                "---",
                "...",
                "- a",
                "a: b",
                "\u{85}",
                "\u{feff}x",
                "\r\n",
                "x\u{7f}",
                "true",
                "-",
                "?",
                ":",
                "? x",
                "!a",
                "\u{1F600}",
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            Just(Data::Null),
            any::<bool>().prop_map(Data::Bool),
            any::<i64>().prop_map(Data::Int),
            any::<f64>()
                .prop_filter("JSON has no such number", |x| x.is_finite())
                .prop_map(Data::Float),
            text.clone().prop_map(Data::Str),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Data::List),
                prop::collection::btree_map(text.clone(), inner, 0..5)
                    .prop_map(|m| Data::Map(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_written_is_read_the_same_by_everybody(data in tree()) {
            check(&data)?;
        }
    }

    #[test]
    fn commands_are_blocks_and_words_are_bare() {
        let data = Data::Map(vec![
            ("command".into(), "set -e\necho \"a: b\"\n".into()),
            ("shell".into(), "/bin/bash -eo pipefail".into()),
            ("flag".into(), "on".into()),
            ("none".into(), Data::List(Vec::new())),
            ("list".into(), Data::List(vec!["-x".into(), "a # b".into()])),
        ]);
        assert_eq!(
            data.to_yaml(),
            "command: |\n  set -e\n  echo \"a: b\"\nshell: /bin/bash -eo pipefail\nflag: 'on'\n\
             none: []\nlist:\n  - -x\n  - 'a # b'\n"
        );
    }
}
