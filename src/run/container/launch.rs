//! What the engine is told to start: the primary container and the services of a job.

use std::ffi::OsString;

use super::agent::PART;
use super::client::Client;
use super::facts::Facts;
use super::images::Image;
use super::program::Program;
use crate::run::agent::ARGUMENT;

/// Variables that the engine's own program reads: they must not change what it does.
const OF_THE_CLIENT: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "CONTAINER",
    "DOCKER",
    "XDG_",
    "LD_",
    "STORAGE",
    "REGISTRY",
    "BUILDAH",
    "_CONTAINERS",
];

/// What all containers of a job have in common.
pub(super) struct Launch<'a> {
    pub(super) client: &'a Client,
    pub(super) labels: &'a [String],
}

impl Launch<'_> {
    /// Says how the container is started that runs the steps; `hosts` are names of services.
    pub(super) fn primary(
        &self,
        name: &str,
        image: &Image,
        program: &Program,
        mounts: &[OsString],
        hosts: &[&str],
        part: &str,
    ) -> Vec<OsString> {
        let mut args = self.begin(name);
        // What is said here is for the runner alone; the engine need not keep a second copy.
        args.extend(["--interactive", "--log-driver=none", "--no-healthcheck"].map(OsString::from));
        // The image's own may not exist; the job goes to its working directory by itself.
        args.push("--workdir=/".into());
        let user = if part == PART {
            image.user.as_deref()
        } else {
            Some("0")
        };
        args.extend(user.map(|user| format!("--user={user}").into()));
        for host in hosts {
            args.push(format!("--add-host={host}:127.0.0.1").into());
        }
        args.extend(mounts.iter().cloned());
        args.push(format!("--entrypoint={}", program.entrypoint).into());
        args.push((&image.image).into());
        args.extend(program.words.iter().map(OsString::from));
        args.extend([ARGUMENT, part].map(OsString::from));
        args
    }

    /// Says how a service is started in the network of the primary container, and which variables
    /// the engine's program hands on to it.
    pub(super) fn service(
        &self,
        name: &str,
        image: &Image,
        primary: &str,
    ) -> (Vec<OsString>, Vec<(String, String)>) {
        let mut args = self.begin(name);
        args.push(format!("--network=container:{primary}").into());
        let user = image.user.as_deref();
        args.extend(user.map(|user| format!("--user={user}").into()));
        let mut handed = Vec::new();
        for (name, value) in &image.environment {
            // By name alone, so that no value shows among the arguments of a process.
            if OF_THE_CLIENT.iter().any(|begin| name.starts_with(begin)) {
                args.push(format!("--env={name}={value}").into());
            } else {
                args.push(format!("--env={name}").into());
                handed.push((name.clone(), value.clone()));
            }
        }
        let mut rest: Vec<String> = Vec::new();
        if let Some([first, more @ ..]) = image.entrypoint.as_deref() {
            args.push(format!("--entrypoint={first}").into());
            rest.extend(more.iter().cloned());
        }
        args.push((&image.image).into());
        rest.extend(image.command.iter().flatten().cloned());
        args.extend(rest.into_iter().map(OsString::from));
        (args, handed)
    }

    fn begin(&self, name: &str) -> Vec<OsString> {
        let mut args: Vec<OsString> = ["run", "--rm"].map(OsString::from).to_vec();
        args.push(format!("--name={name}").into());
        args.extend(self.labels.iter().map(OsString::from));
        args.extend(self.client.common());
        args
    }
}

/// Returns what runs beside the steps: the primary image's own command is left out, unless the
/// config or the image asks for it (circleci-semantics §5.6).
pub(super) fn beside(image: &Image, facts: &Facts) -> Option<Vec<String>> {
    let asked = facts.preserves || image.entrypoint.is_some() || image.command.is_some();
    if !asked {
        return None;
    }
    let mut words = image
        .entrypoint
        .as_ref()
        .unwrap_or(&facts.entrypoint)
        .clone();
    match (&image.command, &image.entrypoint) {
        (Some(command), _) => words.extend(command.iter().cloned()),
        // Another entrypoint has nothing to do with the image's command.
        (None, Some(_)) => {}
        (None, None) => words.extend(facts.command.iter().cloned()),
    }
    (!words.is_empty()).then_some(words)
}

/// Says whether a container's first process is root, as far as the config and the image tell.
pub(super) fn is_root(image: &Image, facts: &Facts) -> bool {
    let user = image.user.as_ref().unwrap_or(&facts.user);
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "" | "0" | "root")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        Image {
            image: "i".to_owned(),
            written: "i".to_owned(),
            name: None,
            user: None,
            entrypoint: None,
            command: None,
            environment: Vec::new(),
            logs_in: false,
        }
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn an_entrypoint_runs_only_where_it_is_asked_for() {
        let facts = Facts {
            entrypoint: words(&["/entry"]),
            command: words(&["serve"]),
            ..Facts::default()
        };
        assert_eq!(beside(&image(), &facts), None);
        let preserving = Facts {
            preserves: true,
            ..facts.clone()
        };
        let both = Some(words(&["/entry", "serve"]));
        assert_eq!(beside(&image(), &preserving), both);
        let mut own = image();
        own.command = Some(words(&["other"]));
        let other = Some(words(&["/entry", "other"]));
        assert_eq!(beside(&own, &facts), other);
        own.entrypoint = Some(words(&["/mine", "-x"]));
        let mine = Some(words(&["/mine", "-x", "other"]));
        assert_eq!(beside(&own, &facts), mine);
        own.command = None;
        assert_eq!(beside(&own, &facts), Some(words(&["/mine", "-x"])));
    }

    #[test]
    fn who_root_is() {
        for (user, root) in [
            ("", true),
            ("0:0", true),
            ("root", true),
            ("circleci", false),
        ] {
            let facts = Facts {
                user: user.to_owned(),
                ..Facts::default()
            };
            assert_eq!(is_root(&image(), &facts), root, "{user}");
        }
        let mut image = image();
        image.user = Some("1000".to_owned());
        assert!(!is_root(&image, &Facts::default()));
    }
}
