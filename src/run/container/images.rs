//! Which images a workflow's jobs want, with the names that a person gave for others.

use std::collections::HashMap;

use crate::plan::{DockerImage, EnvVar, ExecutorKind, JobKind, Words, Workflow};
use crate::run::text::split_words;

/// One container of a job.
#[derive(Debug, Clone)]
pub(super) struct Image {
    /// As the engine is to be asked for it.
    pub(super) image: String,
    /// As the config names it.
    pub(super) written: String,
    /// The host name that a service answers to.
    pub(super) name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) command: Option<Vec<String>>,
    pub(super) environment: Vec<(String, String)>,
    /// Whether the config says how to log in at the registry.
    pub(super) logs_in: bool,
}

/// The containers of each job that has any: the first runs the steps.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) jobs: HashMap<String, Vec<Image>>,
    /// What a person should know before anything starts.
    pub(super) notes: Vec<String>,
}

impl Wanted {
    /// Reads a workflow; `mapped` says which names stand for others.
    pub(super) fn of(workflow: &Workflow, mapped: &[(String, String)]) -> Self {
        let mut wanted = Self::default();
        let mut used = vec![false; mapped.len()];
        let builds = workflow.jobs.iter().filter(|j| j.kind == JobKind::Build);
        for job in builds {
            let name = &job.name;
            let kind = job.executor.as_ref().map(|executor| &executor.kind);
            let host = match kind {
                Some(ExecutorKind::Docker(images)) if !images.is_empty() => {
                    let images: Vec<Image> = images
                        .iter()
                        .map(|image| image_of(image, mapped, &mut used))
                        .collect();
                    if images.iter().any(|image| image.logs_in) {
                        wanted.notes.push(format!(
                            "{name}: `auth` of its images is not read: the engine logs in with what \
                             it knows"
                        ));
                    }
                    wanted.jobs.insert(name.clone(), images);
                    continue;
                }
                Some(ExecutorKind::Machine { .. }) => "wants a virtual machine",
                Some(ExecutorKind::Macos { .. }) => "wants macOS",
                Some(ExecutorKind::Unknown(_)) => "has an executor without source",
                Some(ExecutorKind::Docker(_)) | None => "names no image",
            };
            wanted.notes.push(format!(
                "{name}: {host} and runs on this machine, in no container"
            ));
        }
        let unused = mapped.iter().zip(used).filter(|(_, used)| !used);
        for ((from, to), _) in unused {
            wanted.notes.push(format!(
                "no job wants an image {from}: `--image {from}={to}` changes nothing"
            ));
        }
        wanted
    }
}

fn image_of(image: &DockerImage, mapped: &[(String, String)], used: &mut [bool]) -> Image {
    let written = &image.image.value;
    // Later ones win, as with every option that may be given twice.
    let mut found = None;
    for (i, (from, to)) in mapped.iter().enumerate() {
        if stands_for(from, written) {
            used[i] = true;
            found = Some(to);
        }
    }
    let text = |text: &Option<crate::plan::Located<String>>| text.as_ref().map(|t| t.value.clone());
    Image {
        image: found.unwrap_or(written).clone(),
        written: written.clone(),
        name: text(&image.name),
        user: text(&image.user).filter(|user| !user.is_empty()),
        entrypoint: image.entrypoint.as_ref().map(|w| words(&w.value)),
        command: image.command.as_ref().map(|w| words(&w.value)),
        environment: image.environment.iter().map(pair).collect(),
        logs_in: image.settings.iter().any(|(key, _)| key.ends_with("auth")),
    }
}

fn pair(var: &EnvVar) -> (String, String) {
    (var.name.clone(), var.value.value.clone())
}

fn words(words: &Words) -> Vec<String> {
    match words {
        Words::List(list) => list.clone(),
        // What no shell could split is one word.
        Words::Text(text) => split_words(text).unwrap_or_else(|| vec![text.clone()]),
    }
}

/// Says whether a name that a person gave means an image: exactly, or whatever its tag is.
fn stands_for(from: &str, image: &str) -> bool {
    from == image || (untagged(from) == from && untagged(image) == from)
}

/// Returns an image's name without its tag and digest.
fn untagged(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        // The port of a registry is followed by a path.
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tag_means_every_tag() {
        for (from, image, means) in [
            ("cimg/base:2024.01", "cimg/base:2024.01", true),
            ("cimg/base", "cimg/base:2024.01", true),
            ("cimg/base", "cimg/base", true),
            ("cimg/base", "cimg/base@sha256:00", true),
            ("cimg/base:2023.01", "cimg/base:2024.01", false),
            ("cimg/base", "cimg/baseline:1", false),
            ("host:5000/a", "host:5000/a:1", true),
            ("host", "host:5000/a", false),
        ] {
            assert_eq!(stands_for(from, image), means, "{from} {image}");
        }
    }
}
