//! What the user says about the pipeline, for a config that no service has started: values of its
//! parameters and of the pipeline itself, checked against what the config declares
//! (circleci-semantics §5.3, §5.12).

use std::rc::Rc;

use super::expr::Scalar;
use super::logic::{to_scalar, to_value};
use super::pipeline::{self, ValueKind};
use super::value::Value;
use crate::finding::{listed, nearest};

/// What the full name of a pipeline parameter begins with.
pub(crate) const PARAMETER: &str = "pipeline.parameters.";

/// Values that the user gives, by their full names; of one name the last counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given(Vec<(String, GivenValue)>);

/// A value as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenValue {
    /// A text, which takes the type that it is wanted in: all that a command line has.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Nothing.
    Null,
}

impl Given {
    /// Gives a value. A name that begins with `pipeline.` is a full one, every other is that of a
    /// pipeline parameter.
    pub fn set(&mut self, name: &str, value: GivenValue) {
        let full = match name.starts_with("pipeline.") {
            true => name.to_owned(),
            false => format!("{PARAMETER}{name}"),
        };
        self.0.retain(|(known, _)| *known != full);
        self.0.push((full, value));
    }

    /// Returns the text that is given for a full name, if it is one and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        match value {
            GivenValue::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Says whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks the values against the declared parameters and the known pipeline values.
    pub(crate) fn settle(&self, declared: Option<&Value>) -> (Settled, Vec<GivenError>) {
        let mut settled = Settled::default();
        let mut refused = Vec::new();
        for (name, value) in &self.0 {
            let scalar = match name.strip_prefix(PARAMETER) {
                Some(key) => parameter(key, value, declared),
                None => pipeline_value(name, value),
            };
            match scalar {
                Ok(scalar) => settled.set(name, scalar),
                Err(error) => refused.push(error),
            }
        }
        (settled, refused)
    }
}

/// Values of the pipeline that are known, by their full names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Settled(Vec<(Rc<str>, Scalar)>);

impl Settled {
    pub(crate) fn set(&mut self, name: &str, value: Scalar) {
        self.0.retain(|(known, _)| **known != *name);
        self.0.push((name.into(), value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Scalar> {
        let found = self.0.iter().find(|(known, _)| **known == *name);
        found.map(|(_, value)| value)
    }
}

/// Why a given value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// The config declares no such parameter.
    #[error("the config has no pipeline parameter `{name}`")]
    UnknownParameter {
        /// The name.
        name: String,
        /// The name that is meant.
        near: Option<String>,
        /// What is declared.
        declared: Vec<String>,
    },
    /// No pipeline value has the name.
    #[error("there is no pipeline value `{name}`")]
    UnknownName {
        /// The name.
        name: String,
        /// The name that is meant.
        near: Option<&'static str>,
    },
    /// The value is not of the wanted type.
    #[error("`{name}` takes {expected}, not `{said}`")]
    WrongType {
        /// The name.
        name: String,
        /// What was given.
        said: String,
        /// What it takes.
        expected: &'static str,
    },
    /// The enum does not list the value.
    #[error("`{name}` does not take `{said}`")]
    NotListed {
        /// The name.
        name: String,
        /// What was given.
        said: String,
        /// What it takes.
        allowed: Vec<String>,
    },
}

impl GivenError {
    /// Returns what to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownParameter { near, declared, .. } => Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if declared.is_empty() => "it declares no parameters at all".to_owned(),
                None => format!("it declares {}", listed(declared, 8)),
            }),
            Self::UnknownName { near, .. } => near.map(|n| format!("did you mean `{n}`?")),
            Self::WrongType { .. } => None,
            Self::NotListed { said, allowed, .. } => {
                Some(match nearest(said, allowed.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it takes {}", listed(allowed, 8)),
                })
            }
        }
    }

    /// Returns what the service says in the same case.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        match self {
            Self::UnknownParameter { name, .. } => {
                Some(format!("the service says: Unexpected argument(s): {name}"))
            }
            _ => None,
        }
    }
}

