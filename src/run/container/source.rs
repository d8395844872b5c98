//! What the `checkout` step of a container copies: the project's files, and a repository with its
//! history. The project may be a worktree, borrow objects of others, and have files that only its
//! owner can read; none of that is seen from inside.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use super::client::mount;
use super::exchange::may;
use super::{BASE, FILES, LISTED, REPOSITORY};
use crate::run::error::RunError;

/// What is prepared once for all jobs of a run.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) mounts: Vec<OsString>,
    /// Whether it could be said which files a checkout copies.
    pub(super) is_known: bool,
    /// Whether there is a repository at all.
    pub(super) has_repository: bool,
}

impl Source {
    /// Prepares in `dir` what is to be seen of a project; `tracked` are the names of the files that
    /// a checkout brings, each with a NUL behind it.
    pub(super) fn prepare(project: &Path, tracked: &[u8], dir: &Path) -> Result<Self, RunError> {
        let failed = |e: io::Error| RunError::io("prepare the checkout of", project, e);
        fs::create_dir_all(dir).map_err(failed)?;
        let list = dir.join("tracked");
        fs::File::create(&list)
            .and_then(|mut file| file.write_all(tracked))
            .and_then(|()| fs::set_permissions(&list, fs::Permissions::from_mode(0o644)))
            .map_err(failed)?;
        let mut mounts = vec![mount(&list, LISTED, false)];
        let files = if is_readable(project, tracked).map_err(failed)? {
            project.to_owned()
        } else {
            let copy = dir.join("files");
            readable_copy(project, tracked, &copy).map_err(failed)?;
            copy
        };
        mounts.push(mount(&files, FILES, false));
        let has_repository = match repository(project, &dir.join("repository")).map_err(failed)? {
            Some(more) => {
                mounts.extend(more);
                true
            }
            None => false,
        };
        Ok(Self {
            mounts,
            is_known: true,
            has_repository,
        })
    }

    /// Takes a project whose files cannot be listed.
    pub(super) fn none() -> Self {
        Self {
            mounts: Vec::new(),
            is_known: false,
            has_repository: false,
        }
    }
}

/// Names the tracked files that are safe to touch.
fn names(tracked: &[u8]) -> impl Iterator<Item = &Path> {
    tracked
        .split(|&b| b == 0)
        .filter(|name| !name.is_empty())
        .map(|name| Path::new(std::ffi::OsStr::from_bytes(name)))
        .filter(|name| name.components().all(|c| matches!(c, Component::Normal(_))))
}

/// Says whether everybody can read the files, and come to them.
fn is_readable(project: &Path, tracked: &[u8]) -> io::Result<bool> {
    if !may(&fs::metadata(project)?, 0o001) {
        return Ok(false);
    }
    let mut seen = std::collections::HashSet::new();
    for name in names(tracked) {
        for folder in name
            .ancestors()
            .skip(1)
            .filter(|f| !f.as_os_str().is_empty())
        {
            if !seen.insert(folder.to_owned()) {
                break;
            }
            match fs::metadata(project.join(folder)) {
                Ok(meta) if !may(&meta, 0o001) => return Ok(false),
                _ => {}
            }
        }
        match project.join(name).symlink_metadata() {
            Ok(meta) if meta.is_file() && !may(&meta, 0o004) => return Ok(false),
            _ => {}
        }
    }
    Ok(true)
}

/// Copies the files with the permissions that git would give them.
fn readable_copy(project: &Path, tracked: &[u8], to: &Path) -> io::Result<()> {
    make_open(to)?;
    for name in names(tracked) {
        let (from, to_file) = (project.join(name), to.join(name));
        let Ok(meta) = from.symlink_metadata() else {
            continue;
        };
        let mut folders: Vec<&Path> = name.ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders {
            make_open(&to.join(folder))?;
        }
        if meta.is_dir() {
            make_open(&to_file)?;
        } else if meta.is_symlink() {
            symlink(fs::read_link(&from)?, &to_file)?;
        } else {
            fs::copy(&from, &to_file)?;
            let mode = if may(&meta, 0o100) { 0o755 } else { 0o644 };
            fs::set_permissions(&to_file, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

fn make_open(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(0o755)),
    }
}

/// Makes a repository that has no objects of its own and finds those of the project where they
/// are seen inside. Nothing where the project is no repository, or git is not installed.
fn repository(project: &Path, dir: &Path) -> io::Result<Option<Vec<OsString>>> {
    let git = |args: &[&std::ffi::OsStr]| {
        Command::new("git")
            .args(args)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())
    };
    let words = ["clone", "--quiet", "--bare", "--shared", "--"].map(std::ffi::OsStr::new);
    let both = [project.as_os_str(), dir.as_os_str()];
    if git(&[&words[..], &both[..]].concat()).is_none() {
        return Ok(None);
    }
    // Jobs ask for the address that the project came from, not for a folder of this machine.
    let origin = ["config", "--get", "remote.origin.url"].map(std::ffi::OsStr::new);
    let of = |dir: &Path, words: &[&std::ffi::OsStr]| {
        let at = [std::ffi::OsStr::new("-C"), dir.as_os_str()];
        git(&[&at[..], words].concat())
    };
    match of(project, &origin) {
        Some(output) => {
            let url = OsString::from_vec(output.stdout.trim_ascii().to_vec());
            let set = ["config", "remote.origin.url"].map(std::ffi::OsStr::new);
            of(dir, &[&set[..], &[&url]].concat());
        }
        None => {
            let unset = ["config", "--unset", "remote.origin.url"].map(std::ffi::OsStr::new);
            of(dir, &unset);
        }
    }
    let alternates = dir.join("objects/info/alternates");
    let mut mounts = vec![mount(dir, REPOSITORY, false)];
    let mut lines = String::new();
    for (n, objects) in borrowed(&alternates)?.iter().enumerate() {
        let target = format!("{BASE}/in/objects-{n}");
        mounts.push(mount(objects, &target, false));
        lines.push_str(&target);
        lines.push('\n');
    }
    fs::write(&alternates, lines)?;
    open_up(dir)?;
    Ok(Some(mounts))
}

/// Lists the object folders that a list of alternates leads to, also by way of others.
fn borrowed(alternates: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut lists = vec![alternates.to_owned()];
    while let Some(list) = lists.pop() {
        let text = match fs::read(&list) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let lines = text.split(|&b| b == b'\n').filter(|l| !l.is_empty());
        for line in lines.filter(|line| !line.starts_with(b"#")) {
            // Relative ones are meant from the object folder that lists them.
            let base = list
                .parent()
                .and_then(Path::parent)
                .unwrap_or(Path::new("/"));
            let objects = base.join(std::ffi::OsStr::from_bytes(line));
            if objects.is_dir() && !found.contains(&objects) {
                lists.push(objects.join("info/alternates"));
                found.push(objects);
            }
        }
    }
    Ok(found)
}

/// Lets everybody read a folder of the runner's own.
fn open_up(dir: &Path) -> io::Result<()> {
    let mode = fs::metadata(dir)?.permissions().mode();
    fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o555))?;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let meta = path.symlink_metadata()?;
        if meta.is_dir() {
            open_up(&path)?;
        } else if meta.is_file() {
            let mode = meta.permissions().mode();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o444))?;
        }
    }
    Ok(())
}
