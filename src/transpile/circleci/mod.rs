//! `--to circleci`: persist and attach become `run` steps in the same file, which is otherwise
//! left as it is. The edit is made on bytes and verified on the data: see [`same_except`].

use std::collections::BTreeMap;

use super::lower::{quoted, upstream, upstream_words};
use super::{Refusal, TranspileError};
use crate::circleci::Compiled;
use crate::flow::Graph;
use crate::layer::twin;
use crate::plan::StepKind;
use crate::yaml::{
    Edit, Location, Node, NodeId, Shape, Source, SourceId, Span, Tree, apply, is_printable, parse,
    same_except,
};

/// The edited config, and what a person should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// How many steps were rewritten.
    pub steps: usize,
    /// Persist and attach steps of jobs that no workflow runs: left as they are.
    pub left: Vec<Location>,
}

/// One workspace step of the text, with every job that runs it.
#[derive(Default)]
struct Place {
    jobs: Vec<String>,
    /// For an attach: the words that name each job's upstream layers.
    upstream: Vec<Vec<String>>,
    /// Whether a resolved text would break out of the quotes that its template stands in, or is not
    /// known here: a branch may be called anything.
    breaks_quotes: bool,
}

/// Rewrites the workspace steps of a config over a store.
///
/// # Errors
/// A step that cannot be rewritten, or a result that would say something else.
pub fn rewrite(
    compiled: &Compiled,
    source: &Source,
    id: SourceId,
    store: &str,
) -> Result<Rewritten, TranspileError> {
    let tree = &compiled.tree;
    let mut refusals = unknown_parts(compiled);
    refusals.extend(elsewhere(compiled, id));
    let steps = workspace_steps(tree);
    let mut edits = Vec::new();
    let mut edited: Vec<(NodeId, String)> = Vec::new();
    let mut left = Vec::new();
    let places = places(compiled, id);
    for step in steps {
        let Some(place) = places.get(&step.node.span().start) else {
            left.push(Location::new(id, step.node.span()));
            continue;
        };
        match script(&step, place, store) {
            Ok(script) => {
                let newline = if source.text().contains("\r\n") {
                    "\r\n"
                } else {
                    "\n"
                };
                match replacement(tree, &step, &script, newline) {
                    Ok(edit) => {
                        edits.push(edit);
                        edited.push((step.node.id(), script));
                    }
                    Err(what) => refusals.push(Refusal {
                        what,
                        at: Location::new(id, step.node.span()),
                    }),
                }
            }
            Err((what, node)) => refusals.push(Refusal {
                what,
                at: Location::new(id, node.span()),
            }),
        }
    }
    refusals.extend(lost_anchors(tree, id, &edits));
    if !refusals.is_empty() {
        return Err(TranspileError::Unsupported(refusals));
    }
    let text =
        apply(source.text(), &edits).map_err(|e| TranspileError::Verification(e.to_string()))?;
    verify(tree, &text, &edited)?;
    Ok(Rewritten {
        text,
        steps: edited.len(),
        left,
    })
}

/// What the plan does not show may hold workspace steps that would be left behind.
fn unknown_parts(compiled: &Compiled) -> Vec<Refusal> {
    compiled
        .pipeline
        .workflows
        .iter()
        .flat_map(|w| &w.jobs)
        .filter_map(|job| {
            let why = job.opaque.as_ref()?;
            Some(Refusal {
                what: format!("job `{}`: {why}", job.name),
                at: job.origin.at,
            })
        })
        .collect()
}

/// Workspace steps that stand in the source of an orb: they are not this file's to edit.
fn elsewhere(compiled: &Compiled, id: SourceId) -> Vec<Refusal> {
    let jobs = compiled.pipeline.workflows.iter().flat_map(|w| &w.jobs);
    let mut out: Vec<Refusal> = jobs
        .flat_map(|job| &job.steps)
        .filter(|s| is_workspace(&s.kind) && s.origin.at.source != id)
        .map(|s| Refusal {
            what: "a workspace step inside an orb".to_owned(),
            at: s.origin.at,
        })
        .collect();
    out.sort_by_key(|r| r.at);
    out.dedup();
    out
}

