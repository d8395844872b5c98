//! `hardcoded-credential`: a text that looks like a key or a token of a known service stands in
//! the config.

use std::sync::LazyLock;

use regex::Regex;

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, Node, SourceId, TextMap};

declare_rule! {
    /// # What it does
    /// A text that looks like a key or a token of a known service stands in the config.
    ///
    /// # Why is this bad
    /// Whoever may read the repository, its forks and its history has the secret.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     environment: {AWS_ACCESS_KEY_ID: AKIAZ7QPXK4TNV2LRWCM}
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// workflows:
    ///   main:
    ///     jobs: [build: {context: [aws]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the secret still opens anything. One that was published has to be replaced,
    /// removing it is not enough.
    ///
    /// # References
    /// - https://circleci.com/docs/security-recommendations/
    HARDCODED_CREDENTIAL: "hardcoded-credential", Security, Warning, check
}

/// One kind of secret.
type Kind = (&'static str, usize, fn(u8) -> bool, &'static str);

/// What a secret begins with, how many signs follow at least, which ones, and whose it is.
const KINDS: [Kind; 14] = [
    ("AKIA", 16, is_upper, "an access key of AWS"),
    ("ASIA", 16, is_upper, "a session key of AWS"),
    ("ghp_", 36, is_word, "a token of GitHub"),
    ("gho_", 36, is_word, "a token of GitHub"),
    ("ghs_", 36, is_word, "a token of GitHub"),
    ("github_pat_", 50, is_word, "a token of GitHub"),
    ("glpat-", 20, is_word, "a token of GitLab"),
    ("xoxb-", 20, is_word, "a token of Slack"),
    ("xoxp-", 20, is_word, "a token of Slack"),
    ("npm_", 36, is_word, "a token of npm"),
    ("pypi-AgEI", 50, is_word, "a token of PyPI"),
    ("sk_live_", 20, is_word, "a key of Stripe"),
    ("AIza", 35, is_word, "a key of Google"),
    ("-----BEGIN ", 8, is_key, "a private key"),
];

fn is_upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn is_key(b: u8) -> bool {
    b.is_ascii_uppercase() || b == b' '
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for node in context.compiled.tree.nodes() {
        let Some((range, what)) = node.text().and_then(secret) else {
            continue;
        };
        out.push(
            HARDCODED_CREDENTIAL
                .finding("a secret in the config", place(node, range), format!("this looks like {what}"))
                .confidence(Confidence::Medium)
                .help("put it into a context or the project's environment variables, and replace it: it is in the history")
                .done(),
        );
    }
}

fn place(node: Node<'_>, range: std::ops::Range<usize>) -> Location {
    let span = TextMap::of(node).map_or(node.span(), |map| map.span(range));
    Location::new(SourceId::default(), span)
}

/// No secret is shorter, in bytes.
const SHORTEST: usize = 19;

/// What secrets begin with, all at once: hardly any text has it.
static BEGINNINGS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let all: Vec<String> = KINDS.iter().map(|k| regex::escape(k.0)).collect();
    Regex::new(&all.join("|")).ok()
});

/// Finds the first secret of a text.
fn secret(text: &str) -> Option<(std::ops::Range<usize>, &'static str)> {
    let begins = |any: &Regex| any.is_match(text);
    if text.len() < SHORTEST || !BEGINNINGS.as_ref().is_none_or(begins) {
        return None;
    }
    KINDS.iter().find_map(|(begin, least, sign, what)| {
        text.match_indices(begin).find_map(|(i, _)| {
            let before = i.checked_sub(1).map(|b| text.as_bytes()[b]);
            let rest = &text.as_bytes()[i + begin.len()..];
            let length = rest.iter().take_while(|b| sign(**b)).count();
            let whole = before.is_none_or(|b| !b.is_ascii_alphanumeric());
            let body = &text[i + begin.len()..i + begin.len() + length];
            let key = *begin != "-----BEGIN " || body.contains("PRIVATE KEY");
            // Samples of documentation are no secrets: the one of AWS, `XXXX…`.
            let sample = body.ends_with("EXAMPLE") || distinct(body) < 6;
            (whole && length >= *least && key && !sample)
                .then(|| (i..i + begin.len() + length, *what))
        })
    })
}

fn distinct(text: &str) -> usize {
    let mut seen: Vec<u8> = text.bytes().collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

#[cfg(test)]
mod tests {
    use super::secret;

    #[test]
    fn samples_are_no_secrets() {
        assert!(secret("key=AKIAZ7QPXK4TNV2LRWCM;").is_some());
        assert!(secret("AKIAIOSFODNN7EXAMPLE").is_none());
        assert!(secret("ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").is_none());
        assert!(secret("NOTAKIAZ7QPXK4TNV2LRWCM").is_none());
        assert!(secret("-----BEGIN RSA PRIVATE KEY-----").is_some());
        assert!(secret("-----BEGIN CERTIFICATE-----").is_none());
    }
}
