//! The words of an expression, each with its bytes.

use super::ast::Op;
use super::error::{Error, ErrorKind};
use crate::yaml::Span;

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `not` or `!`
    Not,
    /// An operator between two expressions.
    Op(Op),
    /// `matches`
    Matches,
    /// A whole number.
    Int(i64),
    /// `true` or `false`
    Bool(bool),
    /// A text, its escapes resolved.
    Str(String),
    /// A name.
    Name(String),
    /// What stands between the slashes, as it is written.
    Pattern(String),
    /// Nothing is left.
    End,
}

/// Reads one word after the other.
pub(crate) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Whether a slash opens a pattern here: directly after `matches`.
    pattern: bool,
}

impl<'t> Lexer<'t> {
    /// Starts at the beginning of a text.
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            pattern: false,
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Returns the next word; [`Token::End`] again and again where there is none.
    pub(crate) fn next(&mut self) -> Result<(Token, Span), Error> {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().bytes().take_while(blank).count();
        let start = self.at;
        let pattern = std::mem::take(&mut self.pattern);
        let token = match self.rest().chars().next() {
            None => Token::End,
            Some('/') if pattern => self.pattern()?,
            Some('"') => self.string()?,
            Some(c) if c.is_ascii_alphabetic() => self.word()?,
            Some('-') if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.number()?
            }
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some(c) => self.sign(c)?,
        };
        self.pattern = token == Token::Matches;
        Ok((token, Span::new(start, self.at)))
    }

    fn sign(&mut self, first: char) -> Result<Token, Error> {
        // The longer sign is looked for first.
        let signs = [
            ("==", Token::Op(Op::Equal)),
            ("!=", Token::Op(Op::NotEqual)),
            (">=", Token::Op(Op::GreaterOrEqual)),
            ("<=", Token::Op(Op::LessOrEqual)),
            (">", Token::Op(Op::Greater)),
            ("<", Token::Op(Op::Less)),
            ("!", Token::Not),
            ("(", Token::Open),
            (")", Token::Close),
        ];
        for (sign, token) in signs {
            if self.rest().starts_with(sign) {
                self.at += sign.len();
                return Ok(token);
            }
        }
        Err(Error {
            kind: ErrorKind::UnknownCharacter(first),
            span: Span::new(self.at, self.at + first.len_utf8()),
        })
    }

    /// Takes the characters of which names are made.
    fn take_word(&mut self) -> &'t str {
        let rest = self.rest();
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let len = rest.bytes().take_while(is_part).count();
        self.at += len;
        &rest[..len]
    }

    fn word(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let word = self.take_word();
        if word.contains("..") {
            return Err(Error {
                kind: ErrorKind::MalformedName(word.to_owned()),
                span: Span::new(start, self.at),
            });
        }
        Ok(match word {
            "or" => Token::Op(Op::Or),
            "and" => Token::Op(Op::And),
            "not" => Token::Not,
            "starts-with" => Token::Op(Op::StartsWith),
            "matches" => Token::Matches,
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            name => Token::Name(name.to_owned()),
        })
    }

    fn number(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let word = self.take_word();
        let digits = word.strip_prefix('-').unwrap_or(word);
        let kind = if digits.bytes().all(|b| b.is_ascii_digit()) {
            match word.parse() {
                Ok(number) => return Ok(Token::Int(number)),
                Err(_) => ErrorKind::NumberTooLarge(word.to_owned()),
            }
        } else {
            ErrorKind::MalformedNumber(word.to_owned())
        };
        Err(Error {
            kind,
            span: Span::new(start, self.at),
        })
    }

    fn string(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + 1 + i + 1;
                    return Ok(Token::Str(text));
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((j, c)) => {
                        return Err(Error {
                            kind: ErrorKind::UnknownEscape(c),
                            span: Span::new(start + 1 + i, start + 1 + j + c.len_utf8()),
                        });
                    }
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err(Error {
            kind: ErrorKind::UnclosedText,
            span: Span::new(start, self.text.len()),
        })
    }

    fn pattern(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let inner = &self.text[start + 1..];
        let mut escaped = false;
        for (i, b) in inner.bytes().enumerate() {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'/' => {
                    self.at = start + 1 + i + 1;
                    return Ok(Token::Pattern(inner[..i].to_owned()));
                }
                _ => {}
            }
        }
        Err(Error {
            kind: ErrorKind::UnclosedPattern,
            span: Span::new(start, self.text.len()),
        })
    }
}
