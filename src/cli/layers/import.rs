//! `holdall layers import`: adds the layers of a tar to a store.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Format, failure, human, print_json, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui, meter};
use crate::layer::{self, ImportError, Imported, printable};

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("workspace", |arg| arg.hide(true)),
    after_help = "Example: holdall layers import layers.tar\n\nEvery layer is checked before one of them counts. What the store has already stays as it is."
)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// What `export` wrote; `-` is stdin.
    file: PathBuf,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let store = args.store.open_folder("import")?.store().to_owned();
    let input: Box<dyn Read> = match args.file == Path::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(File::open(&args.file).map_err(|error| {
            CliError::input(format!("cannot read {}: {error}", args.file.display()))
        })?),
    };
    let input = BufReader::with_capacity(1 << 17, input);
    let imported = layer::import(&store, input, &mut meter::progress(ui, "read")).map_err(
        |error| match error {
            ImportError::Layer(error) => failure(&error),
            tar @ ImportError::Tar(_) => CliError::found(tar.to_string())
                .hint("`holdall layers export` writes one that fits; it is not compressed"),
        },
    )?;
    match args.format {
        Format::Json => print_json(ui, &value(&imported))?,
        Format::Human => ui.out(&text(&imported))?,
    }
    for name in &imported.ignored {
        ui.note(&format!("{name} belongs to no layer and was left out"));
    }
    Ok(0)
}

fn text(imported: &Imported) -> String {
    let rows: Vec<Vec<String>> = imported
        .workspaces
        .iter()
        .map(|all| {
            let new = all.layers.len() - all.known.len();
            vec![
                printable(all.workspace.as_bytes()),
                format!("{new} new layers"),
                format!("{} known", all.known.len()),
                human(all.bytes),
            ]
        })
        .collect();
    table(&rows)
}

fn value(imported: &Imported) -> Value {
    let workspaces: Vec<Value> = imported
        .workspaces
        .iter()
        .map(|all| {
            let names = |ids: &[layer::LayerId]| -> Vec<String> {
                ids.iter().map(ToString::to_string).collect()
            };
            json!({
                "workspace": all.workspace, "layers": names(&all.layers),
                "known": names(&all.known), "size": all.bytes,
            })
        })
        .collect();
    json!({"version": 1, "workspaces": workspaces, "ignored": imported.ignored})
}
