//! The credentials for a registry: from the environment, or from where `docker login` and
//! `podman login` leave them, helpers included.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine;
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use crate::layer::remote::{Fault, FaultKind};

/// What is read of docker's config.json.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: HashMap<String, DockerAuth>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What a credential helper answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Returns the credentials for a registry; anonymous where there are none.
pub(super) fn credentials(registry: &str) -> Result<RegistryAuth, Fault> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(token) = env("HOLDALL_REGISTRY_TOKEN") {
        return Ok(RegistryAuth::Bearer(token));
    }
    match (
        env("HOLDALL_REGISTRY_USER"),
        env("HOLDALL_REGISTRY_PASSWORD"),
    ) {
        (Some(user), Some(password)) => return Ok(RegistryAuth::Basic(user, password)),
        (None, None) => {}
        _ => {
            return Err(Fault::new(
                FaultKind::Denied,
                "HOLDALL_REGISTRY_USER and HOLDALL_REGISTRY_PASSWORD are set one without the other",
            )
            .hint("set both, or neither"));
        }
    }
    for path in files() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let config: DockerConfig = serde_json::from_str(&text).map_err(|error| {
            Fault::new(
                FaultKind::Denied,
                format!("cannot read {}: {error}", path.display()),
            )
        })?;
        if let Some(auth) = lookup(&config, registry)? {
            return Ok(auth);
        }
    }
    Ok(RegistryAuth::Anonymous)
}

/// Where credentials may lie, in the order in which podman looks.
fn files() -> Vec<PathBuf> {
    let env = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let mut files = Vec::new();
    files.extend(env("REGISTRY_AUTH_FILE"));
    files.extend(env("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")));
    let docker = env("DOCKER_CONFIG").or_else(|| env("HOME").map(|home| home.join(".docker")));
    files.extend(docker.map(|dir| dir.join("config.json")));
    files
}

/// The names under which a registry may be listed.
fn names(registry: &str) -> Vec<String> {
    let mut names = vec![
        registry.to_owned(),
        format!("https://{registry}"),
        format!("http://{registry}"),
    ];
    if matches!(registry, "docker.io" | "index.docker.io") {
        names.push("https://index.docker.io/v1/".to_owned());
        names.push("docker.io".to_owned());
    }
    names
}

fn lookup(config: &DockerConfig, registry: &str) -> Result<Option<RegistryAuth>, Fault> {
    let names = names(registry);
    for name in &names {
        if let Some(helper) = config.cred_helpers.get(name) {
            return ask(helper, name);
        }
    }
    for name in &names {
        let Some(auth) = config
            .auths
            .get(name)
            .or_else(|| config.auths.get(&format!("{name}/")))
        else {
            continue;
        };
        if let Some(auth) = stored(auth, name)? {
            return Ok(Some(auth));
        }
    }
    if let Some(helper) = &config.creds_store {
        for name in &names {
            if let Some(auth) = ask(helper, name)? {
                return Ok(Some(auth));
            }
        }
    }
    Ok(None)
}

fn stored(auth: &DockerAuth, name: &str) -> Result<Option<RegistryAuth>, Fault> {
    let unreadable = || {
        Fault::new(
            FaultKind::Denied,
            format!("docker's entry for {name} cannot be read"),
        )
        .hint("log in again with `docker login`")
    };
    if auth
        .identitytoken
        .as_ref()
        .is_some_and(|token| !token.is_empty())
    {
        return Err(identity_token());
    }
    if let Some(text) = auth.auth.as_ref().filter(|text| !text.is_empty()) {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text.trim())
            .map_err(|_| unreadable())?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
        let (user, password) = text.split_once(':').ok_or_else(unreadable)?;
        // Some versions pad with NUL.
        let password = password.trim_end_matches('\0');
        return Ok(Some(RegistryAuth::Basic(
            user.to_owned(),
            password.to_owned(),
        )));
    }
    match (&auth.username, &auth.password) {
        (Some(user), Some(password)) => {
            Ok(Some(RegistryAuth::Basic(user.clone(), password.clone())))
        }
        _ => Ok(None),
    }
}

fn identity_token() -> Fault {
    Fault::new(
        FaultKind::Denied,
        "docker holds an identity token for it, which cannot be used here",
    )
    .hint("set HOLDALL_REGISTRY_USER and HOLDALL_REGISTRY_PASSWORD")
}

/// Asks a credential helper; one that knows nothing of the registry says so with its status.
fn ask(helper: &str, name: &str) -> Result<Option<RegistryAuth>, Fault> {
    let program = format!("docker-credential-{helper}");
    let failed = |what: String| {
        Fault::new(FaultKind::Denied, format!("{program}: {what}"))
            .hint("set HOLDALL_REGISTRY_USER and HOLDALL_REGISTRY_PASSWORD, or repair docker's config.json")
    };
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that reads nothing fails by its answer.
        let _ = stdin.write_all(name.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Ok(None);
    }
    let answer: HelperAnswer =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    if answer.username == "<token>" {
        return Err(identity_token());
    }
    Ok(Some(RegistryAuth::Basic(answer.username, answer.secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, registry: &str) -> Result<Option<RegistryAuth>, Fault> {
        lookup(&serde_json::from_str(text).unwrap(), registry)
    }

    #[test]
    fn what_docker_login_leaves_is_found() {
        let text = r#"{"auths": {"ghcr.io": {"auth": "dXNlcjpwYTpzcw=="},
            "https://index.docker.io/v1/": {"auth": "aHViOng="}}}"#;
        let basic = |user: &str, password: &str| {
            Some(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
        };
        assert_eq!(of(text, "ghcr.io").unwrap(), basic("user", "pa:ss"));
        assert_eq!(of(text, "docker.io").unwrap(), basic("hub", "x"));
        assert_eq!(of(text, "quay.io").unwrap(), None);
        assert_eq!(of("{}", "ghcr.io").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for text in [
            r#"{"auths": {"r": {"auth": "%"}}}"#,
            r#"{"auths": {"r": {"auth": "dXNlcg=="}}}"#,
            r#"{"auths": {"r": {"identitytoken": "x"}}}"#,
            r#"{"credHelpers": {"r": "no-such-helper-anywhere"}}"#,
        ] {
            assert_eq!(of(text, "r").unwrap_err().kind, FaultKind::Denied, "{text}");
        }
    }
}
