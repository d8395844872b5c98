//! `holdall run`.

mod approvals;
mod context;
mod dry;
mod select;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::engine::{self, EngineArg};
use super::layers::items;
use super::orbs::OrbArgs;
use super::run_view::{self, Format, Stop};
use super::values::{self, ValueArgs};
use super::{CliError, Ui, error, gate, ignore, input};
use crate::finding;
use crate::layer::Workspace;
use crate::plan::{GitRef, Pipeline, Undecided, Workflow};
use crate::run::{self, RunError};

/// Run a workflow on this machine, with real workspaces.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall run --dir examples/workspaces\n\nThe config is linted first; errors stop the run. docs/run.md says what jobs see."
)]
pub(crate) struct Args {
    /// The workflow; may be left out where the config has only one.
    workflow: Option<String>,

    /// The project, or one config of it. Default: the current folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    orbs: OrbArgs,

    /// What runs the jobs: this machine, or containers of the images that they name.
    #[arg(long, value_name = "ENGINE", default_value = "host")]
    engine: EngineArg,

    /// Take another image for one of the config; may be repeated.
    #[arg(long, value_name = "FROM=TO")]
    image: Vec<String>,

    /// Jobs, or nodes of them, at the same time. Default: one a core; 1 with --no-isolation.
    #[arg(short = 'j', long = "jobs", value_name = "N", value_parser = at_least_one)]
    jobs: Option<NonZeroUsize>,

    /// Run this job or matrix and what it requires; may be repeated.
    #[arg(long, value_name = "JOB", help_heading = "What runs")]
    job: Vec<String>,

    /// Run the jobs of --job alone, with the layers of an earlier run.
    #[arg(long, requires = "job", help_heading = "What runs")]
    only: bool,

    /// The run whose layers --only uses: its id, or `last`.
    #[arg(
        long,
        value_name = "RUN",
        requires = "only",
        help_heading = "What runs"
    )]
    from_run: Option<String>,

    /// Run again what did not pass in a run: its id, or `last`.
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with = "job",
        help_heading = "What runs"
    )]
    rerun_from_failed: Option<String>,

    /// Show what would run, and run nothing.
    #[arg(long, short = 'n', help_heading = "What runs")]
    dry_run: bool,

    /// Check out what git neither tracks nor ignores, too.
    #[arg(long)]
    dirty: bool,

    /// Keep the working directory of each job with its results.
    #[arg(long)]
    keep: bool,

    /// Run jobs on the bare machine: they can change what you can.
    #[arg(long)]
    no_isolation: bool,

    /// The variables of a context, one NAME=VALUE a line; may be repeated. Values are masked.
    #[arg(long, value_name = "NAME=FILE")]
    context: Vec<String>,

    /// Approve an approval job; may be repeated.
    #[arg(long, value_name = "JOB")]
    approve: Vec<String>,

    /// Approve all approval jobs.
    #[arg(long)]
    approve_all: bool,

    /// Go on in spite of findings.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    values: ValueArgs,

    /// How to show it; `holdall schema run-events` describes the JSON.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        help_heading = "Output"
    )]
    format: Format,

    /// Show all that jobs write, on a terminal too.
    #[arg(long, short, conflicts_with = "quiet", help_heading = "Output")]
    verbose: bool,
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it is a number from 1".to_owned())
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let config = input::single(args.dir.as_deref())?;
    let given = args.values.given()?;
    let asked = values::pushed(&given);
    let mut checked = gate::read(&config, &args.orbs, given, true)?;
    gate::pass(&mut checked, true, args.force, ui)?;
    let mut options = options(args, &config)?;
    let earlier = select::Earlier::read(args, &options.runs)?;
    let name = match earlier.rerun(args)? {
        Some(run) => Some(run.workflow.as_str()),
        None => args.workflow.as_deref(),
    };
    let workflow = choose(&checked.compiled.pipeline, name)?.clone();
    if workflow.condition.is_some() {
        ui.note(&format!(
            "the condition of workflow `{}` is not looked at: it runs because it was asked for",
            workflow.name
        ));
    }
    approvals::known(&args.approve, &workflow)?;
    let workflow = filtered(asked, workflow, &mut options, &mut checked.report, ui)?;
    let workflow = select::narrow(args, workflow, &earlier, &mut options)?;
    if args.dry_run {
        run::check(&workflow).map_err(|e| refused(e, &mut checked.report, ui))?;
        return dry::show(&workflow, &options, args.format, ui);
    }
    ignore::beside(&options.store);
    let mut view = run_view::choose(ui, args.format, args.verbose);
    let mut closed = None;
    let mut stop = None;
    let ran = run::execute(&workflow, &options, &mut |event| {
        // Jobs are not killed because nobody reads any more; the error is told at the end.
        if closed.is_some() {
            return;
        }
        let now = asked_to_stop(&options);
        if stop != now {
            stop = now;
            closed = stop.and_then(|stop| view.stopping(stop).err());
        }
        if closed.is_none() {
            closed = view.event(&event).err();
        }
    });
    let shown = match (&ran, closed) {
        (_, Some(closed)) => Err(closed),
        (Ok(summary), None) => view.summary(summary),
        (Err(_), None) => Ok(()),
    };
    // It may have to leave the terminal before anything else is said.
    drop(view);
    let summary = ran.map_err(|e| refused(e, &mut checked.report, ui))?;
    shown?;
    let held = summary.jobs.iter().filter(|job| job.held);
    let held: Vec<&str> = held.map(|job| job.name.as_str()).collect();
    if !held.is_empty() {
        ui.note(&format!(
            "on hold: {} waits for an approval; --approve JOB gives one",
            finding::listed(&held, 10)
        ));
    }
    let workspace = Workspace::in_dir(&options.store, &summary.workspace);
    let advice = workspace
        .layers()
        .and_then(|layers| items::of(&workspace, &layers));
    // A store that does not read has been told by the job that wanted it.
    if let Ok(items) = advice {
        ui.talk(&items::text(&items));
    }
    Ok(if summary.success { 0 } else { error::FOUND })
}

