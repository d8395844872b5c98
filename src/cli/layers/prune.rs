//! `holdall layers prune`: takes away what nobody needs any more.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Format, failure, human, print_json, rfc3339, table};
use crate::cli::store::StoreArgs;
use crate::cli::ui::counted;
use crate::cli::{CliError, Ui};
use crate::layer::{self, LEFTOVER_AGE, PruneRequest, Pruned, printable};
use crate::run::{self, Swept};

#[derive(Debug, clap::Args)]
#[command(
    mut_arg("workspace", |arg| arg.hide(true)),
    after_help = "Example: holdall layers prune --dry-run\n\nEvery workspace of the store is looked at: those past their lifetime (15 days) go as a whole;\nof the others, temporary files and blobs without a ref that are a day old. Of a store in a project's\n.holdall folder, what lies beside it as well: caches go after 15 days, folders of runs with their logs\nand results after 30. `holdall run` does the same once a day."
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
        keep: Vec::new(),
    };
    let swept = beside(workspace.store(), &request)?;
    let pruned = layer::prune(workspace.store(), &request).map_err(|error| failure(&error))?;
    let bytes = pruned.workspaces.iter().map(|gone| gone.bytes).sum::<u64>()
        + pruned
            .leftovers
            .iter()
            .map(|(_, gone)| gone.bytes)
            .sum::<u64>()
        + swept.runs.iter().map(|run| run.bytes).sum::<u64>()
        + swept.caches.iter().map(|cache| cache.bytes).sum::<u64>();
    match args.format {
        Format::Json => print_json(ui, &value(&pruned, &swept, bytes, args.dry_run))?,
        Format::Human => ui.out(&text(&pruned, &swept))?,
    }
    for id in &pruned.uncertain {
        ui.note(&format!(
            "the blobs of workspace {id} stay: a layer of it is damaged, and what it refers to is not known"
        ));
    }
    let mut more = String::new();
    if !swept.runs.is_empty() || !swept.caches.is_empty() {
        more = format!(
            ", {}, {}",
            counted(swept.caches.len(), "cache", "caches"),
            counted(swept.runs.len(), "run", "runs")
        );
    }
    let verb = if args.dry_run { "would free" } else { "freed" };
    ui.talk(&format!(
        "{verb} {}: {}, {}{}\n",
        human(bytes),
        counted(pruned.workspaces.len(), "workspace", "workspaces"),
        counted(pruned.leftovers.len(), "leftover", "leftovers"),
        more
    ));
    Ok(0)
}

/// Takes away what runs left beside the store of a project.
fn beside(store: &Path, request: &PruneRequest) -> Result<Swept, CliError> {
    let project = store.parent();
    match project.filter(|dir| dir.file_name().is_some_and(|name| name == ".holdall")) {
        None => Ok(Swept::default()),
        Some(dir) => {
            let (runs, caches) = (dir.join("runs"), dir.join("caches"));
            run::prune(&runs, &caches, request.now, request.dry_run)
                .map_err(|error| CliError::input(error.to_string()))
        }
    }
}

fn text(pruned: &Pruned, swept: &Swept) -> String {
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
    for cache in &swept.caches {
        rows.push(vec![
            format!("cache {}", printable(cache.key.as_bytes())),
            human(cache.bytes),
            format!("expired on {}", rfc3339(cache.expired)),
        ]);
    }
    for run in &swept.runs {
        rows.push(vec![
            format!("run {}", run.id),
            human(run.bytes),
            format!("ended on {}", rfc3339(run.ended)),
        ]);
    }
    table(&rows)
}

fn value(pruned: &Pruned, swept: &Swept, bytes: u64, dry_run: bool) -> Value {
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
    let caches: Vec<Value> = swept
        .caches
        .iter()
        .map(|gone| json!({"key": gone.key, "expired": rfc3339(gone.expired), "size": gone.bytes}))
        .collect();
    let runs: Vec<Value> = swept
        .runs
        .iter()
        .map(|gone| json!({"run": gone.id, "ended": rfc3339(gone.ended), "size": gone.bytes}))
        .collect();
    json!({
        "version": 1, "dry_run": dry_run, "workspaces": workspaces, "leftovers": leftovers,
        "caches": caches, "runs": runs,
        "uncertain": pruned.uncertain, "size": bytes,
    })
}
