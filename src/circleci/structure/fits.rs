//! Whether a config fits the schema, without the validator: most configs do, and compiling the
//! validator takes longer than all the rest of a small config. What does not fit goes to the
//! validator, which says where and why.
//!
//! Only the keywords that the schema uses are known here. Tests hold that there are no others, and
//! that the validator is of the same opinion.

use std::cell::Cell;
use std::sync::OnceLock;

use jsonschema::json::Node as _;
use regex::Regex;
use serde_json::{Map, Value as Json};

use crate::circleci::value::{Data, Value};
use crate::hash::HashMap;

/// The schema as a table of its parts.
#[derive(Debug)]
pub(super) struct Parts {
    /// What each part demands.
    parts: Vec<Vec<Demand>>,
}

/// The position of a part; the whole schema is the first.
type Part = usize;

/// One keyword.
#[derive(Debug)]
enum Demand {
    Type(Vec<Type>),
    Choice(Vec<Json>),
    Pattern(Pattern),
    Minimum(f64),
    Maximum(f64),
    MinItems(usize),
    MaxProperties(usize),
    Required(Vec<String>),
    /// Parts by key, sorted, and the part for every other key.
    Properties(Vec<(String, Part)>, Option<Part>),
    Items(Part),
    All(Vec<Part>),
    Any(Vec<Part>),
    Not(Part),
    If(Part, Option<Part>, Option<Part>),
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// A pattern for texts: most allow whatever holds a template.
#[derive(Debug)]
struct Pattern {
    /// What is enough for a text to hold.
    holds: Option<String>,
    rest: Option<String>,
    compiled: OnceLock<Option<Regex>>,
}

impl Parts {
    /// Reads the schema; nothing where it has a keyword that is not known here.
    pub(super) fn read(schema: &Json) -> Option<Self> {
        let mut reading = Reading {
            schema,
            parts: Vec::new(),
            references: HashMap::default(),
        };
        reading.part(schema)?;
        Some(Self {
            parts: reading.parts,
        })
    }

    /// Says whether a value is sure to fit; what takes too long is not.
    pub(super) fn fit(&self, value: &Value) -> bool {
        let steps = u64::from(value.weight()).saturating_mul(STEPS_OF_A_VALUE);
        let check = Check {
            parts: &self.parts,
            steps: Cell::new(steps),
        };
        // Where the steps ran out inside a `not`, the answer is turned around.
        check.part(0, value) && check.steps.get() > 0
    }
}

/// Most parts that a value is held against, as a mean over all values.
const STEPS_OF_A_VALUE: u64 = 200;

/// A schema that is being read.
struct Reading<'s> {
    schema: &'s Json,
    parts: Vec<Vec<Demand>>,
    /// The parts that references lead to.
    references: HashMap<&'s str, Part>,
}

impl<'s> Reading<'s> {
    fn part(&mut self, json: &'s Json) -> Option<Part> {
        let part = self.parts.len();
        self.parts.push(Vec::new());
        self.fill(part, json)?;
        Some(part)
    }

    fn parts(&mut self, json: &'s Json) -> Option<Vec<Part>> {
        let list = json.as_array()?.iter();
        list.map(|json| self.part(json)).collect()
    }

    fn fill(&mut self, part: Part, json: &'s Json) -> Option<()> {
        let keywords = match json {
            Json::Bool(true) => return Some(()),
            Json::Bool(false) => {
                self.parts[part].push(Demand::Never);
                return Some(());
            }
            other => other.as_object()?,
        };
        for (keyword, value) in keywords {
            if let Some(demand) = self.demand(keyword, value, keywords)? {
                self.parts[part].push(demand);
            }
        }
        Some(())
    }

    /// Reads a keyword; those that demand nothing, or belong to another one, are no demand.
    fn demand(
        &mut self,
        keyword: &str,
        value: &'s Json,
        beside: &'s Map<String, Json>,
    ) -> Option<Option<Demand>> {
        Some(Some(match keyword {
            "$schema" | "$defs" | "title" | "description" | "examples" | "default" | "then"
            | "else" => return Some(None),
            "additionalProperties" if beside.contains_key("properties") => return Some(None),
            "type" => Demand::Type(types(value)?),
            "enum" => Demand::Choice(value.as_array()?.clone()),
            "const" => Demand::Choice(vec![value.clone()]),
            "pattern" => Demand::Pattern(Pattern::new(value.as_str()?)),
            "minimum" => Demand::Minimum(value.as_f64()?),
            "maximum" => Demand::Maximum(value.as_f64()?),
            "minItems" => Demand::MinItems(usize::try_from(value.as_u64()?).ok()?),
            "maxProperties" => Demand::MaxProperties(usize::try_from(value.as_u64()?).ok()?),
            "required" => Demand::Required(texts(value)?),
            "properties" | "additionalProperties" => {
                let mut keys = Vec::new();
                for (key, json) in beside
                    .get("properties")
                    .and_then(Json::as_object)
                    .into_iter()
                    .flatten()
                {
                    keys.push((key.clone(), self.part(json)?));
                }
                keys.sort();
                let others = match beside.get("additionalProperties") {
                    Some(json) => Some(self.part(json)?),
                    None => None,
                };
                Demand::Properties(keys, others)
            }
            "items" => Demand::Items(self.part(value)?),
            "allOf" => Demand::All(self.parts(value)?),
            "anyOf" => Demand::Any(self.parts(value)?),
            "not" => Demand::Not(self.part(value)?),
            "if" => {
                let condition = self.part(value)?;
                let mut branch = |name| match beside.get(name) {
                    Some(json) => self.part(json).map(Some),
                    None => Some(None),
                };
                Demand::If(condition, branch("then")?, branch("else")?)
            }
            "$ref" => Demand::All(vec![self.reference(value.as_str()?)?]),
            _ => return None,
        }))
    }

