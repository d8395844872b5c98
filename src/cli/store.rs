//! Which workspace of which store: the options that `persist`, `attach` and `layers` share.

use std::path::{Path, PathBuf};

use super::CliError;
use crate::layer::Workspace;

/// Which workspace of which store.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// The store: a folder, or a file: URL.
    #[arg(
        long,
        value_name = "URL",
        env = "HOLDALL_STORE",
        default_value = ".holdall/store",
        help_heading = "Store"
    )]
    store: String,
    /// The workspace's id.
    #[arg(
        long,
        value_name = "ID",
        env = "HOLDALL_WORKSPACE",
        default_value = "default",
        help_heading = "Store"
    )]
    workspace: String,
}

impl StoreArgs {
    pub(super) fn open(&self) -> Result<Workspace, CliError> {
        let folder = match self.store.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => path,
            Some((scheme, _)) => {
                return Err(
                    CliError::usage(format!("a store of `{scheme}://` is not known"))
                        .hint("a store is a folder, or a URL like file:///var/lib/holdall"),
                );
            }
            None => self.store.strip_prefix("file:").unwrap_or(&self.store),
        };
        if folder.is_empty() || self.workspace.is_empty() {
            return Err(CliError::usage("store and workspace need a name"));
        }
        Ok(Workspace::in_dir(
            &absolute(Path::new(folder))?,
            &self.workspace,
        ))
    }
}

/// Makes a path absolute without resolving links; a missing one is no error here.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path)
        .map_err(|error| CliError::input(format!("cannot resolve {}: {error}", path.display())))
}
