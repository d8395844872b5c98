//! What a job runs on: image, services, and the tags of runners.

use super::names::reference;
use super::write::{Entries, Value};
use crate::plan::{DockerImage, EnvVar, ExecutorKind, Job, Words};
use crate::transpile::{Ledger, Node, Outcome};
use crate::words;
use crate::yaml::Data;

const LOCALHOST: &str = "GitLab reaches a service by its host name, not as localhost: steps that say localhost have to be changed";
/// What is said of layers of images that the service keeps.
pub(super) const NO_LAYERS: &str = "GitLab keeps no layers of images: build with --cache-from";
const RUNNERS: &str =
    "the tag is that of GitLab.com's own runners: give your own runners such tags, or change it";

/// Writes what a job runs on, and settles it; `docker` says that its steps start containers.
pub(super) fn executor(
    job: &Job,
    node: Node,
    docker: bool,
    ledger: &mut Ledger,
    out: &mut Entries,
) {
    let mut services: Vec<Data> = Vec::new();
    let mut tags: Vec<String> = Vec::new();
    let class = job
        .executor
        .as_ref()
        .and_then(|e| e.resource_class.as_ref())
        .map(|c| c.value.as_str());
    let mut needs_docker = docker;
    match job.executor.as_ref().map(|e| &e.kind) {
        Some(ExecutorKind::Docker(images)) => {
            if let Some((first, others)) = images.split_first() {
                out.add("image", image(first));
                primary(first, node, ledger);
                let mut seen = 0;
                for (i, other) in others.iter().enumerate() {
                    services.push(service(other, i, &mut seen, node, ledger));
                }
            }
            ledger.approximated(node, "service.image", LOCALHOST);
        }
        Some(ExecutorKind::Machine { image, settings }) => {
            let name = image.as_ref().map_or("", |i| i.value.as_str());
            if settings.get("docker_layer_caching") == Some(&Data::Bool(true)) {
                ledger.approximated(node, "machine", NO_LAYERS);
            }
            if name.contains("windows") || class.is_some_and(|c| c.starts_with("windows")) {
                tags.push("saas-windows-medium-amd64".to_owned());
                ledger.manual(node, "machine", "give the Windows runner a bash as its shell: the steps are run by a POSIX shell");
            } else if class.is_some_and(|c| c.contains('/')) {
                ledger.converted(node, "machine");
            } else {
                let like = machine_image(name);
                let note = format!("A container stands in for the virtual machine {name}");
                out.commented(
                    "image",
                    Value::Data(like.into()),
                    vec![note.trim_end().to_owned()],
                );
                needs_docker = true;
                ledger.approximated(node, "machine", format!("a container of {like} with an engine beside it stands in for the virtual machine"));
            }
        }
        Some(ExecutorKind::Macos { xcode, .. }) => {
            let version = xcode.as_ref().map_or("", |x| x.value.as_str());
            let major: String = version.chars().take_while(char::is_ascii_digit).collect();
            let image = match major.as_str() {
                "14" => "macos-13-xcode-14",
                "15" => "macos-14-xcode-15",
                _ => "macos-15-xcode-16",
            };
            out.add("image", image);
            tags.push("saas-macos-medium-m1".to_owned());
            needs_docker = false;
            ledger.approximated(
                node,
                "macos",
                format!("GitLab.com's Macs offer the image {image} instead of Xcode {version}"),
            );
        }
        Some(ExecutorKind::Unknown(_)) => {
            ledger.manual(
                node,
                "orb executor",
                "say what the orb's executor is: image, services and runner",
            );
        }
        None => {}
    }
    if needs_docker {
        services.push(Data::Map(vec![
            ("name".to_owned(), "docker:dind".into()),
            ("alias".to_owned(), "docker".into()),
        ]));
    }
    if !services.is_empty() {
        out.add("services", Data::List(services));
    }
    if let Some(class) = class {
        resource_class(class, job, node, ledger, &mut tags);
    }
    if !tags.is_empty() {
        out.add(
            "tags",
            Data::List(tags.into_iter().map(Data::Str).collect()),
        );
    }
}

/// Says whether a job runs in a container that stands in for a machine.
pub(super) fn is_machine(job: &Job) -> bool {
    let class = job
        .executor
        .as_ref()
        .and_then(|e| e.resource_class.as_ref());
    match job.executor.as_ref().map(|e| &e.kind) {
        Some(ExecutorKind::Machine { image, .. }) => {
            !image.as_ref().is_some_and(|i| i.value.contains("windows"))
                && !class.is_some_and(|c| c.value.contains('/') || c.value.starts_with("windows"))
        }
        _ => false,
    }
}

