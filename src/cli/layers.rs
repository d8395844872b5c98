//! `holdall layers`: what a workspace holds, whether it is whole, and how it is carried elsewhere.
//! One file a verb; what several verbs and `persist` and `attach` say alike is here.

mod copy;
mod diff;
mod export;
mod files;
mod import;
mod index;
pub(super) mod items;
mod ls;
mod prune;
mod show;
mod tree;
mod verify;

use std::time::SystemTime;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::store::StoreArgs;
use super::{CliError, Ui};
use crate::layer::{ErrorKind, LayerError, LayerId, LayerInfo, Workspace};

/// Look at the layers of a workspace.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall layers ls --total\n         holdall layers files build/1.0.0"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the layers.
    Ls(ls::Args),
    /// Print what is known of one layer.
    Show(show::Args),
    /// List what one layer holds, after checking all of it.
    Files(files::Args),
    /// Say in what two layers differ.
    Diff(diff::Args),
    /// Check digests, sizes and archives of all layers.
    Verify(verify::Args),
    /// Copy a workspace to another store; what is there already stays.
    Push(copy::Args),
    /// Copy a workspace from another store; what is here already stays.
    Pull(copy::Args),
    /// Take away expired workspaces and what crashes left.
    Prune(prune::Args),
    /// Write a workspace, or the whole store, as one tar.
    Export(export::Args),
    /// Add the layers of such a tar, after checking all of them.
    Import(import::Args),
    /// Write the OCI index, for tools that copy OCI layouts.
    Index(index::Args),
    /// Print the tree digest of a folder.
    Tree(tree::Args),
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    match &args.verb {
        Verb::Ls(args) => ls::run(args, ui),
        Verb::Show(args) => show::run(args, ui),
        Verb::Files(args) => files::run(args, ui),
        Verb::Diff(args) => diff::run(args, ui),
        Verb::Verify(args) => verify::run(args, ui),
        Verb::Push(args) => copy::push(args, ui),
        Verb::Pull(args) => copy::pull(args, ui),
        Verb::Prune(args) => prune::run(args, ui),
        Verb::Export(args) => export::run(args, ui),
        Verb::Import(args) => import::run(args, ui),
        Verb::Index(args) => index::run(args, ui),
        Verb::Tree(args) => tree::run(args, ui),
    }
}

/// How a listing is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    #[default]
    Human,
    /// One JSON object, version 1.
    Json,
}

/// Which layer a verb looks at, and how it says what it saw.
#[derive(Debug, clap::Args)]
struct OneLayer {
    #[command(flatten)]
    store: StoreArgs,
    /// The layer, as `ls` prints it: JOB/ATTEMPT.NODE.NUMBER.
    layer: String,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

impl OneLayer {
    /// Opens the workspace and finds the layer in it.
    fn open(&self) -> Result<(Workspace, LayerId), CliError> {
        let workspace = self.store.open()?;
        let id = layer_id(&workspace, &self.layer)?;
        Ok((workspace, id))
    }

    /// Writes an object of version 1, or rows in columns.
    fn print(
        &self,
        ui: &Ui,
        json: impl FnOnce() -> Value,
        rows: impl FnOnce() -> Vec<Vec<String>>,
    ) -> Result<u8, CliError> {
        match self.format {
            Format::Json => {
                let mut value = json();
                value["version"] = json!(1);
                print_json(ui, &value)?;
            }
            Format::Human => ui.out(&table(&rows()))?,
        }
        Ok(0)
    }
}

/// Turns an error of the layer room into one with an exit status and its hint.
pub(super) fn failure(error: &LayerError) -> CliError {
    let message = error.to_string();
    let failed = match error.kind() {
        ErrorKind::Input => CliError::found(message),
        ErrorKind::Unreachable => CliError::input(message),
    };
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// Returns a size as a person reads it, in powers of 1024.
pub(super) fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return match unit {
                "B" => format!("{bytes} B"),
                _ => format!("{value:.1} {unit}"),
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// Writes rows in columns; the last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Reads JOB/ATTEMPT.NODE.NUMBER; a job may have slashes in its name.
fn layer_id(workspace: &Workspace, text: &str) -> Result<LayerId, CliError> {
    let layers = workspace.layers().map_err(|error| failure(&error))?;
    let found = layers.iter().find(|layer| layer.id.to_string() == text);
    if let Some(layer) = found {
        return Ok(layer.id.clone());
    }
    let error = CliError::found(format!(
        "there is no layer `{text}` in the workspace {}",
        workspace.id()
    ));
    let names: Vec<String> = layers.iter().map(|layer| layer.id.to_string()).collect();
    Err(match names.is_empty() {
        true => error.hint("the workspace is empty"),
        false => error.hint(format!("it holds {}", names.join(", "))),
    })
}

fn print_json(ui: &Ui, value: &Value) -> Result<(), CliError> {
    ui.out(&format!("{value:#}\n"))
}

fn stored(layer: &LayerInfo) -> String {
    layer
        .config
        .created
        .clone()
        .unwrap_or_else(|| rfc3339(layer.stored))
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn layer_json(layer: &LayerInfo) -> Value {
    json!({
        "layer": layer.id.to_string(),
        "job": layer.id.job,
        "attempt": layer.id.attempt,
        "node": layer.id.node,
        "seq": layer.id.seq,
        "manifest": layer.record.manifest,
        "digest": layer.record.layer,
        "size": layer.record.layer_size,
        "compression": layer.record.encoding,
        "stored": rfc3339(layer.stored),
        "config": layer.config,
    })
}
