//! `holdall layers verify`: whether every layer is what it claims to be.

use serde_json::{Value, json};

use super::{Format, failure, print_json, table};
use crate::cli::store::StoreArgs;
use crate::cli::ui::counted;
use crate::cli::{CliError, Ui, meter};
use crate::layer::{ErrorKind, LayerError, printable};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_shown(ui)?;
    let verdicts = workspace
        .verify(&mut meter::progress(ui, "checked"))
        .map_err(|error| failure(&error))?;
    let bad = verdicts
        .iter()
        .filter(|verdict| verdict.problem.is_some())
        .count();
    let strays = workspace.strays().map_err(|error| failure(&error))?;
    if args.format == Format::Json {
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
        let strays: Vec<Value> = strays
            .iter()
            .map(|stray| {
                json!({"path": stray.path.to_string_lossy(), "size": stray.bytes, "what": stray.why})
            })
            .collect();
        print_json(
            ui,
            &json!({"version": 1, "layers": list, "bad": bad, "strays": strays}),
        )?;
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
        for stray in &strays {
            let path = printable(stray.path.as_os_str().as_encoded_bytes());
            ui.note(&format!("{path}: {}", stray.why));
        }
    }
    // A store that could not be read is another matter than a layer that is bad.
    let unreachable = verdicts
        .iter()
        .filter_map(|verdict| verdict.problem.as_ref())
        .any(|problem| problem.kind() == ErrorKind::Unreachable);
    match (bad, unreachable) {
        (0, _) => Ok(0),
        (_, true) => Err(CliError::input(format!(
            "{bad} of {} could not be checked or are bad",
            counted(verdicts.len(), "layer", "layers")
        ))),
        (_, false) => Err(CliError::found(format!(
            "{bad} of {} {} bad",
            counted(verdicts.len(), "layer", "layers"),
            if bad == 1 { "is" } else { "are" }
        ))),
    }
}
