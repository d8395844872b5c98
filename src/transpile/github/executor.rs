//! Where a job runs: labels of GitHub's machines, the container, the services.

use super::Context;
use super::actions::XCODE;
use super::services::{self, service_id};
use super::write::Block;
use crate::plan::{DockerImage, EnvVar, ExecutorKind, Job, Located, Words, actual, marked};
use crate::transpile::{Ledger, Node, Outcome};
use crate::yaml::Data;

/// What is to be said where CircleCI keeps the layers of images.
pub(super) const NO_LAYERS: &str = "GitHub keeps no layers of images: cache them with buildx";

/// What a job's steps have to know of where they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A machine with Linux or macOS, or a container.
    Unix,
    /// A machine with Windows.
    Windows,
}

impl Context<'_> {
    /// Writes where a job runs; the steps are those that have to come first.
    pub(super) fn executor(
        &self,
        node: Node,
        job: &Job,
        head: &mut Block,
        steps: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) -> Place {
        let Some(executor) = &job.executor else {
            head.put("runs-on", "ubuntu-latest");
            return Place::Unix;
        };
        let class = executor.resource_class.as_ref().map(|c| self.located(c));
        let class = class.as_deref().unwrap_or_default();
        let windows = class.starts_with("windows") || class.contains("/windows");
        let label = match &executor.kind {
            _ if is_self_hosted(class) => {
                let name = class.rsplit('/').next().unwrap_or_default();
                let what = format!(
                    "add a runner with the label `{name}` to the repository or the organisation"
                );
                ledger.manual(node, "resource_class", what);
                ledger.converted(node, "machine");
                ledger.converted(node, "macos");
                head.put(
                    "runs-on",
                    Data::List(vec!["self-hosted".into(), name.into()]),
                );
                None
            }
            ExecutorKind::Docker(_) => {
                self.class(node, class, true, head, ledger);
                Some(if class.starts_with("arm") {
                    "ubuntu-24.04-arm"
                } else {
                    "ubuntu-latest"
                })
            }
            ExecutorKind::Machine { image, settings } => {
                let image = image.as_ref().map(|i| self.located(i)).unwrap_or_default();
                let (label, equal) = machine(&image, class);
                let mut differs = Vec::new();
                if !equal {
                    differs.push(format!("`{label}` takes the place of `{image}`"));
                }
                if settings.get("docker_layer_caching") == Some(&Data::Bool(true)) {
                    differs.push(NO_LAYERS.to_owned());
                }
                for why in &differs {
                    head.note(format!("Differs: {why}."));
                }
                match differs.is_empty() {
                    true => ledger.converted(node, "machine"),
                    false => ledger.approximated(node, "machine", differs.join("; ")),
                }
                self.class(node, class, false, head, ledger);
                Some(label)
            }
            ExecutorKind::Macos { xcode, .. } => {
                let what = "the Xcode has to be one that GitHub's macOS image holds";
                ledger.approximated(node, "macos", what);
                self.class(node, class, false, head, ledger);
                if let Some(xcode) = xcode {
                    let mut step = Block::default();
                    step.note(format!("Differs: {what}."));
                    step.put("name", "Choose Xcode").put("uses", XCODE.uses);
                    let version =
                        Data::Map(vec![("xcode-version".into(), self.located(xcode).into())]);
                    step.put("with", version);
                    steps.push(step);
                }
                Some("macos-15")
            }
            ExecutorKind::Unknown(call) => {
                let what = format!(
                    "the source of the executor `{}` is not known here: say what the job runs on",
                    call.name
                );
                ledger.manual(node, "orb executor", what);
                ledger.manual(node, "resource_class", "say what the job runs on");
                head.note(format!("To do: the executor `{}` is an orb's whose source is not known; say what the job runs on.", call.name));
                Some("ubuntu-latest")
            }
        };
        if let Some(label) = label {
            head.put("runs-on", label);
        }
        if let ExecutorKind::Docker(images) = &executor.kind {
            self.containers(node, images, head, ledger);
        }
        match windows || label.is_some_and(|l| l.starts_with("windows")) {
            true => Place::Windows,
            false => Place::Unix,
        }
    }

    /// GitHub's standard machine has four processors for public repositories, two for others.
    fn class(&self, node: Node, class: &str, docker: bool, head: &mut Block, ledger: &mut Ledger) {
        let name = class
            .trim_start_matches("arm.")
            .trim_start_matches("windows.");
        match name {
            "" | "small" | "medium" | "medium+" => ledger.converted(node, "resource_class"),
            "large" if docker => ledger.converted(node, "resource_class"),
            _ => {
                let why = format!(
                    "`{class}` has no equal among GitHub's standard machines, which have four processors and 16 GB: a larger one needs a label of the organisation"
                );
                ledger.approximated(node, "resource_class", why);
                head.note(format!("Differs: resource_class {class} is not to be had; larger machines need a label of the organisation."));
            }
        }
    }

    fn containers(
        &self,
        node: Node,
        images: &[DockerImage],
        head: &mut Block,
        ledger: &mut Ledger,
    ) {
        let Some(primary) = images.first() else {
            return;
        };
        let mut container = Block::default();
        container.put("image", self.located(&primary.image));
        ledger.converted(node, "image");
        ledger.converted(node, "name");
        // GitHub's own files belong to root: another user of the image could write none of them.
        ledger.approximated(
            node,
            "user",
            "GitHub's files in a container belong to root, so the steps run as root",
        );
        ledger.approximated(
            node,
            "entrypoint",
            "GitHub starts the container by itself: its entrypoint is not called",
        );
        ledger.approximated(
            node,
            "command",
            "GitHub starts the container by itself: its command is not called",
        );
        // They are the job's own at GitHub, where the steps see them; see `job`.
        ledger.converted(node, "image.environment");
        self.login(node, "image.setting", primary, &mut container, head, ledger);
        container.put("options", "--user root");
        head.put("container", Data::Map(container.entries));
        let mut services = Vec::new();
        for (i, image) in images[1..].iter().enumerate() {
            let (id, service) = self.service(node, image, i, &services, head, ledger);
            services.push((id, service));
        }
        if !services.is_empty() {
            head.put("services", Data::Map(services));
        }
    }

    fn service(
        &self,
        node: Node,
        image: &DockerImage,
        nth: usize,
        before: &[(String, Data)],
        head: &mut Block,
        ledger: &mut Ledger,
    ) -> (String, Data) {
        let reference = self.located(&image.image);
        let id = service_id(image, before);
        match &image.name {
            Some(_) => ledger.settle_nth(node, "service.image", nth, Outcome::Converted),
            None => {
                let why = match services::port(image) {
                    Some(port) => format!(
                        "the service `{reference}` is the host `{id}`; a step leads to it from `localhost:{port}`, which takes socat, python3 or perl in the image"
                    ),
                    None => format!(
                        "the service `{reference}` is reached as `{id}`, not as `localhost`: its port is not known here"
                    ),
                };
                head.note(format!("Differs: {why}."));
                ledger.settle_nth(node, "service.image", nth, Outcome::Approximated(why));
            }
        }
        ledger.converted(node, "service.name");
        let mut service = Block::default();
        service.put("image", reference);
        self.login(node, "service.setting", image, &mut service, head, ledger);
        if !image.environment.is_empty() {
            service.put("env", self.env(&image.environment));
        }
        ledger.converted(node, "service.environment");
        let mut options = Vec::new();
        if let Some(user) = &image.user {
            options.push(format!("--user {}", self.located(user)));
        }
        ledger.converted(node, "service.user");
        if let Some(entrypoint) = &image.entrypoint {
            match one_word(&entrypoint.value) {
                Some(word) => {
                    options.push(format!("--entrypoint {word}"));
                    ledger.converted(node, "service.entrypoint");
                }
                None => ledger.manual(node, "service.entrypoint", "GitHub takes one word as the entrypoint of a service: make an image that has it"),
            }
        }
        if image.command.is_some() {
            ledger.manual(node, "service.command", "services have no command at GitHub: make an image that has it, or start the container in a step");
            head.note(format!(
                "To do: the service {id} is started without its command."
            ));
        }
        if !options.is_empty() {
            service.put("options", options.join(" "));
        }
        (id, Data::Map(service.entries))
    }

    fn login(
        &self,
        node: Node,
        key: &'static str,
        image: &DockerImage,
        into: &mut Block,
        head: &mut Block,
        ledger: &mut Ledger,
    ) {
        for (name, value) in &image.settings {
            if name == "auth"
                && let (Some(Data::Str(user)), Some(Data::Str(password))) =
                    (value.get("username"), value.get("password"))
            {
                let secret = |text: &str| match text.strip_prefix('$') {
                    Some(name) => format!("${{{{ secrets.{} }}}}", name.trim_matches(['{', '}'])),
                    None => super::text::escaped(&actual(text)),
                };
                let entries = vec![
                    ("username".to_owned(), secret(user).into()),
                    ("password".to_owned(), secret(password).into()),
                ];
                into.put("credentials", Data::Map(entries));
                let what = format!(
                    "create the secrets for the login at the registry: {user} and {password}"
                );
                ledger.manual(node, key, what);
            } else {
                let what = format!("GitHub cannot log in with `{name}` before it pulls an image");
                head.note(format!("To do: {what}."));
                ledger.manual(node, key, what);
            }
        }
    }

    /// Returns variables as GitHub takes them.
    pub(super) fn env(&self, variables: &[EnvVar]) -> Data {
        let mut out: Vec<(String, Data)> = Vec::new();
        for variable in variables {
            let value = Data::Str(self.located(&variable.value));
            match out.iter_mut().find(|(name, _)| *name == variable.name) {
                Some((_, known)) => *known = value,
                None => out.push((variable.name.clone(), value)),
            }
        }
        Data::Map(out)
    }

    /// Returns a text with values as expressions; where GitHub has none, with what they are here,
    /// which is to be said then: see [`Context::unknown_values`].
    pub(super) fn text(&self, text: &str) -> String {
        super::text::template(text, self.parameters, &mut |name| {
            self.unknown.borrow_mut().insert(name.to_owned());
        })
    }

    /// Does the same for one that may be a number or a truth value.
    pub(super) fn located(&self, text: &Located<String>) -> String {
        self.text(&marked(text))
    }
}

