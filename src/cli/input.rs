//! Which configs a command means, and their text.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{CliError, unpacked};
use crate::yaml::Source;

/// Largest file that is read; the parser's own limit is smaller and says so with a place.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Returns the files that these arguments mean: files as they are, `-`, the configs of a folder.
pub(crate) fn discover(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    if paths.is_empty() {
        let here = std::env::current_dir()
            .map_err(|e| CliError::input(format!("cannot tell the current folder: {e}")))?;
        let found = here.ancestors().find_map(|dir| {
            let files = configs(&dir.join(".circleci"));
            (!files.is_empty()).then_some(files)
        });
        let files = found.ok_or_else(|| {
            CliError::usage("there is no .circleci/*.yml in this folder or above it")
                .hint("name a config: holdall lint path/to/config.yml")
        })?;
        return Ok(files.into_iter().map(|f| shorten(&f, &here)).collect());
    }
    let mut out = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut files = unpacked::files(path);
            if files.is_empty() {
                files = configs(&path.join(".circleci"));
            }
            if files.is_empty() {
                files = configs(path);
            }
            if files.is_empty() {
                return Err(CliError::usage(format!(
                    "{} holds no .yml file",
                    path.display()
                )));
            }
            out.extend(files);
        } else {
            out.push(path.clone());
        }
    }
    Ok(out)
}

/// Returns the one config that a command works on.
pub(crate) fn single(path: Option<&Path>) -> Result<PathBuf, CliError> {
    let given: Vec<PathBuf> = path.map(Path::to_path_buf).into_iter().collect();
    let mut files = discover(&given)?;
    if let Some(i) = files
        .iter()
        .position(|f| f.file_stem().is_some_and(|s| s == "config"))
    {
        return Ok(files.swap_remove(i));
    }
    match files.len() {
        1 => Ok(files.swap_remove(0)),
        _ => {
            let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
            Err(
                CliError::usage(format!("several configs are there: {}", names.join(", ")))
                    .hint("name the one that is meant"),
            )
        }
    }
}

fn configs(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "yml" || e == "yaml") && p.is_file())
        .collect();
    files.sort();
    files
}

fn shorten(path: &Path, here: &Path) -> PathBuf {
    path.strip_prefix(here)
        .map_or_else(|_| path.to_path_buf(), Path::to_path_buf)
}

/// Reads a config; `-` is stdin.
pub(crate) fn read(path: &Path) -> Result<Source, CliError> {
    let cannot = |e: std::io::Error| {
        let error = CliError::input(format!("cannot read {}: {e}", path.display()));
        if e.kind() == std::io::ErrorKind::NotFound {
            error.hint("check the path; without one, holdall looks for .circleci/*.yml")
        } else {
            error
        }
    };
    let mut bytes = Vec::new();
    let name = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(MOST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(cannot)?;
        PathBuf::from("<stdin>")
    } else {
        let file = std::fs::File::open(path).map_err(cannot)?;
        file.take(MOST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(cannot)?;
        path.to_path_buf()
    };
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CliError::input(format!("{} is no UTF-8 text (byte {at})", path.display()))
            .hint("save it as UTF-8")
    })?;
    Ok(Source::new(name, text))
}

/// The folder above `.circleci`, or the one that the config is in.
pub(crate) fn project_root(config: &Path) -> PathBuf {
    let dir = config.parent().unwrap_or(Path::new(""));
    let root = if dir.file_name().is_some_and(|n| n == ".circleci") {
        dir.parent().unwrap_or(Path::new(""))
    } else {
        dir
    };
    if root.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        root.to_path_buf()
    }
}

/// The files that git tracks, asked for once a repository, and only where a rule wants to know.
#[derive(Debug, Default)]
pub(crate) struct Checkouts {
    known: Mutex<HashMap<PathBuf, Option<Arc<[String]>>>>,
}

impl Checkouts {
    /// Returns the tracked files of the repository that a config lies in, relative to its root;
    /// nothing where it lies in none.
    pub(crate) fn tracked(&self, config: &Path) -> Option<Arc<[String]>> {
        let folder = project_root(config).canonicalize().ok()?;
        let root = folder.ancestors().find(|dir| dir.join(".git").exists())?;
        // A config elsewhere in the repository is an example or a test, not the checkout's own.
        if root != folder {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let files = known.entry(root.to_path_buf()).or_insert_with(|| {
            let out = std::process::Command::new("git")
                .arg("-C")
                .arg(root)
                .args(["ls-files", "-z"])
                .stdin(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .output()
                .ok()
                .filter(|out| out.status.success())?;
            let files: Vec<String> = out
                .stdout
                .split(|b| *b == 0)
                .filter(|name| !name.is_empty())
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect();
            Some(files.into())
        });
        files.clone()
    }
}
