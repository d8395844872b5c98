//! Conditions over values of the pipeline as commands of a POSIX shell, and patterns of the
//! service (RE2) as extended regular expressions of `grep`.

use std::collections::BTreeSet;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::facts::{Facts, Kind};
use crate::plan::{Condition, Operand};
use crate::transpile::values::variable;
use crate::words::quoted;
use crate::yaml::Data;

/// A condition as a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// The command; it is one, however it is joined with others.
    pub(super) text: String,
    /// The values of the pipeline that it reads.
    pub(super) values: BTreeSet<String>,
}

/// Writes a condition as a command; nothing where a shell cannot ask for it.
pub(super) fn command(condition: &Condition, facts: &Facts) -> Option<Command> {
    let mut writer = Writer {
        facts,
        values: BTreeSet::new(),
    };
    let text = writer.condition(condition)?;
    Some(Command {
        text,
        values: writer.values,
    })
}

struct Writer<'a> {
    facts: &'a Facts,
    values: BTreeSet<String>,
}

impl Writer<'_> {
    fn condition(&mut self, condition: &Condition) -> Option<String> {
        Some(match condition {
            Condition::Unknown => return None,
            Condition::Holds(b) => b.to_string(),
            Condition::Not(inner) => match &**inner {
                Condition::Equal(a, b) => format!("[ {} != {} ]", self.word(a)?, self.word(b)?),
                inner => {
                    let text = self.condition(inner)?;
                    match text.strip_prefix("[ -n ") {
                        Some(word) => format!("[ -z {word}"),
                        None => format!("! {text}"),
                    }
                }
            },
            Condition::All(items) => self.joined(items, " && ", true)?,
            Condition::Any(items) => self.joined(items, " || ", false)?,
            Condition::Is(operand) => self.truth(operand)?,
            Condition::Equal(a, b) => format!("[ {} = {} ]", self.word(a)?, self.word(b)?),
            Condition::StartsWith(a, b) => {
                format!("holdall_starts {} {}", self.word(a)?, self.word(b)?)
            }
            // What is no number is not smaller than one.
            Condition::Less(a, b) => {
                format!("[ {} -lt {} ] 2>/dev/null", self.word(a)?, self.word(b)?)
            }
            Condition::Matches(value, pattern) => {
                let pattern = quoted(&pattern_of(pattern)?);
                format!("holdall_matches {} {pattern}", self.word(value)?)
            }
        })
    }

    fn joined(&mut self, items: &[Condition], by: &str, empty: bool) -> Option<String> {
        let parts = items.iter().map(|i| self.condition(i));
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(match parts.as_slice() {
            [] => empty.to_string(),
            [one] => one.clone(),
            _ => format!("{{ {}; }}", parts.join(by)),
        })
    }

    /// What counts as true depends on the type: the text `false` is one that is not empty.
    fn truth(&mut self, operand: &Operand) -> Option<String> {
        Some(match operand {
            Operand::Condition(inner) => self.condition(inner)?,
            Operand::Literal(data) => match data {
                Data::Null | Data::Bool(false) | Data::Int(0) => "false",
                Data::Str(text) if text.is_empty() => "false",
                _ => "true",
            }
            .to_owned(),
            Operand::Value(name) => {
                let word = self.word(operand)?;
                match self.facts.kind(name) {
                    Kind::Boolean => format!("[ {word} = true ]"),
                    Kind::Integer => format!("[ {word} != 0 ]"),
                    Kind::Text => format!("[ -n {word} ]"),
                }
            }
            Operand::Text(_) => format!("[ -n {} ]", self.word(operand)?),
        })
    }

    fn word(&mut self, operand: &Operand) -> Option<String> {
        Some(match operand {
            Operand::Literal(data) => quoted(&match data {
                Data::Null => String::new(),
                Data::Bool(b) => b.to_string(),
                Data::Int(n) => n.to_string(),
                Data::Float(x) => x.to_string(),
                Data::Str(text) => text.clone(),
                Data::List(_) | Data::Map(_) => return None,
            }),
            Operand::Value(name) => {
                self.values.insert(name.clone());
                format!("\"${{{}}}\"", variable(name))
            }
            Operand::Text(parts) => {
                let parts = parts.iter().map(|p| self.word(p));
                parts.collect::<Option<Vec<_>>>()?.concat()
            }
            Operand::Condition(inner) => format!(
                "\"$(if {}; then echo true; else echo false; fi)\"",
                self.condition(inner)?
            ),
        })
    }
}

