//! `filters` of a workflow's entry: branches and tags, or an expression (circleci-semantics §4.2).

use super::compile::Compiler;
use super::config::wrong_type;
use super::value::Value;
use crate::plan::{FilterKind, FilterRule, Filters, Located};

impl Compiler<'_> {
    /// Reads the filters of an entry.
    pub(super) fn filters(&mut self, arguments: &Value) -> Option<Filters> {
        let entry = arguments.get("filters").filter(|f| !f.value.is_null())?;
        let at = entry.key_at;
        if let Some(text) = entry.value.as_str() {
            let text = Located::new(text.to_owned(), entry.value.at());
            return Some(Filters {
                at,
                kind: FilterKind::Expression(text),
            });
        }
        if !entry.value.is_map() {
            self.problems.push(wrong_type(
                "`filters` is a map with `branches` and `tags`, or an expression",
                &entry.value,
                at,
            ));
            return None;
        }
        let branches = self.filter_rule(&entry.value, "branches");
        let tags = self.filter_rule(&entry.value, "tags");
        Some(Filters {
            at,
            kind: FilterKind::Map { branches, tags },
        })
    }

    fn filter_rule(&mut self, filters: &Value, key: &str) -> Option<FilterRule> {
        let entry = filters.get(key).filter(|e| !e.value.is_null())?;
        if !entry.value.is_map() {
            self.problems.push(wrong_type(
                &format!("`{key}` is a map with `only` or `ignore`"),
                &entry.value,
                entry.key_at,
            ));
            return None;
        }
        Some(FilterRule {
            only: names(&entry.value, "only"),
            ignore: names(&entry.value, "ignore"),
        })
    }
}

/// Reads one name or a list of names.
fn names(rule: &Value, key: &str) -> Vec<Located<String>> {
    let Some(entry) = rule.get(key) else {
        return Vec::new();
    };
    let values: Vec<&Value> = if entry.value.is_list() {
        entry.value.items().iter().map(|i| &i.value).collect()
    } else {
        vec![&entry.value]
    };
    values
        .into_iter()
        .filter(|v| !v.is_null())
        .filter_map(|v| Some(Located::new(v.as_text()?, v.at())))
        .collect()
}
