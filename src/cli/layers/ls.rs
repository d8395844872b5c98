//! `holdall layers ls`: what a workspace holds, and what it costs.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Format, failure, human, items, layer_json, print_json, rfc3339, stored, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui};
use crate::layer::{self, Amount, LayerInfo, Usage, Workspace, printable};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall layers ls --total\n\nBelow the table stand each layer's largest items, and after `holdall run` those that no job\nread: what could be left out of `paths`."
)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Add what the workspace costs: room, storage over time, attaches.
    #[arg(long)]
    total: bool,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open()?;
    let layers = workspace.layers().map_err(|error| failure(&error))?;
    if args.format == Format::Json {
        print_json(ui, &value(&workspace, &layers)?)?;
        return Ok(0);
    }
    if layers.is_empty() {
        ui.talk(&format!(
            "the workspace {} in {} holds no layer\n",
            workspace.id(),
            workspace.store_name()
        ));
        if let Some(hint) = others(&workspace) {
            ui.talk(&hint);
        }
    } else {
        let mut text = listing(&layers);
        let items = items::of(&workspace, &layers).map_err(|error| failure(&error))?;
        text.push_str(&items::text(&items));
        ui.out(&text)?;
    }
    if args.total {
        let gap = if layers.is_empty() { "" } else { "\n" };
        ui.out(&format!("{gap}{}", costs(&workspace, layers.len())?))?;
    }
    Ok(0)
}

/// Names the workspaces of the store that do hold layers, the newest first: each run has its own.
fn others(workspace: &Workspace) -> Option<String> {
    let all = layer::workspaces(workspace.store()).ok()?;
    let mut found: Vec<(SystemTime, usize, String)> = all
        .iter()
        .filter_map(|other| {
            let layers = other.layers().ok()?;
            let newest = layers.iter().map(|layer| layer.stored).max()?;
            Some((newest, layers.len(), printable(other.id().as_bytes())))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    let (_, _, newest) = found.first()?;
    let mut text = format!("hint: `--workspace {newest}` looks into the newest one that does");
    match found.len() - 1 {
        0 => text.push('\n'),
        1 => text.push_str("; there is another\n"),
        more => text.push_str(&format!("; there are {more} more\n")),
    }
    Some(text)
}

fn listing(layers: &[LayerInfo]) -> String {
    let mut rows = vec![
        ["LAYER", "SIZE", "UNPACKED", "ENTRIES", "FORMAT", "MADE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let unknown = || "-".to_owned();
    for layer in layers {
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
    table(&rows)
}

/// Says what the workspace costs, a line a fact.
fn costs(workspace: &Workspace, layers: usize) -> Result<String, CliError> {
    let usage = workspace
        .usage(SystemTime::now())
        .map_err(|error| failure(&error))?;
    let expires = workspace.expires().map_err(|error| failure(&error))?;
    let files = |amount: Amount, one: &str| {
        let s = if amount.files == 1 { "" } else { "s" };
        format!("{} in {} {one}{s}", human(amount.bytes), amount.files)
    };
    let mut rows = vec![
        (
            "layers",
            format!("{layers}, {}", human(usage.archives.bytes)),
        ),
        ("documents", files(usage.documents, "file")),
        ("without a ref", files(usage.unreferenced, "blob")),
        ("temporary", files(usage.temporary, "file")),
        ("remembered", files(usage.caches, "file")),
    ];
    if usage.strays.files > 0 {
        rows.push(("not ours", files(usage.strays, "file")));
    }
    rows.push(("on disk", human(usage.total())));
    if let Some(date) = expires {
        rows.push(("expires", rfc3339(date)));
    }
    rows.push((
        "stored",
        format!(
            "{} days so far, {} days when it expires",
            over_time(usage.byte_days),
            over_time(usage.byte_days_at_expiry)
        ),
    ));
    let times = match usage.attaches.files {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    rows.push((
        "attached",
        format!("{times}, {} read", human(usage.attaches.bytes)),
    ));
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    Ok(table(&rows))
}

/// Writes bytes times days as a person reads it: `3.0 GiB` for a gibibyte over three days.
fn over_time(byte_days: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a figure for people; it is never negative, and the cast saturates"
    )]
    let whole = byte_days.round() as u64;
    human(whole)
}

fn value(workspace: &Workspace, layers: &[LayerInfo]) -> Result<Value, CliError> {
    let expires = workspace.expires().map_err(|error| failure(&error))?;
    let usage = workspace
        .usage(SystemTime::now())
        .map_err(|error| failure(&error))?;
    let items = items::of(workspace, layers).map_err(|error| failure(&error))?;
    let list: Vec<Value> = layers
        .iter()
        .zip(&items)
        .map(|(layer, items)| {
            let mut value = layer_json(layer);
            let (largest, unread) = items.json();
            value["largest"] = largest;
            value["unread"] = unread;
            value
        })
        .collect();
    let notes = workspace.notes().map_err(|error| failure(&error))?;
    let attaches: Vec<Value> = notes
        .iter()
        .map(|note| {
            json!({"at": note.at, "job": note.job, "layers": note.layers.len(), "size": note.bytes})
        })
        .collect();
    Ok(json!({
        "version": 1, "workspace": workspace.id(), "expires": expires.map(rfc3339),
        "layers": list, "attaches": attaches, "total": total(layers, &usage),
    }))
}

fn total(layers: &[LayerInfo], usage: &Usage) -> Value {
    let amount = |amount: Amount| json!({"files": amount.files, "size": amount.bytes});
    let size: u64 = layers.iter().map(|layer| layer.record.layer_size).sum();
    json!({
        "layers": layers.len(), "size": size, "archives": amount(usage.archives),
        "documents": amount(usage.documents), "unreferenced": amount(usage.unreferenced),
        "temporary": amount(usage.temporary), "caches": amount(usage.caches), "strays": amount(usage.strays),
        "disk": usage.total(), "byte_days": usage.byte_days,
        "byte_days_at_expiry": usage.byte_days_at_expiry,
        "attaches": {"count": usage.attaches.files, "size": usage.attaches.bytes},
    })
}