impl Context<'_> {
    /// Says whether a job's steps run in sh where nothing is said, because its image has no bash,
    /// and then whether that is sure.
    pub(super) fn default_shell(&self, job: &Job) -> Option<bool> {
        let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind) else {
            return None;
        };
        if job.shell.is_some() {
            return None;
        }
        has_no_bash(&actual(&images.first()?.image.value))
    }
}

/// Official images on Alpine that bring a bash of their own.
const WITH_BASH: [&str; 4] = ["postgres", "maven", "gradle", "cassandra"];

/// Says whether an image has no bash, by its name, and then whether that is sure. CircleCI runs
/// steps in `/bin/sh -eo pipefail` there.
fn has_no_bash(image: &str) -> Option<bool> {
    let image = image
        .trim_start_matches("docker.io/")
        .trim_start_matches("library/");
    let (path, tag) = image.split_once([':', '@']).unwrap_or((image, ""));
    match path {
        "alpine" | "busybox" | "docker" => return Some(true),
        path if WITH_BASH.contains(&path) => return None,
        // Images of CircleCI's bring one, whatever they are made of.
        path if path.starts_with("cimg/") || path.starts_with("circleci/") => return None,
        _ => {}
    }
    let alpine = tag.contains("alpine") || path.ends_with("alpine");
    alpine.then(|| !path.contains('/'))
}

