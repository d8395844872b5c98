//! `latest-image`: an image without a tag, or with the tag `latest`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::security::images;

declare_rule! {
    /// # What it does
    /// An image without a tag, or with the tag `latest`.
    ///
    /// # Why is this bad
    /// Each pipeline may run on another image: builds break without a change, and nobody can say
    /// afterwards what was run.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "node:latest"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "node:20.11"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the image is built by the same pipeline.
    ///
    /// # References
    /// - https://circleci.com/docs/using-docker/#docker-image-best-practices
    LATEST_IMAGE: "latest-image", Security, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (written, image) in images(context) {
        // The old images of `circleci/` do not change any more; deprecated-image speaks of them.
        if image.digest.is_some() || image.old_convenience().is_some() {
            continue;
        }
        let text = match image.tag.as_deref() {
            None => "without a tag this is `latest`",
            Some("latest") => "this is another image tomorrow",
            Some(_) => continue,
        };
        out.push(
            LATEST_IMAGE
                .finding("an image of no certain version", written, text)
                .help("name a tag that says the version")
                .done(),
        );
    }
}
