//! Comments that silence findings: `# holdall: ignore[rule] reason` at the end of a line, or above
//! what it is meant for; `# holdall: ignore-file[rule] reason`; and those of the official language
//! server, `# cci-ignore` with `-next-line`, `-start`, `-end` and `-file`.

use crate::finding::{Finding, nearest};
use crate::yaml::{Comment, Location, Node, Shape, SourceId, Span, Tree};

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

/// Splits findings into those that count and those that a comment silences, which get its reason;
/// adds what is wrong with the comments themselves.
pub(super) fn apply(findings: Vec<Finding>, tree: &Tree) -> (Vec<Finding>, Vec<Finding>) {
    let mut about = Vec::new();
    let mut suppressions = read(tree, &mut about);
    if suppressions.is_empty() {
        return (findings.into_iter().chain(about).collect(), Vec::new());
    }
    let (mut left, mut silenced) = (Vec::new(), Vec::new());
    for mut finding in findings {
        let at = finding.primary().map(|l| l.at).unwrap_or_default();
        let by = suppressions.iter_mut().find(|s| {
            at.source == SourceId::default()
                && s.covers.start <= at.span.start
                && at.span.start < s.covers.end.max(s.covers.start + 1)
                && (s.rules.is_empty() || s.rules.iter().any(|(name, _)| *name == finding.rule))
        });
        match by {
            Some(suppression) => {
                suppression.used = true;
                finding.suppressed = Some(suppression.reason.to_owned());
                silenced.push(finding);
            }
            None => left.push(finding),
        }
    }
    for suppression in suppressions.iter().filter(|s| s.ours && !s.used) {
        // One that names no rule we know is said to do so.
        let unknown = |name: &str| super::rule(name).is_none();
        if !suppression.rules.is_empty() && suppression.rules.iter().all(|(n, _)| unknown(n)) {
            continue;
        }
        about.push(
            UNUSED_SUPPRESSION
                .finding(
                    "a comment that silences nothing",
                    place(suppression.at),
                    "no finding is there for it",
                )
                .help("remove the comment")
                .done(),
        );
    }
    left.extend(about);
    (left, silenced)
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
    let (list, reason) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((list, reason)) => (list, reason),
        None => ("", rest),
    };
    let base = tree.text().as_ptr() as usize;
    let mut rules = Vec::new();
    for name in list.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        let start = name.as_ptr() as usize - base;
        let span = Span::new(start, start + name.len());
        if super::rule(name).is_none() {
            about.push(unknown(name, span));
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

fn unknown(name: &str, span: Span) -> Finding {
    let draft = UNKNOWN_RULE_IN_SUPPRESSION.finding(
        "a rule that does not exist",
        place(span),
        format!("no rule is called `{name}`"),
    );
    let near = nearest(name, super::rules().iter().map(|r: &&Rule| r.name));
    match near {
        Some(near) => draft.help(format!("did you mean `{near}`?")),
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
