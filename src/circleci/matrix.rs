//! `matrix`: one entry of a workflow that stands for many jobs (circleci-semantics §4.3).

use std::rc::Rc;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::problem::Problem;
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::plan::MatrixArm;
use crate::yaml::Location;

/// Most jobs that one matrix may come to; the service's own limit is not documented.
const MOST_ARMS: usize = 2_000;

/// One job of an entry.
pub(super) struct Arm {
    /// What the entry says, put in place for this job.
    pub(super) arguments: Value,
    /// The matrix that it comes from.
    pub(super) matrix: Option<MatrixArm>,
}

/// The values of one combination, in the order of the matrix's parameters.
type Combination = Vec<(Rc<str>, Value)>;

impl Compiler<'_> {
    /// Returns the jobs that an entry stands for: one, or one for each combination of its matrix.
    pub(super) fn arms(
        &mut self,
        base: &str,
        base_at: Location,
        raw: &Value,
        scope: &Scope,
    ) -> Option<Vec<Arm>> {
        let Some(matrix) = raw.get("matrix").cloned() else {
            let arguments = self.apply(scope, raw);
            return Some(vec![Arm {
                arguments,
                matrix: None,
            }]);
        };
        let body = self.apply(scope, &matrix.value);
        let Some(parameters) = body.get("parameters").filter(|p| p.value.is_map()) else {
            self.problems
                .push(missing_key("parameters", "this matrix", matrix.key_at));
            return None;
        };
        let axes = self.axes(parameters.value.entries())?;
        let combinations = self.combinations(&axes, matrix.key_at)?;
        let excluded = self.excluded(&body);
        let alias = text_key(&body, "alias").map_or_else(|| base.to_owned(), |a| a.value);
        let mut arms = Vec::new();
        for combination in combinations {
            if excluded.iter().any(|e| is_excluded(e, &combination)) {
                continue;
            }
            arms.push(Arm {
                arguments: self.arm(base, base_at, raw, &combination, scope),
                matrix: Some(MatrixArm {
                    alias: alias.clone(),
                    at: matrix.key_at,
                }),
            });
        }
        Some(arms)
    }

    /// Reads the parameters of a matrix: each a name with its list of values.
    fn axes(&mut self, entries: &[Entry]) -> Option<Vec<(Entry, Vec<Value>)>> {
        let mut axes = Vec::new();
        for entry in entries {
            if entry.value.is_templated() {
                // What could not be resolved is reported where it stands.
                return None;
            }
            if !entry.value.is_list() {
                self.problems.push(wrong_type(
                    "a parameter of a matrix is a list of values",
                    &entry.value,
                    entry.key_at,
                ));
                return None;
            }
            let values = entry.value.items().iter().map(|i| i.value.clone());
            axes.push((entry.clone(), values.collect()));
        }
        Some(axes)
    }

    fn combinations(
        &mut self,
        axes: &[(Entry, Vec<Value>)],
        at: Location,
    ) -> Option<Vec<Combination>> {
        let total = axes
            .iter()
            .try_fold(1_usize, |n, (_, values)| n.checked_mul(values.len()));
        if total.is_none_or(|n| n > MOST_ARMS) {
            self.problems.push(
                Problem::new(
                    "too-large",
                    "a matrix of more jobs than are compiled",
                    at,
                    format!("more than {MOST_ARMS} combinations"),
                )
                .help("give it fewer values"),
            );
            return None;
        }
        let mut out: Vec<Combination> = vec![Vec::new()];
        for (entry, values) in axes {
            out = out
                .into_iter()
                .flat_map(|so_far| {
                    values.iter().map(move |value| {
                        let mut next = so_far.clone();
                        next.push((Rc::clone(&entry.key), value.clone()));
                        next
                    })
                })
                .collect();
        }
        Some(out)
    }

    fn excluded(&mut self, body: &Value) -> Vec<Value> {
        let Some(entry) = body.get("exclude").filter(|e| !e.value.is_null()) else {
            return Vec::new();
        };
        if !entry.value.is_list() {
            self.problems.push(wrong_type(
                "`exclude` is a list of combinations",
                &entry.value,
                entry.key_at,
            ));
        }
        entry
            .value
            .items()
            .iter()
            .map(|i| i.value.clone())
            .collect()
    }

    /// Puts one combination in place: its values are arguments of the job, and part of its name
    /// where the entry gives none.
    fn arm(
        &mut self,
        base: &str,
        base_at: Location,
        raw: &Value,
        combination: &Combination,
        scope: &Scope,
    ) -> Value {
        let inner = Scope {
            matrix: combination.clone(),
            ..scope.clone()
        };
        let without = raw
            .entries()
            .iter()
            .filter(|e| &*e.key != "matrix")
            .cloned();
        let without = Value::new(Data::Map(without.collect()), raw.at());
        let mut entries = self.apply(&inner, &without).entries().to_vec();
        if !entries.iter().any(|e| &*e.key == "name") {
            // Values stand in the alphabetical order of their parameters' names.
            let mut sorted: Vec<_> = combination.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            let mut name = base.to_owned();
            for (_, value) in sorted {
                name.push('-');
                name.push_str(&value.as_text().unwrap_or_default());
            }
            entries.push(Entry {
                key: "name".into(),
                key_at: base_at,
                value: Value::new(Data::Str(name.into()), base_at),
                through: None,
            });
        }
        for (key, value) in combination {
            entries.push(Entry {
                key: Rc::clone(key),
                key_at: value.at(),
                value: value.clone(),
                through: None,
            });
        }
        Value::new(Data::Map(entries), raw.at())
    }
}

/// Says whether an exclusion means a combination: it names every parameter, with the same values.
fn is_excluded(exclude: &Value, combination: &Combination) -> bool {
    !combination.is_empty()
        && combination.iter().all(|(name, value)| {
            exclude.get(name).is_some_and(|e| {
                e.value.kind() == value.kind() && e.value.as_text() == value.as_text()
            })
        })
}
