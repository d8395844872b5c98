//! When a job runs, as alternatives of what has to hold together: the form that GitLab's rules
//! have. Filters of CircleCI are joined along the graph here, and told when they are the same.

use regex::Regex;

use super::names::{self, Rule};
use crate::circleci::expression_condition;
use crate::plan::{FilterKind, FilterRule, Filters, Job, Located, Workflow};

/// One thing that has to hold of the name that was pushed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Atom {
    /// It is this name.
    Is(String),
    /// It is another one.
    IsNot(String),
    /// All of it matches.
    Matches(String),
    /// Not all of it matches.
    MatchesNot(String),
    /// An expression over other values, as GitLab reads it.
    Raw(String),
}

impl Atom {
    fn not(&self) -> Self {
        match self.clone() {
            Self::Is(name) => Self::IsNot(name),
            Self::IsNot(name) => Self::Is(name),
            Self::Matches(pattern) => Self::MatchesNot(pattern),
            Self::MatchesNot(pattern) => Self::Matches(pattern),
            // Only what filters list is ever turned round.
            raw @ Self::Raw(_) => raw,
        }
    }

    /// Says whether it holds of a name; nothing where the pattern cannot be read.
    fn holds(&self, name: &str) -> Option<bool> {
        match self {
            Self::Is(own) => Some(own == name),
            Self::IsNot(own) => Some(own != name),
            Self::Matches(pattern) => whole(pattern).map(|r| r.is_match(name)),
            Self::MatchesNot(pattern) => whole(pattern).map(|r| !r.is_match(name)),
            Self::Raw(_) => None,
        }
    }

    fn written(&self, variable: &str) -> String {
        let pattern = |p: &str| format!("/^(?:{})$/", escaped(p));
        match self {
            Self::Is(name) => format!("{variable} == {}", text(name)),
            Self::IsNot(name) => format!("{variable} != {}", text(name)),
            Self::Matches(p) => format!("{variable} =~ {}", pattern(p)),
            Self::MatchesNot(p) => format!("{variable} !~ {}", pattern(p)),
            Self::Raw(text) => text.clone(),
        }
    }
}

fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// A pattern between slashes: its own are escaped, unless they are already.
pub(super) fn escaped(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next());
            }
            '/' => out.push_str("\\/"),
            c => out.push(c),
        }
    }
    out
}

/// A text of GitLab's expressions, which know no escapes.
pub(super) fn text(name: &str) -> String {
    let quote = if name.contains('"') { '\'' } else { '"' };
    format!("{quote}{name}{quote}")
}

/// Most alternatives that are written out; a graph of filters that needs more is cut short.
const MOST_ALTERNATIVES: usize = 24;

/// Alternatives, each of things that hold together: none is never, an empty one is always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition(Vec<Vec<Atom>>);

impl Condition {
    /// Never.
    pub(super) fn never() -> Self {
        Self(Vec::new())
    }

    /// For every name.
    pub(super) fn always() -> Self {
        Self(vec![Vec::new()])
    }

