//! One pattern: parsed once, with an exact place for what is malformed, then matched.

use std::fmt;

/// One element of a parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// `*`: any run of characters other than `/`, also none.
    Star,
    /// `?`: one character other than `/`.
    Any,
    /// One character that stands for itself.
    Char(char),
    /// `[…]`: one character inside (or, negated, outside) the inclusive ranges. Unlike `?` a
    /// class may stand for `/` in a whole-path match, as it does in Go.
    Class {
        /// Whether the class began with `^`.
        negated: bool,
        /// Inclusive ranges; a single character is a range of one; a reversed range is empty.
        ranges: Vec<(char, char)>,
    },
}

/// What is malformed in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternErrorKind {
    /// A class that no `]` closes.
    OpenClass,
    /// A class without a single character.
    EmptyClass,
    /// A `-` inside a class with nothing to its left or right.
    BareHyphen,
    /// A `\` with nothing after it.
    TrailingEscape,
}

/// A malformed pattern: what Go calls `ErrBadPattern`, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern `{pattern}`: {kind} (byte {at})")]
pub struct PatternError {
    /// The pattern as it was given.
    pub pattern: String,
    /// What is wrong.
    pub kind: PatternErrorKind,
    /// Where, as a byte offset into the pattern.
    pub at: usize,
}

impl fmt::Display for PatternErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenClass => "a `[` that no `]` closes",
            Self::EmptyClass => "a class without characters",
            Self::BareHyphen => "a `-` without a character on both sides; write `\\-` to mean it",
            Self::TrailingEscape => "a `\\` with nothing after it",
        })
    }
}

/// A well-formed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What is malformed and at which byte. A malformed pattern is always an error, whatever it
    /// would be matched with.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let fail = |kind, at| PatternError {
            pattern: text.to_owned(),
            kind,
            at,
        };
        let mut tokens = Vec::new();
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => Self::parse_class(&mut chars, at).map_err(|(kind, at)| fail(kind, at))?,
                '\\' => match chars.next() {
                    Some((_, literal)) => Token::Char(literal),
                    None => return Err(fail(PatternErrorKind::TrailingEscape, at)),
                },
                other => Token::Char(other),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    fn parse_class(
        chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
        open: usize,
    ) -> Result<Token, (PatternErrorKind, usize)> {
        let negated = chars.next_if(|&(_, c)| c == '^').is_some();
        let mut ranges = Vec::new();
        loop {
            match chars.peek() {
                Some((_, ']')) if !ranges.is_empty() => {
                    chars.next();
                    return Ok(Token::Class { negated, ranges });
                }
                Some(&(at, ']')) => return Err((PatternErrorKind::EmptyClass, at)),
                _ => {}
            }
            let low = Self::class_char(chars, open)?;
            let high = if chars.next_if(|&(_, c)| c == '-').is_some() {
                Self::class_char(chars, open)?
            } else {
                low
            };
            ranges.push((low, high));
        }
    }

    fn class_char(
        chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>,
        open: usize,
    ) -> Result<char, (PatternErrorKind, usize)> {
        match chars.next() {
            None => Err((PatternErrorKind::OpenClass, open)),
            Some((at, '-' | ']')) => Err((PatternErrorKind::BareHyphen, at)),
            Some((at, '\\')) => chars
                .next()
                .map(|(_, c)| c)
                .ok_or((PatternErrorKind::TrailingEscape, at)),
            Some((_, c)) => Ok(c),
        }
    }

    /// Returns the pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the parsed elements.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Returns the one name that the pattern means, where it has no wildcard and no class.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        self.tokens
            .iter()
            .map(|token| match token {
                Token::Char(c) => Some(*c),
                _ => None,
            })
            .collect()
    }

    /// Returns whether the whole name matches. Names are bytes, as the system has them; a byte
    /// that is no UTF-8 counts as one character (U+FFFD), as in Go.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let mut rest = name;
        let mut tokens = self.tokens.as_slice();
        while !tokens.is_empty() {
            let stars = tokens.iter().take_while(|t| **t == Token::Star).count();
            let after = &tokens[stars..];
            let length = after
                .iter()
                .position(|t| *t == Token::Star)
                .unwrap_or(after.len());
            let (chunk, following) = after.split_at(length);
            if chunk.is_empty() {
                return !rest.contains(&b'/');
            }
            let last = following.is_empty();
            // A star takes as little as it can, and steps by bytes: both as in Go, where they
            // are visible in rare cases (`*??` matches one character of three bytes).
            let mut from = 0;
            rest = loop {
                match match_chunk(chunk, &rest[from..]) {
                    Some(left) if !last || left.is_empty() => break left,
                    _ if stars == 0 => return false,
                    _ => match rest.get(from) {
                        None | Some(b'/') => return false,
                        Some(_) => from += 1,
                    },
                }
            };
            tokens = following;
        }
        rest.is_empty()
    }
}

