//! `holdall layers files`: what one layer holds.

use serde_json::{Value, json};

use super::{OneLayer, failure};
use crate::cli::{CliError, Ui};
use crate::layer::{Entry, EntryKind, printable};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    layer: OneLayer,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let (workspace, id) = args.layer.open()?;
    let entries = workspace.files(&id).map_err(|error| failure(&error))?;
    args.layer.print(
        ui,
        || {
            let list: Vec<Value> = entries.iter().map(entry_json).collect();
            json!({"version": 1, "layer": id.to_string(), "entries": list})
        },
        || entries.iter().map(row).collect(),
    )
}

fn row(entry: &Entry) -> Vec<String> {
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
