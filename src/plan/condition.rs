//! Conditions over values of the pipeline, as a target can write them down in its own language:
//! nothing of CircleCI's syntax is left, templates and parameters are filled in.

use crate::yaml::Data;

/// What has to hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Always, or never.
    Holds(bool),
    /// The other way round.
    Not(Box<Self>),
    /// All of these.
    All(Vec<Self>),
    /// One of these at least.
    Any(Vec<Self>),
    /// A value that is neither empty nor `false` nor nothing.
    Is(Operand),
    /// Two values that are the same.
    Equal(Operand, Operand),
    /// A text that begins with another.
    StartsWith(Operand, Operand),
    /// A number that is smaller than another.
    Less(Operand, Operand),
    /// A text all of which a pattern matches.
    Matches(Operand, String),
    /// Something that cannot be written down.
    Unknown,
}

/// A value in a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// The same in every pipeline.
    Literal(Data),
    /// A value of the pipeline by its full name: `pipeline.git.branch`.
    Value(String),
    /// A text that values of the pipeline are part of.
    Text(Vec<Operand>),
    /// A truth value.
    Condition(Box<Condition>),
}

impl Condition {
    /// Returns the condition that holds where this one does not.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Holds(b) => Self::Holds(!b),
            Self::Not(inner) => *inner,
            Self::Unknown => Self::Unknown,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Says whether a part of it cannot be written down.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let operand = |o: &Operand| matches!(o, Operand::Condition(c) if c.is_unknown());
        match self {
            Self::Unknown => true,
            Self::Holds(_) => false,
            Self::Not(inner) => inner.is_unknown(),
            Self::All(items) | Self::Any(items) => items.iter().any(Self::is_unknown),
            Self::Is(a) | Self::Matches(a, _) => operand(a),
            Self::Equal(a, b) | Self::StartsWith(a, b) | Self::Less(a, b) => {
                operand(a) || operand(b)
            }
        }
    }

    /// Calls a function with the name of each value of the pipeline that it asks for.
    pub fn values(&self, see: &mut dyn FnMut(&str)) {
        match self {
            Self::Unknown | Self::Holds(_) => {}
            Self::Not(inner) => inner.values(see),
            Self::All(items) | Self::Any(items) => items.iter().for_each(|i| i.values(see)),
            Self::Is(a) | Self::Matches(a, _) => a.values(see),
            Self::Equal(a, b) | Self::StartsWith(a, b) | Self::Less(a, b) => {
                a.values(see);
                b.values(see);
            }
        }
    }
}

impl Operand {
    fn values(&self, see: &mut dyn FnMut(&str)) {
        match self {
            Self::Literal(_) => {}
            Self::Value(name) => see(name),
            Self::Text(parts) => parts.iter().for_each(|p| p.values(see)),
            Self::Condition(condition) => condition.values(see),
        }
    }
}
