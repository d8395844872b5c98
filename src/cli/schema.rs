//! `holdall schema`.

use super::{CliError, Ui};
use crate::finding;

/// The schemas that the binary carries, by name.
const SCHEMAS: &[(&str, &str)] = &[
    (
        "circleci",
        include_str!("../../schemas/circleci.schema.json"),
    ),
    ("report", include_str!("../../schemas/report.schema.json")),
    ("graph", include_str!("../../schemas/graph.schema.json")),
    (
        "run-events",
        include_str!("../../schemas/run-events.schema.json"),
    ),
    (
        "settings",
        include_str!("../../schemas/settings.schema.json"),
    ),
    (
        "layer-config",
        include_str!("../../schemas/layer-config.schema.json"),
    ),
    (
        "migration-report",
        include_str!("../../schemas/migration-report.schema.json"),
    ),
];

/// Print an embedded JSON Schema.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall schema report > report.schema.json")]
pub(crate) struct Args {
    /// Which schema: `circleci` (configs), `report` (what `holdall lint --format json` prints), `graph` (what
    /// `holdall graph --format json` prints), `run-events` (what `holdall run --format json` prints, a line each), `settings` (holdall.toml), `layer-config` (the facts of a layer) or `migration-report` (what `holdall transpile
    /// --report` writes).
    name: String,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let Some((_, text)) = SCHEMAS.iter().find(|(name, _)| *name == args.name) else {
        let names: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
        return Err(
            CliError::usage(format!("there is no schema `{}`", args.name))
                .hint(format!("there are {}", finding::listed(&names, 10))),
        );
    };
    ui.out(text)?;
    Ok(0)
}
