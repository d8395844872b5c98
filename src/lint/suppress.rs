//! Comments that silence findings: `# holdall: ignore[rule] reason` at the end of a line, or above
//! what it is meant for; `# holdall: ignore-file[rule] reason`; and those of the official language
//! server, `# cci-ignore` with `-next-line`, `-start`, `-end` and `-file`.

use crate::finding::{Finding, nearest};
use crate::yaml::{Comment, Location, Node, Shape, SourceId, Span, Tree};

use super::mend;
use super::rule::Rule;
use super::rules::suppression::{
    suppression_unbalanced::SUPPRESSION_UNBALANCED,
    unknown_rule_in_suppression::UNKNOWN_RULE_IN_SUPPRESSION,
    unused_suppression::UNUSED_SUPPRESSION,
};

/// One comment, read.
struct Suppression<'t> {
    at: Span,
    /// The rules that it names, with their places; every rule where it names none.
    rules: Vec<(&'t str, Span)>,
    reason: &'t str,
    /// The bytes in which findings are silenced.
    covers: Span,
    /// Whether it is ours, so that one without use is worth a word.
    ours: bool,
    used: bool,
}

impl Suppression<'_> {
    /// Says whether it silences a rule at a place.
    fn silences(&self, rule: &str, at: Location) -> bool {
        at.source == SourceId::default()
            && self.covers.start <= at.span.start
            && at.span.start < self.covers.end.max(self.covers.start + 1)
            && (self.rules.is_empty() || self.names(rule))
    }

    fn names(&self, rule: &str) -> bool {
        self.rules.iter().any(|(name, _)| *name == rule)
    }

    /// Says whether it is there for nothing. One that names no rule we know is said to do so.
    fn is_idle(&self) -> bool {
        let known = |(name, _): &(&str, Span)| super::rule(name).is_some();
        self.ours && !self.used && (self.rules.is_empty() || self.rules.iter().any(known))
    }
}

/// Splits findings into those that count and those that a comment silences, which get its reason;
/// adds what is wrong with the comments themselves, which others may silence.
pub(super) fn apply(mut findings: Vec<Finding>, tree: &Tree) -> (Vec<Finding>, Vec<Finding>) {
    let mut suppressions = read(tree, &mut findings);
    let (mut left, mut silenced) = (Vec::new(), Vec::new());
    for mut finding in findings {
        let at = finding.primary().map(|l| l.at).unwrap_or_default();
        let by = suppressions
            .iter_mut()
            .find(|s| s.silences(finding.rule, at));
        match by {
            Some(suppression) => {
                suppression.used = true;
                finding.suppressed = Some(suppression.reason.to_owned());
                silenced.push(finding);
            }
            None => left.push(finding),
        }
    }
    // Those that are there for such findings come last: only then is known what they are good for.
    let rule = UNUSED_SUPPRESSION.name;
    let (last, first): (Vec<usize>, Vec<usize>) =
        (0..suppressions.len()).partition(|i| suppressions[*i].names(rule));
    for this in first.into_iter().chain(last) {
        if !suppressions[this].is_idle() {
            continue;
        }
        let at = place(suppressions[this].at);
        let mut finding = unused(tree, suppressions[this].at);
        let mut others = suppressions.iter_mut().enumerate();
        match others.find(|(i, s)| *i != this && s.silences(rule, at)) {
            Some((_, suppression)) => {
                suppression.used = true;
                finding.suppressed = Some(suppression.reason.to_owned());
                silenced.push(finding);
            }
            None => left.push(finding),
        }
    }
    (left, silenced)
}

fn unused(tree: &Tree, at: Span) -> Finding {
    UNUSED_SUPPRESSION
        .finding(
            "a comment that silences nothing",
            place(at),
            "no finding is there for it",
        )
        .help("remove the comment")
        .fix(mend::remove_comment(tree, at, "remove the comment"))
        .done()
}

fn place(span: Span) -> Location {
    Location::new(SourceId::default(), span)
}

fn read<'t>(tree: &'t Tree, about: &mut Vec<Finding>) -> Vec<Suppression<'t>> {
    let mut out = Vec::new();
    let mut open: Option<(&Comment, &str)> = None;
    let length = tree.text().len();
    for comment in tree.comments() {
        let text = tree.slice_of(comment.span);
        let said = text.trim_start_matches('#').trim();
        if let Some(rest) = said.strip_prefix("holdall:") {
            out.extend(ours(tree, comment, rest.trim(), about));
            continue;
        }
        let Some(rest) = said.strip_prefix("cci-ignore") else {
            continue;
        };
        let (word, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let covers = match word {
            "" => line(tree.text(), comment.span.start as usize),
            "-next-line" => {
                let end = line(tree.text(), comment.span.start as usize).end as usize;
                line(tree.text(), (end + 1).min(length))
            }
            "-file" => Span::new(0, length + 1),
            "-start" => {
                if let Some((before, _)) = open.replace((comment, reason)) {
                    about.push(unbalanced(before.span, "-start", "-end"));
                }
                continue;
            }
            "-end" => match open.take() {
                Some((start, _)) => Span::new(start.span.start as usize, comment.span.end as usize),
                None => {
                    about.push(unbalanced(comment.span, "-end", "-start"));
                    continue;
                }
            },
            _ => continue,
        };
        out.push(Suppression {
            at: comment.span,
            rules: Vec::new(),
            reason: reason.trim(),
            covers,
            ours: false,
            used: false,
        });
    }
    if let Some((start, _)) = open {
        about.push(unbalanced(start.span, "-start", "-end"));
    }
    out
}

