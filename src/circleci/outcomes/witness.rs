//! A text that a pattern matches, made from the pattern itself.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Longest witness that is made.
const MOST_BYTES: usize = 1_000;

/// Characters that read well in a name, best first.
const PLAIN: [char; 8] = ['a', '1', 'x', 'A', '0', '-', '.', '/'];

/// Returns a text that is meant to match a pattern of the engine; the match itself has to say
/// whether it does, because anchors and word boundaries are passed over here.
pub(crate) fn witness(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut out = String::new();
    write(&hir, &mut out)?;
    Some(out)
}

fn write(hir: &Hir, out: &mut String) -> Option<()> {
    if out.len() > MOST_BYTES {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(character(class)?),
        HirKind::Repetition(repetition) => {
            // One of what may be left out shows what the pattern is about; more are not needed.
            let least = repetition.min.max(u32::from(repetition.max != Some(0)));
            for _ in 0..least {
                let before = out.len();
                write(&repetition.sub, out)?;
                // Nothing, a thousand million times, is nothing.
                if out.len() == before {
                    break;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, out)?;
            }
        }
        HirKind::Alternation(branches) => {
            let before = out.len();
            let written = branches.iter().any(|branch| {
                out.truncate(before);
                write(branch, out).is_some()
            });
            return written.then_some(());
        }
    }
    Some(())
}

/// Returns a character of a class, a plain one where there is one.
fn character(class: &Class) -> Option<char> {
    match class {
        Class::Unicode(class) => {
            let has = |c: &char| {
                class
                    .ranges()
                    .iter()
                    .any(|r| (r.start()..=r.end()).contains(c))
            };
            let first = || class.ranges().first().map(|r| r.start());
            PLAIN.into_iter().find(has).or_else(first)
        }
        Class::Bytes(class) => {
            let first = class.ranges().first()?.start();
            first.is_ascii().then_some(char::from(first))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::witness;
    use crate::circleci::expr::{Pattern, Truth};
    use crate::yaml::Span;

    fn found(source: &str) -> Option<String> {
        let pattern = Pattern::new(source.to_owned(), Span::default());
        let text = witness(&pattern.common().unwrap())?;
        (pattern.matches(&text) == Truth::True).then_some(text)
    }

    #[test]
    fn patterns_of_real_configs_have_a_witness() {
        for (pattern, text) in [
            ("main", "main"),
            ("^main$", "main"),
            ("release/.*", "release/a"),
            (r"^v\d+\.\d+\.\d+$", "v1.1.1"),
            (r"^v[0-9]+(\.[0-9]+)*(-rc[0-9]+)?$", "v1.1-rc1"),
            ("(?i)hotfix-.+", "HOTFIX-a"),
            ("a|b", "a"),
            (r"[^/]{3}", "aaa"),
            ("pull/[0-9]+", "pull/1"),
            ("", ""),
        ] {
            let found = found(pattern).unwrap();
            assert!(found.eq_ignore_ascii_case(text), "{pattern}: {found}");
        }
    }

    #[test]
    fn what_cannot_match_has_none() {
        assert_eq!(found(r"a\Bb$x"), None);
        assert_eq!(found(r"[^\x{0}-\x{10FFFF}]"), None);
        assert_eq!(found("a{900}b{900}"), None);
    }

    proptest! {
        #[test]
        fn a_pattern_without_anchors_matches_its_witness(
            source in "([a-c]|\\(a\\|b\\)|\\[a-f0-9\\]|\\[\\^a\\]|\\\\d|\\.)([*+?]|\\{2\\})?([a-c][+?])?"
        ) {
            let pattern = Pattern::new(source, Span::default());
            prop_assume!(pattern.problem().is_none());
            let text = witness(&pattern.common().unwrap()).unwrap();
            prop_assert_eq!(pattern.matches(&text), Truth::True);
        }
    }
}
