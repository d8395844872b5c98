//! Which workspace of which store: the options that `persist`, `attach` and `layers` share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::meter::Meter;
use super::{CliError, Ui};
use crate::layer::{Location, RemoteOptions, Workspace};

/// Which workspace of which store.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// The store: a folder, or a URL (file, s3, gs, az, oci).
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
    #[command(flatten)]
    network: NetworkArgs,
}

/// How a store elsewhere is spoken to.
#[derive(Debug, clap::Args)]
struct NetworkArgs {
    /// How long a store elsewhere may be silent.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "HOLDALL_STORE_TIMEOUT",
        default_value_t = RemoteOptions::SILENCE.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=3600),
        hide_short_help = true,
        help_heading = "Store"
    )]
    store_timeout: u64,
    /// Transfers that are under way at once.
    #[arg(
        long,
        value_name = "N",
        env = "HOLDALL_STORE_TRANSFERS",
        default_value_t = RemoteOptions::TRANSFERS as u64,
        value_parser = clap::value_parser!(u64).range(1..=128),
        hide_short_help = true,
        help_heading = "Store"
    )]
    store_transfers: u64,
}

impl StoreArgs {
    /// Opens the workspace, without showing what goes over the network.
    pub(super) fn open(&self) -> Result<Workspace, CliError> {
        self.open_watched(None)
    }

    /// Opens the workspace; what goes over the network is shown.
    pub(super) fn open_shown(&self, ui: &Ui) -> Result<Workspace, CliError> {
        self.open_watched(Meter::on(ui))
    }

    /// Opens the workspace of a store in a folder, for what makes sense only there.
    pub(super) fn open_folder(&self, verb: &str) -> Result<Workspace, CliError> {
        match location(&self.store)? {
            Location::Folder(_) => self.open(),
            elsewhere => {
                let error = CliError::usage(format!(
                    "`layers {verb}` works on a store in a folder, and {elsewhere} is elsewhere"
                ));
                Err(match verb {
                    "prune" => error.hint("a lifecycle rule of the bucket, or the registry's policy, takes old layers away"),
                    "import" => error.hint("import into a folder, and `holdall layers push` it from there"),
                    _ => error.hint("`holdall layers pull` brings the workspace into a folder first"),
                })
            }
        }
    }

    fn open_watched(&self, meter: Option<Meter>) -> Result<Workspace, CliError> {
        if self.workspace.is_empty() {
            return Err(CliError::usage("the workspace needs a name"));
        }
        match location(&self.store)? {
            Location::Folder(path) => Ok(Workspace::in_dir(&path, &self.workspace)),
            elsewhere => Workspace::open(&elsewhere, &self.workspace, &self.options(meter)?)
                .map_err(|error| super::layers::failure(&error)),
        }
    }

    /// Returns how any store elsewhere is spoken to.
    pub(super) fn options(&self, meter: Option<Meter>) -> Result<RemoteOptions, CliError> {
        let silence = Duration::from_secs(self.network.store_timeout);
        let mut options = RemoteOptions::in_cache(&cache()?);
        options.silence = silence;
        options.connect = RemoteOptions::CONNECT.min(silence);
        options.transfers = usize::try_from(self.network.store_transfers).unwrap_or(1);
        options.watch = meter.map(|meter| Arc::new(move |moved| meter.show(moved)) as Arc<_>);
        Ok(options)
    }
}

/// Reads a store's URL; a folder's path becomes absolute.
pub(super) fn location(text: &str) -> Result<Location, CliError> {
    match Location::parse(text) {
        Ok(Location::Folder(path)) => Ok(Location::Folder(absolute(&path)?)),
        Ok(other) => Ok(other),
        Err(bad) => Err(CliError::usage(bad.message).hint(bad.hint)),
    }
}

/// Returns the folder for what can be fetched again.
fn cache() -> Result<PathBuf, CliError> {
    let env = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let usual = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    env("HOLDALL_CACHE")
        .or_else(|| env("XDG_CACHE_HOME").map(|dir| dir.join("holdall")))
        .or_else(|| env("HOME").map(|home| home.join(usual).join("holdall")))
        .ok_or_else(|| {
            CliError::usage("there is no place to keep what comes from the store")
                .hint("set HOLDALL_CACHE to a folder")
        })
}

/// Makes a path absolute without resolving links; a missing one is no error here.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path)
        .map_err(|error| CliError::input(format!("cannot resolve {}: {error}", path.display())))
}
