//! Takes away what nobody needs any more: workspaces past their lifetime, and of the others the
//! temporary files and blobs that a crash left. What may still be in use is left alone: a layer
//! that is being made has its blobs in place before its ref.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::inventory::{Found, Role};
use super::name::decode_job;
use super::usage::Stray;
use super::{LayerError, Workspace};

/// How old what a crash left has to be, unless the caller says otherwise: longer than any persist
/// takes.
pub const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Where workspaces wait for their deletion; no workspace has a name with a dot in front.
const TRASH: &str = ".trash";
/// How imports name the folders in which they unpack.
pub(super) const STAGING: &str = ".import-";

/// What to take away.
#[derive(Debug, Clone)]
pub struct PruneRequest {
    /// The time that counts as now.
    pub now: SystemTime,
    /// How old temporary files and blobs without a ref have to be.
    pub age: Duration,
    /// Whether to say only what would go.
    pub dry_run: bool,
    /// Workspaces that stay though they are past their lifetime, by id.
    pub keep: Vec<String>,
}

/// What was taken away, or would be.
#[derive(Debug, Clone, Default)]
pub struct Pruned {
    /// Workspaces past their lifetime.
    pub workspaces: Vec<ExpiredWorkspace>,
    /// Leftovers of living workspaces, with the workspace's id; paths are relative to its folder.
    pub leftovers: Vec<(String, Stray)>,
    /// Workspaces whose blobs stayed because a damaged manifest hides what it refers to.
    pub uncertain: Vec<String>,
}

