//! Takes away what runs have left and nobody needs any more: folders of runs and caches past their
//! lifetime. Workspaces are the layer room's, which has a `prune` of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::engine::caches;
use super::error::RunError;
use super::options::Options;
use super::swept::{RUN_LIFETIME, Swept, SweptRun};
use crate::layer::{self, LEFTOVER_AGE, PruneRequest};

/// How often a run looks for what has expired: looking costs a little for every layer.
const INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What says when somebody looked last; no run has a name with a dot in front.
const STAMP: &str = ".pruned";

/// Takes away the folders of runs that ended long ago, and caches past their lifetime. Folders that
/// are missing hold nothing.
///
/// # Errors
/// A folder cannot be read or written.
pub fn prune(
    runs: &Path,
    caches: &Path,
    now: SystemTime,
    dry_run: bool,
) -> Result<Swept, RunError> {
    let mut swept = Swept::default();
    for dir in folders(runs)? {
        let Some(id) = dir.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let (ended, bytes) = measure(&dir).map_err(|e| RunError::io("read", &dir, e))?;
        let old = now
            .duration_since(ended)
            .is_ok_and(|age| age >= RUN_LIFETIME);
        if !old || is_live(&dir) {
            continue;
        }
        if !dry_run {
            remove(&dir)?;
        }
        swept.runs.push(SweptRun {
            id: id.to_owned(),
            ended,
            bytes,
        });
    }
    swept.caches = caches::prune(caches, now, dry_run)?;
    Ok(swept)
}

/// Prunes before a run, where nobody has for a day. It fails nothing: who wants to know why
/// something stays asks `layers prune`.
pub(super) fn before_run(options: &Options, workspace: &str) {
    let stamp = options.runs.join(STAMP);
    let looked = fs::metadata(&stamp).and_then(|meta| meta.modified());
    // A time that is still to come is that of a clock that was set back.
    if looked.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < INTERVAL)) {
        return;
    }
    if File::create(&stamp).is_err() {
        return;
    }
    let now = SystemTime::now();
    // What a run uses stays, though it is past its lifetime: attaching it is an error then, and not
    // an attach of nothing.
    let mut keep: Vec<String> = folders(&options.runs)
        .unwrap_or_default()
        .iter()
        .filter(|dir| is_live(dir))
        .filter_map(|dir| Some(dir.file_name()?.to_str()?.to_owned()))
        .collect();
    keep.push(workspace.to_owned());
    let request = PruneRequest {
        now,
        age: LEFTOVER_AGE,
        dry_run: false,
        keep,
    };
    let _ = layer::prune(&options.store, &request);
    let _ = prune(&options.runs, &options.caches, now, false);
}

/// Marks the folder of a run as that of one that lives, as long as the handle does.
pub(super) fn hold(dir: &Path) -> Option<File> {
    let handle = File::open(dir).ok()?;
    // Where the file system has no locks, the run's files are young at least.
    flock(&handle, FlockOperation::NonBlockingLockShared).ok()?;
    Some(handle)
}

fn is_live(dir: &Path) -> bool {
    let Ok(handle) = File::open(dir) else {
        return false;
    };
    flock(&handle, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
}

/// Returns the folders of runs; what has another shape is not ours.
fn folders(runs: &Path) -> Result<Vec<PathBuf>, RunError> {
    let failed = |e: io::Error| RunError::io("read", runs, e);
    let entries = match fs::read_dir(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && entry.file_name().to_str().is_some_and(is_id) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Says whether a name is one that runs have.
fn is_id(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Returns when a run wrote to its own files last, and the bytes of all that is in its folder.
fn measure(dir: &Path) -> io::Result<(SystemTime, u64)> {
    let mut newest = fs::metadata(dir)?.modified()?;
    let mut bytes = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                open.push(entry.path());
                continue;
            }
            bytes += meta.len();
            // What jobs hand over may have any time.
            if folder == dir {
                newest = newest.max(meta.modified()?);
            }
        }
    }
    Ok((newest, bytes))
}

fn remove(dir: &Path) -> Result<(), RunError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(RunError::io("remove", dir, error))
        }
        _ => Ok(()),
    }
}
