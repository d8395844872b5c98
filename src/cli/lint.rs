//! `holdall lint`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::baseline::Baseline;
use super::orbs::OrbArgs;
use super::settings::Settings;
use super::values::{self, ValueArgs};
use super::{CliError, Ui, error, input};
use crate::circleci::{GivenError, Inputs};
use crate::finding::{self, Report, Severity};
use crate::lint;

/// Check configs: structure, references, the graph, and the workspace data flow.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall lint .circleci/config.yml --format json")]
pub(crate) struct Args {
    /// Configs, or folders that hold them; `-` reads stdin. Default: .circleci/*.yml.
    paths: Vec<PathBuf>,

    #[command(flatten)]
    orbs: OrbArgs,

    /// How findings are printed. Default: `github` in GitHub Actions, else `human`.
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Format>,

    /// Also print findings that a comment silences (json, jsonl, sarif).
    #[arg(long, help_heading = "Output")]
    show_suppressed: bool,

    /// Only these rules, groups or tags; may be repeated.
    #[arg(
        long,
        value_name = "RULE",
        value_delimiter = ',',
        help_heading = "Rules"
    )]
    select: Vec<String>,

    /// Not these rules, groups or tags; may be repeated.
    #[arg(
        long,
        value_name = "RULE",
        value_delimiter = ',',
        help_heading = "Rules"
    )]
    ignore: Vec<String>,

    /// Give rules another level: off, info, warning or error; may be repeated.
    #[arg(long, value_name = "RULE=LEVEL", help_heading = "Rules")]
    severity: Vec<String>,

    /// Which findings are shown: `pedantic` adds those that are only worth knowing.
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,

    /// The least severity that makes the exit status 1. Default: error.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,

    /// Findings that are known, and not reported again.
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    baseline: Option<PathBuf>,

    /// Make all findings known: write them to the baseline.
    #[arg(long, help_heading = "Rules")]
    update_baseline: bool,

    #[command(flatten)]
    values: ValueArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Concise,
    Json,
    Jsonl,
    Sarif,
    Github,
    Gitlab,
    Junit,
    Checkstyle,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Default,
    Pedantic,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let checkouts = input::Checkouts::default();
    let mut reports: Vec<Report> = Vec::new();
    let mut unread = None;
    let given = args.values.given()?;
    let mut refused: Vec<Vec<GivenError>> = Vec::new();
    let paths = input::discover(&args.paths)?;
    // Of several settings, those of the first config say what is asked of all of them.
    let first = match paths.first() {
        Some(path) => Settings::of(path)?,
        None => Settings::default(),
    };
    // Wrong rules on the command line are said before anything is read.
    let mut rules = first.selection.clone();
    choose(args, &mut rules)?;
    let least = match args.level {
        Some(Level::Default) => Severity::Warning,
        Some(Level::Pedantic) => Severity::Info,
        None => first.least.unwrap_or(Severity::Warning),
    };
    for path in paths {
        let settings = Settings::of(&path)?;
        if settings.excludes(&path) {
            continue;
        }
        match input::read(&path) {
            Ok(source) => {
                let orbs = args.orbs.sources_or(&path, settings.orb_dir.clone());
                let inputs = Inputs {
                    orbs: &orbs,
                    given: given.clone(),
                    ..Inputs::default()
                };
                let tracked = || checkouts.tracked(&path);
                let mut selection = settings.selection;
                choose(args, &mut selection)?;
                let options = lint::Options {
                    least,
                    tracked: Some(&tracked),
                    selection: &selection,
                };
                let mut checked = lint::check_with(source, options, &inputs);
                if !args.show_suppressed {
                    checked.report.suppressed.clear();
                }
                reports.push(checked.report);
                refused.push(checked.compiled.refused);
            }
            // One file that cannot be read does not stop the others.
            Err(error) => unread = Some(ui.fail(&error)),
        }
    }
    if let Some(error) = values::refused(&nobodys(&refused)) {
        return Err(error);
    }
    let baseline = args.baseline.clone().or(first.baseline);
    if args.update_baseline {
        let Some(path) = &baseline else {
            return Err(CliError::usage("no baseline is named")
                .hint("add `--baseline FILE`, or `baseline` below `[lint]` in holdall.toml"));
        };
        let known = Baseline::of(&reports);
        known.write(path)?;
        ui.talk(&format!(
            "{}: {} findings are known now\n",
            path.display(),
            known.len()
        ));
        return Ok(unread.unwrap_or(0));
    }
    if let Some(path) = &baseline {
        Baseline::read(path)?.drop_known(&mut reports);
    }
    let format = args.format.unwrap_or_else(|| {
        match std::env::var_os("GITHUB_ACTIONS").is_some_and(|v| v == "true") {
            true => Format::Github,
            false => Format::Human,
        }
    });
    let text = match format {
        Format::Human if reports.is_empty() => String::new(),
        Format::Human => finding::human(&reports, ui.look()),
        Format::Concise => finding::concise(&reports),
        Format::Json => finding::json(&reports),
        Format::Jsonl => finding::jsonl(&reports),
        Format::Sarif => finding::sarif(&reports, &infos(&rules)),
        Format::Github => finding::github(&reports),
        Format::Gitlab => finding::gitlab(&reports),
        Format::Junit => finding::junit(&reports),
        Format::Checkstyle => finding::checkstyle(&reports),
    };
    ui.out(&text)?;
    let limit = match args.fail_on {
        Some(FailOn::Error) => Some(Severity::Error),
        Some(FailOn::Warning) => Some(Severity::Warning),
        Some(FailOn::Info) => Some(Severity::Info),
        Some(FailOn::Never) => None,
        None => first.fail_on.unwrap_or(Some(Severity::Error)),
    };
    let failed = limit.is_some_and(|l| reports.iter().any(|r| r.has(l)));
    Ok(unread.unwrap_or(if failed { error::FOUND } else { 0 }))
}

