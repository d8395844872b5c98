//! The config's data as JSON, which is what the schema speaks of.
//!
//! Values of the config are shared behind aliases and JSON's are not, so the conversion counts
//! what it writes: a config that stands for more than a person can have meant is not converted.

use serde_json::{Map, Number, Value as Json};

use crate::circleci::value::{Data, Value};

/// Most values of a config whose structure is checked; real ones have some thousand.
const MOST_VALUES: usize = 300_000;

/// Deepest nesting: the validator goes down with its own stack.
const DEEPEST: usize = 220;

/// Returns the data as JSON; nothing where that would be too large.
pub(super) fn json(root: &Value) -> Option<Json> {
    convert(root, &mut { MOST_VALUES }, DEEPEST)
}

fn convert(value: &Value, budget: &mut usize, depth: usize) -> Option<Json> {
    *budget = budget.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    Some(match value.data() {
        Data::Null => Json::Null,
        Data::Bool(b) => Json::Bool(*b),
        Data::Int(n) => Json::Number((*n).into()),
        // JSON has no infinity; as text it is still no whole number.
        Data::Float(f) => Number::from_f64(*f).map_or_else(
            || Json::String(value.as_text().unwrap_or_default()),
            Json::Number,
        ),
        Data::Str(text) => Json::String(text.to_string()),
        Data::List(items) => {
            let mut list = Vec::new();
            for item in items {
                list.push(convert(&item.value, budget, depth)?);
            }
            Json::Array(list)
        }
        Data::Map(entries) => {
            // A later entry of the same name replaces an earlier one, as `Value::get` has it.
            let mut map = Map::new();
            for entry in entries {
                map.insert(entry.key.to_string(), convert(&entry.value, budget, depth)?);
            }
            Json::Object(map)
        }
    })
}
