//! What git says about the project: branch, commit, tag and origin.

use std::path::Path;
use std::process::{Command, Stdio};

#[cfg(unix)]
use crate::plan::GitRef;

/// The facts that jobs see in their environment; empty where the project is no git repository.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Repo {
    pub(crate) branch: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) origin: Option<String>,
}

impl Repo {
    /// Asks git.
    pub(crate) fn of(project: &Path) -> Self {
        // What Windows calls canonical begins with `\\?\`, and git knows nothing of it.
        let project = if cfg!(windows) {
            std::path::absolute(project)
        } else {
            project.canonicalize()
        };
        let Ok(project) = project else {
            return Self::default();
        };
        // Spares projects without a repository the wait for four processes.
        if !project.ancestors().any(|dir| dir.join(".git").exists()) {
            return Self::default();
        }
        let git = |args: &[&str]| ask(&project, args);
        let commit = git(&["rev-parse", "--verify", "HEAD"]);
        let branch = git(&["symbolic-ref", "--short", "-q", "HEAD"]);
        // A pipeline has a branch or a tag, never both (circleci-semantics §4.2, filters).
        let tag = branch
            .is_none()
            .then(|| git(&["describe", "--tags", "--exact-match", "HEAD"]))
            .flatten();
        let origin = git(&["config", "--get", "remote.origin.url"]);
        Self {
            branch,
            tag,
            commit,
            origin,
        }
    }

    /// Returns the facts of a run that stands for another push than what is checked out.
    #[cfg(unix)]
    pub(crate) fn standing_for(mut self, pushed: Option<&GitRef>) -> Self {
        if let Some(pushed) = pushed {
            (self.branch, self.tag) = match pushed {
                GitRef::Branch(name) => (Some(name.clone()), None),
                GitRef::Tag(name) => (None, Some(name.clone())),
            };
        }
        self
    }

    /// Returns owner and name of the repository, read from the address of its origin.
    #[cfg(unix)]
    pub(crate) fn slug(&self) -> Option<(String, String)> {
        let url = self.origin.as_deref()?.trim_end_matches('/');
        let url = url.strip_suffix(".git").unwrap_or(url);
        let mut parts = url.rsplit(['/', ':']);
        let name = parts.next().filter(|s| !s.is_empty())?;
        let owner = parts.next().filter(|s| !s.is_empty())?;
        Some((owner.to_owned(), name.to_owned()))
    }
}

fn ask(project: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(project)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn owner_and_name_come_from_any_form_of_address() {
        for url in [
            "git@github.com:acme/widget.git",
            "https://github.com/acme/widget",
            "ssh://git@host:22/acme/widget.git/",
        ] {
            let repo = Repo {
                origin: Some(url.to_owned()),
                ..Repo::default()
            };
            assert_eq!(
                repo.slug(),
                Some(("acme".to_owned(), "widget".to_owned())),
                "{url}"
            );
        }
    }
}