/// Adds what the command line says of rules to what the settings say.
fn choose(args: &Args, selection: &mut lint::Selection) -> Result<(), CliError> {
    let wrong =
        |error: &lint::SelectionError| CliError::usage(error.to_string()).hint(error.hint());
    for name in &args.select {
        selection.select(name).map_err(|e| wrong(&e))?;
    }
    for name in &args.ignore {
        selection.ignore(name).map_err(|e| wrong(&e))?;
    }
    for pair in &args.severity {
        let Some((name, level)) = pair.split_once('=') else {
            return Err(CliError::usage(format!("`{pair}` names no level"))
                .hint("write RULE=LEVEL: `path-globstar=error`"));
        };
        let level = level.parse().map_err(|e| wrong(&e))?;
        selection.level(name, level).map_err(|e| wrong(&e))?;
    }
    Ok(())
}

/// Returns the rules that count, as reports show them.
fn infos(selection: &lint::Selection) -> Vec<finding::RuleInfo<'static>> {
    let asked = lint::rules().iter().filter(|r| selection.has(r));
    asked
        .map(|rule| finding::RuleInfo {
            name: rule.name,
            group: rule.group.as_str(),
            severity: rule.severity,
            summary: rule.summary(),
            docs: rule.markdown(),
        })
        .collect()
}

/// Returns what is wrong with given values: of several configs, such as one that sets up and the
/// one that it continues with, a parameter need be declared by one.
fn nobodys(refused: &[Vec<GivenError>]) -> Vec<GivenError> {
    let mut out: Vec<GivenError> = Vec::new();
    for error in refused.iter().flatten() {
        let name = match error {
            GivenError::UnknownParameter { name, .. } => Some(name),
            _ => None,
        };
        let same = |other: &GivenError| {
            other == error
                || matches!(other, GivenError::UnknownParameter { name: n, .. } if Some(n) == name)
        };
        let everywhere = refused.iter().all(|list| list.iter().any(same));
        if (name.is_none() || everywhere) && !out.iter().any(same) {
            out.push(error.clone());
        }
    }
    out
}