impl GivenValue {
    fn said(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Boolean(b) => b.to_string(),
            Self::Integer(n) => n.to_string(),
            Self::Number(x) => x.to_string(),
            Self::Null => "nothing".to_owned(),
        }
    }

    /// Reads it as a truth value, in the words that the service's reader of YAML takes.
    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(b) => Some(*b),
            Self::Text(text) => match text.as_str() {
                "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
                "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                    Some(false)
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Reads it as text; what is written as a number is one.
    fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            other => Some(other.said()),
        }
    }

    fn scalar(&self) -> Scalar {
        match self {
            Self::Text(text) => Scalar::Str(text.clone()),
            Self::Boolean(b) => Scalar::Bool(*b),
            Self::Integer(n) => Scalar::Int(*n),
            Self::Number(x) => Scalar::Float(*x),
            Self::Null => Scalar::Null,
        }
    }

    fn typed(&self, name: &str, kind: ValueKind) -> Result<Scalar, GivenError> {
        let (scalar, expected) = match kind {
            ValueKind::Text => (self.text().map(Scalar::Str), "text"),
            ValueKind::Integer => (self.integer().map(Scalar::Int), "a whole number"),
            ValueKind::Boolean => (self.boolean().map(Scalar::Bool), "true or false"),
        };
        scalar.ok_or_else(|| GivenError::WrongType {
            name: name.to_owned(),
            said: self.said(),
            expected,
        })
    }
}

fn pipeline_value(name: &str, value: &GivenValue) -> Result<Scalar, GivenError> {
    match pipeline::find(name) {
        Some(known) => value.typed(name, known.kind),
        None => Err(GivenError::UnknownName {
            name: name.to_owned(),
            near: pipeline::suggestion(name),
        }),
    }
}

fn parameter(
    key: &str,
    value: &GivenValue,
    declared: Option<&Value>,
) -> Result<Scalar, GivenError> {
    let Some(declaration) = declared.and_then(|d| d.get(key)) else {
        let entries = declared.map_or(&[][..], Value::entries);
        let names: Vec<String> = entries.iter().map(|d| d.key.to_string()).collect();
        return Err(GivenError::UnknownParameter {
            name: key.to_owned(),
            near: nearest(key, names.iter().map(String::as_str)).map(str::to_owned),
            declared: names,
        });
    };
    match Declared::of(&declaration.value) {
        Declared::Typed(kind) => value.typed(key, kind),
        Declared::Enum(members) => {
            let said = value.text().unwrap_or_default();
            let text = |scalar: &Scalar| to_value(scalar, declaration.key_at).as_text();
            let same = |member: &&Scalar| text(member).as_deref() == Some(&said);
            members
                .iter()
                .find(same)
                .cloned()
                .ok_or_else(|| GivenError::NotListed {
                    name: key.to_owned(),
                    said: value.said(),
                    allowed: members.iter().filter_map(text).collect(),
                })
        }
        Declared::Untyped => Ok(value.scalar()),
    }
}

/// What a parameter's declaration says that it may be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Declared {
    /// Every value of a type.
    Typed(ValueKind),
    /// One of these.
    Enum(Vec<Scalar>),
    /// Nothing that can be read; what is wrong with it is reported where it stands.
    Untyped,
}