    fn reference(&mut self, reference: &'s str) -> Option<Part> {
        if let Some(known) = self.references.get(reference) {
            return Some(*known);
        }
        let json = self.schema.pointer(reference.strip_prefix('#')?)?;
        let part = self.parts.len();
        self.parts.push(Vec::new());
        self.references.insert(reference, part);
        self.fill(part, json)?;
        Some(part)
    }
}

fn texts(value: &Json) -> Option<Vec<String>> {
    let list = value.as_array()?.iter();
    list.map(|t| t.as_str().map(str::to_owned)).collect()
}

fn types(value: &Json) -> Option<Vec<Type>> {
    let one = |name: &Json| {
        Some(match name.as_str()? {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => Type::String,
            "array" => Type::Array,
            "object" => Type::Object,
            _ => return None,
        })
    };
    match value {
        Json::Array(names) => names.iter().map(one).collect(),
        name => one(name).map(|t| vec![t]),
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let (first, rest) = text
            .split_once('|')
            .map_or((text, None), |(f, r)| (f, Some(r)));
        let plain = first == "<<";
        Self {
            holds: plain.then(|| first.to_owned()),
            rest: if plain { rest } else { Some(text) }.map(str::to_owned),
            compiled: OnceLock::new(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        if self.holds.as_ref().is_some_and(|part| text.contains(part)) {
            return true;
        }
        let Some(rest) = &self.rest else {
            return false;
        };
        self.compiled
            .get_or_init(|| Regex::new(rest).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }
}

/// One value that is held against the schema.
struct Check<'s> {
    parts: &'s [Vec<Demand>],
    /// How many more parts are looked at: branches of branches could multiply.
    steps: Cell<u64>,
}

impl Check<'_> {
    fn part(&self, part: Part, value: &Value) -> bool {
        let Some(rest) = self.steps.get().checked_sub(1) else {
            return false;
        };
        self.steps.set(rest);
        self.parts[part].iter().all(|d| self.demand(d, value))
    }

    fn demand(&self, demand: &Demand, value: &Value) -> bool {
        let number = || value.as_number().and_then(|n| n.as_f64());
        match demand {
            Demand::Type(types) => {
                let is = type_of(value);
                types.contains(&is) || (is == Type::Integer && types.contains(&Type::Number))
            }
            Demand::Choice(choices) => choices.iter().any(|c| value.equals_value(c)),
            Demand::Pattern(pattern) => match value.data() {
                Data::Str(text) => pattern.matches(text),
                _ if type_of(value) == Type::String => {
                    value.as_text().is_some_and(|text| pattern.matches(&text))
                }
                _ => true,
            },
            Demand::Minimum(least) => number().is_none_or(|n| n >= *least),
            Demand::Maximum(most) => number().is_none_or(|n| n <= *most),
            Demand::MinItems(least) => !value.is_list() || value.items().len() >= *least,
            Demand::MaxProperties(most) => value.entries().len() <= *most,
            Demand::Required(keys) => {
                !value.is_map() || keys.iter().all(|key| value.get(key).is_some())
            }
            Demand::Properties(keys, others) => value.entries().iter().all(|entry| {
                match keys.binary_search_by(|(key, _)| (**key).cmp(&entry.key)) {
                    Ok(i) => self.part(keys[i].1, &entry.value),
                    Err(_) => others.is_none_or(|part| self.part(part, &entry.value)),
                }
            }),
            Demand::Items(part) => value.items().iter().all(|i| self.part(*part, &i.value)),
            Demand::All(parts) => parts.iter().all(|p| self.part(*p, value)),
            Demand::Any(parts) => parts.iter().any(|p| self.part(*p, value)),
            Demand::Not(part) => !self.part(*part, value),
            Demand::If(condition, then, otherwise) => {
                let branch = if self.part(*condition, value) {
                    then
                } else {
                    otherwise
                };
                branch.is_none_or(|part| self.part(part, value))
            }
            Demand::Never => false,
        }
    }
}

fn type_of(value: &Value) -> Type {
    match value.data() {
        Data::Null => Type::Null,
        Data::Bool(_) => Type::Boolean,
        Data::Int(_) => Type::Integer,
        // JSON has no infinity; as text it is still no whole number.
        Data::Float(f) if !f.is_finite() => Type::String,
        Data::Float(f) if f.fract() == 0.0 => Type::Integer,
        Data::Float(_) => Type::Number,
        Data::Str(_) => Type::String,
        Data::List(_) => Type::Array,
        Data::Map(_) => Type::Object,
    }
}
