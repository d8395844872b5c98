//! `holdall compile`: the config with everything resolved, offline.

use std::path::PathBuf;

use clap::ValueEnum;

use super::orbs::OrbArgs;
use super::settings::{self, Settings};
use super::values::ValueArgs;
use super::{CliError, Ui, gate, input};
use crate::circleci::emit;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall compile                 prints .circleci/config.yml as the service would run it\n         holdall compile --branch main --parameter deploy=true"
)]
pub(crate) struct Args {
    /// The config; `-` reads stdin. Default: .circleci/config.yml.
    file: Option<PathBuf>,

    /// What to print. Default: yaml.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    #[command(flatten)]
    orbs: OrbArgs,

    /// Go on in spite of errors, without what they name.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    values: ValueArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A config of version 2, with a comment for each orb.
    Yaml,
    /// The same data as JSON.
    Json,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let path = input::single(args.file.as_deref())?;
    let settings = Settings::of(&path)?;
    let mut checked = gate::read(&path, &args.orbs, args.values.given()?, true)?;
    gate::pass_language(&mut checked, args.force, ui)?;
    let emitted = emit(&checked.compiled.pipeline);
    for (alias, reference) in &emitted.opaque {
        let reference = reference
            .as_ref()
            .map_or_else(String::new, |r| format!(" ({r})"));
        ui.note(&format!(
            "orb `{alias}`{reference} has no source here: its calls stay, and the result is of version 2.1"
        ));
    }
    let format = args
        .format
        .or_else(|| settings::word(&settings.formats.compile));
    match format.unwrap_or(Format::Yaml) {
        Format::Yaml => ui.out(&emitted.to_yaml())?,
        Format::Json => {
            let text = serde_json::to_string_pretty(&emitted.to_json())
                .map_err(|e| CliError::new(super::error::DEFECT, format!("no JSON: {e}")))?;
            ui.out(&format!("{text}\n"))?;
        }
    }
    Ok(0)
}