    pub(super) fn is_never(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_always(&self) -> bool {
        self.0.iter().any(Vec::is_empty)
    }

    fn or(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self.tidy()
    }

    /// Joins two; nothing where that takes too many alternatives.
    fn and(&self, other: &Self) -> Option<Self> {
        if self.implies(other) {
            return Some(self.clone());
        }
        if other.implies(self) {
            return Some(other.clone());
        }
        let mut out = Vec::new();
        for a in &self.0 {
            for b in &other.0 {
                let mut clause = a.clone();
                clause.extend(b.iter().filter(|x| !a.contains(x)).cloned());
                out.push(clause);
            }
        }
        let out = Self(out).tidy();
        (out.0.len() <= MOST_ALTERNATIVES).then_some(out)
    }

    /// Says whether another one surely holds wherever this one does.
    pub(super) fn implies(&self, other: &Self) -> bool {
        self.0.iter().all(|clause| {
            other.0.iter().any(|o| {
                o.iter().all(|atom| {
                    clause.contains(atom)
                        || clause
                            .iter()
                            .any(|c| matches!(c, Atom::Is(n) if atom.holds(n) == Some(true)))
                })
            })
        })
    }

    /// Leaves out what a name that is given decides, and alternatives that another one covers.
    fn tidy(self) -> Self {
        let mut out: Vec<Vec<Atom>> = Vec::new();
        for mut clause in self.0 {
            let name = clause.iter().find_map(|a| match a {
                Atom::Is(name) => Some(name.clone()),
                _ => None,
            });
            if let Some(name) = name {
                if clause.iter().any(|a| a.holds(&name) == Some(false)) {
                    continue;
                }
                let own = Atom::Is(name.clone());
                clause.retain(|a| *a == own || a.holds(&name).is_none());
                clause.dedup();
            }
            if !out.contains(&clause) {
                out.push(clause);
            }
        }
        let covered = |i: usize| {
            out.iter().enumerate().any(|(j, other)| {
                i != j && other.len() < out[i].len() && other.iter().all(|a| out[i].contains(a))
            })
        };
        let keep: Vec<bool> = (0..out.len()).map(|i| !covered(i)).collect();
        let mut keep = keep.into_iter();
        out.retain(|_| keep.next().unwrap_or(true));
        Self(out)
    }

    /// Writes each alternative as an expression over a variable, with what holds besides.
    pub(super) fn expressions(&self, variable: &str, besides: &[String]) -> Vec<String> {
        let clause = |atoms: &Vec<Atom>| {
            let mut parts = besides.to_vec();
            if atoms
                .iter()
                .all(|a| matches!(a, Atom::IsNot(_) | Atom::MatchesNot(_) | Atom::Raw(_)))
            {
                parts.push(variable.to_owned());
            }
            parts.extend(atoms.iter().map(|a| a.written(variable)));
            parts.join(" && ")
        };
        self.0.iter().map(clause).collect()
    }
}

/// When a job runs.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    /// For pushes to branches.
    pub(super) branch: Condition,
    /// For pushes of tags.
    pub(super) tag: Condition,
    /// What is not carried, if anything.
    pub(super) left: Option<String>,
}

impl Runs {
    /// Says whether another job surely runs wherever this one does.
    pub(super) fn implies(&self, other: &Self) -> bool {
        self.branch.implies(&other.branch) && self.tag.implies(&other.tag)
    }
}

/// Says for each job of a workflow when it runs (circleci-semantics §4.2): its own filters, one
/// at least of those that it waits for, and for tags a filter all the way up.
pub(super) fn of_workflow(workflow: &Workflow, order: &[usize]) -> Vec<Runs> {
    let mut out: Vec<Runs> = workflow.jobs.iter().map(own).collect();
    for index in order {
        let requires = &workflow.jobs[*index].requires;
        if requires.is_empty() {
            continue;
        }
        let any = |of: fn(&Runs) -> &Condition| {
            let each = requires.iter().filter_map(|r| out.get(r.job));
            each.fold(Condition::never(), |sum, r| sum.or(of(r)))
        };
        let (branches, tags) = (any(|r| &r.branch), any(|r| &r.tag));
        let tagless = requires
            .iter()
            .any(|r| out.get(r.job).is_some_and(|r| r.tag.is_never()));
        let runs = &mut out[*index];
        let joined = (runs.branch.and(&branches), runs.tag.and(&tags));
        let (Some(branch), Some(tag)) = joined else {
            runs.left = Some("the filters of the jobs that it waits for are too many to write out: it runs where its own let it".to_owned());
            continue;
        };
        runs.branch = branch;
        runs.tag = if tagless { Condition::never() } else { tag };
    }
    out
}

