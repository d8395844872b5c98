//! Patterns: full match in linear time, and what the announced compiler refuses.
//!
//! The service's documentation speaks of Java's patterns, its new compiler takes a set like RE2's
//! and no more than 128 characters (circleci-semantics §0b.2). What both take is matched here as
//! both match it; everything else is an error, and its outcome is unknown.

use std::cell::RefCell;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use super::error::ErrorKind;
use super::value::Truth;
use crate::hash::HashMap;
use crate::yaml::Span;

/// Most characters of a pattern under the new compiler.
const MAX_CHARS: usize = 128;

/// Most bytes that a compiled pattern may take: enough for every pattern a person writes in 128
/// characters, little enough that many nested repetitions are refused at once.
const MAX_COMPILED: usize = 512 * 1024;

/// A pattern; compiled when it is first needed, and once.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    source: String,
    span: Span,
    compiled: OnceLock<Result<Regex, ErrorKind>>,
}

impl Pattern {
    /// Takes a pattern's text, without slashes around it, and its bytes in the text around it.
    pub(crate) fn new(source: String, span: Span) -> Self {
        Self {
            source,
            span,
            compiled: OnceLock::new(),
        }
    }

    /// Returns the text between the slashes.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Returns the pattern's bytes, slashes included.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    fn compiled(&self) -> &Result<Regex, ErrorKind> {
        self.compiled.get_or_init(|| remembered(&self.source))
    }

    /// Returns what is wrong with the pattern.
    pub(crate) fn problem(&self) -> Option<&ErrorKind> {
        self.compiled().as_ref().err()
    }

    /// Returns the pattern as the engine at hand reads it, if both of the service's engines can.
    pub(crate) fn common(&self) -> Option<String> {
        self.problem()
            .is_none()
            .then(|| translate(&self.source).ok())
            .flatten()
    }

    /// Says whether the pattern matches a whole text; unknown where the pattern is wrong.
    pub(crate) fn matches(&self, text: &str) -> Truth {
        match self.compiled() {
            Ok(regex) => regex.is_match(text).into(),
            Err(_) => Truth::Unknown,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// Compiles a pattern, or finds it again: one condition is judged for many values, and its text is
/// read anew each time.
fn remembered(source: &str) -> Result<Regex, ErrorKind> {
    const MOST: usize = 256;
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Result<Regex, ErrorKind>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(found) = known.get(source) {
            return found.clone();
        }
        if known.len() >= MOST {
            known.clear();
        }
        let compiled = compile(source);
        known.insert(source.to_owned(), compiled.clone());
        compiled
    })
}

fn compile(source: &str) -> Result<Regex, ErrorKind> {
    let chars = source.chars().count();
    if chars > MAX_CHARS {
        return Err(ErrorKind::PatternTooLong(chars));
    }
    let common = translate(source)?;
    RegexBuilder::new(&format!(r"\A(?:{common})\z"))
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| ErrorKind::InvalidPattern(reason(&error)))
}

