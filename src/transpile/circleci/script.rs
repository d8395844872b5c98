//! What a workspace step does in the words of a shell: over a folder, over a store elsewhere, or over
//! the service's own cache.

use super::cache;
use super::edit::Written;
use super::steps::{Place, WorkspaceStep, argument, value};
use super::{Options, Store};
use crate::layer::{Upstream, twin};
use crate::transpile::Runtime;
use crate::transpile::lower::{upstream_words, which};
use crate::words::quoted;
use crate::yaml::{Node, Shape};

/// What stands in the way of a step, and where.
type Wrong<'t> = (String, Node<'t>);

/// Returns the steps that take the place of a workspace step, or what stands in the way and where.
pub(super) fn written<'t>(
    step: &WorkspaceStep<'t>,
    place: &Place,
    options: &Options,
) -> Result<Vec<Written>, Wrong<'t>> {
    if let Some(when) = value(step, "when").filter(|w| w.text() != Some("on_success")) {
        return Err(("`when` of a workspace step".to_owned(), when));
    }
    if place.breaks_quotes && step.node.source().contains("<<") {
        let what = "a template whose value does not fit between the quotes of a script";
        return Err((what.to_owned(), step.node));
    }
    match step.persist {
        true => persist(step, place, options),
        false => attach(step, place, options),
    }
}

fn persist<'t>(
    step: &WorkspaceStep<'t>,
    place: &Place,
    options: &Options,
) -> Result<Vec<Written>, Wrong<'t>> {
    let root = quoted(&argument(step, "root")?);
    let paths = paths(step)?.join(" ");
    let functions = twin::functions(twin::Verb::Persist);
    match &options.store {
        Store::Url(url) if options.runtime == Runtime::Binary => Ok(vec![Written::Run(format!(
            "{}holdall persist --store {} --workspace {WORKSPACE} --job \"$CIRCLE_JOB\" --node \"$CIRCLE_NODE_INDEX\" --nodes \"$CIRCLE_NODE_TOTAL\" --root \"$folder\" -- {paths}\n",
            folder(&root),
            binary_store(url),
        ))]),
        Store::Url(folder) => Ok(vec![Written::Run(format!(
            "{functions}hl_persist {} \"$CIRCLE_JOB\" {root} {paths}\n",
            quoted(folder),
        ))]),
        Store::Cache => {
            for job in &place.jobs {
                if let Some(why) = cache::unfit(job) {
                    return Err((format!("{why}: `{job}`"), step.node));
                }
            }
            let number = place.number.unwrap_or_default();
            let call = format!("holdall_persist {} {root} {paths}", cache::folder(number));
            let script = format!(
                "set -e\n{functions}{}{}{call}\n",
                twin::carry_functions(),
                cache::PERSIST
            );
            let mut out = vec![Written::Run(script)];
            // What no job attaches nobody has to keep.
            if place.attached {
                out.push(cache::save(number));
            }
            Ok(out)
        }
    }
}

/// Returns the words of a persist step's paths.
fn paths<'t>(step: &WorkspaceStep<'t>) -> Result<Vec<String>, Wrong<'t>> {
    let Some(paths) = value(step, "paths") else {
        return Err(("a persist without `paths`".to_owned(), step.node));
    };
    let Shape::Sequence(items) = paths.shape() else {
        return match paths.text() {
            Some(text) if !text.trim_start().starts_with("<<") => Ok(vec![quoted(text)]),
            _ => Err((
                "`paths` as a template: its items are not known here".to_owned(),
                paths,
            )),
        };
    };
    let words = items.map(|item| {
        let item = item.resolve().node.unwrap_or(item);
        match item.text() {
            Some(text) => Ok(quoted(text)),
            None => Err(("an item of `paths` that is no text".to_owned(), item)),
        }
    });
    words.collect()
}

fn attach<'t>(
    step: &WorkspaceStep<'t>,
    place: &Place,
    options: &Options,
) -> Result<Vec<Written>, Wrong<'t>> {
    let at = quoted(&argument(step, "at")?);
    let mut out = Vec::new();
    let (functions, words): (String, Vec<String>) = match &options.store {
        Store::Url(url) if options.runtime == Runtime::Binary => (
            folder(&at),
            place
                .upstream
                .iter()
                .map(|u| {
                    format!(
                        "holdall attach --store {} --workspace {WORKSPACE}{} --at \"$folder\"",
                        binary_store(url),
                        which(u)
                    )
                })
                .collect(),
        ),
        Store::Url(url) => (
            twin::functions(twin::Verb::Attach),
            place
                .upstream
                .iter()
                .map(|u| {
                    let words = upstream_words(u).join(" ");
                    format!("hl_attach {} {at} {words}", quoted(url))
                })
                .collect(),
        ),
        Store::Cache => {
            if place.layers.len() > cache::MOST {
                return Err((
                    format!(
                        "a step for jobs that attach {} layers together: give those that attach different ones a step of their own, or name a store",
                        place.layers.len()
                    ),
                    step.node,
                ));
            }
            out.extend(place.layers.iter().map(cache::Layer::restore));
            let call = |(upstream, sure): (&Vec<Upstream>, &Vec<usize>)| {
                let words = upstream.iter().zip(sure);
                let words = words.map(|(u, n)| format!(" {}", quoted(&cache::word(u, *n))));
                format!("holdall_attach {at}{}", words.collect::<String>())
            };
            (
                format!(
                    "set -e\n{}{}{}",
                    twin::functions(twin::Verb::Attach),
                    twin::carry_functions(),
                    cache::ATTACH
                ),
                place.upstream.iter().zip(&place.sure).map(call).collect(),
            )
        }
    };
    let calls = chosen(place, &words, options);
    out.push(Written::Run(format!("{functions}{calls}\n")));
    Ok(out)
}

/// Returns the call of the job at hand: where a text serves several jobs, its name decides which
/// layers are upstream.
fn chosen(place: &Place, calls: &[String], options: &Options) -> String {
    if calls.windows(2).all(|c| c[0] == c[1]) {
        return calls.first().map_or("", |c| c.trim_end()).to_owned();
    }
    let mut lines = String::from("case $CIRCLE_JOB in\n");
    for (job, call) in place.jobs.iter().zip(calls) {
        lines.push_str(&format!("  {}) {} ;;\n", quoted(job), call.trim_end()));
    }
    let unknown = "the layers of job $CIRCLE_JOB are not known: rewrite the config again";
    lines.push_str(&match options.runtime {
        Runtime::Sh => format!("  *) hl_die \"{unknown}\" ;;\nesac"),
        Runtime::Binary => format!("  *) echo \"{unknown}\" >&2; exit 1 ;;\nesac"),
    });
    lines
}

/// The workspace, for the binary; the shell functions know it themselves.
const WORKSPACE: &str = "\"$CIRCLE_WORKFLOW_WORKSPACE_ID\"";

/// A store as the binary takes it, which knows no `~`.
fn binary_store(url: &str) -> String {
    match url.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quoted(rest)),
        None => quoted(url),
    }
}

/// Puts a path with `~` put in into a variable.
fn folder(word: &str) -> String {
    format!(
        "folder={word}\ncase $folder in \\~) folder=$HOME ;; \\~/*) folder=$HOME/${{folder#??}} ;; esac\n"
    )
}
