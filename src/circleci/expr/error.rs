//! What can be wrong with an expression, each with its place in the expression's text.

use crate::yaml::Span;

/// Something wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub(crate) struct Error {
    /// What is wrong.
    pub(crate) kind: ErrorKind,
    /// The bytes in the expression's text.
    pub(crate) span: Span,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ErrorKind {
    /// There is nothing.
    #[error("the expression is empty")]
    Empty,
    /// The text is longer than any expression that a person writes.
    #[error("the expression is longer than {0} bytes")]
    TooLong(usize),
    /// Parentheses and negations stand too deep in each other.
    #[error("the expression is nested deeper than {0} levels")]
    TooDeep(usize),
    /// A character with which nothing begins.
    #[error("`{0}` means nothing in an expression")]
    UnknownCharacter(char),
    /// A text without its closing quote.
    #[error("a text without its closing `\"`")]
    UnclosedText,
    /// A backslash before something else than `"` or `\`.
    #[error("`\\{0}` is no escape")]
    UnknownEscape(char),
    /// A pattern without its closing slash.
    #[error("a pattern without its closing `/`")]
    UnclosedPattern,
    /// Digits that are no whole number.
    #[error("`{0}` is no whole number")]
    MalformedNumber(String),
    /// A whole number beyond 64 bits.
    #[error("`{0}` is too large a number")]
    NumberTooLarge(String),
    /// A name with two dots in a row.
    #[error("`{0}` is no name: two dots in a row")]
    MalformedName(String),
    /// A value should stand here.
    #[error("a value is expected, this is {0}")]
    ExpectedOperand(String),
    /// An operator, or the end, should stand here.
    #[error("an operator is expected, this is {0}")]
    ExpectedOperator(String),
    /// A `/pattern/` should stand here.
    #[error("`matches` takes a pattern between slashes, this is {0}")]
    ExpectedPattern(String),
    /// An opening parenthesis without its closing one.
    #[error("`(` without its `)`")]
    UnclosedParenthesis,
    /// A closing parenthesis without its opening one.
    #[error("`)` without its `(`")]
    UnopenedParenthesis,
    /// `starts-with` or `matches` on something that is no text.
    #[error("`{operator}` takes text, this is {found}")]
    NotText {
        /// The operator.
        operator: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A comparison with something that is no number.
    #[error("`{operator}` takes numbers, this is {found}")]
    NotNumber {
        /// The operator.
        operator: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A name that does not exist.
    #[error("`{0}` does not exist")]
    MissingName(String),
    /// A pattern that uses what a linear-time engine does not have.
    #[error("the new compiler refuses {0} in a pattern")]
    PatternFeature(&'static str),
    /// A pattern longer than the new compiler takes, in characters.
    #[error("the new compiler refuses a pattern of more than 128 characters, this has {0}")]
    PatternTooLong(usize),
    /// A pattern that is no regular expression, or one that grows too large.
    #[error("the pattern is not understood: {0}")]
    InvalidPattern(String),
}

impl ErrorKind {
    /// Says whether it is about a pattern.
    pub(crate) fn is_about_pattern(&self) -> bool {
        matches!(
            self,
            Self::PatternFeature(_) | Self::PatternTooLong(_) | Self::InvalidPattern(_)
        )
    }

    /// Returns what to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownCharacter(c) => match c {
                '\'' => Some("write texts between double quotes: \"main\""),
                '=' => Some("write `==` to compare, `matches /…/` for a pattern"),
                '&' => Some("write `and`"),
                '|' => Some("write `or`"),
                '$' => Some("environment variables have no value yet when a config is compiled"),
                '/' => Some("a pattern stands after `matches` only"),
                '"' | '\u{201c}' | '\u{201d}' => Some("write straight double quotes: \"main\""),
                '\u{a0}' => Some("this is a no-break space; write a plain one"),
                _ => None,
            },
            Self::UnknownEscape(_) => Some("only `\\\"` and `\\\\` are escapes"),
            Self::MalformedNumber(_) => {
                Some("whole numbers are the only ones; put a version between double quotes")
            }
            Self::ExpectedOperator(found) => match found.trim_matches('`') {
                word if word.eq_ignore_ascii_case("and") || word == "&&" => Some("write `and`"),
                word if word.eq_ignore_ascii_case("or") || word == "||" => Some("write `or`"),
                "startsWith" | "startswith" | "starts_with" => Some("write `starts-with`"),
                "match" | "Matches" | "MATCHES" => Some("write `matches`"),
                "is" | "eq" | "equals" | "equal" => Some("write `==`"),
                _ => Some("operators are or, and, ==, !=, starts-with, matches, >=, >, <=, <, not"),
            },
            Self::ExpectedPattern(_) => Some("write matches /…/"),
            Self::ExpectedOperand(found) if found == "`<`" => {
                Some("a bare expression takes no `<< >>`: write the name alone")
            }
            Self::TooDeep(_) | Self::TooLong(_) => Some("split it, or use a parameter"),
            Self::NotText { .. } => Some("compare numbers and booleans with `==`"),
            Self::NotNumber { .. } => Some("compare texts with `==` or `starts-with`"),
            Self::PatternFeature(_) => Some(
                "say what may stand there instead, or combine two conditions with `and` and `not`",
            ),
            Self::PatternTooLong(_) => Some("split its alternatives over several `matches`"),
            _ => None,
        }
    }
}