/// Returns the last line of the engine's message: the ones before it draw the pattern.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// Rewrites a pattern of the common set for the engine at hand, and names what is beyond the set.
///
/// `\d`, `\w` and `\s` mean ASCII in Java and RE2 alike, and Unicode here; `\Q…\E` is unknown
/// here; a quantifier behind a quantifier means nothing here and possession in Java.
fn translate(source: &str) -> Result<String, ErrorKind> {
    let feature = |what| Err(ErrorKind::PatternFeature(what));
    let mut out = String::with_capacity(source.len() + 16);
    let mut rest = source;
    let mut in_class = 0_usize;
    let mut open = 0_usize;
    let mut quantified = false;
    while let Some(c) = rest.chars().next() {
        let was_quantified = std::mem::take(&mut quantified);
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let Some(escape) = after.chars().next() else {
                    return Err(ErrorKind::InvalidPattern("a backslash at its end".into()));
                };
                rest = &after[escape.len_utf8()..];
                match escape {
                    '1'..='9' | 'k' if in_class == 0 => return feature("back-references"),
                    'Q' => {
                        let end = rest.find("\\E");
                        out.push_str(&regex::escape(&rest[..end.unwrap_or(rest.len())]));
                        rest = end.map_or("", |end| &rest[end + 2..]);
                    }
                    'd' => out.push_str("[0-9]"),
                    'D' => out.push_str("[^0-9]"),
                    'w' => out.push_str("[0-9A-Za-z_]"),
                    'W' => out.push_str("[^0-9A-Za-z_]"),
                    's' => out.push_str(r"[\t\n\x0B\f\r ]"),
                    'S' => out.push_str(r"[^\t\n\x0B\f\r ]"),
                    'Z' if in_class == 0 => out.push_str(r"\n?\z"),
                    // The braces of `\p{L}` and `\x{1F600}` repeat nothing.
                    'p' | 'P' | 'x' if rest.starts_with('{') => {
                        let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                        out.extend(['\\', escape]);
                        out.push_str(&rest[..end]);
                        rest = &rest[end..];
                    }
                    // Both engines take a backslash before every character that is no letter.
                    other if !other.is_ascii_alphanumeric() => {
                        out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4])));
                    }
                    other => out.extend(['\\', other]),
                }
                continue;
            }
            '[' => {
                in_class += 1;
                // Directly behind it, `]` is one of the class's characters.
                let inside = after.strip_prefix('^').unwrap_or(after);
                if let Some(behind) = inside.strip_prefix(']') {
                    out.push_str(&rest[..rest.len() - inside.len()]);
                    out.push_str(r"\]");
                    rest = behind;
                    continue;
                }
            }
            ']' => in_class = in_class.saturating_sub(1),
            _ if in_class > 0 => {}
            '(' => {
                open += 1;
                if after.starts_with("?=") || after.starts_with("?!") {
                    return feature("look-ahead");
                }
                if after.starts_with("?<=") || after.starts_with("?<!") {
                    return feature("look-behind");
                }
                if after.starts_with("?>") {
                    return feature("atomic groups");
                }
                out.push('(');
                // The `?` of `(?:` and `(?i)` is no quantifier.
                rest = match after.strip_prefix('?') {
                    Some(flags) => {
                        out.push('?');
                        flags
                    }
                    None => after,
                };
                continue;
            }
            // Without this, a pattern could close the group that is put around it.
            ')' => {
                open = open.checked_sub(1).ok_or_else(|| {
                    ErrorKind::InvalidPattern(
                        "a closing parenthesis without its opening one".into(),
                    )
                })?;
            }
            '+' if was_quantified => return feature("possessive quantifiers"),
            '*' | '+' => quantified = true,
            // Behind a quantifier it makes that one lazy, and is none itself.
            '?' => quantified = !was_quantified,
            '{' => {
                if let Some(len) = repetition(rest) {
                    out.push_str(&rest[..len]);
                    rest = &rest[len..];
                    quantified = true;
                    continue;
                }
            }
            _ => {}
        }
        out.push(c);
        rest = after;
    }
    Ok(out)
}