fn resource_class(class: &str, job: &Job, node: Node, ledger: &mut Ledger, tags: &mut Vec<String>) {
    if let Some((_, name)) = class.split_once('/') {
        tags.push(name.to_owned());
        ledger.manual(
            node,
            "resource_class",
            format!("register a runner with the tag {name}"),
        );
        return;
    }
    if matches!(
        job.executor.as_ref().map(|e| &e.kind),
        Some(ExecutorKind::Macos { .. })
    ) || !tags.is_empty()
    {
        ledger.approximated(
            node,
            "resource_class",
            format!("the sizes of {class} are not GitLab's"),
        );
        return;
    }
    let (arm, size) = match class.strip_prefix("arm.") {
        Some(size) => (true, size),
        None => (false, class),
    };
    if size.contains("gpu") {
        tags.push("saas-linux-medium-amd64-gpu-standard".to_owned());
        ledger.approximated(node, "resource_class", RUNNERS);
        return;
    }
    let size = match size {
        "small" => "small",
        "large" => "large",
        "xlarge" => "xlarge",
        "2xlarge" | "2xlarge+" => "2xlarge",
        _ => "medium",
    };
    // The smallest and the largest do not exist for both kinds.
    let (size, kind) = match (size, arm) {
        ("xlarge" | "2xlarge", true) => ("large", "arm64"),
        (size, true) => (size, "arm64"),
        (size, false) => (size, "amd64"),
    };
    tags.push(format!("saas-linux-{size}-{kind}"));
    ledger.approximated(node, "resource_class", RUNNERS);
}

/// Returns the image of a container that comes close to a machine's.
fn machine_image(name: &str) -> &'static str {
    if name.contains("2004") || name.contains("20.04") {
        "cimg/base:current-20.04"
    } else if name.contains("2404") || name.contains("24.04") {
        "cimg/base:current-24.04"
    } else {
        "cimg/base:current-22.04"
    }
}

fn image(image: &DockerImage) -> Data {
    let name = &reference(&image.image.value);
    let mut entries = vec![("name".to_owned(), Data::Str(name.clone()))];
    // The service does not run the entrypoint of the first container; its own images have none.
    if !name.starts_with("cimg/") {
        entries.push(("entrypoint".to_owned(), Data::List(vec!["".into()])));
    }
    if let Some(user) = &image.user {
        entries.push(("docker".to_owned(), as_user(&user.value)));
    }
    if entries.len() == 1 {
        return Data::Str(name.clone());
    }
    Data::Map(entries)
}

fn as_user(user: &str) -> Data {
    Data::Map(vec![("user".to_owned(), Data::Str(user.to_owned()))])
}

fn primary(image: &DockerImage, node: Node, ledger: &mut Ledger) {
    ledger.converted(node, "image");
    ledger.converted(node, "user");
    ledger.converted(node, "image.environment");
    ledger.approximated(node, "name", "GitLab gives the job's own container no name");
    for key in ["entrypoint", "command"] {
        ledger.approximated(
            node,
            key,
            "GitLab starts the job's own container with its shell alone",
        );
    }
    settings(image, node, "image.setting", &mut 0, ledger);
}

/// Settles what is said about a container and not read; `seen` counts what those before it say.
fn settings(
    image: &DockerImage,
    node: Node,
    key: &'static str,
    seen: &mut usize,
    ledger: &mut Ledger,
) {
    for (name, _) in &image.settings {
        let what = match name.as_str() {
            "auth" => "put the login of the registry into the CI/CD variable DOCKER_AUTH_CONFIG"
                .to_owned(),
            "aws_auth" | "gcp_auth" => "let the runner log in at the registry".to_owned(),
            name => format!("GitLab has nothing like {name} of a container: see to what it is for"),
        };
        ledger.settle_nth(node, key, *seen, Outcome::Manual(what));
        *seen += 1;
    }
}

fn service(
    image: &DockerImage,
    nth: usize,
    seen: &mut usize,
    node: Node,
    ledger: &mut Ledger,
) -> Data {
    let name = &reference(&image.image.value);
    let alias = match &image.name {
        Some(name) => name.value.clone(),
        None => alias(name, nth),
    };
    let mut entries = vec![
        ("name".to_owned(), Data::Str(name.clone())),
        ("alias".to_owned(), Data::Str(alias)),
    ];
    for (key, words) in [
        ("entrypoint", &image.entrypoint),
        ("command", &image.command),
    ] {
        if let Some(words) = words {
            entries.push((
                key.to_owned(),
                Data::List(
                    self::words(&words.value)
                        .into_iter()
                        .map(Data::Str)
                        .collect(),
                ),
            ));
        }
    }
    if !image.environment.is_empty() {
        entries.push(("variables".to_owned(), variables(&image.environment)));
    }
    if let Some(user) = &image.user {
        entries.push(("docker".to_owned(), as_user(&user.value)));
    }
    for key in [
        "service.name",
        "service.user",
        "service.entrypoint",
        "service.command",
        "service.environment",
    ] {
        ledger.converted(node, key);
    }
    settings(image, node, "service.setting", seen, ledger);
    Data::Map(entries)
}

/// Returns the host name of a service that has none: the last part of its image.
fn alias(image: &str, nth: usize) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    let last = last.split(['@', ':']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    match plain.trim_matches('-') {
        "" => format!("service-{}", nth + 1),
        name => name.to_owned(),
    }
}

fn words(words: &Words) -> Vec<String> {
    match words {
        Words::List(list) => list.clone(),
        Words::Text(text) => words::split(text).unwrap_or_else(|| vec![text.clone()]),
    }
}

/// Writes variables; GitLab expands `$`, which `$$` stands for.
fn variables(list: &[EnvVar]) -> Data {
    let mut out: Vec<(String, Data)> = Vec::new();
    for var in list {
        out.retain(|(name, _)| *name != var.name);
        out.push((
            var.name.clone(),
            Data::Str(reference(&var.value.value.replace('$', "$$"))),
        ));
    }
    Data::Map(out)
}
