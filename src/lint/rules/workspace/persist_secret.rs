//! `persist-secret`: a layer holds a file that usually has secrets in it: `.env`, `.npmrc`,
//! `.aws`, a key, a kubeconfig.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::tracked_below;

declare_rule! {
    /// # What it does
    /// A layer holds a file that usually has secrets in it: `.env`, `.npmrc`, `.aws`, a key, a
    /// kubeconfig.
    ///
    /// # Why is this bad
    /// Whoever may read the workspace of a pipeline reads the secret with it, for as long as the
    /// workspace is kept, and it is in each later job whether that needs it or not.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   login:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: ./write-config
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: [.env, dist]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   login:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: ./write-config
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: [dist]
    /// ```
    ///
    /// # What holdall cannot know
    /// What the file holds. A context gives a secret to the jobs that need it without a file.
    ///
    /// # References
    /// - https://circleci.com/docs/security-recommendations/
    /// - https://circleci.com/docs/contexts/
    PERSIST_SECRET: "persist-secret", Workspace, Warning, check
}

/// Names that hold secrets, as a whole.
const NAMES: [&str; 17] = [
    ".env",
    ".npmrc",
    ".pypirc",
    ".netrc",
    ".aws",
    ".ssh",
    ".gnupg",
    ".dockercfg",
    ".git-credentials",
    ".kube",
    "kubeconfig",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "credentials.json",
    ".vault-token",
];
/// Endings of keys and of their stores.
const ENDINGS: [&str; 7] = [
    ".pem",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".ppk",
    ".kubeconfig",
];
/// Endings of files that only show what the real one looks like.
const SAMPLES: [&str; 7] = [
    "example", "sample", "template", "dist", "test", "ci", "defaults",
];

/// Says whether a file of this name usually holds a secret.
fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if SAMPLES.iter().any(|s| lower.ends_with(&format!(".{s}"))) {
        return false;
    }
    NAMES.contains(&lower.as_str())
        || lower.starts_with(".env.")
        || ENDINGS
            .iter()
            .any(|e| lower.ends_with(e) && lower.len() > e.len())
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            for item in &layer.persist.paths {
                let named = item.value.split('/').find(|part| is_secret(part));
                if let Some(name) = named {
                    out.push(
                        PERSIST_SECRET
                            .finding(
                                "a layer with a secret",
                                item,
                                format!("`{name}` usually holds secrets"),
                            )
                            .confidence(Confidence::Medium)
                            .help("leave it out, and give the secret to the later job by a context")
                            .done(),
                    );
                    continue;
                }
                let Some(files) = tracked_below(context, flow, layer, &item.value) else {
                    continue;
                };
                let secret = files
                    .iter()
                    .find(|f| f.rsplit('/').next().is_some_and(is_secret));
                if let Some(file) = secret {
                    out.push(
                        PERSIST_SECRET
                            .finding(
                                "a layer with a secret",
                                item,
                                format!("`{file}` of the checkout is in this"),
                            )
                            .confidence(Confidence::Medium)
                            .help("name narrower paths, and keep the secret out of the repository")
                            .done(),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn samples_are_no_secrets() {
        assert!(is_secret(".env") && is_secret(".env.production") && is_secret("server.pem"));
        assert!(
            !is_secret(".env.example")
                && !is_secret("env")
                && !is_secret(".pem")
                && !is_secret("id_rsa.pub")
        );
    }
}