/// Writes a pattern of the service as an extended regular expression; nothing where that has no
/// such thing.
pub(super) fn pattern_of(pattern: &str) -> Option<String> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
    let hir = parser.parse(pattern).ok()?;
    let mut out = String::new();
    write(&hir, &mut out)?;
    Some(out)
}

fn write(hir: &Hir, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            if text.chars().any(char::is_control) {
                return None;
            }
            for c in text.chars() {
                if r".[]()*+?{}|^$\".contains(c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
        HirKind::Class(class) => out.push_str(&set(class)?),
        HirKind::Look(Look::Start | Look::StartLF) => out.push('^'),
        HirKind::Look(Look::End | Look::EndLF) => out.push('$'),
        HirKind::Look(_) => return None,
        HirKind::Repetition(repetition) => repeated(repetition, out)?,
        HirKind::Capture(capture) => group(&capture.sub, out)?,
        HirKind::Concat(items) => {
            for item in items {
                match item.kind() {
                    // One with an empty way brings parentheses of its own.
                    HirKind::Alternation(ways)
                        if !ways.iter().any(|w| matches!(w.kind(), HirKind::Empty)) =>
                    {
                        group(item, out)?;
                    }
                    _ => write(item, out)?,
                }
            }
        }
        HirKind::Alternation(items) => {
            // An empty way is none that a pattern of POSIX has: the others may be left out.
            let (empty, ways): (Vec<&Hir>, Vec<&Hir>) = items
                .iter()
                .partition(|i| matches!(i.kind(), HirKind::Empty));
            if !empty.is_empty() {
                out.push('(');
            }
            for (i, way) in ways.into_iter().enumerate() {
                if i > 0 {
                    out.push('|');
                }
                write(way, out)?;
            }
            if !empty.is_empty() {
                out.push_str(")?");
            }
        }
    }
    Some(())
}

fn group(hir: &Hir, out: &mut String) -> Option<()> {
    // An empty group is none that a pattern of POSIX has.
    if matches!(hir.kind(), HirKind::Empty) {
        return Some(());
    }
    out.push('(');
    write(hir, out)?;
    out.push(')');
    Some(())
}

