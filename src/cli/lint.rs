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

    /// How findings are printed: framed in their text, a line each, or as the JSON report.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        help_heading = "Output"
    )]
    format: Format,

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
                };
                let checked = lint::check_with(source, options, &inputs);
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
    let text = match args.format {
        Format::Human if reports.is_empty() => String::new(),
        Format::Human => finding::human(&reports, ui.look()),
        Format::Concise => finding::concise(&reports),
        Format::Json => finding::json(&reports),
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
