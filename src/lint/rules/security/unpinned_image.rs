//! `unpinned-image`: an image without a digest.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::security::images;

declare_rule! {
    /// # What it does
    /// An image without a digest.
    ///
    /// # Why is this bad
    /// A tag can be moved to another image: only `image@sha256:…` is the same one each time.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the tag is one that its publisher never moves.
    ///
    /// # References
    /// - https://circleci.com/docs/using-docker/#docker-image-best-practices
    UNPINNED_IMAGE: "unpinned-image", Security, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (written, image) in images(context) {
        if image.digest.is_none() && image.tag.as_deref().is_some_and(|t| t != "latest") {
            out.push(
                UNPINNED_IMAGE
                    .finding("an image without a digest", written, "the tag can be moved")
                    .help("add the digest: `IMAGE:TAG@sha256:…`")
                    .done(),
            );
        }
    }
}
