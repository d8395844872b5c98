//! `holdall lint`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::orbs::OrbArgs;
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
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "default",
        hide_default_value = true
    )]
    level: Level,

    /// The least severity that makes the exit status 1.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,

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
    let least = match args.level {
        Level::Default => Severity::Warning,
        Level::Pedantic => Severity::Info,
    };
    let selection = selection(args)?;
    let checkouts = input::Checkouts::default();
    let mut reports: Vec<Report> = Vec::new();
    let mut unread = None;
    let given = args.values.given()?;
    let mut refused: Vec<Vec<GivenError>> = Vec::new();
    for path in input::discover(&args.paths)? {
        match input::read(&path) {
            Ok(source) => {
                let orbs = args.orbs.sources(&path);
                let inputs = Inputs {
                    orbs: &orbs,
                    given: given.clone(),
                    ..Inputs::default()
                };
                let tracked = || checkouts.tracked(&path);
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
        Format::Sarif => finding::sarif(&reports, &infos(&selection)),
        Format::Github => finding::github(&reports),
        Format::Gitlab => finding::gitlab(&reports),
        Format::Junit => finding::junit(&reports),
        Format::Checkstyle => finding::checkstyle(&reports),
    };
    ui.out(&text)?;
    let limit = match args.fail_on {
        FailOn::Error => Some(Severity::Error),
        FailOn::Warning => Some(Severity::Warning),
        FailOn::Info => Some(Severity::Info),
        FailOn::Never => None,
    };
    let failed = limit.is_some_and(|l| reports.iter().any(|r| r.has(l)));
    Ok(unread.unwrap_or(if failed { error::FOUND } else { 0 }))
}

/// Reads which rules count.
fn selection(args: &Args) -> Result<lint::Selection, CliError> {
    let wrong =
        |error: &lint::SelectionError| CliError::usage(error.to_string()).hint(error.hint());
    let mut selection = lint::Selection::new();
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
    Ok(selection)
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