/// Returns the length of `{2}`, `{2,}` or `{2,3}` at the beginning of a text.
fn repetition(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('{')?.split_once('}')?.0;
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    (!least.is_empty() && digits(least) && digits(most)).then_some(inside.len() + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(source: &str) -> Pattern {
        Pattern::new(source.into(), Span::default())
    }

    fn problem(source: &str) -> Option<ErrorKind> {
        pattern(source).problem().cloned()
    }

    #[test]
    fn a_pattern_matches_the_whole_text_or_not_at_all() {
        for (source, text, holds) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("main", "xmain", false),
            ("a|ab", "ab", true),
            ("^main$", "main", true),
            ("release/.*", "release/1", true),
            (r"release\/.*", "release/1", true),
            (r"v\d+\.\d+", "v1.22", true),
            (r"v\d+", "v1\u{0661}", false),
            (r"[\w-]+", "a-b_c", true),
            (r"\Qa.b\E.", "a.bc", true),
            (r"\Qa.b\E.", "axbc", false),
            (r"\-\_\@", "-_@", true),
            ("(?i)MAIN", "main", true),
            ("a.b", "a\nb", false),
            ("é.", "éé", true),
            ("", "", true),
            ("[+*]+?", "++", true),
            (r"\p{L}+", "aé", true),
            (r"\x{61}+", "aa", true),
            ("a{2}", "aa", true),
            ("a{2,}b", "aaab", true),
            ("[])]+", ")]", true),
            ("[^]]", "]", false),
            ("[a[b]]+", "ab", true),
            (r"\<a\>", "<a>", true),
            (r"[\d.-]+", "1.2-3", true),
            ("a??b", "ab", true),
        ] {
            assert_eq!(
                pattern(source).matches(text),
                holds.into(),
                "{source} {text}"
            );
        }
    }

    #[test]
    fn what_the_new_compiler_refuses_is_named_and_left_open() {
        for (source, what) in [
            ("(?=a)b", "look-ahead"),
            ("(?!main).*", "look-ahead"),
            ("(?<=a)b", "look-behind"),
            ("(?<!a)b", "look-behind"),
            (r"(a)\1", "back-references"),
            (r"(?<x>a)\k<x>", "back-references"),
            ("a++b", "possessive quantifiers"),
            ("a*+", "possessive quantifiers"),
            ("a?+", "possessive quantifiers"),
            ("a{2,3}+", "possessive quantifiers"),
            ("(?>a|b)", "atomic groups"),
        ] {
            assert_eq!(
                problem(source),
                Some(ErrorKind::PatternFeature(what)),
                "{source}"
            );
            assert_eq!(pattern(source).matches("a"), Truth::Unknown, "{source}");
        }
        for source in [
            r"\++", r"[*+]+", "a+?b", "(?:a+)+", r"\(?=a", "[(?=]", "(?<x>a)",
        ] {
            assert_eq!(problem(source), None, "{source}");
        }
    }

    #[test]
    fn the_length_limit_counts_characters() {
        assert_eq!(problem(&"é".repeat(128)), None);
        assert_eq!(
            problem(&"é".repeat(129)),
            Some(ErrorKind::PatternTooLong(129))
        );
    }

    #[test]
    fn what_is_no_pattern_is_an_error_and_left_open() {
        for source in [
            "(",
            "a)|(b",
            "[",
            "*",
            "\\",
            r"\R",
            "a)#",
            "((((a{999}){999}){999}){999})",
        ] {
            assert!(
                matches!(problem(source), Some(ErrorKind::InvalidPattern(_))),
                "{source}: {:?}",
                problem(source)
            );
            assert_eq!(pattern(source).matches("a"), Truth::Unknown, "{source}");
        }
    }

    #[test]
    fn a_long_text_is_matched_in_linear_time() {
        let text = "a".repeat(1 << 20);
        assert_eq!(pattern("(a*)*b").matches(&text), Truth::False);
        assert_eq!(pattern("(a|a)*").matches(&text), Truth::True);
    }

    proptest! {
        #[test]
        fn no_pattern_breaks_it(source in "\\PC{0,20}|[a1()\\[\\]{}^$|?*+.,:=!<>QEdkp\\\\-]{0,16}") {
            let pattern = pattern(&source);
            prop_assert_eq!(pattern.problem().is_some(), pattern.matches("a") == Truth::Unknown);
        }

        #[test]
        fn a_quoted_text_matches_itself_and_nothing_else(text in "[^E]{0,20}", other in "[^E]{0,20}") {
            let pattern = pattern(&format!("\\Q{text}\\E"));
            prop_assert_eq!(pattern.matches(&text), Truth::True);
            prop_assert_eq!(pattern.matches(&other), (text == other).into());
        }
    }
}
