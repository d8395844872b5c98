//! Keys of caches, for targets whose steps look for a cache themselves: a key with its templates
//! becomes a word of a shell. What the word calls stands in `driver/caches.sh`.

use std::collections::BTreeSet;

use super::values::variable;
use crate::circleci::{TextPart, text_parts};
use crate::plan::{KeyPart, key_parts};
use crate::words::quoted;

/// A key as a word of a shell.
#[derive(Debug)]
pub(super) struct Key {
    /// The word, quoted.
    pub(super) word: String,
    /// The template that no script can fill in, if there is one: it is left out.
    pub(super) left: Option<String>,
}

/// Turns a key with its templates into a word of a shell; `values` gets the names of those that it
/// reads.
pub(super) fn key(template: &str, values: &mut BTreeSet<String>) -> Key {
    let mut open = String::new();
    for part in text_parts(template) {
        match part {
            TextPart::Plain(plain) => open.push_str(plain),
            TextPart::Value { name, .. } => {
                values.insert(name.to_owned());
                open.push_str(&format!("{{{{ .Environment.{} }}}}", variable(name)));
            }
        }
    }
    let mut word = String::from("\"");
    let mut left = None;
    for part in key_parts(&open) {
        match part {
            KeyPart::Text(text) => push(&mut word, text),
            KeyPart::Checksum(path) => {
                word.push_str(&format!("$(holdall_checksum {})", quoted(path)));
            }
            KeyPart::Branch => word.push_str("${CIRCLE_BRANCH:-}"),
            KeyPart::Revision => word.push_str("$CIRCLE_SHA1"),
            KeyPart::BuildNum => word.push_str("$CIRCLE_BUILD_NUM"),
            KeyPart::Epoch => word.push_str("$(date +%s)"),
            KeyPart::Arch => word.push_str("$(uname -s)-$(uname -m)"),
            KeyPart::Environment(name) => word.push_str(&format!("${{{name}:-}}")),
            KeyPart::CheckoutKey => left = Some("{{ .CheckoutKey }}".to_owned()),
            KeyPart::Unknown(inner) => left = Some(format!("{{{{{inner}}}}}")),
        }
    }
    word.push('"');
    Key { word, left }
}

/// Adds a text to a word in double quotes.
fn push(word: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            word.push('\\');
        }
        word.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, key};

    fn word(template: &str) -> Key {
        key(template, &mut std::collections::BTreeSet::new())
    }

    #[test]
    fn templates_become_words_and_the_rest_is_quoted() {
        assert_eq!(word("v1-$x").word, "\"v1-\\$x\"");
        let deps = word("deps-{{ .Branch }}-{{ checksum \"a b.lock\" }}").word;
        assert_eq!(
            deps,
            "\"deps-${CIRCLE_BRANCH:-}-$(holdall_checksum 'a b.lock')\""
        );
        assert!(word("{{ .CheckoutKey }}").left.is_some());
    }
}
