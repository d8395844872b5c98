//! Laws of patterns, for the fuzz target. A broken law panics.

use super::{Pattern, Token, intersect_segment};

/// Checks the laws of patterns on a text of two patterns and a name, a line each.
///
/// The matcher agrees with one that is as simple as it is slow, on names of one part in ASCII: as
/// in Go, a star that has found its place does not move again, which shows where a class takes a
/// `/`, and it steps by bytes. A pattern without wildcards
/// matches what it spells; and a name that two patterns are said to share is matched by both.
pub fn patterns(text: &str) {
    let mut lines = text.splitn(3, '\n');
    let (Some(first), Some(second), Some(name)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    // The slow one is slow: a star tries everything.
    if first.len() > 40 || second.len() > 40 || name.len() > 60 {
        return;
    }
    let first = Pattern::parse(first);
    for pattern in [&first, &Pattern::parse(second)].into_iter().flatten() {
        let chars: Vec<char> = name.chars().collect();
        let plain = name.is_ascii() && !name.contains('/');
        if plain
            && pattern
                .tokens()
                .iter()
                .filter(|t| **t == Token::Star)
                .count()
                <= 5
        {
            let simple = slow(pattern.tokens(), &chars);
            assert_eq!(
                pattern.matches(name.as_bytes()),
                simple,
                "{pattern:?} {name:?}"
            );
        }
        if let Some(literal) = pattern.literal() {
            assert!(pattern.matches(literal.as_bytes()), "it matches itself");
        }
    }
    if let (Ok(a), Ok(b)) = (first, Pattern::parse(second)) {
        let witness = intersect_segment(&a, &b);
        if let Some(witness) = &witness {
            assert!(
                a.matches(witness.as_bytes()) && b.matches(witness.as_bytes()),
                "{witness:?}"
            );
        }
        let both = a.matches(name.as_bytes()) && b.matches(name.as_bytes());
        if both && !name.contains('/') && !name.is_empty() {
            assert!(witness.is_some(), "{a:?} and {b:?} share {name:?}");
        }
        let turned = intersect_segment(&b, &a);
        assert_eq!(
            witness.is_some(),
            turned.is_some(),
            "{a:?} and {b:?}, either way"
        );
    }
}

/// Matches by the definition of each element.
fn slow(tokens: &[Token], name: &[char]) -> bool {
    let Some((token, rest)) = tokens.split_first() else {
        return name.is_empty();
    };
    match token {
        Token::Star => {
            let reach = name.iter().take_while(|c| **c != '/').count();
            (0..=reach).any(|count| slow(rest, &name[count..]))
        }
        one => match name.split_first() {
            None => false,
            Some((c, later)) => {
                let hit = match one {
                    Token::Any | Token::Star => *c != '/',
                    Token::Char(wanted) => c == wanted,
                    Token::Class { negated, ranges } => {
                        ranges.iter().any(|(low, high)| low <= c && c <= high) != *negated
                    }
                };
                hit && slow(rest, later)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_laws_hold_for_the_seeds() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/patterns");
        for file in std::fs::read_dir(dir).unwrap() {
            patterns(&std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }

    #[test]
    fn the_slow_one_knows_the_dialect() {
        let hits = |pattern: &str, name: &str| {
            let chars: Vec<char> = name.chars().collect();
            slow(Pattern::parse(pattern).unwrap().tokens(), &chars)
        };
        assert!(hits("a*b", "axxb") && !hits("a*b", "a/b"));
        assert!(hits("[^a]", "b") && !hits("[^a]", "a"));
    }
}