/// Matches a run without stars at the start of `name` and returns what is left of it.
fn match_chunk<'n>(chunk: &[Token], name: &'n [u8]) -> Option<&'n [u8]> {
    let mut rest = name;
    for token in chunk {
        match token {
            Token::Char(c) => {
                let mut buffer = [0; 4];
                rest = rest.strip_prefix(c.encode_utf8(&mut buffer).as_bytes())?;
            }
            Token::Any => {
                let (c, width) = first_char(rest)?;
                if c == '/' {
                    return None;
                }
                rest = &rest[width..];
            }
            Token::Class { negated, ranges } => {
                let (c, width) = first_char(rest)?;
                let inside = ranges.iter().any(|&(low, high)| low <= c && c <= high);
                if inside == *negated {
                    return None;
                }
                rest = &rest[width..];
            }
            // Chunks are cut at stars.
            Token::Star => return None,
        }
    }
    Some(rest)
}

fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
    let window = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(c) => Some((c, c.len_utf8())),
        None if bytes.is_empty() => None,
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

/// Returns whether `name` as a whole matches `pattern`.
///
/// # Errors
/// The pattern is malformed, whatever the name.
pub fn matches(pattern: &str, name: &[u8]) -> Result<bool, PatternError> {
    Ok(Pattern::parse(pattern)?.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Facts of the dialect, as Go's documentation and behaviour have them.
    #[test]
    fn says_what_go_says() {
        let yes = [
            ("abc", "abc"),
            ("*", "abc"),
            ("*c", "abc"),
            ("a*", "a"),
            ("a*", "abc"),
            ("a*/b", "abc/b"),
            ("a*b*c*d*e*/f", "axbxcxdxe/f"),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f"),
            ("a*b?c*x", "abxbbxdbxebxczzx"),
            ("ab[c]", "abc"),
            ("ab[b-d]", "abc"),
            ("ab[^e-g]", "abc"),
            ("a\\*b", "a*b"),
            ("a?b", "a☺b"),
            ("a[^a]b", "a☺b"),
            ("[a-ζ]*", "α"),
            ("[\\]a]", "]"),
            ("[\\-]", "-"),
            ("[x\\-]", "x"),
            ("[x\\-]", "-"),
            ("[\\-x]", "-"),
            ("*x", "xxx"),
            ("*", ".git"),
            ("?env", ".env"),
            ("[!a]", "!"),
            ("[!a]", "a"),
            ("a[^b]c", "a/c"),
            ("**", "ab"),
            ("{a,b}", "{a,b}"),
            ("*", ""),
            ("", ""),
            ("*??", "☺"),
        ];
        for (pattern, name) in yes {
            assert_eq!(
                matches(pattern, name.as_bytes()),
                Ok(true),
                "{pattern} {name}"
            );
        }
        let no = [
            ("a*", "ab/c"),
            ("a*/b", "a/c/b"),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f"),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff"),
            ("a*b?c*x", "abxbbxdbxebxczzy"),
            ("ab[e-g]", "abc"),
            ("ab[^c]", "abc"),
            ("ab[^b-d]", "abc"),
            ("a\\*b", "ab"),
            ("a??b", "a☺b"),
            ("a[^a][^a]b", "a☺b"),
            ("[a-ζ]*", "A"),
            ("*a", "α"),
            ("a?b", "a/b"),
            ("a*b", "a/b"),
            ("[\\-x]", "z"),
            ("[!a]", "b"),
            ("**", "a/b"),
            ("[b-a]", "a"),
            ("*[^x]*b", "a/b"),
            ("", "a"),
        ];
        for (pattern, name) in no {
            assert_eq!(
                matches(pattern, name.as_bytes()),
                Ok(false),
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn names_what_is_malformed_and_where() {
        use PatternErrorKind as K;
        let bad = [
            ("[]a]", K::EmptyClass, 1),
            ("[-]", K::BareHyphen, 1),
            ("[x-]", K::BareHyphen, 3),
            ("[-x]", K::BareHyphen, 1),
            ("[a-b-c]", K::BareHyphen, 4),
            ("[", K::OpenClass, 0),
            ("[^", K::OpenClass, 0),
            ("[^bc", K::OpenClass, 0),
            ("ab[", K::OpenClass, 2),
            ("a/b[", K::OpenClass, 3),
            ("[^]", K::EmptyClass, 2),
            ("[]", K::EmptyClass, 1),
            ("a\\", K::TrailingEscape, 1),
            ("[\\", K::TrailingEscape, 1),
        ];
        for (pattern, kind, at) in bad {
            let error = Pattern::parse(pattern).unwrap_err();
            assert_eq!((error.kind, error.at), (kind, at), "{pattern}");
        }
        // Also where the name differs before the malformed part is reached.
        assert!(matches("a/b[", b"x").is_err());
    }

    #[test]
    fn takes_bytes_that_are_no_text() {
        assert!(matches("a?b", b"a\xffb").unwrap());
        assert!(matches("*", b"\xff\xfe").unwrap());
        assert!(!matches("\u{fffd}", b"\xff").unwrap());
        assert!(matches("[\u{fffd}]", b"\xff").unwrap());
    }

    #[test]
    fn tells_literals_from_patterns() {
        assert_eq!(
            Pattern::parse("a\\*b").unwrap().literal().as_deref(),
            Some("a*b")
        );
        assert_eq!(Pattern::parse("a*b").unwrap().literal(), None);
    }

    /// A second, slower opinion: every way to cut the name is tried.
    fn naive(tokens: &[Token], name: &[char]) -> bool {
        match tokens.split_first() {
            None => name.is_empty(),
            Some((Token::Star, rest)) => {
                naive(rest, name)
                    || matches!(name.split_first(), Some((c, tail)) if *c != '/' && naive(tokens, tail))
            }
            Some((token, rest)) => match name.split_first() {
                None => false,
                Some((c, tail)) => {
                    let one = match token {
                        Token::Any => *c != '/',
                        Token::Char(want) => c == want,
                        Token::Class { negated, ranges } => {
                            ranges.iter().any(|(l, h)| l <= c && c <= h) != *negated
                        }
                        Token::Star => false,
                    };
                    one && naive(rest, tail)
                }
            },
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(pattern in "[a-c*?/]{0,8}|[ab*]{0,4}\\[\\^?[a-c]\\][ab*?]{0,3}", name in "[a-c]{0,10}|[a-c/]{0,10}") {
            let parsed = Pattern::parse(&pattern).unwrap();
            // A class in front of a `/` is where the shortest star loses; see the table above.
            prop_assume!(!(pattern.contains('[') && name.contains('/')));
            let chars: Vec<char> = name.chars().collect();
            prop_assert_eq!(parsed.matches(name.as_bytes()), naive(parsed.tokens(), &chars));
        }

        #[test]
        fn never_panics(pattern in "\\PC{0,12}", name in proptest::collection::vec(any::<u8>(), 0..16)) {
            let _ = matches(&pattern, &name);
        }

        #[test]
        fn an_escaped_name_matches_itself_only(name in "[a-c*?\\[\\]\\\\-]{1,8}", other in "[a-c*?\\[\\]\\\\-]{1,8}") {
            let escaped: String = name.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(matches(&escaped, name.as_bytes()).unwrap());
            prop_assert_eq!(matches(&escaped, other.as_bytes()).unwrap(), name == other);
        }
    }
}