fn unbalanced(at: Span, this: &str, other: &str) -> Finding {
    SUPPRESSION_UNBALANCED
        .finding(
            "a comment that has lost its other half",
            place(at),
            format!("no `cci-ignore{other}` belongs to this `cci-ignore{this}`"),
        )
        .help(format!(
            "add `# cci-ignore{other}`, or remove this one: it silences nothing"
        ))
        .done()
}

/// Reads what stands behind `holdall:`.
fn ours<'t>(
    tree: &'t Tree,
    comment: &Comment,
    rest: &'t str,
    about: &mut Vec<Finding>,
) -> Option<Suppression<'t>> {
    let (file, rest) = match rest.strip_prefix("ignore-file") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix("ignore")?),
    };
    let (list, reason) = match list_and_reason(rest) {
        Ok(read) => read,
        Err(wrong) => {
            about.push(not_read(comment.span, file, wrong));
            return None;
        }
    };
    let base = tree.text().as_ptr() as usize;
    let mut rules = Vec::new();
    for name in list.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        let start = name.as_ptr() as usize - base;
        let span = Span::new(start, start + name.len());
        if super::rule(name).is_none() {
            about.push(unknown(tree, name, span));
        }
        rules.push((name, span));
    }
    let covers = if file {
        Span::new(0, tree.text().len() + 1)
    } else if comment.own_line {
        below(tree, comment.span.end)?
    } else {
        line(tree.text(), comment.span.start as usize)
    };
    Some(Suppression {
        at: comment.span,
        rules,
        reason: reason.trim(),
        covers,
        ours: true,
        used: false,
    })
}

/// Reads what stands behind `ignore` or `ignore-file`: the names between brackets, if there are
/// any, and the reason; or says what is wrong. What is not read as it was meant must not silence
/// more than was meant.
fn list_and_reason(rest: &str) -> Result<(&str, &str), &'static str> {
    let Some(open) = rest.strip_prefix('[') else {
        let reason = rest.trim_start();
        if reason.starts_with('[') {
            return Err("a blank stands before its `[`");
        }
        if !rest.is_empty() && reason.len() == rest.len() {
            return Err("no comment of holdall begins with this word");
        }
        return Ok(("", reason));
    };
    let (list, reason) = open.split_once(']').ok_or("its `[` is never closed")?;
    if list.split(',').all(|name| name.trim().is_empty()) {
        return Err("no rule stands between its brackets");
    }
    Ok((list, reason))
}

fn not_read(at: Span, file: bool, wrong: &str) -> Finding {
    let word = if file { "ignore-file" } else { "ignore" };
    UNUSED_SUPPRESSION
        .finding("a comment that silences nothing", place(at), wrong)
        .help(format!("write `# holdall: {word}[RULE] reason`"))
        .done()
}

fn unknown(tree: &Tree, name: &str, span: Span) -> Finding {
    let draft = UNKNOWN_RULE_IN_SUPPRESSION.finding(
        "a rule that does not exist",
        place(span),
        format!("no rule is called `{name}`"),
    );
    let near = nearest(name, super::rules().iter().map(|r: &&Rule| r.name));
    match near {
        Some(near) => draft
            .help(format!("did you mean `{near}`?"))
            .fix(mend::reword_comment(tree, span, near)),
        None => draft.help("`holdall rules` lists them"),
    }
    .done()
}

/// Returns the line around an offset.
fn line(text: &str, at: usize) -> Span {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    Span::new(start, end)
}

/// Returns what stands below a comment: an entry of a map with its value, or an item of a list.
fn below(tree: &Tree, after: u32) -> Option<Span> {
    let mut node = tree.root()?;
    loop {
        let mut next: Option<(Span, Node<'_>)> = None;
        match node.shape() {
            Shape::Mapping(entries) => {
                for entry in entries {
                    let whole = entry.key.span().to(entry.value.outer_span());
                    if whole.end > after {
                        next = Some((whole, entry.value));
                        break;
                    }
                }
            }
            Shape::Sequence(items) => {
                for item in items {
                    let whole = item.outer_span();
                    if whole.end > after {
                        next = Some((whole, item));
                        break;
                    }
                }
            }
            Shape::Scalar(_) | Shape::Alias(_) => {}
        }
        let (whole, inner) = next?;
        if whole.start >= after {
            return Some(whole);
        }
        node = inner;
    }
}
