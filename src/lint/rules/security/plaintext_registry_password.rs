//! `plaintext-registry-password`: the password for an image's registry stands in the config as
//! it is.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, SourceId};

declare_rule! {
    /// # What it does
    /// The password for an image's registry stands in the config as it is.
    ///
    /// # Why is this bad
    /// Whoever may read the repository may read the password. Variables are expanded there: a
    /// context holds it as well.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker:
    ///       - image: registry.example.com/app:1.0
    ///         auth: {username: ci, password: hunter2hunter2}
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker:
    ///       - image: registry.example.com/app:1.0
    ///         auth: {username: ci, password: $REGISTRY_PASSWORD}
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/private-images/
    PLAINTEXT_REGISTRY_PASSWORD: "plaintext-registry-password", Security, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for node in context.compiled.tree.nodes() {
        for (section, key) in [("auth", "password"), ("aws_auth", "aws_secret_access_key")] {
            let Some(secret) = node.get(section).and_then(|a| a.value.get(key)) else {
                continue;
            };
            let text = secret.value.text().unwrap_or("");
            // A variable, or a parameter that may be one.
            if node.get("image").is_none()
                || text.is_empty()
                || text.contains('$')
                || text.contains("<<")
            {
                continue;
            }
            out.push(
                PLAINTEXT_REGISTRY_PASSWORD
                    .finding("a password in the config", Location::new(SourceId::default(), secret.value.span()), "everybody who reads the config reads this")
                    .help("put it into a context, and name the variable: `password: $REGISTRY_PASSWORD`")
                    .done(),
            );
        }
    }
}