/// A `persist_to_workspace` or `attach_workspace` of the text.
struct WorkspaceStep<'t> {
    /// The step's map, which the edit replaces.
    node: Node<'t>,
    persist: bool,
    arguments: Node<'t>,
}

fn workspace_steps(tree: &Tree) -> Vec<WorkspaceStep<'_>> {
    let step = |node: Node<'_>| -> Option<bool> {
        let mut entries = node.entries();
        let (first, more) = (entries.next()?, entries.next());
        match first.key.text()? {
            _ if more.is_some() => None,
            "persist_to_workspace" => Some(true),
            "attach_workspace" => Some(false),
            _ => None,
        }
    };
    tree.nodes()
        .filter_map(|node| {
            let persist = step(node)?;
            let arguments = node.entries().next()?.value.resolve().node?;
            Some(WorkspaceStep {
                node,
                persist,
                arguments,
            })
        })
        .collect()
}

/// Which jobs run the step that begins at an offset.
fn places(compiled: &Compiled, id: SourceId) -> BTreeMap<u32, Place> {
    let mut out: BTreeMap<u32, Place> = BTreeMap::new();
    for workflow in &compiled.pipeline.workflows {
        let graph = Graph::new(workflow);
        for (index, job) in workflow.jobs.iter().enumerate() {
            let words = upstream_words(&upstream(workflow, &graph, index));
            for step in job
                .steps
                .iter()
                .filter(|s| is_workspace(&s.kind) && s.origin.at.source == id)
            {
                let place = out.entry(step.origin.at.span.start).or_default();
                place.breaks_quotes |= texts(&step.kind)
                    .iter()
                    .any(|t| t.contains('\'') || t.contains("<<"));
                // A branch's name, say, is whatever the next push calls it.
                place.breaks_quotes |= match &step.kind {
                    StepKind::Persist(p) => p.varies,
                    StepKind::Attach(a) => a.varies,
                    _ => false,
                };
                if !place.jobs.contains(&job.name) {
                    place.jobs.push(job.name.clone());
                    place.upstream.push(words.clone());
                }
            }
        }
    }
    out
}

/// The texts of a workspace step that become words of a script.
fn texts(kind: &StepKind) -> Vec<&str> {
    match kind {
        StepKind::Persist(p) => std::iter::once(&p.root)
            .chain(&p.paths)
            .map(|t| t.value.as_str())
            .collect(),
        StepKind::Attach(a) => vec![&a.at.value],
        _ => Vec::new(),
    }
}

fn is_workspace(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Persist(_) | StepKind::Attach(_))
}

