//! Keys of caches, for targets whose steps look for a cache themselves: a key with its templates
//! becomes a word of a shell. What the word calls stands in `driver/caches.sh`.

use std::collections::BTreeSet;

use super::lower::quoted;
use super::values::variable;
use crate::circleci::{TextPart, text_parts};

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
    let template = open.as_str();
    let mut word = String::from("\"");
    let mut left = None;
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        push(&mut word, before);
        let Some((inner, after)) = behind.split_once("}}") else {
            push(&mut word, "{{");
            rest = behind;
            continue;
        };
        match part(inner.trim()) {
            Some(text) => word.push_str(&text),
            None => left = Some(format!("{{{{{inner}}}}}")),
        }
        rest = after;
    }
    push(&mut word, rest);
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

fn part(template: &str) -> Option<String> {
    let (name, argument) = match template.split_once(char::is_whitespace) {
        Some((name, argument)) => (name, argument.trim()),
        None => (template, ""),
    };
    Some(match name {
        "checksum" => {
            let path = argument.trim_matches('"');
            format!("$(holdall_checksum {})", quoted(path))
        }
        ".Branch" => "${CIRCLE_BRANCH:-}".to_owned(),
        ".Revision" => "$CIRCLE_SHA1".to_owned(),
        ".BuildNum" => "$CIRCLE_BUILD_NUM".to_owned(),
        "epoch" => "$(date +%s)".to_owned(),
        "arch" => "$(uname -s)-$(uname -m)".to_owned(),
        _ => {
            let variable = name.strip_prefix(".Environment.")?;
            let fits = !variable.is_empty()
                && variable
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !variable.starts_with(|c: char| c.is_ascii_digit());
            fits.then(|| format!("${{{variable}:-}}"))?
        }
    })
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
