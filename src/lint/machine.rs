//! What is known of the machine that a job runs on: its image, its user, its home directory
//! (circleci-semantics §2.5).

use crate::plan::{ExecutorKind, Job};
use crate::yaml::Location;

/// An image reference, cut into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// Registry and path: `cimg/node`.
    pub(super) name: String,
    /// The tag, where one is written.
    pub(super) tag: Option<String>,
    /// The digest, where one is written.
    pub(super) digest: Option<String>,
}

impl Image {
    /// Cuts a reference; a port of the registry is no tag.
    pub(super) fn parse(reference: &str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (reference, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
            _ => (rest, None),
        };
        Self {
            name: name.to_owned(),
            tag,
            digest,
        }
    }

    /// Returns the name of an old convenience image behind `circleci/`, in a mirror too; the images
    /// of the CLI and the runner are none, and are kept up.
    pub(super) fn old_convenience(&self) -> Option<&str> {
        const KEPT: [&str; 5] = [
            "circleci-cli",
            "picard",
            "runner",
            "runner-agent",
            "runner-init",
        ];
        let host = |first: &str| first.contains(['.', ':']);
        let name = match self.name.split_once('/') {
            Some((first, rest)) if host(first) => rest,
            _ => &self.name,
        };
        let name = name.strip_prefix("circleci/")?;
        (!KEPT.contains(&name)).then_some(name)
    }

    /// Says whether it is one of CircleCI's convenience images, old or new.
    pub(super) fn is_convenience(&self) -> bool {
        let name = self.name.strip_prefix("docker.io/").unwrap_or(&self.name);
        name.starts_with("cimg/") || name.starts_with("circleci/")
    }
}

/// Where a job runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    image: Option<Image>,
    user: Option<String>,
    home: Option<&'static str>,
    at: Option<Location>,
}

impl Machine {
    /// Reads a job's executor.
    pub(super) fn of(job: &Job) -> Self {
        let Some(executor) = &job.executor else {
            return Self::default();
        };
        let mut machine = Self {
            at: Some(executor.at),
            ..Self::default()
        };
        // A self-hosted runner is what its owner made of it.
        let runner = executor
            .resource_class
            .as_ref()
            .is_some_and(|c| c.value.contains('/') || c.value.contains("<<"));
        match &executor.kind {
            ExecutorKind::Docker(images) => {
                if let Some(first) = images.first().filter(|i| !i.image.value.contains("<<")) {
                    let image = Image::parse(&first.image.value);
                    machine.at = Some(first.image.written());
                    machine.user = first.user.as_ref().map(|u| u.value.clone());
                    if image.is_convenience() && machine.user.is_none() {
                        machine.home = Some("/home/circleci");
                    }
                    machine.image = Some(image);
                }
            }
            ExecutorKind::Machine { image, .. } => {
                let windows = image.as_ref().is_some_and(|i| i.value.contains("windows"))
                    || executor
                        .resource_class
                        .as_ref()
                        .is_some_and(|c| c.value.contains("windows"));
                if !runner && !windows && image.is_some() {
                    machine.home = Some("/home/circleci");
                }
            }
            ExecutorKind::Macos { .. } if !runner => machine.home = Some("/Users/distiller"),
            ExecutorKind::Macos { .. } | ExecutorKind::Unknown(_) => {}
        }
        machine
    }

    /// Returns the image of the first container.
    pub(super) fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// Returns the home directory of the job's user, where it is known.
    pub(super) fn home(&self) -> Option<&'static str> {
        self.home
    }

    /// Says whether the job runs as the user `circleci`, who owns little beyond the home directory.
    pub(super) fn is_circleci_user(&self) -> bool {
        self.image.as_ref().is_some_and(Image::is_convenience) && self.home.is_some()
    }

    /// Returns where the executor says what it is.
    pub(super) fn at(&self, job: &Job) -> Location {
        self.at.unwrap_or(job.origin.at)
    }
}

/// Says whether a job runs on Windows, by its resource class, its shell and its image; nothing
/// where that is not known.
pub(super) fn on_windows(job: &Job) -> Option<bool> {
    let executor = job.executor.as_ref()?;
    let class = executor
        .resource_class
        .as_ref()
        .map_or("", |c| c.value.as_str());
    let shell = job.shell.as_ref().map_or("", |s| s.value.as_str());
    let windows = |text: &str| {
        let text = text.to_ascii_lowercase();
        [
            "windows",
            "win-",
            "nanoserver",
            "powershell",
            "cmd.exe",
            "bash.exe",
        ]
        .iter()
        .any(|w| text.contains(w))
    };
    if windows(class) || windows(shell) {
        return Some(true);
    }
    match &executor.kind {
        ExecutorKind::Docker(images) => images.first().map(|i| windows(&i.image.value)),
        ExecutorKind::Machine { image, .. } => image.as_ref().map(|i| windows(&i.value)),
        ExecutorKind::Macos { .. } => Some(false),
        ExecutorKind::Unknown(call) => call.name.starts_with("win").then_some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn references_are_cut_into_their_parts() {
        let image = Image::parse("localhost:5000/a/b:1.2@sha256:ab");
        assert_eq!(image.name, "localhost:5000/a/b");
        assert_eq!(image.tag.as_deref(), Some("1.2"));
        assert_eq!(image.digest.as_deref(), Some("sha256:ab"));
        assert_eq!(Image::parse("localhost:5000/a").tag, None);
        assert!(Image::parse("cimg/node:20").is_convenience());
    }

    #[test]
    fn old_convenience_images_are_known_in_mirrors_too() {
        let old = |reference: &str| Image::parse(reference).old_convenience().map(str::to_owned);
        assert_eq!(old("circleci/node:12").as_deref(), Some("node"));
        assert_eq!(
            old("mirror.example.com/circleci/golang").as_deref(),
            Some("golang")
        );
        assert_eq!(old("circleci/circleci-cli:0.1.1"), None);
        assert_eq!(old("acme/circleci/node:12"), None);
        assert_eq!(old("cimg/node:20"), None);
    }
}