/// Returns the workflow as its filters leave it for the push that is meant.
fn filtered(
    asked: Option<GitRef>,
    workflow: Workflow,
    options: &mut run::Options,
    report: &mut finding::Report,
    ui: &Ui,
) -> Result<Workflow, CliError> {
    options.pushed.clone_from(&asked);
    if asked.is_none() && workflow.jobs.iter().all(|j| j.filters.is_none()) {
        return Ok(workflow);
    }
    let pushed = asked
        .or_else(|| run::checked_out(&options.project))
        .ok_or_else(|| {
            CliError::usage("the workflow has filters, and no branch is checked out")
                .hint("say what the run stands for: --branch NAME or --tag NAME")
        })?;
    let (kept, left) = workflow.for_push(&pushed).map_err(|(job, why)| {
        let (what, at) = match why {
            Undecided::Expression(text) => ("filters by expression", text.at),
            Undecided::Pattern(text) => ("a pattern with look-around or back-references", text.at),
        };
        let job = workflow.jobs.get(job).map_or("", |j| j.name.as_str());
        gate::show(report, [(format!("{what} (job `{job}`)"), at)], ui);
        CliError::found("it cannot be said which jobs run")
    })?;
    let name = match &pushed {
        GitRef::Branch(name) => format!("branch {name}"),
        GitRef::Tag(name) => format!("tag {name}"),
    };
    let names: Vec<&str> = left
        .iter()
        .filter_map(|i| workflow.jobs.get(*i))
        .map(|j| j.name.as_str())
        .collect();
    if kept.jobs.is_empty() {
        return Err(CliError::found(format!(
            "no job of workflow `{}` runs for {name}",
            workflow.name
        ))
        .hint("its filters leave all of them out; --branch or --tag chooses another push"));
    }
    if !names.is_empty() {
        ui.note(&format!(
            "left out by filters for {name}: {}",
            finding::listed(&names, 10)
        ));
    }
    Ok(kept)
}

