//! `holdall layers tree`: the tree digest of a folder.

use std::path::PathBuf;

use super::failure;
use crate::cli::{CliError, Ui};
use crate::layer::tree_digest_of;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder.
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let digest = tree_digest_of(&args.dir).map_err(|error| failure(&error))?;
    ui.out(&format!("{digest}\n"))?;
    Ok(0)
}