/// Returns the script of a step, or what stands in its way and where.
fn script<'t>(
    step: &WorkspaceStep<'t>,
    place: &Place,
    store: &str,
) -> Result<String, (String, Node<'t>)> {
    let store = quoted(store);
    if let Some(when) = value(step, "when").filter(|w| w.text() != Some("on_success")) {
        return Err(("`when` of a workspace step".to_owned(), when));
    }
    if place.breaks_quotes && step.node.source().contains("<<") {
        let what = "a template whose value does not fit between the quotes of a script";
        return Err((what.to_owned(), step.node));
    }
    if step.persist {
        let root = argument(step, "root")?;
        let mut words = vec![store, "\"$CIRCLE_JOB\"".to_owned(), quoted(&root)];
        let Some(paths) = value(step, "paths") else {
            return Err(("a persist without `paths`".to_owned(), step.node));
        };
        match paths.shape() {
            Shape::Sequence(items) => {
                for item in items {
                    let item = item.resolve().node.unwrap_or(item);
                    match item.text() {
                        Some(text) => words.push(quoted(text)),
                        None => {
                            return Err(("an item of `paths` that is no text".to_owned(), item));
                        }
                    }
                }
            }
            _ => match paths.text() {
                Some(text) if !text.trim_start().starts_with("<<") => words.push(quoted(text)),
                _ => {
                    return Err((
                        "`paths` as a template: its items are not known here".to_owned(),
                        paths,
                    ));
                }
            },
        }
        return Ok(format!(
            "{}hl_persist {}\n",
            twin::functions(twin::Verb::Persist),
            words.join(" ")
        ));
    }
    let at = quoted(&argument(step, "at")?);
    let call = |words: &[String]| {
        format!("hl_attach {store} {at} {}", words.join(" "))
            .trim_end()
            .to_owned()
    };
    let same = place.upstream.windows(2).all(|w| w[0] == w[1]);
    let calls = if same {
        call(place.upstream.first().map_or(&[], Vec::as_slice))
    } else {
        // One text for several jobs: which layers are upstream is decided by the job's name.
        let mut lines = String::from("case $CIRCLE_JOB in\n");
        for (job, words) in place.jobs.iter().zip(&place.upstream) {
            lines.push_str(&format!("  {}) {} ;;\n", quoted(job), call(words)));
        }
        lines.push_str("  *) hl_die \"the layers of job $CIRCLE_JOB are not known: rewrite the config again\" ;;\nesac");
        lines
    };
    Ok(format!("{}{calls}\n", twin::functions(twin::Verb::Attach)))
}

fn value<'t>(step: &WorkspaceStep<'t>, key: &str) -> Option<Node<'t>> {
    let merged = step.arguments.merged(10_000);
    let entry = merged
        .iter()
        .rev()
        .find(|m| m.entry.key.text() == Some(key))?;
    entry.entry.value.resolve().node
}

fn argument<'t>(step: &WorkspaceStep<'t>, key: &str) -> Result<String, (String, Node<'t>)> {
    value(step, key)
        .and_then(|n| n.text().map(str::to_owned))
        .filter(|t| !t.is_empty())
        .ok_or_else(|| (format!("a step without `{key}`"), step.node))
}

/// An anchor inside a rewritten step goes away with it; who uses it from elsewhere would be left
/// with an alias of nothing.
fn lost_anchors(tree: &Tree, id: SourceId, edits: &[Edit]) -> Vec<Refusal> {
    let edit_of = |node: Node<'_>| edits.iter().position(|e| e.span.contains(node.span()));
    let mut out: Vec<Refusal> = Vec::new();
    for alias in tree.nodes() {
        let Shape::Alias(_) = alias.shape() else {
            continue;
        };
        let Some(anchor) = alias.resolve().node.and_then(Node::anchor) else {
            continue;
        };
        let inside = edits.iter().any(|e| e.span.contains(anchor.span));
        let at = Location::new(id, anchor.span);
        if inside && edit_of(alias).is_none() && !out.iter().any(|r| r.at == at) {
            out.push(Refusal {
                what: format!(
                    "`{}` inside a workspace step, used outside of it",
                    tree.slice_of(anchor.span)
                ),
                at,
            });
        }
    }
    out
}

/// Returns the bytes that a step in block style gives way with: its own, and the comments behind
/// it that a block scalar in its place would swallow, those on its last line and those below it
/// that are indented further than it.
fn with_comments_behind(tree: &Tree, step: Span, column: usize) -> Span {
    let mut end = step.end;
    for comment in tree.comments().iter().filter(|c| c.span.start >= step.end) {
        let between = tree.slice_of(Span {
            start: end,
            end: comment.span.start,
        });
        if !between.chars().all(char::is_whitespace) {
            break;
        }
        if comment.own_line && column_of(tree, comment.span.start) <= column {
            break;
        }
        end = comment.span.end;
    }
    Span { end, ..step }
}

/// Returns how many characters stand before an offset on its line.
fn column_of(tree: &Tree, offset: u32) -> usize {
    let before = &tree.text()[..offset as usize];
    let line = before.rfind('\n').map_or(0, |n| n + 1);
    before[line..].chars().count()
}

