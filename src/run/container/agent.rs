//! The job's own process: the first one in its container, as the image's user.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{setsid, umask};
use serde::{Deserialize, Serialize};

use super::{CACHES, EXCHANGE, KEPT, LAYERS, OWN, RESULTS, STORE};
use crate::run::agent::{Refused, carry_out, tell};
use crate::run::env;
use crate::run::sandbox::remove_tree;
use crate::run::spec::{FromAgent, JobSpec};

/// The argument of the process that runs a job in a container.
pub(crate) const PART: &str = "container";
/// The argument of the process that empties an exchange folder which its owner cannot empty.
pub(crate) const EMPTY: &str = "empty";

/// What the process is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) job: JobSpec,
    /// The name of the workspace's folder in a store, where there are layers already.
    pub(super) workspace: Option<OsString>,
    /// Whether caches are to be seen.
    pub(super) has_caches: bool,
    /// What runs beside the steps, and the variables for it alone.
    pub(super) beside: Option<Beside>,
}

/// The entrypoint of the image, where it is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Beside {
    pub(super) words: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// The file for what it writes.
    pub(super) log: PathBuf,
}

/// Waits for the job and runs it.
pub(crate) fn inside() -> Result<ExitCode, Refused> {
    // No terminal. The first process of a container often leads a session already.
    let _ = setsid();
    let _ = tell(&FromAgent::Ready);
    let mut control = BufReader::new(io::stdin());
    let mut line = String::new();
    if !matches!(control.read_line(&mut line), Ok(read) if read > 0) {
        return Ok(ExitCode::SUCCESS);
    }
    let mut task: Task = serde_json::from_str(&line).map_err(Refused::when("the job"))?;
    let image: env::Variables = std::env::vars_os().collect();
    let home = image.iter().find(|(name, _)| name == "HOME");
    let home = home.map_or_else(|| OsString::from("/"), |(_, home)| home.clone());
    settle(&task).map_err(Refused::when("the exchange folder"))?;
    if let Some(beside) = &task.beside {
        beside.start();
    }
    let mut all = env::of_image(image, &task.job.private);
    all.append(&mut task.job.env);
    task.job.env = all;
    task.job.home = home;
    let done = carry_out(&task.job, control);
    open_up(Path::new(EXCHANGE));
    done
}

/// Makes the folders of the exchange, in which what is there already is found.
fn settle(task: &Task) -> io::Result<()> {
    let before = umask(rustix::fs::Mode::empty());
    let done = (|| {
        for dir in [STORE, KEPT, RESULTS, OWN] {
            make_dir(Path::new(dir))?;
        }
        if let Some(workspace) = &task.workspace {
            link_workspace(Path::new(LAYERS), &Path::new(STORE).join(workspace))?;
        }
        if task.has_caches {
            link_caches()?;
        }
        // Images without anything in them lack even that.
        let _ = fs::DirBuilder::new().mode(0o777).create("/tmp");
        Ok(())
    })();
    umask(before);
    done
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Shows the layers of a workspace. Work under way, notes, and what was remembered of the targets of
/// other jobs stay out.
fn link_workspace(from: &Path, to: &Path) -> io::Result<()> {
    make_dir(to)?;
    for part in ["blobs", "oci-layout", "refs"] {
        link_all(&from.join(part), &to.join(part))?;
    }
    Ok(())
}

/// Shows the caches: an index each, and the workspaces that hold their layers.
fn link_caches() -> io::Result<()> {
    for entry in fs::read_dir(CACHES)? {
        let entry = entry?;
        let (path, target) = (entry.path(), Path::new(KEPT).join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            link_workspace(&path, &target)?;
        } else {
            link_all(&path, &target)?;
        }
    }
    Ok(())
}

/// Repeats folders, and each file of them as a link: it is read where it is, and cannot change.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    // What vanished meanwhile was no part of anything.
    let Ok(meta) = from.symlink_metadata() else {
        return Ok(());
    };
    if meta.is_file() {
        return symlink(from, to);
    }
    if meta.is_dir() {
        make_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            link_all(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

impl Beside {
    /// Starts it; what keeps it from starting is told where its output goes.
    fn start(&self) {
        use std::io::Write as _;
        let [program, arguments @ ..] = self.words.as_slice() else {
            return;
        };
        let Ok(mut log) = fs::File::create(&self.log) else {
            return;
        };
        let (Ok(out), Ok(errors)) = (log.try_clone(), log.try_clone()) else {
            return;
        };
        let started = Command::new(program)
            .args(arguments)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn();
        if let Err(error) = started {
            let _ = writeln!(log, "cannot start {program}: {error}");
        }
    }
}

/// Lets the runner read and remove all that this user owns in the exchange folder.
fn open_up(dir: &Path) {
    let add = |path: &Path, meta: &fs::Metadata, bits: u32| {
        let mode = meta.permissions().mode() & 0o777;
        if mode & bits != bits {
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode | bits));
        }
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let Ok(meta) = path.symlink_metadata() else {
            continue;
        };
        if meta.is_dir() {
            add(&path, &meta, 0o777);
            open_up(&path);
        } else if meta.is_file() {
            add(&path, &meta, 0o444);
        }
    }
}

/// Empties the exchange folder.
pub(crate) fn empty() -> Result<ExitCode, Refused> {
    let failed = || Refused::when::<io::Error>("to empty the exchange folder");
    for entry in fs::read_dir(EXCHANGE).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let meta = path.symlink_metadata().map_err(failed())?;
        let done = if meta.is_dir() {
            remove_tree(&path)
        } else {
            fs::remove_file(&path)
        };
        done.map_err(failed())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the folder's name of a workspace in a store.
pub(super) fn folder(workspace: &Path) -> Option<&OsStr> {
    workspace.file_name()
}
