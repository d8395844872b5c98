//! `holdall layers ls`: what a workspace holds, and what it costs.

use serde_json::{Value, json};

use super::{Format, failure, human, layer_json, print_json, rfc3339, stored, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Add a line with the sum of all layers.
    #[arg(long)]
    total: bool,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open()?;
    let layers = workspace.layers().map_err(|error| failure(&error))?;
    let size: u64 = layers.iter().map(|layer| layer.record.layer_size).sum();
    if args.format == Format::Json {
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
            workspace.store_name()
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
    if args.total {
        rows.push(vec![format!("{} layers", layers.len()), human(size)]);
    }
    ui.out(&table(&rows))?;
    Ok(0)
}