fn own(job: &Job) -> Runs {
    let mut runs = Runs {
        branch: Condition::always(),
        tag: Condition::never(),
        left: None,
    };
    let Some(Filters { kind, .. }) = &job.filters else {
        return runs;
    };
    match kind {
        FilterKind::Map { branches, tags } => {
            if let Some(rule) = branches {
                runs.branch = of_rule(rule, &mut runs.left);
            }
            if let Some(rule) = tags {
                runs.tag = of_rule(rule, &mut runs.left);
            }
        }
        FilterKind::Expression { text, .. } => {
            // An expression speaks of tags as well as of branches.
            let written = names::rule(&expression_condition(&text.value), true);
            let condition = match written {
                Some(Rule::Holds(true)) => Condition::always(),
                Some(Rule::Holds(false)) => Condition::never(),
                Some(Rule::Text(text)) => Condition(vec![vec![Atom::Raw(text)]]),
                None => {
                    runs.left = Some(format!(
                        "write the expression `{}` as rules of GitLab: the job never runs until then",
                        text.value
                    ));
                    Condition::never()
                }
            };
            runs.branch = condition.clone();
            runs.tag = condition;
        }
    }
    runs
}

fn of_rule(rule: &FilterRule, left: &mut Option<String>) -> Condition {
    let mut atom = |name: &Located<String>| -> Option<Atom> {
        let inner = name
            .value
            .strip_prefix('/')
            .and_then(|r| r.strip_suffix('/'));
        let Some(pattern) = inner else {
            return Some(Atom::Is(name.value.clone()));
        };
        // Both engines are of one family: what ours does not read, GitLab refuses.
        if whole(pattern).is_none() {
            *left = Some(format!(
                "GitLab's expressions cannot read the pattern {}: write it in another way",
                name.value
            ));
            return None;
        }
        Some(Atom::Matches(pattern.to_owned()))
    };
    let every =
        |atom: &Atom| matches!(atom, Atom::Matches(p) if p == ".*" || p == "^.*$" || p == "^.*");
    if !rule.only.is_empty() {
        let atoms: Vec<Atom> = rule.only.iter().filter_map(&mut atom).collect();
        if atoms.iter().any(every) {
            return Condition::always();
        }
        return Condition(atoms.into_iter().map(|a| vec![a]).collect()).tidy();
    }
    let atoms: Vec<Atom> = rule.ignore.iter().filter_map(atom).collect();
    if atoms.iter().any(every) {
        return Condition::never();
    }
    Condition(vec![atoms.iter().map(Atom::not).collect()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(name: &str) -> Condition {
        Condition(vec![vec![Atom::Is(name.to_owned())]])
    }

    fn matches(pattern: &str) -> Condition {
        Condition(vec![vec![Atom::Matches(pattern.to_owned())]])
    }

    #[test]
    fn a_name_decides_the_patterns_that_stand_beside_it() {
        let release = matches("v[0-9]+");
        assert_eq!(is("v1").and(&release), Some(is("v1")));
        assert_eq!(is("main").and(&release), Some(Condition::never()));
        assert!(is("v1").implies(&release));
        assert!(!release.implies(&is("v1")));
    }

    #[test]
    fn alternatives_that_another_covers_are_left_out() {
        assert!(is("a").or(&Condition::always()).is_always());
        assert_eq!(is("a").or(&is("a")), is("a"));
    }

    #[test]
    fn patterns_are_about_the_whole_name_and_slashes_are_escaped() {
        let written = matches("release/.*").expressions("$CI_COMMIT_BRANCH", &[]);
        assert_eq!(written, ["$CI_COMMIT_BRANCH =~ /^(?:release\\/.*)$/"]);
        let written = Condition(vec![vec![Atom::IsNot("main".to_owned())]]);
        assert_eq!(
            written.expressions("$CI_COMMIT_BRANCH", &[]),
            ["$CI_COMMIT_BRANCH && $CI_COMMIT_BRANCH != \"main\""]
        );
    }
}
