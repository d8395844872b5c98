//! `holdall layers show`: what is known of one layer.

use serde_json::json;

use super::{Format, failure, human, layer_id, layer_json, print_json, stored, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui};
use crate::layer::printable;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// The layer, as `ls` prints it: JOB/ATTEMPT.NODE.NUMBER.
    layer: String,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open()?;
    let id = layer_id(&workspace, &args.layer)?;
    let info = workspace.layer(&id).map_err(|error| failure(&error))?;
    if args.format == Format::Json {
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
