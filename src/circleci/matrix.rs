//! `matrix`: one entry of a workflow that stands for many jobs (circleci-semantics §4.3).

use std::rc::Rc;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::library::{Found, Kind, Library};
use super::problem::Problem;
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::finding::nearest;
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
        let mut axes = self.axes(parameters.value.entries())?;
        self.undeclared(base, &mut axes, scope);
        let combinations = self.combinations(&axes, matrix.key_at)?;
        let excluded = self.excluded(&body);
        self.excludes_nothing(&excluded, &combinations, &axes);
        let alias = text_key(&body, "alias").map_or_else(|| base.to_owned(), |a| a.value);
        let without = raw.entries().iter().filter(|e| &*e.key != "matrix");
        let without = Value::new(Data::Map(without.cloned().collect()), raw.at());
        let mut arms = Vec::new();
        for combination in combinations {
            if excluded.iter().any(|e| is_excluded(e, &combination)) {
                continue;
            }
            let values = combination.iter();
            let values = values.map(|(name, value)| {
                let data = self.data(value);
                (String::from(&**name), value.located(data))
            });
            let values = values.collect();
            arms.push(Arm {
                arguments: self.arm(base, base_at, &without, &combination, scope),
                matrix: Some(MatrixArm {
                    base: base.to_owned(),
                    alias: alias.clone(),
                    at: matrix.key_at,
                    values,
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

    /// Reports parameters that the job does not declare, and takes them out.
    fn undeclared(&mut self, base: &str, axes: &mut Vec<(Entry, Vec<Value>)>, scope: &Scope) {
        let Found::Here(_, job) = Library::find(&scope.library, Kind::Job, base) else {
            return;
        };
        let declared = job.value.get("parameters");
        let declared = declared.map_or(&[][..], |d| d.value.entries());
        axes.retain(|(axis, _)| {
            let known = declared.iter().any(|d| d.key == axis.key);
            if !known {
                let mut problem = Problem::new(
                    "matrix-argument",
                    "a matrix parameter that the job does not declare",
                    axis.key_at,
                    format!("job `{base}` has no parameter `{}`", axis.key),
                )
                .label(job.key_at, "defined here")
                .note(format!(
                    "the service says: Unexpected argument(s): {}",
                    axis.key
                ));
                if let Some(near) = nearest(&axis.key, declared.iter().map(|d| &*d.key)) {
                    problem = problem.did_you_mean(&axis.key, near);
                } else {
                    problem = problem.help("declare it below the job's `parameters`");
                }
                self.problems.push(problem);
            }
            known
        });
    }

    /// Reports exclusions that no combination answers to (circleci-semantics §4.3).
    fn excludes_nothing(
        &mut self,
        excluded: &[Value],
        combinations: &[Combination],
        axes: &[(Entry, Vec<Value>)],
    ) {
        for exclusion in excluded.iter().filter(|e| !e.is_templated()) {
            if combinations.iter().any(|c| is_excluded(exclusion, c)) {
                continue;
            }
            let missing = axes.iter().find(|(a, _)| exclusion.get(&a.key).is_none());
            let text = match missing {
                Some((axis, _)) => format!("`{}` is not named", axis.key),
                None => "no combination has these values".to_owned(),
            };
            self.problems.push(
                Problem::new(
                    "matrix-exclude-no-match",
                    "an exclusion that leaves nothing out",
                    exclusion.at(),
                    text,
                )
                .help("name every parameter of the matrix, with values as they are written there, quotes included"),
            );
        }
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
        let mut entries = self.apply(&inner, raw).entries().to_vec();
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
