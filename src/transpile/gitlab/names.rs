//! Conditions over the values of a pipeline as expressions of GitLab's rules, which know no
//! negation: it is carried inwards. And texts with values in them, as GitLab expands those.

use regex::Regex;

use super::condition::text;
use super::facts::{of_value, word};
use crate::circleci::{TextPart, text_parts};
use crate::plan::{Condition, Operand};
use crate::transpile::values::variable;
use crate::yaml::Data;

/// Returns a text in which values are variables that GitLab expands; one that it does not have is
/// what it is here.
pub(super) fn reference(text: &str) -> String {
    let part = |part| match part {
        TextPart::Plain(plain) => str::to_owned(plain),
        TextPart::Value { name, here } => match of_value(name) {
            Some(variable) => format!("${{{variable}}}"),
            None => here.to_owned(),
        },
    };
    text_parts(text).into_iter().map(part).collect()
}

/// A truth value in GitLab's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// Always, or never.
    Holds(bool),
    /// An expression, in parentheses where it is more than one comparison.
    Text(String),
}

/// Writes a condition, or its opposite; nothing where GitLab has no such value.
pub(super) fn rule(condition: &Condition, holds: bool) -> Option<Rule> {
    Some(match condition {
        Condition::Unknown | Condition::Less(..) => return None,
        Condition::Holds(b) => Rule::Holds(*b == holds),
        Condition::Not(inner) => rule(inner, !holds)?,
        Condition::All(items) => joined(items, holds, holds)?,
        Condition::Any(items) => joined(items, !holds, holds)?,
        Condition::Is(Operand::Condition(inner)) => rule(inner, holds)?,
        Condition::Is(Operand::Literal(data)) => {
            let empty = matches!(data, Data::Null | Data::Bool(false)) || *data == Data::from("");
            Rule::Holds(empty != holds)
        }
        Condition::Is(Operand::Value(name)) if name == DEFAULT => default_branch(holds),
        Condition::Is(Operand::Value(name)) => {
            let variable = of_value(name)?;
            Rule::Text(match holds {
                true => format!("(${variable} && ${variable} != \"false\")"),
                false => format!(
                    "(${variable} == null || ${variable} == \"\" || ${variable} == \"false\")"
                ),
            })
        }
        Condition::Is(Operand::Text(_)) => return None,
        Condition::Equal(a, b) => equal(a, b, holds)?,
        Condition::StartsWith(Operand::Value(name), Operand::Literal(Data::Str(start))) => {
            matches(name, &format!("^{}", regex::escape(start)), holds)?
        }
        Condition::Matches(Operand::Value(name), pattern) => {
            matches(name, &format!("^(?:{pattern})$"), holds)?
        }
        Condition::StartsWith(..) | Condition::Matches(..) => return None,
    })
}

const DEFAULT: &str = "pipeline.git.branch.is_default";

fn default_branch(holds: bool) -> Rule {
    let is = if holds { "==" } else { "!=" };
    Rule::Text(format!("$CI_COMMIT_BRANCH {is} $CI_DEFAULT_BRANCH"))
}

/// Joins conditions by `&&`, or by `||`.
fn joined(items: &[Condition], all: bool, holds: bool) -> Option<Rule> {
    let mut texts: Vec<String> = Vec::new();
    for item in items {
        match rule(item, holds)? {
            Rule::Holds(b) if b == all => {}
            Rule::Holds(b) => return Some(Rule::Holds(b)),
            Rule::Text(text) if texts.contains(&text) => {}
            Rule::Text(text) => texts.push(text),
        }
    }
    Some(match texts.len() {
        0 => Rule::Holds(all),
        1 => Rule::Text(texts.remove(0)),
        _ => Rule::Text(format!(
            "({})",
            texts.join(if all { " && " } else { " || " })
        )),
    })
}

fn equal(a: &Operand, b: &Operand, holds: bool) -> Option<Rule> {
    if let (Operand::Literal(a), Operand::Literal(b)) = (a, b) {
        return Some(Rule::Holds((a == b) == holds));
    }
    let (a, b) = match (a, b) {
        (Operand::Literal(_), _) => (b, a),
        _ => (a, b),
    };
    if let (Operand::Value(name), Operand::Literal(Data::Bool(b))) = (a, b)
        && name == DEFAULT
    {
        return Some(default_branch(*b == holds));
    }
    if let (Operand::Value(name), Operand::Literal(Data::Str(source))) = (a, b)
        && matches!(
            name.as_str(),
            "pipeline.trigger_source" | "pipeline.event.name"
        )
    {
        return trigger(source, holds);
    }
    let is = if holds { "==" } else { "!=" };
    Some(Rule::Text(format!("{} {is} {}", term(a)?, term(b)?)))
}

/// What started the pipeline, in the words of GitLab.
fn trigger(source: &str, holds: bool) -> Option<Rule> {
    let own = match source {
        "scheduled_pipeline" | "schedule" => "schedule",
        "webhook" | "push" => "push",
        "pull_request" => "merge_request_event",
        "api" => "api",
        _ => return None,
    };
    let is = if holds { "==" } else { "!=" };
    Some(Rule::Text(format!("$CI_PIPELINE_SOURCE {is} \"{own}\"")))
}

