//! What expressions are about: scalars, the three truths, and what a name may stand for.

use std::cmp::Ordering;

/// A value that an expression may meet or make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    /// No value: an absent pipeline value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; there is no literal for it, a parameter may hold one.
    Float(f64),
    /// A text.
    Str(String),
}

impl Scalar {
    /// Returns what a person calls this kind of value.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Str(_) => "text",
        }
    }

    /// Says whether two values are equal: never across types, whole and broken numbers being one
    /// type (circleci-semantics §5.9).
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// Returns the order of two numbers; none where one is no number, or not a number.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Float(b)) => int_with_float(*a, *b),
            (Self::Float(a), Self::Int(b)) => int_with_float(*b, *a).map(Ordering::reverse),
            _ => None,
        }
    }

    /// Says whether the value is a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_))
    }

    /// Says whether the value counts as false: `null` and `false` do (circleci-semantics §5.9).
    /// That the empty text does too is an open point (§11.6).
    pub(crate) fn is_falsy(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) => true,
            Self::Str(text) => text.is_empty(),
            _ => false,
        }
    }
}

/// Compares without a detour over `f64`, in which large whole numbers lose digits.
fn int_with_float(a: i64, b: f64) -> Option<Ordering> {
    // 2^63, the first value above every `i64`; it has an exact `f64`.
    const ABOVE: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        None
    } else if b >= ABOVE {
        Some(Ordering::Less)
    } else if b < -ABOVE {
        Some(Ordering::Greater)
    } else {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the fraction is compared on its own, and the range was checked"
        )]
        let whole = b.trunc() as i64;
        Some(a.cmp(&whole).then(match b.fract().partial_cmp(&0.0) {
            Some(Ordering::Greater) => Ordering::Less,
            Some(Ordering::Less) => Ordering::Greater,
            _ => Ordering::Equal,
        }))
    }
}

/// Whether something holds, as far as is known before the pipeline exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It depends on a value that is not given, or on text that is wrong.
    Unknown,
}

impl Truth {
    /// Returns the opposite; what is unknown stays so.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }

    /// Returns what is known for sure.
    pub(crate) fn known(self) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::Unknown => None,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lookup {
    /// This value.
    Value(Scalar),
    /// The name exists, its value is not given: every outcome is possible.
    Unknown,
    /// There is no such name: an error of the expression. Who has reported the name already
    /// answers [`Lookup::Unknown`] instead.
    Missing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Scalar::{Bool, Float, Int, Null, Str};

    #[test]
    fn equality_never_crosses_types() {
        assert!(!Int(1).equals(&Str("1".into())));
        assert!(!Bool(true).equals(&Str("true".into())));
        assert!(!Null.equals(&Bool(false)));
        assert!(!Null.equals(&Str(String::new())));
        assert!(Null.equals(&Null));
        assert!(Int(2).equals(&Float(2.0)));
        assert!(!Float(f64::NAN).equals(&Float(f64::NAN)));
    }

    #[test]
    fn whole_and_broken_numbers_compare_exactly() {
        use Ordering::{Equal, Greater, Less};
        assert_eq!(Int(1).compare(&Float(1.5)), Some(Less));
        assert_eq!(Int(-1).compare(&Float(-1.5)), Some(Greater));
        assert_eq!(Float(2.5).compare(&Int(2)), Some(Greater));
        assert_eq!(Int(i64::MAX).compare(&Float(9.3e18)), Some(Less));
        assert_eq!(Int(i64::MIN).compare(&Float(-9.3e18)), Some(Greater));
        let two_53_and_one = 9_007_199_254_740_993;
        assert_eq!(
            Int(two_53_and_one).compare(&Float(9_007_199_254_740_992.0)),
            Some(Greater)
        );
        assert_eq!(
            Int(i64::MIN).compare(&Float(-9_223_372_036_854_775_808.0)),
            Some(Equal)
        );
        assert_eq!(Int(1).compare(&Float(f64::NAN)), None);
        assert_eq!(Int(1).compare(&Str("1".into())), None);
    }

    #[test]
    fn only_nothing_false_and_the_empty_text_are_falsy() {
        for falsy in [Null, Bool(false), Str(String::new())] {
            assert!(falsy.is_falsy(), "{falsy:?}");
        }
        for truthy in [Bool(true), Int(0), Float(0.0), Str("false".into())] {
            assert!(!truthy.is_falsy(), "{truthy:?}");
        }
    }
}
