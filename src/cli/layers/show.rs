//! `holdall layers show`: what is known of one layer.

use super::{OneLayer, failure, human, layer_json, stored};
use crate::cli::{CliError, Ui};
use crate::layer::{LayerInfo, printable};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    layer: OneLayer,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let (workspace, id) = args.layer.open()?;
    let info = workspace.layer(&id).map_err(|error| failure(&error))?;
    args.layer.print(ui, || layer_json(&info), || rows(&info))
}

fn rows(info: &LayerInfo) -> Vec<Vec<String>> {
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
    row("made", Some(stored(info)));
    row("expires", config.expires.clone());
    row("producer", config.producer.clone());
    rows
}