/// Returns the step that takes the old one's place, in the style of what is around it.
fn replacement(
    tree: &Tree,
    step: &WorkspaceStep<'_>,
    script: &str,
    newline: &str,
) -> Result<Edit, String> {
    let flow = in_flow(tree, step.node);
    let column = column_of(tree, step.node.span().start);
    let span = if flow {
        step.node.span()
    } else {
        with_comments_behind(tree, step.node.span(), column)
    };
    let inside = tree.comments().iter().filter(|c| span.contains(c.span));
    let comments: Vec<&str> = inside.map(|c| tree.slice_of(c.span)).collect();
    let title = match value(step, "name").and_then(Node::text) {
        Some(name) => name.to_owned(),
        None if step.persist => "Persist to workspace".to_owned(),
        None => "Attach workspace".to_owned(),
    };
    // In double quotes, the only form that fits every title and every path.
    let scalar = crate::yaml::quoted;
    if flow {
        if !comments.is_empty() {
            return Err("a comment inside a step in flow style".to_owned());
        }
        let text = format!(
            "{{run: {{name: {}, command: {}}}}}",
            scalar(&title),
            scalar(script)
        );
        return Ok(Edit { span, text });
    }
    let (keys, lines) = (" ".repeat(column + 2), " ".repeat(column + 4));
    let plain = |t: &str| {
        serde_yaml::to_string(t)
            .map(|y| y.trim_end().to_owned())
            .unwrap_or_else(|_| scalar(t))
    };
    let title = match plain(&title) {
        one if !one.contains('\n') => one,
        _ => scalar(&title),
    };
    let mut out = format!("run:{newline}{keys}name: {title}{newline}");
    for comment in comments {
        out.push_str(&format!("{keys}{}{newline}", comment.trim_end()));
    }
    if !script.chars().all(is_printable) {
        out.push_str(&format!("{keys}command: {}", scalar(script)));
        return Ok(Edit { span, text: out });
    }
    out.push_str(&format!("{keys}command: |{newline}"));
    for text in script.lines() {
        if !text.is_empty() {
            out.push_str(&lines);
            out.push_str(text);
        }
        out.push_str(newline);
    }
    // The step's own line break stays where it is.
    out.truncate(out.len() - newline.len());
    Ok(Edit { span, text: out })
}

/// Says whether a node stands inside `[…]` or `{…}`.
fn in_flow(tree: &Tree, node: Node<'_>) -> bool {
    let mut at = tree.root();
    while let Some(outer) = at {
        if outer == node {
            return false;
        }
        if outer.is_flow() {
            return true;
        }
        let children = outer
            .items()
            .chain(outer.entries().flat_map(|e| [e.key, e.value]));
        at = children
            .into_iter()
            .find(|c| c.span().contains(node.span()));
    }
    false
}

/// Checks that the edited text holds the new steps, and otherwise what it held before.
fn verify(old: &Tree, text: &str, edited: &[(NodeId, String)]) -> Result<(), TranspileError> {
    let wrong = |what: String| TranspileError::Verification(what);
    let parsed = parse(text);
    if let Some(error) = parsed.error {
        return Err(wrong(error.to_string()));
    }
    same_except(old, &parsed.tree, &|n| {
        edited.iter().any(|(id, _)| *id == n.id())
    })
    .map_err(|e| wrong(e.to_string()))?;
    let scripts = parsed
        .tree
        .nodes()
        .filter_map(|n| n.get("command")?.value.text());
    let mut missing: Vec<&str> = edited.iter().map(|(_, s)| s.as_str()).collect();
    for script in scripts {
        if let Some(i) = missing
            .iter()
            .position(|m| *m == script || m.trim_end() == script.trim_end())
        {
            missing.swap_remove(i);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(wrong(
            "a script does not read back as it was written".to_owned(),
        ))
    }
}