impl Declared {
    /// Reads a declaration.
    pub(crate) fn of(declaration: &Value) -> Self {
        let kind = declaration.get("type").map(|t| t.value.clone());
        match kind.as_ref().and_then(Value::as_str) {
            Some("string") => Self::Typed(ValueKind::Text),
            Some("integer") => Self::Typed(ValueKind::Integer),
            Some("boolean") => Self::Typed(ValueKind::Boolean),
            Some("enum") => {
                let list = declaration.get("enum");
                let items = list.iter().flat_map(|e| e.value.items());
                Self::Enum(items.filter_map(|i| to_scalar(&i.value)).collect())
            }
            _ => Self::Untyped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circleci::read::Reader;
    use crate::yaml::{Source, Sources, parse};

    fn settle(name: &str, value: GivenValue) -> Result<Scalar, GivenError> {
        let declared = "flag: {type: boolean, default: false}
n: {type: integer, default: 1}
s: {type: string, default: x}
e: {type: enum, enum: [a, 3, true], default: a}
";
        let mut sources = Sources::default();
        let id = sources.add(Source::new("p.yml", declared));
        let parsed = parse(sources.get(id).unwrap().text_arc());
        let root = Reader::new(&parsed.tree, id).read().unwrap();
        let mut given = Given::default();
        given.set(name, value);
        let (settled, mut refused) = given.settle(root.as_ref());
        match refused.pop() {
            Some(error) => Err(error),
            None => {
                let full = match name.starts_with("pipeline.") {
                    true => name.to_owned(),
                    false => format!("{PARAMETER}{name}"),
                };
                Ok(settled.get(&full).unwrap().clone())
            }
        }
    }

    fn text(text: &str) -> GivenValue {
        GivenValue::Text(text.to_owned())
    }

    #[test]
    fn a_text_takes_the_declared_type() {
        for (word, truth) in [("true", true), ("Yes", true), ("on", true), ("OFF", false)] {
            assert_eq!(settle("flag", text(word)), Ok(Scalar::Bool(truth)));
        }
        assert_eq!(settle("n", text("-3")), Ok(Scalar::Int(-3)));
        assert_eq!(settle("s", text("3")), Ok(Scalar::Str("3".into())));
        assert_eq!(settle("e", text("3")), Ok(Scalar::Int(3)));
        assert_eq!(settle("e", text("true")), Ok(Scalar::Bool(true)));
        assert_eq!(
            settle("pipeline.parameters.n", text("7")),
            Ok(Scalar::Int(7))
        );
        assert_eq!(settle("pipeline.number", text("7")), Ok(Scalar::Int(7)));
    }

    #[test]
    fn a_typed_value_keeps_to_its_type() {
        assert_eq!(
            settle("flag", GivenValue::Boolean(true)),
            Ok(Scalar::Bool(true))
        );
        assert_eq!(
            settle("s", GivenValue::Integer(3)),
            Ok(Scalar::Str("3".into()))
        );
        for (name, value) in [
            ("flag", GivenValue::Integer(1)),
            ("flag", text("y")),
            ("n", GivenValue::Number(1.5)),
            ("n", text("3.0")),
            ("s", GivenValue::Null),
            ("pipeline.number", text("x")),
        ] {
            let refused = settle(name, value).unwrap_err();
            assert!(
                matches!(refused, GivenError::WrongType { .. }),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn what_nobody_declares_is_refused_with_the_name_that_is_meant() {
        let refused = settle("falg", text("true")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the config has no pipeline parameter `falg`"
        );
        assert_eq!(refused.hint().as_deref(), Some("did you mean `flag`?"));
        assert_eq!(
            refused.note().as_deref(),
            Some("the service says: Unexpected argument(s): falg")
        );
        let refused = settle("pipeline.git.brnach", text("x")).unwrap_err();
        assert_eq!(
            refused.hint().as_deref(),
            Some("did you mean `pipeline.git.branch`?")
        );
        let refused = settle("e", text("beta")).unwrap_err();
        assert_eq!(refused.to_string(), "`e` does not take `beta`");
        assert_eq!(
            refused.hint().as_deref(),
            Some("it takes `a`, `3` and `true`")
        );
    }

    #[test]
    fn the_last_value_of_a_name_counts() {
        let mut given = Given::default();
        given.set("s", text("one"));
        given.set("pipeline.parameters.s", text("two"));
        assert_eq!(given.text("pipeline.parameters.s"), Some("two"));
        assert_eq!(given.0.len(), 1);
    }
}
