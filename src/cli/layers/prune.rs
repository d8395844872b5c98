//! `holdall layers prune`: takes away what nobody needs any more.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Format, failure, human, print_json, rfc3339, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui};
use crate::layer::{self, LEFTOVER_AGE, PruneRequest, Pruned, printable};

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("workspace", |arg| arg.hide(true)),
    after_help = "Example: holdall layers prune --dry-run\n\nEvery workspace of the store is looked at: those past their lifetime go as a whole; of the\nothers, temporary files and blobs without a ref that are a day old."
)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Say what would go, and leave it.
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// How old temporary files and blobs without a ref have to be: 1day, 6h.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

fn age(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_folder("prune")?;
    let request = PruneRequest {
        now: SystemTime::now(),
        age: args.older_than.unwrap_or(LEFTOVER_AGE),
        dry_run: args.dry_run,
    };
    let pruned = layer::prune(workspace.store(), &request).map_err(|error| failure(&error))?;
    let bytes = pruned.workspaces.iter().map(|gone| gone.bytes).sum::<u64>()
        + pruned
            .leftovers
            .iter()
            .map(|(_, gone)| gone.bytes)
            .sum::<u64>();
    match args.format {
        Format::Json => print_json(ui, &value(&pruned, bytes, args.dry_run))?,
        Format::Human => ui.out(&text(&pruned))?,
    }
    for id in &pruned.uncertain {
        ui.note(&format!(
            "the blobs of workspace {id} stay: a layer of it is damaged, and what it refers to is not known"
        ));
    }
    let verb = if args.dry_run { "would free" } else { "freed" };
    ui.talk(&format!(
        "{verb} {}: {} workspaces, {} leftovers\n",
        human(bytes),
        pruned.workspaces.len(),
        pruned.leftovers.len()
    ));
    Ok(0)
}

fn text(pruned: &Pruned) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for gone in &pruned.workspaces {
        rows.push(vec![
            printable(gone.id.as_bytes()),
            human(gone.bytes),
            format!("expired on {}", rfc3339(gone.expired)),
        ]);
    }
    for (id, gone) in &pruned.leftovers {
        let path = printable(gone.path.as_os_str().as_encoded_bytes());
        rows.push(vec![
            format!("{}/{path}", printable(id.as_bytes())),
            human(gone.bytes),
            gone.why.to_owned(),
        ]);
    }
    table(&rows)
}

fn value(pruned: &Pruned, bytes: u64, dry_run: bool) -> Value {
    let workspaces: Vec<Value> = pruned
        .workspaces
        .iter()
        .map(|gone| json!({"workspace": gone.id, "expired": rfc3339(gone.expired), "size": gone.bytes}))
        .collect();
    let leftovers: Vec<Value> = pruned
        .leftovers
        .iter()
        .map(|(id, gone)| {
            json!({"workspace": id, "path": gone.path.to_string_lossy(), "size": gone.bytes, "reason": gone.why})
        })
        .collect();
    json!({
        "version": 1, "dry_run": dry_run, "workspaces": workspaces, "leftovers": leftovers,
        "uncertain": pruned.uncertain, "size": bytes,
    })
}
