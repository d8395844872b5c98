//! Where what jobs write is kept while they run, and how it goes away again.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, statfs};

use super::remove::remove_tree;
use crate::run::error::RunError;

/// What the folders of all runs begin with: leftovers are known by it.
const PREFIX: &str = "holdall-run-";

/// A folder without a lock is left alone for this long: its owner may be about to lock it.
const YOUTH: Duration = Duration::from_secs(600);

/// The folder over which jobs mount memory, each in a mount namespace of its own.
const MEMORY: &str = "memory";

const TMPFS: i64 = 0x0102_1994;
const OVERLAYFS: i64 = 0x794c_7630;

/// The folder of one run, locked as long as the run lives and removed with it.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    /// Whether the jobs must use memory instead of this folder's disk.
    pub(crate) in_memory: bool,
    jobs: AtomicU64,
    removals: Mutex<Vec<JoinHandle<()>>>,
    _lock: File,
}

impl Scratch {
    /// Makes a folder, and removes those of runs that were killed.
    pub(crate) fn create(wanted: Option<&Path>) -> Result<Self, RunError> {
        let base = wanted.map_or_else(best_base, Path::to_owned);
        let failed = |e: io::Error| RunError::io("create a folder in", &base, e);
        let base = base.canonicalize().map_err(failed)?;
        sweep(&base);
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&base);
        // Removed again if what follows fails.
        let made = made.map_err(failed)?;
        spread(made.path());
        fs::create_dir(made.path().join(MEMORY)).map_err(failed)?;
        let lock = File::create(made.path().join("lock")).map_err(failed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|e| failed(e.into()))?;
        let dir = made.keep();
        Ok(Self {
            // Overlays cannot write to an overlay, as the disk of a container often is.
            in_memory: kind_of(&dir) == Some(OVERLAYFS),
            dir,
            jobs: AtomicU64::new(0),
            removals: Mutex::new(Vec::new()),
            _lock: lock,
        })
    }

    /// Returns the folder over which jobs mount memory.
    pub(super) fn memory(&self) -> PathBuf {
        self.dir.join(MEMORY)
    }

    /// Returns where something lies that all jobs of the run share.
    pub(crate) fn named(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Makes the folder of the next job.
    pub(crate) fn next_job(&self) -> Result<PathBuf, RunError> {
        let number = self.jobs.fetch_add(1, Ordering::Relaxed) + 1;
        let dir = self.dir.join(format!("job-{number}"));
        fs::create_dir(&dir).map_err(|e| RunError::io("create", &dir, e))?;
        Ok(dir)
    }
}

impl Scratch {
    /// Removes the folder of a job when its last process is gone: `held` waits for that when it is
    /// dropped. The next job need not wait for it: on some disks that takes longer than a short job.
    pub(crate) fn discard(&self, dir: PathBuf, held: impl Send + 'static) {
        let removal = std::thread::Builder::new().spawn(move || {
            drop(held);
            // The folder of the whole run is removed in the end, with what is left in it.
            let _ = remove_tree(&dir);
        });
        let mut removals = self.removals.lock().unwrap_or_else(PoisonError::into_inner);
        removals.extend(removal);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let removals = self
            .removals
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for removal in removals.drain(..) {
            let _ = removal.join();
        }
        // What cannot be removed now is removed by a later run.
        let _ = remove_tree(&self.dir);
    }
}

/// Has ext4 put the folders of jobs far from each other. Without a journal it looks, for every new
/// file, at all files that were deleted nearby within the last minutes: those of the jobs before.
fn spread(dir: &Path) {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // Other file systems have no such flag, and no such need.
    if let Ok(dir) = rustix::fs::open(dir, flags, Mode::empty())
        && let Ok(set) = ioctl_getflags(&dir)
    {
        let _ = ioctl_setflags(&dir, set | IFlags::TOPDIR);
    }
}

/// Prefers a disk to memory: builds write a lot. The folders offered are those that every job
/// has for itself anyway, so that nothing of the machine has to be left out of its view.
fn best_base() -> PathBuf {
    let offers = ["/tmp", "/var/tmp"].map(Path::new);
    let on_disk = |dir: &&Path| kind_of(dir).is_some_and(|kind| kind != TMPFS) && is_writable(dir);
    let found = offers.into_iter().find(on_disk);
    let found = found.or_else(|| offers.into_iter().find(|dir| is_writable(dir)));
    found.map_or_else(std::env::temp_dir, Path::to_owned)
}

fn kind_of(dir: &Path) -> Option<i64> {
    let stat = statfs(dir).ok()?;
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "the field's type differs between machines"
    )]
    i64::try_from(stat.f_type).ok()
}

fn is_writable(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Removes the folders of runs that died: whoever lives holds the lock of his.
fn sweep(base: &Path) {
    let own = rustix::process::geteuid().as_raw();
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let is_named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Some(meta) = entry.metadata().ok().filter(|_| is_named) else {
            continue;
        };
        if !meta.is_dir() || meta.uid() != own {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(entry.path().join("lock"), flags, Mode::empty()) {
            Ok(lock) => {
                if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    let _ = remove_tree(&entry.path());
                }
            }
            Err(_) => {
                let age = meta.modified().ok().and_then(|time| time.elapsed().ok());
                if age.is_some_and(|age| age > YOUTH) {
                    let _ = remove_tree(&entry.path());
                }
            }
        }
    }
}
