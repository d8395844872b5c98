//! What an engine knows of an image, and fetching one that is not there.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::client::{Client, Said};

/// The label by which an image asks for its own entrypoint (circleci-semantics §5.6).
const PRESERVE: &str = "com.circleci.preserve-entrypoint";

/// What matters here of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The user that it names; nobody means root.
    pub(super) user: String,
    pub(super) entrypoint: Vec<String>,
    pub(super) command: Vec<String>,
    /// Whether its entrypoint runs beside the steps.
    pub(super) preserves: bool,
}

/// Why an image cannot be used, for a person; nothing where the run was canceled.
pub(super) type Unusable = Option<String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    config: Config,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    user: String,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// What is known of the images of a run. Each is looked up once, however many jobs name it.
#[derive(Debug, Default)]
pub(super) struct Known {
    images: Mutex<HashMap<String, Arc<Mutex<Option<Facts>>>>>,
}

impl Known {
    /// Returns the facts of an image, which is fetched where the engine does not have it.
    pub(super) fn facts(
        &self,
        client: &Client,
        image: &str,
        cancel: &AtomicBool,
        fetching: &mut dyn FnMut(&[u8]),
    ) -> Result<Facts, Unusable> {
        let slot = {
            let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(images.entry(image.to_owned()).or_default())
        };
        // Of two jobs that want the same image one fetches it and the other waits.
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = known.as_ref() {
            return Ok(facts.clone());
        }
        let facts = look_up(client, image, cancel, fetching)?;
        *known = Some(facts.clone());
        Ok(facts)
    }
}

fn look_up(
    client: &Client,
    image: &str,
    cancel: &AtomicBool,
    fetching: &mut dyn FnMut(&[u8]),
) -> Result<Facts, Unusable> {
    let cannot = |error: io::Error| Some(format!("{} cannot be started: {error}", client.name()));
    let inspect = ["image", "inspect", image];
    let text = match client.ask(inspect).map_err(cannot)? {
        Said::Done(text) => text,
        Said::Refused(_) => {
            let pull = ["pull", image];
            match client.follow(pull, cancel, fetching).map_err(cannot)? {
                None => return Err(None),
                Some(Said::Refused(why)) => {
                    return Err(Some(format!(
                        "{} has no image {image} and cannot fetch it: {why}",
                        client.name()
                    )));
                }
                Some(Said::Done(_)) => {}
            }
            match client.ask(inspect).map_err(cannot)? {
                Said::Done(text) => text,
                Said::Refused(why) => {
                    return Err(Some(format!("the image {image} cannot be read: {why}")));
                }
            }
        }
    };
    read(image, &text).map_err(Some)
}

fn read(image: &str, text: &str) -> Result<Facts, String> {
    let mut all: Vec<Inspected> = serde_json::from_str(text)
        .map_err(|e| format!("what is said of the image {image} does not read: {e}"))?;
    let Some(found) = all.pop() else {
        return Err(format!("nothing is known of the image {image}"));
    };
    let (own, its) = (architecture(std::env::consts::ARCH), &found.architecture);
    if !its.is_empty() && its != own {
        return Err(format!(
            "the image {image} is made for {its} machines and this is one of {own}"
        ));
    }
    if !found.os.is_empty() && found.os != "linux" {
        return Err(format!(
            "the image {image} is made for {} and this is Linux",
            found.os
        ));
    }
    let labels = found.config.labels.unwrap_or_default();
    Ok(Facts {
        user: found.config.user,
        entrypoint: found.config.entrypoint.unwrap_or_default(),
        command: found.config.cmd.unwrap_or_default(),
        preserves: labels.get(PRESERVE).is_some_and(|value| value == "true"),
    })
}

/// Returns the name that images give to an architecture.
fn architecture(own: &str) -> &str {
    match own {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_words_are_read() {
        let own = architecture(std::env::consts::ARCH);
        let text = format!(
            r#"[{{"Architecture": "{own}", "Os": "linux", "Config": {{"User": "circleci",
                "Entrypoint": null, "Cmd": ["bash"], "Labels": {{"{PRESERVE}": "true"}}}}}}]"#
        );
        let facts = read("cimg/base", &text).unwrap();
        assert_eq!(facts.user, "circleci");
        assert_eq!(facts.command, ["bash"]);
        assert!(facts.entrypoint.is_empty() && facts.preserves);
        let bare = format!(r#"[{{"Architecture": "{own}", "Os": "linux", "Config": {{}}}}]"#);
        assert!(!read("x", &bare).unwrap().preserves);
    }

    #[test]
    fn images_of_other_machines_are_refused() {
        let text = r#"[{"Architecture": "s390x", "Os": "linux", "Config": {}}]"#;
        let why = read("far/away", text).unwrap_err();
        assert!(why.contains("far/away") && why.contains("s390x"), "{why}");
    }
}
