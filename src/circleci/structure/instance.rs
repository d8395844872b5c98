//! The config's data as the validator reads it: in place, behind aliases and merge keys, without
//! a copy in JSON.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Number, Value as JsonValue};

use crate::circleci::value::{Data, Entry, Item, Value};
use crate::yaml::Location;

/// The representation of instances: [`Value`].
pub(super) struct Config;

/// A key of the schema's, looked up in maps.
type Key = String;

impl Json for Config {
    type Node<'a> = &'a Value;
    type PreparedKey = Key;
    type StringBuffer = Option<Value>;

    /// A map is mostly smaller than the list of the keys that it may have.
    const KEYS_PER_LOOKUP: usize = 2;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Key {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Self::StringBuffer,
        string: &str,
        f: impl FnOnce(&Value) -> T,
    ) -> T {
        f(buffer.insert(Value::new(Data::Str(string.into()), Location::default())))
    }
}

impl<'a> Node<'a, Config> for &'a Value {
    type Object = &'a Value;
    type Array = &'a [Item];
    type Number = Number;

    fn as_object(&self) -> Option<&'a Value> {
        self.is_map().then_some(*self)
    }

    fn as_array(&self) -> Option<&'a [Item]> {
        self.is_list().then(|| self.items())
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.data() {
            Data::Str(text) => Some(Cow::Borrowed(text)),
            // JSON has no infinity; as text it is still no whole number.
            Data::Float(f) if !f.is_finite() => self.as_text().map(Cow::Owned),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Number> {
        match self.data() {
            Data::Int(n) => Some((*n).into()),
            Data::Float(f) => Number::from_f64(*f),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.data() {
            Data::Bool(b) => Some(*b),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        Value::is_null(self)
    }

    fn is_number(&self) -> bool {
        self.json_type() == JsonType::Number
    }

    fn json_type(&self) -> JsonType {
        match self.data() {
            Data::Null => JsonType::Null,
            Data::Bool(_) => JsonType::Boolean,
            Data::Float(f) if !f.is_finite() => JsonType::String,
            Data::Int(_) | Data::Float(_) => JsonType::Number,
            Data::Str(_) => JsonType::String,
            Data::List(_) => JsonType::Array,
            Data::Map(_) => JsonType::Object,
        }
    }

    /// The schema lists no lists or maps as choices; a test holds that.
    fn equals_value(&self, expected: &JsonValue) -> bool {
        match (self.data(), expected) {
            (Data::Null, JsonValue::Null) => true,
            (Data::Bool(b), JsonValue::Bool(expected)) => b == expected,
            (Data::Str(text), JsonValue::String(expected)) => **text == **expected,
            // Numbers are equal by what they count, not by how they are held.
            (Data::Int(_) | Data::Float(_), JsonValue::Number(expected)) => self
                .as_number()
                .is_some_and(|n| n.as_f64() == expected.as_f64()),
            _ => false,
        }
    }

    /// Of lists and maps nothing: this is what an error holds, whose place is found by its pointer,
    /// and a copy of it may be most of the config.
    fn to_value(&self) -> Cow<'a, JsonValue> {
        Cow::Owned(match self.data() {
            Data::Null | Data::List(_) | Data::Map(_) => JsonValue::Null,
            Data::Bool(b) => JsonValue::Bool(*b),
            Data::Str(text) => JsonValue::String(text.to_string()),
            Data::Int(_) | Data::Float(_) => self.as_number().map_or_else(
                || JsonValue::String(self.as_text().unwrap_or_default()),
                JsonValue::Number,
            ),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(self.address()))
    }
}

impl<'a> Object<'a, Config> for &'a Value {
    type Node = &'a Value;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.entries().len()
    }

    fn get(&self, key: &Key) -> Option<&'a Value> {
        Value::get(self, key).map(|entry| &entry.value)
    }

    fn members(&self) -> Members<'a> {
        Members(self.entries().iter())
    }
}

/// The entries of a map.
pub(super) struct Members<'a>(std::slice::Iter<'a, Entry>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| (&*entry.key, &entry.value))
    }
}

impl<'a> Array<'a, Config> for &'a [Item] {
    type Node = &'a Value;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        <[Item]>::len(self)
    }

    fn elements(&self) -> Elements<'a> {
        Elements(self.iter())
    }
}

/// The items of a list.
pub(super) struct Elements<'a>(std::slice::Iter<'a, Item>);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a Value;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|item| &item.value)
    }
}
