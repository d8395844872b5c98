//! What git says about the project: branch, commit, tag and origin.

use std::path::Path;
use std::process::{Child, Command, Stdio};

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
        // Spares projects without a repository the wait for git.
        if !project.ancestors().any(|dir| dir.join(".git").exists()) {
            return Self::default();
        }
        let git = |args: &[&str]| Question::ask(&project, args);
        // Every process costs a run some milliseconds: few of them, and at the same time.
        let head = git(&["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"]);
        let origin = git(&["config", "--get", "remote.origin.url"]);
        let head = head.and_then(Question::answer);
        let (commit, branch) = match head.as_deref().and_then(|text| text.split_once('\n')) {
            // Where no branch is checked out, the name of HEAD is HEAD.
            Some((commit, name)) => (
                Some(commit.to_owned()),
                name.strip_prefix("refs/heads/").map(str::to_owned),
            ),
            // Before the first commit there is a branch all the same; and where a tag is called
            // HEAD too, git has no full name for it.
            None => (
                head,
                git(&["symbolic-ref", "--short", "-q", "HEAD"]).and_then(Question::answer),
            ),
        };
        // Where a push has a branch and a tag, the branch counts (circleci-semantics §4.2, filters).
        let tag = (branch.is_none() && commit.is_some())
            .then(|| git(&["describe", "--tags", "--exact-match", "HEAD"])?.answer())
            .flatten();
        let origin = origin.and_then(Question::answer);
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

/// Something that git was asked, and has perhaps not answered yet.
struct Question(Child);

impl Question {
    /// Asks git about a project; nothing where there is no git.
    fn ask(project: &Path, args: &[&str]) -> Option<Self> {
        let mut git = Command::new("git");
        git.arg("-C").arg(project).args(args);
        git.stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        git.spawn().ok().map(Self)
    }

    /// Waits for what git says; nothing where it fails or is silent.
    fn answer(self) -> Option<String> {
        let output = self.0.wait_with_output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let text = text.trim();
        (output.status.success() && !text.is_empty()).then(|| text.to_owned())
    }
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

    #[test]
    fn git_says_branch_tag_commit_and_origin_in_every_state_of_a_repository() {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
            let done = Command::new("git")
                .current_dir(dir.path())
                .args(who)
                .args(args)
                .output()
                .unwrap();
            assert!(done.status.success(), "{args:?}: {done:?}");
            String::from_utf8(done.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(Repo::of(dir.path()), Repo::default());
        git(&["init", "-q", "-b", "feature/x"]);
        let unborn = Repo::of(dir.path());
        assert_eq!(unborn.branch.as_deref(), Some("feature/x"));
        assert_eq!(unborn.commit, None);
        git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        git(&["tag", "v1"]);
        git(&["remote", "add", "origin", "https://example.com/acme/widget"]);
        let commit = git(&["rev-parse", "HEAD"]);
        let on_branch = Repo::of(dir.path());
        assert_eq!(on_branch.branch.as_deref(), Some("feature/x"));
        assert_eq!(on_branch.tag, None);
        assert_eq!(on_branch.commit.as_deref(), Some(commit.as_str()));
        let origin = Some("https://example.com/acme/widget");
        assert_eq!(on_branch.origin.as_deref(), origin);
        git(&["checkout", "-q", "--detach"]);
        let on_tag = Repo::of(dir.path());
        assert_eq!((on_tag.branch, on_tag.tag.as_deref()), (None, Some("v1")));
        git(&["commit", "-q", "--allow-empty", "-m", "second"]);
        let detached = Repo::of(dir.path());
        assert_eq!((detached.branch, detached.tag), (None, None));
        assert_eq!(detached.origin.as_deref(), origin);
    }
}
