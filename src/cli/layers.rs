//! `holdall layers`: what a workspace holds, and whether it is whole.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::store::StoreArgs;
use super::{CliError, Ui};
use crate::layer::{
    Digest, Entry, EntryKind, ErrorKind, LayerError, LayerId, LayerInfo, Workspace, printable,
    tree_digest_of,
};

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
    Ls {
        #[command(flatten)]
        store: StoreArgs,
        /// Add a line with the sum of all layers.
        #[arg(long)]
        total: bool,
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Format,
    },
    /// Print what is known of one layer.
    Show {
        #[command(flatten)]
        store: StoreArgs,
        /// The layer, as `ls` prints it: JOB/ATTEMPT.NODE.NUMBER.
        layer: String,
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Format,
    },
    /// List what one layer holds, after checking all of it.
    Files {
        #[command(flatten)]
        store: StoreArgs,
        /// The layer, as `ls` prints it: JOB/ATTEMPT.NODE.NUMBER.
        layer: String,
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Format,
    },
    /// Check digests, sizes and archives of all layers.
    Verify {
        #[command(flatten)]
        store: StoreArgs,
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Format,
    },
    /// Print the tree digest of a folder.
    Tree {
        /// The folder.
        #[arg(value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
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

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    match &args.verb {
        Verb::Ls {
            store,
            total,
            format,
        } => ls(&store.open()?, *total, *format, ui),
        Verb::Show {
            store,
            layer,
            format,
        } => show(&store.open()?, layer, *format, ui),
        Verb::Files {
            store,
            layer,
            format,
        } => files(&store.open()?, layer, *format, ui),
        Verb::Verify { store, format } => verify(&store.open()?, *format, ui),
        Verb::Tree { dir } => {
            let digest: Digest = tree_digest_of(dir).map_err(|error| failure(&error))?;
            ui.out(&format!("{digest}\n"))?;
            Ok(0)
        }
    }
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

fn ls(workspace: &Workspace, total: bool, format: Format, ui: &Ui) -> Result<u8, CliError> {
    let layers = workspace.layers().map_err(|error| failure(&error))?;
    let size: u64 = layers.iter().map(|layer| layer.record.layer_size).sum();
    if format == Format::Json {
        let expires = workspace.expires().map_err(|error| failure(&error))?;
        let list: Vec<Value> = layers.iter().map(layer_json).collect();
        let value = json!({
            "version": 1, "workspace": workspace.id(), "expires": expires.map(rfc3339),
            "layers": list, "total": {"layers": layers.len(), "size": size},
        });
        print_json(ui, &value)?;
        return Ok(0);
    }
    if layers.is_empty() {
        ui.talk(&format!(
            "the workspace {} in {} holds no layer\n",
            workspace.id(),
            workspace.store().display()
        ));
        return Ok(0);
    }
    let mut rows = vec![
        ["LAYER", "SIZE", "UNPACKED", "ENTRIES", "FORMAT", "MADE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let unknown = || "-".to_owned();
    for layer in &layers {
        rows.push(vec![
            layer.id.to_string(),
            human(layer.record.layer_size),
            layer.config.uncompressed_size.map_or_else(unknown, human),
            layer
                .config
                .entries
                .map_or_else(unknown, |count| count.to_string()),
            layer.record.encoding.to_string(),
            stored(layer),
        ]);
    }
    if total {
        rows.push(vec![format!("{} layers", layers.len()), human(size)]);
    }
    ui.out(&table(&rows))?;
    Ok(0)
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

fn show(workspace: &Workspace, layer: &str, format: Format, ui: &Ui) -> Result<u8, CliError> {
    let id = layer_id(workspace, layer)?;
    let info = workspace.layer(&id).map_err(|error| failure(&error))?;
    if format == Format::Json {
        let mut value = layer_json(&info);
        value["version"] = json!(1);
        print_json(ui, &value)?;
        return Ok(0);
    }
    let config = &info.config;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            rows.push(vec![name.to_owned(), printable(value.as_bytes())]);
        }
    };
    row("layer", Some(info.id.to_string()));
    row("archive", Some(info.record.layer.to_string()));
    row("manifest", Some(info.record.manifest.to_string()));
    row(
        "size",
        Some(format!(
            "{} ({})",
            human(info.record.layer_size),
            info.record.encoding
        )),
    );
    row("unpacked", config.uncompressed_size.map(human));
    row("entries", config.entries.map(|count| count.to_string()));
    row("workflow", config.workflow.clone());
    row("root", config.root.clone());
    row("paths", config.paths.as_ref().map(|paths| paths.join(", ")));
    row(
        "requires",
        config.requires.as_ref().map(|jobs| jobs.join(", ")),
    );
    row("made", Some(stored(&info)));
    row("expires", config.expires.clone());
    row("producer", config.producer.clone());
    ui.out(&table(&rows))?;
    Ok(0)
}

fn files(workspace: &Workspace, layer: &str, format: Format, ui: &Ui) -> Result<u8, CliError> {
    let id = layer_id(workspace, layer)?;
    let entries = workspace.files(&id).map_err(|error| failure(&error))?;
    if format == Format::Json {
        let list: Vec<Value> = entries.iter().map(entry_json).collect();
        print_json(
            ui,
            &json!({"version": 1, "layer": id.to_string(), "entries": list}),
        )?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let (letter, size, arrow) = match &entry.kind {
                EntryKind::File { size } => ('-', size.to_string(), String::new()),
                EntryKind::Folder => ('d', "-".to_owned(), "/".to_owned()),
                EntryKind::Symlink { target } => {
                    ('l', "-".to_owned(), format!(" -> {}", printable(target)))
                }
                EntryKind::Hardlink { target } => ('h', "-".to_owned(), format!(" = {target}")),
            };
            vec![
                format!("{letter}{:03o}", entry.mode),
                size,
                format!("{}{arrow}", entry.path),
            ]
        })
        .collect();
    ui.out(&table(&rows))?;
    Ok(0)
}

fn entry_json(entry: &Entry) -> Value {
    let mut value = json!({
        "path": String::from_utf8_lossy(entry.path.as_bytes()),
        "mode": format!("{:03o}", entry.mode),
        "mtime": entry.mtime,
    });
    let (kind, more) = match &entry.kind {
        EntryKind::File { size } => ("file", Some(("size", json!(size)))),
        EntryKind::Folder => ("folder", None),
        EntryKind::Symlink { target } => (
            "symlink",
            Some(("target", json!(String::from_utf8_lossy(target)))),
        ),
        EntryKind::Hardlink { target } => (
            "hardlink",
            Some(("target", json!(String::from_utf8_lossy(target.as_bytes())))),
        ),
    };
    value["type"] = json!(kind);
    if let Some((key, more)) = more {
        value[key] = more;
    }
    value
}

fn verify(workspace: &Workspace, format: Format, ui: &Ui) -> Result<u8, CliError> {
    let verdicts = workspace.verify().map_err(|error| failure(&error))?;
    let bad = verdicts
        .iter()
        .filter(|verdict| verdict.problem.is_some())
        .count();
    if format == Format::Json {
        let list: Vec<Value> = verdicts
            .iter()
            .map(|verdict| {
                let problem = verdict.problem.as_ref();
                json!({
                    "layer": verdict.id.to_string(),
                    "ok": problem.is_none(),
                    "code": problem.map(LayerError::code),
                    "problem": problem.map(ToString::to_string),
                })
            })
            .collect();
        print_json(ui, &json!({"version": 1, "layers": list, "bad": bad}))?;
    } else {
        let rows: Vec<Vec<String>> = verdicts
            .iter()
            .map(|verdict| {
                let word = verdict
                    .problem
                    .as_ref()
                    .map_or_else(|| "ok".to_owned(), ToString::to_string);
                vec![verdict.id.to_string(), word]
            })
            .collect();
        ui.out(&table(&rows))?;
    }
    // A store that could not be read is another matter than a layer that is bad.
    let unreachable = verdicts
        .iter()
        .filter_map(|verdict| verdict.problem.as_ref())
        .any(|problem| problem.kind() == ErrorKind::Unreachable);
    match (bad, unreachable) {
        (0, _) => Ok(0),
        (_, true) => Err(CliError::input(format!(
            "{bad} of {} layers could not be checked or are bad",
            verdicts.len()
        ))),
        (_, false) => Err(CliError::found(format!(
            "{bad} of {} layers are bad",
            verdicts.len()
        ))),
    }
}
