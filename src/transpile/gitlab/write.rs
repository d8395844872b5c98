//! A YAML document made of entries and comments, as `yaml::Data` writes values: what stands above
//! an entry is about that entry.

use crate::yaml::Data;

/// An entry of a mapping with the comments above it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// What is said about it.
    pub(super) comments: Vec<String>,
    /// Its key.
    pub(super) key: String,
    /// Its value.
    pub(super) value: Value,
}

/// What an entry holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Data.
    Data(Data),
    /// A list, each item with the comments above it.
    Commented(Vec<(Vec<String>, Data)>),
}

/// The entries of one mapping, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries(pub(super) Vec<Entry>);

impl Entries {
    /// Adds an entry.
    pub(super) fn add(&mut self, key: &str, value: impl Into<Data>) {
        self.commented(key, Value::Data(value.into()), Vec::new());
    }

    /// Adds an entry with comments above it.
    pub(super) fn commented(&mut self, key: &str, value: Value, comments: Vec<String>) {
        self.0.push(Entry {
            comments,
            key: key.to_owned(),
            value,
        });
    }
}

/// The text of a document.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: String,
}

impl Document {
    /// Adds a comment at the left.
    pub(super) fn comment(&mut self, text: &str) {
        comment(&mut self.text, 0, text);
    }

    /// Adds an entry at the top, after an empty line.
    pub(super) fn top(&mut self, key: &str, value: Data) {
        self.text.push('\n');
        entry(&mut self.text, 0, key, value);
    }

    /// Adds a mapping at the top, after an empty line.
    pub(super) fn mapping(&mut self, key: &str, comments: &[String], entries: Entries) {
        self.text.push('\n');
        for line in comments {
            comment(&mut self.text, 0, line);
        }
        key_alone(&mut self.text, 0, key);
        for e in entries.0 {
            for line in &e.comments {
                comment(&mut self.text, 2, line);
            }
            match e.value {
                Value::Data(data) => entry(&mut self.text, 2, &e.key, data),
                Value::Commented(items) => {
                    key_alone(&mut self.text, 2, &e.key);
                    for (comments, item) in items {
                        for line in &comments {
                            comment(&mut self.text, 4, line);
                        }
                        indented(&mut self.text, 4, &Data::List(vec![item]).to_yaml());
                    }
                }
            }
        }
    }

    /// Returns the text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Writes a comment; one that the config has begins with its `#` already.
fn comment(out: &mut String, depth: usize, text: &str) {
    for line in text.lines() {
        out.extend(std::iter::repeat_n(' ', depth));
        if line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        out.push('#');
        if !line.is_empty() {
            out.push(' ');
            // A comment cannot hold what YAML does not.
            out.extend(line.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        out.push('\n');
    }
}

/// Writes `key:` alone: what `Data` writes of a key with a value behind it, without that value.
fn key_alone(out: &mut String, depth: usize, key: &str) {
    let text = Data::Map(vec![(key.to_owned(), Data::Null)]).to_yaml();
    let text = text.trim_end().strip_suffix("null").unwrap_or(&text);
    indented(out, depth, text.trim_end());
    out.push('\n');
}

fn entry(out: &mut String, depth: usize, key: &str, value: Data) {
    indented(
        out,
        depth,
        &Data::Map(vec![(key.to_owned(), value)]).to_yaml(),
    );
}

fn indented(out: &mut String, depth: usize, text: &str) {
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            out.extend(std::iter::repeat_n(' ', depth));
        }
        out.push_str(line);
    }
}