fn repeated(repetition: &Repetition, out: &mut String) -> Option<()> {
    match repetition.sub.kind() {
        HirKind::Empty => return Some(()),
        HirKind::Class(_) => write(&repetition.sub, out)?,
        HirKind::Literal(literal) if literal.0.len() == 1 => write(&repetition.sub, out)?,
        HirKind::Capture(_) => write(&repetition.sub, out)?,
        _ => group(&repetition.sub, out)?,
    }
    match (repetition.min, repetition.max) {
        (0, None) => out.push('*'),
        (1, None) => out.push('+'),
        (0, Some(1)) => out.push('?'),
        (min, None) => out.push_str(&format!("{{{min},}}")),
        (min, Some(max)) if min == max => out.push_str(&format!("{{{min}}}")),
        (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
    }
    Some(())
}

/// Writes a set of characters. The texts that are matched are of one line, so whether the end of
/// a line is in it does not matter.
fn set(class: &Class) -> Option<String> {
    let mut within = [false; 256];
    // `a|b` is read as a set of characters even where patterns are read as bytes.
    let ranges: Vec<(u8, u8)> = match class {
        Class::Bytes(class) => class.iter().map(|r| (r.start(), r.end())).collect(),
        Class::Unicode(class) => {
            let ascii = |c: char| u8::try_from(c).ok().filter(u8::is_ascii);
            let ranges = class
                .iter()
                .map(|r| Some((ascii(r.start())?, ascii(r.end())?)));
            ranges.collect::<Option<_>>()?
        }
    };
    for (start, end) in ranges {
        for byte in start..=end {
            within[usize::from(byte)] = true;
        }
    }
    let negated = within[128..].iter().all(|b| *b);
    if !negated && within[128..].iter().any(|b| *b) {
        return None;
    }
    let named: Vec<u8> = (0..128_u8)
        .filter(|b| within[usize::from(*b)] != negated && *b != b'\n' && *b != 0)
        .collect();
    if named == [b'\t', 0x0b, 0x0c, b'\r', b' '] || named == [b'\t', 0x0c, b'\r', b' '] {
        let not = if negated { "^" } else { "" };
        return Some(format!("[{not}[:space:]]"));
    }
    if named.is_empty() {
        return negated.then(|| ".".to_owned());
    }
    let plain: Vec<u8> = named.iter().copied().filter(u8::is_ascii_graphic).collect();
    // Control characters stand for themselves in no name; a blank does.
    if named.iter().any(|b| b.is_ascii_control()) {
        return None;
    }
    let has = |c: u8| named.contains(&c);
    let mut out = String::from(if negated { "[^" } else { "[" });
    if has(b']') {
        out.push(']');
    }
    // What means something inside of brackets stands where it does not.
    let free: Vec<u8> = plain
        .into_iter()
        .filter(|b| !matches!(b, b']' | b'^' | b'-' | b'['))
        .chain(has(b' ').then_some(b' '))
        .collect();
    let mut i = 0;
    while i < free.len() {
        let mut j = i;
        while j + 1 < free.len() && free[j + 1] == free[j] + 1 {
            j += 1;
        }
        out.push(char::from(free[i]));
        if j > i + 1 {
            out.push('-');
        }
        if j > i {
            out.push(char::from(free[j]));
        }
        i = j + 1;
    }
    if has(b'[') {
        out.push('[');
    }
    if has(b'^') {
        // A lone one would negate.
        if out == "[" {
            return Some("\\^".to_owned()).filter(|_| !has(b'-'));
        }
        out.push('^');
    }
    if has(b'-') {
        out.push('-');
    }
    out.push(']');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_those_of_posix() {
        for (from, to) in [
            ("main|release/.*", "main|release/.*"),
            (r"v\d+(\.\d+)*", r"v[0-9]+(\.[0-9]+)*"),
            ("^release-(?:a|b)$", "^release-[ab]$"),
            ("x(?:|y)z{2,3}?", "x(y)?z{2,3}"),
            (r"[^/]+/\w*", "[^/]+/[0-9A-Z_a-z]*"),
            (r"[\]\[^-]", "[][^-]"),
            ("(?i)ab", "[Aa][Bb]"),
            (r"a\sb", "a[[:space:]]b"),
        ] {
            assert_eq!(pattern_of(from).as_deref(), Some(to), "{from}");
        }
        for none in [r"\bx\b", "(?!main).*", "(", r"\t"] {
            assert_eq!(pattern_of(none), None, "{none}");
        }
    }

    #[test]
    fn conditions_become_commands_and_values_variables() {
        let facts = Facts::default();
        let branch = || Operand::Value("pipeline.git.branch".to_owned());
        let main = Condition::Equal(branch(), Operand::Literal("it's".into()));
        let flag = Condition::Is(Operand::Value("pipeline.git.branch.is_default".to_owned()));
        let all = Condition::Not(Box::new(Condition::All(vec![main, flag])));
        let command = command(&all, &facts).map(|c| c.text);
        assert_eq!(
            command.as_deref(),
            Some(
                "! { [ \"${PIPELINE_GIT_BRANCH}\" = 'it'\\''s' ] && \
                 [ \"${PIPELINE_GIT_BRANCH_IS_DEFAULT}\" = true ]; }"
            )
        );
        assert_eq!(super::command(&Condition::Unknown, &facts), None);
    }
}
