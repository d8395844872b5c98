//! `filters` of a workflow's entry: branches and tags, or an expression (circleci-semantics §4.2).

use super::builtin::texts;
use super::compile::Compiler;
use super::config::wrong_type;
use super::template::Scope;
use super::value::Value;
use crate::plan::{FilterKind, FilterRule, Filters, Located};

impl Compiler<'_> {
    /// Reads the filters of an entry.
    pub(super) fn filters(&mut self, arguments: &Value, scope: &Scope) -> Option<Filters> {
        let entry = arguments.get("filters").filter(|f| !f.value.is_null())?;
        let at = entry.key_at;
        if let Some(text) = entry.value.as_str() {
            let truth = self.judge(&entry.value, scope);
            return Some(Filters {
                at,
                kind: FilterKind::Expression {
                    text: Located::new(text.to_owned(), entry.value.at()),
                    holds: truth.known(),
                },
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

    /// Reads the `branches` of a job, which version 2 knew.
    pub(super) fn job_branches(&mut self, job: &Value) -> Option<Filters> {
        let at = job.get("branches")?.key_at;
        let branches = self.filter_rule(job, "branches");
        Some(Filters {
            at,
            kind: FilterKind::Map {
                branches,
                tags: None,
            },
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
    rule.get(key)
        .map_or_else(Vec::new, |entry| texts(&entry.value))
}
