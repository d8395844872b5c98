//! Truth values in GitHub's expressions: built in parts, simplified, written with as few
//! parentheses as they need.

use std::fmt;

/// What is to be said of a comparison that is looser than CircleCI's.
pub(super) const IGNORES_CASE: &str =
    "GitHub compares texts without regard to case: `Main` passes for `main`";

/// Something that holds or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bool {
    /// Always, or never.
    Const(bool),
    /// A comparison or a call, as GitHub reads it.
    Atom(String),
    /// A comparison of a text with letters, which GitHub makes without regard to their case.
    Loose(String),
    /// The other way round.
    Not(Box<Self>),
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
}

impl Bool {
    pub(super) fn atom(text: impl Into<String>) -> Self {
        Self::Atom(text.into())
    }

    /// Makes a comparison with a text that somebody chose.
    pub(super) fn comparison(text: String, with: &str) -> Self {
        match with.chars().any(char::is_alphabetic) {
            true => Self::Loose(text),
            false => Self::Atom(text),
        }
    }

    /// Says whether the case of a letter that CircleCI looks at makes no difference here.
    pub(super) fn ignores_case(&self) -> bool {
        match self {
            Self::Const(_) | Self::Atom(_) => false,
            Self::Loose(_) => true,
            Self::Not(inner) => inner.ignores_case(),
            Self::All(items) | Self::Any(items) => items.iter().any(Self::ignores_case),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Const(b) => Self::Const(!b),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn all(items: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for item in items {
            match item {
                Self::Const(true) => {}
                Self::Const(false) => return Self::Const(false),
                Self::All(inner) => inner.into_iter().for_each(|i| add(&mut kept, i)),
                other => add(&mut kept, other),
            }
        }
        match kept.len() {
            0 => Self::Const(true),
            1 => kept.remove(0),
            _ => Self::All(kept),
        }
    }

    pub(super) fn any(items: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for item in items {
            match item {
                Self::Const(false) => {}
                Self::Const(true) => return Self::Const(true),
                Self::Any(inner) => inner.into_iter().for_each(|i| add(&mut kept, i)),
                other => add(&mut kept, other),
            }
        }
        match kept.len() {
            0 => Self::Const(false),
            1 => kept.remove(0),
            _ => Self::Any(kept),
        }
    }
}

fn add(to: &mut Vec<Bool>, item: Bool) {
    if !to.contains(&item) {
        to.push(item);
    }
}

impl fmt::Display for Bool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, items: &[Self], with: &str| {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    write!(f, " {with} ")?;
                }
                match item {
                    Self::All(_) | Self::Any(_) => write!(f, "({item})")?,
                    _ => write!(f, "{item}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Const(b) => write!(f, "{b}"),
            Self::Atom(text) | Self::Loose(text) => f.write_str(text),
            Self::Not(inner) => match &**inner {
                Self::Atom(text) | Self::Loose(text) if !text.contains(' ') || is_call(text) => {
                    write!(f, "!{text}")
                }
                inner => write!(f, "!({inner})"),
            },
            Self::All(items) => list(f, items, "&&"),
            Self::Any(items) => list(f, items, "||"),
        }
    }
}

/// Says whether a text is one call: a name and parentheses that enclose the rest.
fn is_call(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or_default();
    text.ends_with(')')
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
        && text.matches('(').count() == 1
}

/// Quotes a text for an expression.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_fall_away_and_parentheses_stand_where_they_matter() {
        let a = || Bool::atom("a == 1");
        let b = || Bool::atom("cancelled()");
        let any = Bool::any([a(), Bool::Const(false), b()]);
        assert_eq!(any.to_string(), "a == 1 || cancelled()");
        let all = Bool::all([b().not(), any, Bool::Const(true)]);
        assert_eq!(all.to_string(), "!cancelled() && (a == 1 || cancelled())");
        assert_eq!(a().not().to_string(), "!(a == 1)");
        assert_eq!(Bool::all([a(), a()]), a());
        assert_eq!(Bool::all([a(), Bool::Const(false)]), Bool::Const(false));
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
