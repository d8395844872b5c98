//! `holdall persist`.

use std::path::PathBuf;

use super::layers::{failure, human};
use super::store::{StoreArgs, absolute};
use super::ui::counted;
use super::{CliError, Ui, meter};
use crate::layer::{Compression, PersistRequest};

/// Add a layer to the store.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall persist --job build --root . dist 'reports/*.xml'")]
pub(crate) struct Args {
    /// The job that the layer belongs to.
    #[arg(long, value_name = "JOB", env = "CIRCLE_JOB")]
    job: String,
    /// The folder that the paths are relative to.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Files, folders and patterns of Go's filepath.Match, relative to the root.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// The jobs that this one requires, for `attach --all`.
    #[arg(long, value_name = "JOB")]
    requires: Vec<String>,
    /// The parallelism index, from 0.
    #[arg(long, value_name = "N", env = "CIRCLE_NODE_INDEX", default_value_t = 0)]
    node: u32,
    /// How many nodes the job has.
    #[arg(long, value_name = "N", env = "CIRCLE_NODE_TOTAL")]
    nodes: Option<u32>,
    /// The job's attempt, from 1.
    #[arg(long, value_name = "N", default_value_t = 1)]
    attempt: u32,
    /// The layer's number, from 0; without it the next free one.
    #[arg(long, value_name = "N")]
    seq: Option<u32>,
    /// zstd, zstd:LEVEL, gzip or none.
    #[arg(long, value_name = "HOW", default_value = "zstd:1", value_parser = compression)]
    compression: Compression,
    /// Flush to disk before the layer counts.
    #[arg(long)]
    durable: bool,
    #[command(flatten)]
    store: StoreArgs,
}

fn compression(text: &str) -> Result<Compression, String> {
    let (name, level) = match text.split_once(':') {
        Some((name, level)) => (name, Some(level)),
        None => (text, None),
    };
    match (name, level) {
        ("none", None) => Ok(Compression::None),
        ("gzip", None) => Ok(Compression::Gzip),
        ("zstd", None) => Ok(Compression::Zstd(1)),
        ("zstd", Some(level)) => match level.parse::<i32>() {
            Ok(level) if (1..=19).contains(&level) => Ok(Compression::Zstd(level)),
            _ => Err("levels of zstd go from 1 to 19".to_owned()),
        },
        _ => Err("known are zstd, zstd:LEVEL, gzip and none".to_owned()),
    }
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_shown(ui)?;
    let request = PersistRequest {
        job: args.job.clone(),
        attempt: args.attempt,
        node: args.node,
        nodes: args.nodes.unwrap_or(args.node.saturating_add(1)),
        seq: args.seq,
        workflow: None,
        requires: args.requires.clone(),
        root: absolute(&args.root)?,
        root_text: args.root.to_string_lossy().into_owned(),
        paths: args.paths.clone(),
        compression: args.compression,
        durable: args.durable,
    };
    let persisted = workspace
        .persist(&request, &mut meter::progress(ui, "packed"))
        .map_err(|error| failure(&error))?;
    for item in &persisted.unmatched {
        ui.talk(&format!(
            "warning: `{item}` matches nothing in {}\n",
            request.root.display()
        ));
    }
    if let Some(caveat) = workspace.caveat() {
        ui.talk(&format!("warning: {caveat}\n"));
    }
    ui.out(&format!(
        "layer {} {}\ntree {}\n",
        persisted.id, persisted.layer, persisted.tree
    ))?;
    ui.talk(&format!(
        "{}, {} unpacked, {} stored\n",
        counted(persisted.entries, "entry", "entries"),
        human(persisted.uncompressed),
        human(persisted.size)
    ));
    Ok(0)
}
