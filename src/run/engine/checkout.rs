//! The `checkout` step: the project's tracked files as they are now, and a repository over them.
//!
//! The files come from the working tree and not from the last commit, so that what a person
//! tries out is what they have before them. The repository borrows the project's objects.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};
use std::process::{Command, Stdio};

use crate::run::event::JobEvent;
use crate::run::spec::Place;

/// Lists the files that a checkout brings, each with a NUL behind its name: the tracked ones, and
/// where `dirty` says so those that git neither tracks nor ignores.
pub(crate) fn tracked(
    project: &Path,
    dirty: bool,
    env: &[(OsString, OsString)],
) -> Result<Vec<u8>, String> {
    let git = Git { env };
    let mut arguments = vec!["ls-files", "-z"];
    if dirty {
        // Layers and logs of runs are no part of the project, whether it ignores them or not.
        arguments.extend([
            "--cached",
            "--others",
            "--exclude-standard",
            "--exclude=/.holdall/",
        ]);
    }
    git.output(project, &arguments).map_err(|e| {
        format!(
            "cannot list the tracked files of {}: {e}",
            project.display()
        )
    })
}

/// Puts the project's tracked files into `target`, with `dirty` the others too. Where `source` says so, they and the history
/// were prepared elsewhere.
pub(super) fn checkout(
    project: &Path,
    source: Option<&Place>,
    dirty: bool,
    target: &Path,
    env: &[(OsString, OsString)],
    emit: &mut dyn FnMut(JobEvent),
) -> Result<(), String> {
    let git = Git { env };
    let (tracked, repository) = match source {
        None => (tracked(project, dirty, env)?, Some(project)),
        Some(place) => {
            let list = Path::new(&place.listed);
            let names =
                fs::read(list).map_err(|e| format!("cannot read {}: {e}", list.display()))?;
            (names, place.repository.as_deref().map(Path::new))
        }
    };
    let is_empty = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(format!("cannot read {}: {error}", target.display())),
    };
    let target_text = target.display();
    let mut has_repository = true;
    if is_empty {
        let why = match repository {
            Some(from) => git.clone_bare_of_files(from, target).err(),
            None => Some("the project has none".to_owned()),
        };
        match why {
            None => {}
            // Images need not have git: the files come all the same.
            Some(why) if source.is_some() && !git.is_there() => {
                has_repository = false;
                fs::create_dir_all(target)
                    .map_err(|e| format!("cannot make the folder {target_text}: {e}"))?;
                emit(JobEvent::Warning(format!(
                    "the files are there without a repository: {why}"
                )));
            }
            Some(why) => return Err(format!("cannot make a repository in {target_text}: {why}")),
        }
    } else if target.join(".git").symlink_metadata().is_err() {
        // The service's own words (circleci-semantics §2.6): people search for them.
        return Err(format!(
            "Directory ({target_text}) you are trying to checkout to is not empty and not a git \
             repository"
        ));
    }
    let mut count = 0_u64;
    for name in tracked.split(|&b| b == 0).filter(|name| !name.is_empty()) {
        let name = Path::new(OsStr::from_bytes(name));
        let copied = copy(project, target, name);
        count += u64::from(copied.map_err(|e| format!("cannot copy {}: {e}", name.display()))?);
    }
    // Without a commit there is nothing to compare with, and nothing to set up.
    if has_repository {
        let _ = git.output(target, &["reset", "--quiet"]);
    }
    emit(JobEvent::Progress {
        bytes: 0,
        entries: count,
    });
    Ok(())
}

struct Git<'a> {
    env: &'a [(OsString, OsString)],
}

impl Git<'_> {
    fn is_there(&self) -> bool {
        let mut command = Command::new("git");
        command.arg("version");
        self.run(command).is_ok()
    }

    fn output(&self, dir: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let mut command = Command::new("git");
        command.arg("-C").arg(dir).args(arguments);
        self.run(command)
    }

    /// Makes a repository with the history of the project and no file yet.
    fn clone_bare_of_files(&self, project: &Path, target: &Path) -> Result<(), String> {
        let mut command = Command::new("git");
        command
            .args(["clone", "--quiet", "--shared", "--no-checkout", "--"])
            .args([project, target]);
        self.run(command)?;
        // Jobs ask for the address that the project came from, not for a folder of this machine.
        if let Ok(url) = self.output(project, &["config", "--get", "remote.origin.url"]) {
            let url = String::from_utf8_lossy(&url).trim().to_owned();
            self.output(target, &["remote", "set-url", "origin", &url])?;
        }
        Ok(())
    }

    fn run(&self, mut command: Command) -> Result<Vec<u8>, String> {
        let output = command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            // The project may belong to somebody else than the user of the job; it is only read.
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("git: {e}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(text.trim().replace('\n', "; "))
    }
}

/// Copies one tracked file; `false` where the working tree lacks it.
fn copy(project: &Path, target: &Path, name: &Path) -> io::Result<bool> {
    // Git keeps to such names; a damaged index must not lead out of the target.
    if !name.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let (from, to) = (project.join(name), target.join(name));
    let Ok(meta) = from.symlink_metadata() else {
        return Ok(false);
    };
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if meta.is_dir() {
        // A submodule: the service does not fetch those either.
        fs::create_dir_all(&to)?;
        return Ok(false);
    }
    match fs::remove_file(&to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if meta.is_symlink() {
        symlink(fs::read_link(&from)?, &to)?;
    } else {
        fs::copy(&from, &to)?;
    }
    Ok(true)
}