fn term(operand: &Operand) -> Option<String> {
    Some(match operand {
        Operand::Value(name) => format!("${}", of_value(name)?),
        Operand::Literal(Data::Null) => "null".to_owned(),
        Operand::Literal(Data::Bool(b)) => format!("\"{b}\""),
        Operand::Literal(Data::Int(n)) => format!("\"{n}\""),
        Operand::Literal(Data::Str(literal)) if literal.is_empty() => "null".to_owned(),
        Operand::Literal(Data::Str(literal)) => text(literal),
        _ => return None,
    })
}

fn matches(name: &str, pattern: &str, holds: bool) -> Option<Rule> {
    Regex::new(pattern).ok()?;
    let is = if holds { "=~" } else { "!~" };
    let pattern = super::condition::escaped(pattern);
    Some(Rule::Text(format!("${} {is} /{pattern}/", of_value(name)?)))
}

/// Writes a condition as a command of a shell; nothing where GitLab has no such value. `values`
/// gets the names of those that it reads.
pub(super) fn command(condition: &Condition, values: &mut Vec<String>) -> Option<String> {
    let mut read = |name: &str| -> Option<String> {
        word(name)?;
        values.push(name.to_owned());
        Some(format!("\"${{{}:-}}\"", variable(name)))
    };
    Some(match condition {
        Condition::Holds(b) => b.to_string(),
        Condition::Not(inner) => format!("! {}", command(inner, values)?),
        Condition::All(items) | Condition::Any(items) => {
            let all = matches!(condition, Condition::All(_));
            let parts: Option<Vec<String>> = items.iter().map(|i| command(i, values)).collect();
            let parts = parts?;
            match parts.is_empty() {
                true => all.to_string(),
                false => format!("{{ {}; }}", parts.join(if all { " && " } else { " || " })),
            }
        }
        Condition::Is(Operand::Condition(inner)) => command(inner, values)?,
        Condition::Is(Operand::Value(name)) => {
            let word = read(name)?;
            format!("{{ [ -n {word} ] && [ {word} != false ]; }}")
        }
        Condition::Equal(Operand::Value(name), Operand::Literal(data))
        | Condition::Equal(Operand::Literal(data), Operand::Value(name)) => {
            let literal = match data {
                Data::Null => String::new(),
                Data::Bool(b) => b.to_string(),
                Data::Int(n) => n.to_string(),
                Data::Str(text) => text.clone(),
                _ => return None,
            };
            format!("[ {} = {} ]", read(name)?, crate::words::quoted(&literal))
        }
        Condition::StartsWith(Operand::Value(name), Operand::Literal(Data::Str(start))) => {
            let start = crate::words::quoted(start);
            format!("case {} in {start}*) true ;; *) false ;; esac", read(name)?)
        }
        Condition::Matches(Operand::Value(name), pattern) => {
            let pattern = crate::words::quoted(&extended(pattern)?);
            format!("printf '%s\\n' {} | grep -Exq -- {pattern}", read(name)?)
        }
        _ => return None,
    })
}

/// Returns a pattern as `grep -E` reads it; nothing where it says more than that can.
fn extended(pattern: &str) -> Option<String> {
    Regex::new(pattern).ok()?;
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'd' => out.push_str("[0-9]"),
                'w' => out.push_str("[A-Za-z0-9_]"),
                's' => out.push_str("[[:space:]]"),
                c if c.is_ascii_alphanumeric() => return None,
                c => out.extend(['\\', c]),
            },
            // Groups with a meaning, and repetitions that are not greedy.
            '?' if matches!(before, Some('(' | '?' | '*' | '+' | '}')) => return None,
            '[' => {
                // A class stands as it is, unless it has escapes or classes of its own.
                out.push('[');
                let mut inner = String::new();
                for c in chars.by_ref() {
                    if c == ']' && !inner.is_empty() && inner != "^" {
                        break;
                    }
                    if matches!(c, '\\' | '[') {
                        return None;
                    }
                    inner.push(c);
                }
                out.push_str(&inner);
                out.push(']');
            }
            c => out.push(c),
        }
        before = Some(c);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Operand {
        Operand::Value(format!("pipeline.{name}"))
    }

    #[test]
    fn negation_is_carried_inwards() {
        let main = Condition::Equal(value("git.branch"), Operand::Literal("main".into()));
        let flag = Condition::Is(value("parameters.deploy"));
        let not = Condition::Not(Box::new(Condition::All(vec![main, flag])));
        let Some(Rule::Text(text)) = rule(&not, true) else {
            panic!("no expression");
        };
        assert_eq!(
            text,
            "($CI_COMMIT_BRANCH != \"main\" || ($PIPELINE_PARAMETER_DEPLOY == null || \
             $PIPELINE_PARAMETER_DEPLOY == \"\" || $PIPELINE_PARAMETER_DEPLOY == \"false\"))"
        );
    }

    #[test]
    fn patterns_are_written_for_grep_where_it_knows_them() {
        let write = |p: &str| extended(p);
        assert_eq!(write(r"v\d+\.x").as_deref(), Some(r"v[0-9]+\.x"));
        assert_eq!(write("release/[^/]+").as_deref(), Some("release/[^/]+"));
        for other in ["(?:a|b)", "a*?", r"a\b", r"[\d]"] {
            assert_eq!(write(other), None, "{other}");
        }
    }

    #[test]
    fn what_gitlab_does_not_have_is_said() {
        assert_eq!(rule(&Condition::Unknown, true), None);
        assert_eq!(
            rule(&Condition::Is(value("deploy.environment_name")), true),
            None
        );
    }
}
