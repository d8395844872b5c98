//! `--to circleci`: persist and attach become `run` steps in the same file, which is otherwise
//! left as it is. The edit is made on bytes and verified on the data.

mod cache;
mod edit;
mod script;
mod steps;

use super::lower::upstream_words;
use super::{Ledger, Node as Item, Outcome, Refusal, Report, Runtime, TranspileError};
use crate::circleci::Compiled;
use crate::yaml::{Location, Node, NodeId, Source, SourceId, Touch, Tree, apply, parse, same_but};
use edit::Written;
use steps::is_workspace;

/// What carries the layers from job to job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A folder that all runners see, or a store elsewhere, which needs [`Runtime::Binary`].
    Url(String),
    /// The cache of the service.
    Cache,
}

/// How a config is rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What carries the layers.
    pub store: Store,
    /// What does the layer operations; the cache is filled by shell functions alone.
    pub runtime: Runtime,
    /// Whether to go on where steps are not known here that may persist or attach as well: the
    /// report names them then.
    pub despite_unknown: bool,
}

/// The edited config, and what a person should know about it.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// How many steps were rewritten.
    pub steps: usize,
    /// Persist and attach steps of jobs that no workflow runs: left as they are.
    pub left: Vec<Location>,
    /// What became of everything that the config says.
    pub report: Report,
}

/// Rewrites the workspace steps of a config.
///
/// # Errors
/// A step that cannot be rewritten, or a result that would say something else.
pub fn rewrite(
    compiled: &Compiled,
    source: &Source,
    id: SourceId,
    options: &Options,
) -> Result<Rewritten, TranspileError> {
    let tree = &compiled.tree;
    let mut refusals = match options.despite_unknown {
        true => Vec::new(),
        false => unknown_parts(compiled),
    };
    refusals.extend(elsewhere(compiled, id));
    let newline = match source.text().contains("\r\n") {
        true => "\r\n",
        false => "\n",
    };
    let mut edits = Vec::new();
    let mut edited: Vec<Edited> = Vec::new();
    let mut left = Vec::new();
    let places = steps::places(compiled, id);
    for step in steps::workspace_steps(tree) {
        let Some(place) = places.get(&step.node.span().start) else {
            left.push(Location::new(id, step.node.span()));
            continue;
        };
        let written = script::written(&step, place, options);
        let made = written.and_then(|written| {
            let own = edit::edits(tree, &step, &written, newline);
            own.map(|own| (own, written))
                .map_err(|what| (what, step.node))
        });
        match made {
            Ok((own, written)) => {
                edits.extend(own);
                edited.push(Edited {
                    step: step.node.id(),
                    written,
                });
            }
            Err((what, node)) => refusals.push(Refusal {
                what,
                at: Location::new(id, node.span()),
            }),
        }
    }
    refusals.extend(edit::lost_anchors(tree, id, &edits));
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
        report: report(compiled, &places, options)?,
    })
}

/// What a person has to do about steps that are not known here.
const UNKNOWN: &str = "see whether its source persists or attaches: such a step goes on using the workspace of the service, and knows nothing of the layers that are carried now";

/// Says what became of everything: what stays is as it was, and so are layers.
fn report(
    compiled: &Compiled,
    places: &std::collections::BTreeMap<u32, steps::Place>,
    options: &Options,
) -> Result<Report, TranspileError> {
    let pipeline = &compiled.pipeline;
    let mut ledger = Ledger::new(pipeline);
    ledger.settle_all(&Outcome::Converted);
    for (w, workflow) in pipeline.workflows.iter().enumerate() {
        for (j, job) in workflow.jobs.iter().enumerate() {
            for key in ["unknown", "orb job"] {
                ledger.manual(Item::Job(w, j), key, UNKNOWN);
            }
            for (s, step) in job.steps.iter().enumerate() {
                ledger.manual(Item::Step(w, j, s), "orb step", UNKNOWN);
                let place = places.get(&step.origin.at.span.start);
                let Some(place) = place.filter(|_| is_workspace(&step.kind)) else {
                    continue;
                };
                let mut each = place.upstream.iter().map(|u| upstream_words(u));
                let first = each.next();
                let several = each.any(|words| Some(words) != first);
                if options.store == Store::Cache && several {
                    let why = "the step serves jobs with different layers: each of them fetches those of all, and applies its own";
                    ledger.approximated(Item::Step(w, j, s), super::own_key(&step.kind), why);
                }
            }
        }
    }
    ledger
        .finish(pipeline, "circleci")
        .map_err(TranspileError::Forgotten)
}

/// A step that gave way, with what is there instead.
struct Edited {
    step: NodeId,
    written: Vec<Written>,
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

/// Checks that the edited text holds the new steps, and otherwise what it held before.
fn verify(old: &Tree, text: &str, edited: &[Edited]) -> Result<(), TranspileError> {
    let wrong = |what: String| TranspileError::Verification(what);
    let parsed = parse(text);
    if let Some(error) = parsed.error {
        return Err(wrong(error.to_string()));
    }
    let mut touched = Vec::new();
    let mut grown: Vec<Node<'_>> = Vec::new();
    for Edited { step, written } in edited {
        let step = old.node(*step);
        touched.push(Touch::Value(step.span()));
        if written.len() > 1 {
            grown.push(step);
        }
    }
    let lists = old.nodes().filter(|n| n.items().next().is_some());
    let lists = lists.filter(|list| {
        let mut items = list.items();
        items.any(|i| grown.iter().any(|step| edit::stands_for(i, *step)))
    });
    touched.extend(lists.map(|n| Touch::Grows(n.span())));
    same_but(old, &parsed.tree, &touched).map_err(|e| wrong(e.to_string()))?;
    let of = |node: Node<'_>, step: &str, key: &str| -> Option<String> {
        let arguments = node.get(step)?.value;
        Some(arguments.get(key)?.value.text()?.to_owned())
    };
    let mut missing: Vec<(&str, &str, &str)> = edited
        .iter()
        .flat_map(|e| &e.written)
        .map(|written| match written {
            Written::Run(script) => ("run", "command", script.as_str()),
            Written::Save { key, .. } => ("save_cache", "key", key.as_str()),
            Written::Restore { key, .. } => ("restore_cache", "key", key.as_str()),
        })
        .collect();
    for node in parsed.tree.nodes() {
        let found = missing.iter().position(|(step, key, text)| {
            of(node, step, key).is_some_and(|t| t == *text || t.trim_end() == text.trim_end())
        });
        if let Some(i) = found {
            missing.swap_remove(i);
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(wrong(
            "a step does not read back as it was written".to_owned(),
        )),
    }
}
