//! `holdall layers index`: the OCI index, for tools that copy OCI layouts.

use serde_json::{Value, json};

use super::{Format, failure, print_json, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall layers index\n         skopeo copy oci:.holdall/store/default:build.1.0.0 docker://registry.example/ws:build"
)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_folder("index")?;
    let indexed = workspace.write_index().map_err(|error| failure(&error))?;
    match args.format {
        Format::Json => {
            let list: Vec<Value> = indexed
                .names
                .iter()
                .map(|(id, name)| json!({"layer": id.to_string(), "name": name}))
                .collect();
            print_json(
                ui,
                &json!({"version": 1, "index": indexed.path.to_string_lossy(), "layers": list}),
            )?;
        }
        Format::Human => {
            let rows: Vec<Vec<String>> = indexed
                .names
                .iter()
                .map(|(id, name)| vec![id.to_string(), name.clone()])
                .collect();
            ui.out(&table(&rows))?;
            ui.talk(&format!("wrote {}\n", indexed.path.display()));
        }
    }
    Ok(0)
}
