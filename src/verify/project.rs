//! A copy of the project to try things in: its history, and its tracked files as they are now.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use super::VerifyError;

/// The address that the copy of a project without one came from: runners want to see one.
const ADDRESS: &str = "git@gitlab.com:group/project.git";

/// A copy, which goes with this value.
#[derive(Debug)]
pub struct Copy {
    dir: tempfile::TempDir,
}

impl Copy {
    /// Copies a project; a branch that is named is the one that is checked out in the copy.
    ///
    /// # Errors
    /// A file cannot be copied, or git refuses.
    pub fn of(project: &Path, branch: Option<&str>) -> Result<Self, VerifyError> {
        let project = &project
            .canonicalize()
            .map_err(VerifyError::io("find", project))?;
        let dir = tempfile::Builder::new().prefix("holdall-verify-").tempdir();
        let copy = Self {
            dir: dir.map_err(VerifyError::io("make a folder in", std::env::temp_dir()))?,
        };
        for folder in [copy.home(), copy.root()] {
            fs::create_dir(&folder).map_err(VerifyError::io("make", &folder))?;
        }
        let root = copy.root();
        // Files in no repository are not known to belong to the project: only the config is taken.
        let Ok(top) = git(
            project,
            &[OsStr::new("rev-parse"), "--show-toplevel".as_ref()],
        ) else {
            git(&root, &["init", "-q", "-b", branch.unwrap_or("main")])?;
            git(&root, &["remote", "add", "origin", ADDRESS])?;
            return Ok(copy);
        };
        let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
        let top = PathBuf::from(String::from_utf8_lossy(&top).trim_end_matches('\n'));
        let committed = git(project, &["rev-parse", "-q", "--verify", "HEAD"]).is_ok();
        if committed && same(&top, project) {
            let words = ["clone", "-q", "--no-checkout", "--"].map(OsStr::new);
            let words = [&words[..], &[project.as_os_str(), OsStr::new(".")]].concat();
            git(&root, &words)?;
        } else {
            let now = git(project, &["symbolic-ref", "--short", "-q", "HEAD"]).unwrap_or_default();
            let now = String::from_utf8_lossy(&now);
            let now = Some(now.trim()).filter(|n| !n.is_empty());
            git(
                &root,
                &["init", "-q", "-b", branch.or(now).unwrap_or("main")],
            )?;
            git(&root, &["remote", "add", "origin", ADDRESS])?;
        }
        let url = git(project, &["config", "--get", "remote.origin.url"]);
        let url = url.map_or_else(
            |_| ADDRESS.to_owned(),
            |url| String::from_utf8_lossy(&url).trim().to_owned(),
        );
        git(&root, &["remote", "set-url", "origin", &url])?;
        if committed && let Some(branch) = branch {
            let name = format!("refs/heads/{branch}");
            // The branch stands where the project does, whatever is checked out.
            if let Ok(commit) = git(&root, &["rev-parse", "-q", "--verify", "HEAD"]) {
                let commit = String::from_utf8_lossy(&commit);
                git(&root, &["update-ref", &name, commit.trim()])?;
            }
            git(&root, &["symbolic-ref", "HEAD", &name])?;
        }
        let tracked = git(project, &["ls-files", "-z"])?;
        for name in tracked.split(|b| *b == 0).filter(|n| !n.is_empty()) {
            let name = Path::new(OsStr::from_bytes(name));
            let target = root.join(name);
            place(&project.join(name), &target, name)
                .map_err(VerifyError::io("copy", project.join(name)))?;
        }
        Ok(copy)
    }

    /// Returns the folder of the project.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// Returns an empty home folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Returns a folder for what only the verification needs.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Commits everything that is in the copy.
    ///
    /// # Errors
    /// git refuses.
    pub fn commit(&self) -> Result<(), VerifyError> {
        let root = self.root();
        git(&root, &["add", "-A", "-f", "."])?;
        let who = ["user.name=holdall", "user.email=holdall@localhost"];
        let mut words: Vec<&str> = Vec::new();
        for setting in who
            .iter()
            .chain(&["commit.gpgsign=false", "core.hooksPath=/dev/null"])
        {
            words.extend(["-c", setting]);
        }
        words.extend([
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "What holdall verifies",
        ]);
        git(&root, &words).map(drop)
    }
}

/// Copies a file or link; what git names and the working tree lacks is left out.
fn place(from: &Path, to: &Path, name: &Path) -> std::io::Result<()> {
    // Git keeps to such names; a damaged index must not lead out of the copy.
    if !name.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let Ok(meta) = from.symlink_metadata() else {
        return Ok(());
    };
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if meta.is_dir() {
        return fs::create_dir_all(to);
    }
    if meta.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(drop)
}

fn git(folder: &Path, words: &[impl AsRef<OsStr>]) -> Result<Vec<u8>, VerifyError> {
    let failed = |why: String| VerifyError::Copy {
        what: format!(
            "git {}",
            words
                .iter()
                .map(|w| w.as_ref().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join(" ")
        ),
        why,
    };
    let output = std::process::Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(words)
        // A repository that git was told of is not the one that is meant.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
    }
}
