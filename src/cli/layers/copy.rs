//! `holdall layers push` and `pull`: a workspace from one store to another.

use serde_json::json;

use super::{Format, failure, human, print_json, table};
use crate::cli::meter::Meter;
use crate::cli::store::{StoreArgs, location};
use crate::cli::ui::counted;
use crate::cli::{CliError, Ui};
use crate::layer::Copied;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall layers push s3://bucket/layers --workspace 42")]
pub(super) struct Args {
    /// The other store: a folder, or a URL (file, s3, gs, az, oci).
    #[arg(value_name = "URL")]
    other: String,
    #[command(flatten)]
    store: StoreArgs,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn push(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let copied = {
        let other = location(&args.other)?;
        let workspace = args.store.open()?;
        let options = args.store.options(Meter::on(ui))?;
        workspace.push(&other, &options)
    };
    report(&copied.map_err(|error| failure(&error))?, args, ui)
}

pub(super) fn pull(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let copied = {
        let other = location(&args.other)?;
        let workspace = args.store.open()?;
        let options = args.store.options(Meter::on(ui))?;
        workspace.pull(&other, &options)
    };
    report(&copied.map_err(|error| failure(&error))?, args, ui)
}

fn report(copied: &Copied, args: &Args, ui: &Ui) -> Result<u8, CliError> {
    if let Some(caveat) = &copied.caveat {
        ui.talk(&format!("warning: {caveat}\n"));
    }
    let new = copied.layers.iter().filter(|layer| layer.new);
    let (count, size) = new.fold((0, 0), |(count, size), layer| {
        (count + 1, size + layer.size)
    });
    if args.format == Format::Json {
        let layers: Vec<_> = copied
            .layers
            .iter()
            .map(|layer| {
                json!({"layer": layer.id.to_string(), "size": layer.size, "copied": layer.new})
            })
            .collect();
        print_json(
            ui,
            &json!({"version": 1, "layers": layers, "copied": {"layers": count, "size": size}}),
        )?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = copied
        .layers
        .iter()
        .map(|layer| {
            let word = if layer.new { "copied" } else { "present" };
            vec![format!("{word} {}", layer.id), human(layer.size)]
        })
        .collect();
    ui.out(&table(&rows))?;
    ui.talk(&format!(
        "{count} of {} copied, {}\n",
        counted(copied.layers.len(), "layer", "layers"),
        human(size)
    ));
    Ok(0)
}