/// Returns the workflow that is meant.
fn choose<'p>(pipeline: &'p Pipeline, name: Option<&str>) -> Result<&'p Workflow, CliError> {
    let names: Vec<&str> = pipeline.workflows.iter().map(|w| w.name.as_str()).collect();
    match (name, pipeline.workflows.as_slice()) {
        (None, [only]) => Ok(only),
        (None, []) => Err(CliError::found("the config has no workflow that could run")),
        (None, _) => Err(CliError::usage(format!(
            "the config has {} workflows: {}",
            names.len(),
            finding::listed(&names, 10)
        ))
        .hint("name the one to run: holdall run WORKFLOW")),
        (Some(name), list) => list.iter().find(|w| w.name == name).ok_or_else(|| {
            CliError::usage(format!("there is no workflow `{name}`"))
                .hint_name(name, names.iter().copied())
        }),
    }
}

fn options(args: &Args, config: &std::path::Path) -> Result<run::Options, CliError> {
    let cannot =
        |e: std::io::Error| CliError::input(format!("cannot find the project's folder: {e}"));
    let project = input::project_root(config).canonicalize().map_err(cannot)?;
    let mut options = run::Options::new(&project);
    if let Some(store) = std::env::var_os("HOLDALL_STORE").filter(|s| !s.is_empty()) {
        options.store = layer_folder(&store.to_string_lossy())?;
    }
    options.workspace = std::env::var("HOLDALL_WORKSPACE")
        .ok()
        .filter(|w| !w.is_empty());
    options.isolation = !args.no_isolation;
    options.jobs = args.jobs;
    options.dirty = args.dirty;
    options.keep = args.keep;
    engine::set(&mut options, args.engine, &args.image)?;
    options.contexts = args
        .context
        .iter()
        .map(|text| context::read(text))
        .collect::<Result<_, _>>()?;
    options.approvals = run::Approvals {
        all: args.approve_all,
        jobs: args.approve.clone(),
        ask: approvals::asks().then(|| Arc::new(approvals::ask) as Arc<run::Ask>),
    };
    #[cfg(unix)]
    listen(&options).map_err(|e| CliError::input(format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(options)
}

/// Lets Ctrl-C stop the run: once, and steps have time to end; again, and they are killed. A terminal
/// that goes away and a request to end mean the same.
#[cfg(unix)]
fn listen(options: &run::Options) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let (cancel, hurry) = (Arc::clone(&options.cancel), Arc::clone(&options.hurry));
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if cancel.swap(true, Ordering::Relaxed) {
                hurry.store(true, Ordering::Relaxed);
            }
        }
    });
    Ok(())
}

/// Says whether somebody wants the run to end, and how.
fn asked_to_stop(options: &run::Options) -> Option<Stop> {
    match options.hurry.load(Ordering::Relaxed) {
        true => Some(Stop::Killed),
        false => (options.cancel.load(Ordering::Relaxed)).then_some(Stop::Asked),
    }
}

/// Reads a store that is a folder; others have no shape that a job could write to.
fn layer_folder(url: &str) -> Result<PathBuf, CliError> {
    let path = url
        .strip_prefix("file://")
        .or_else(|| url.strip_prefix("file:"))
        .unwrap_or(url);
    if path.contains("://") {
        return Err(CliError::usage(format!(
            "HOLDALL_STORE names `{url}`, which is no folder"
        )));
    }
    std::path::absolute(path)
        .map_err(|e| CliError::usage(format!("HOLDALL_STORE names `{url}`: {e}")))
}

fn refused(error: RunError, report: &mut finding::Report, ui: &Ui) -> CliError {
    let code = match &error {
        RunError::Unsupported(_) | RunError::Cycle(_) | RunError::UnknownRequirement { .. } => {
            error::FOUND
        }
        RunError::Isolation { .. } | RunError::Engine { .. } | RunError::Platform => error::USAGE,
        RunError::Io { .. } => error::INPUT,
        _ => error::DEFECT,
    };
    if let RunError::Unsupported(refusals) = &error {
        let places = refusals
            .iter()
            .map(|r| (format!("{} (job `{}`)", r.what, r.job), r.origin.at));
        gate::show(report, places, ui);
    }
    let hint = error.hint();
    let said = CliError::new(
        code,
        match &error {
            RunError::Unsupported(_) => "the workflow holds what `run` does not do yet".to_owned(),
            other => other.to_string(),
        },
    );
    match hint {
        Some(hint) => said.hint(hint),
        None => said,
    }
}