/// A workspace past its lifetime.
#[derive(Debug, Clone)]
pub struct ExpiredWorkspace {
    /// Its id.
    pub id: String,
    /// Since when.
    pub expired: SystemTime,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Returns the workspaces of a store, by name. Other folders are not ours.
///
/// # Errors
/// The store cannot be read.
pub fn workspaces(store: &Path) -> Result<Vec<Workspace>, LayerError> {
    let failed = |error| LayerError::io("read", store, error);
    let items = match fs::read_dir(store) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for item in items {
        let item = item.map_err(failed)?;
        let Some(id) = item.file_name().to_str().and_then(decode_job) else {
            continue;
        };
        let is_one = ["refs", "blobs/sha256"]
            .iter()
            .all(|part| item.path().join(part).is_dir());
        if is_one && item.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(Workspace::in_dir(store, &id));
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Takes away what nobody needs any more from all workspaces of a store.
///
/// # Errors
/// The store cannot be read or written.
pub fn prune(store: &Path, request: &PruneRequest) -> Result<Pruned, LayerError> {
    let mut pruned = Pruned::default();
    for workspace in workspaces(store)? {
        let files = workspace.inventory()?;
        match workspace.end(&files)? {
            Some(expired) if expired <= request.now && !request.keep.contains(&workspace.id) => {
                let bytes = files.iter().map(|found| found.size).sum();
                if request.dry_run || bury(&workspace, request.now)? {
                    pruned.workspaces.push(ExpiredWorkspace {
                        id: workspace.id.clone(),
                        expired,
                        bytes,
                    });
                }
            }
            _ => sweep(&workspace, files, request, &mut pruned)?,
        }
    }
    if !request.dry_run {
        empty_trash(store, request)?;
    }
    Ok(pruned)
}

impl Workspace {
    /// Returns when the workspace is past its lifetime; one without layers lives on from its
    /// newest file.
    fn end(&self, files: &[Found]) -> Result<Option<SystemTime>, LayerError> {
        if let Some(expires) = self.expires()? {
            return Ok(Some(expires));
        }
        let made = match fs::metadata(self.dir()).and_then(|meta| meta.modified()) {
            Ok(made) => made,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LayerError::io("read", self.dir(), error)),
        };
        let newest = files.iter().map(|found| found.modified).max();
        Ok(Some(
            newest.map_or(made, |newest| newest.max(made)) + self.lifetime,
        ))
    }
}

/// Moves a workspace to the trash. A layer that arrived at the last moment brings it back: says
/// whether the workspace is gone.
fn bury(workspace: &Workspace, now: SystemTime) -> Result<bool, LayerError> {
    let trash = workspace.store.join(TRASH);
    fs::create_dir_all(&trash).map_err(|error| LayerError::io("create", &trash, error))?;
    let place = tempfile::Builder::new()
        .prefix("workspace-")
        .tempdir_in(&trash)
        .map_err(|error| LayerError::io("create a folder in", &trash, error))?
        .keep();
    let buried = place.join("workspace");
    match fs::rename(workspace.dir(), &buried) {
        Ok(()) => {}
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LayerError::io("move", workspace.dir(), error)),
    }
    let moved = Workspace {
        dir: buried.clone(),
        ..workspace.clone()
    };
    if moved.expires()?.is_some_and(|date| date > now) {
        fs::rename(&buried, workspace.dir())
            .map_err(|error| LayerError::io("move", &buried, error))?;
        return Ok(false);
    }
    Ok(true)
}

/// Takes away what a crash left in a living workspace.
fn sweep(
    workspace: &Workspace,
    files: Vec<Found>,
    request: &PruneRequest,
    pruned: &mut Pruned,
) -> Result<(), LayerError> {
    // After the list of files: a blob that gets its ref meanwhile is in here.
    let referenced = workspace.referenced()?;
    if !referenced.whole {
        pruned.uncertain.push(workspace.id.clone());
    }
    let old = |found: &Found| {
        request
            .now
            .duration_since(found.modified)
            .is_ok_and(|age| age >= request.age)
    };
    for found in files {
        let why = match &found.role {
            Role::Temporary => "a temporary file",
            Role::Blob(digest) if referenced.whole && !referenced.contains(digest) => {
                "no ref leads to this blob"
            }
            _ => continue,
        };
        if !old(&found) {
            continue;
        }
        let path = workspace.dir().join(&found.path);
        let gone = request.dry_run
            || match found.role {
                Role::Blob(_) => remove_blob(workspace, &path, found.modified)?,
                _ => remove(&path)?,
            };
        if gone {
            let stray = Stray {
                path: found.path,
                bytes: found.size,
                why,
            };
            pruned.leftovers.push((workspace.id.clone(), stray));
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<bool, LayerError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(LayerError::io("remove", path, error)),
    }
}

/// Removes a blob, unless a persist has put a new one in its place since it was looked at: that
/// one is about to get a ref.
fn remove_blob(
    workspace: &Workspace,
    path: &Path,
    modified: SystemTime,
) -> Result<bool, LayerError> {
    let aside = workspace.temp()?.into_temp_path();
    match fs::rename(path, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(LayerError::io("move", path, error)),
    }
    let now = fs::metadata(&aside).and_then(|meta| meta.modified());
    if now.is_ok_and(|now| now == modified) {
        return Ok(true);
    }
    // Back, but not over one that came meanwhile; both have the same name and so the same bytes.
    match aside.persist_noclobber(path) {
        Ok(()) => Ok(false),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(LayerError::io("move", path, error.error)),
    }
}

/// Deletes what was moved to the trash, now or by a prune that was cut off, and what imports left.
fn empty_trash(store: &Path, request: &PruneRequest) -> Result<(), LayerError> {
    let trash = store.join(TRASH);
    remove_folder(&trash)?;
    let failed = |error| LayerError::io("read", store, error);
    let items = match fs::read_dir(store) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    for item in items {
        let item = item.map_err(failed)?;
        let name: PathBuf = item.file_name().into();
        let staging = name.to_str().is_some_and(|name| name.starts_with(STAGING));
        let old = item
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|made| {
                request
                    .now
                    .duration_since(made)
                    .is_ok_and(|age| age >= request.age)
            });
        if staging && old {
            remove_folder(&item.path())?;
        }
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), LayerError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LayerError::io("remove", path, error))
        }
        _ => Ok(()),
    }
}
