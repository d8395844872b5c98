//! `holdall layers export`: workspaces as one tar.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::{failure, human};
use crate::cli::store::StoreArgs;
use crate::cli::ui::counted;
use crate::cli::write::Draft;
use crate::cli::{CliError, Ui, meter};
use crate::layer::{self, Carried, LayerError, Workspace};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall layers export layers.tar\n         holdall layers export - | ssh host holdall layers import -"
)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Every workspace of the store.
    #[arg(long)]
    all: bool,
    /// The tar to write; `-` is stdout.
    file: PathBuf,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = match args.all {
        true => args.store.open_folder("export --all")?,
        false => args.store.open_shown(ui)?,
    };
    let workspaces = match args.all {
        true => layer::workspaces(workspace.store()).map_err(|error| failure(&error))?,
        false => vec![workspace.clone()],
    };
    let carried = match args.file == Path::new("-") {
        true => to_stdout(&workspaces, ui)?,
        false => to_file(&workspaces, &args.file, ui)?,
    };
    let layers: usize = carried.iter().map(|all| all.layers.len()).sum();
    if layers == 0 {
        ui.note(&format!(
            "{} holds no layer to export",
            workspace.store_name()
        ));
    }
    ui.talk(&format!(
        "exported {} of {}, {}\n",
        counted(layers, "layer", "layers"),
        counted(carried.len(), "workspace", "workspaces"),
        human(carried.iter().map(|all| all.bytes).sum())
    ));
    Ok(0)
}

fn to_stdout(workspaces: &[Workspace], ui: &Ui) -> Result<Vec<Carried>, CliError> {
    let stdout = std::io::stdout().lock();
    if stdout.is_terminal() {
        return Err(CliError::usage("a tar is nothing to read on a terminal")
            .hint("name a file, or let another program read it"));
    }
    let output = std::io::BufWriter::with_capacity(1 << 17, stdout);
    let progress = &mut meter::progress(ui, "exported");
    layer::export(workspaces, output, Path::new("stdout"), progress).map_err(|error| match &error {
        LayerError::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe => {
            CliError::broken_pipe()
        }
        _ => failure(&error),
    })
}

/// The file is there as a whole or not at all.
fn to_file(workspaces: &[Workspace], path: &Path, ui: &Ui) -> Result<Vec<Carried>, CliError> {
    let failed = |error: std::io::Error| failure(&LayerError::io("write", path, error));
    let mut draft = Draft::of(path, false).map_err(failed)?;
    let mut output = std::io::BufWriter::with_capacity(1 << 17, draft.file());
    let progress = &mut meter::progress(ui, "exported");
    let carried =
        layer::export(workspaces, &mut output, path, progress).map_err(|error| failure(&error))?;
    output.flush().map_err(failed)?;
    drop(output);
    draft.put().map_err(failed)?;
    Ok(carried)
}