fn is_self_hosted(class: &str) -> bool {
    class.contains('/') && !class.contains("${{")
}

fn one_word(words: &Words) -> Option<String> {
    let text = match words {
        Words::Text(text) => text.clone(),
        Words::List(list) => match list.as_slice() {
            [one] => one.clone(),
            _ => return None,
        },
    };
    let plain = !text.is_empty() && !text.contains(char::is_whitespace);
    plain.then_some(text)
}

/// Returns the label of the machine that comes next to an image of CircleCI's, and whether the two
/// are of one system. What the image brings besides is not looked at, but for what GPUs need.
fn machine(image: &str, class: &str) -> (&'static str, bool) {
    let arm = class.starts_with("arm");
    let plain = !["cuda", "nvidia"].iter().any(|word| image.contains(word));
    // Without a name, or by one that moves, it is whatever is usual.
    let usual = matches!(image, "" | "default") || image.starts_with("default:");
    if class.starts_with("windows") || image.starts_with("windows") {
        return match image {
            _ if usual => ("windows-latest", true),
            _ => ("windows-2022", plain && image.contains("2022")),
        };
    }
    match (image.contains("2204"), image.contains("2404"), arm) {
        (true, _, false) => ("ubuntu-22.04", plain),
        (true, _, true) => ("ubuntu-22.04-arm", plain),
        (_, true, false) => ("ubuntu-24.04", plain),
        (_, true, true) => ("ubuntu-24.04-arm", plain),
        (_, _, true) => ("ubuntu-24.04-arm", usual),
        _ => ("ubuntu-latest", usual),
    }
}
