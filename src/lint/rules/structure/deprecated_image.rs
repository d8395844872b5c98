//! `deprecated-image`: an image that CircleCI no longer keeps up: `circleci/*`, or a machine
//! image by an old name.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::machine::Image;
use crate::lint::rule::declare_rule;
use crate::plan::ExecutorKind;

declare_rule! {
    /// # What it does
    /// An image that CircleCI no longer keeps up: `circleci/*`, or a machine image by an old
    /// name.
    ///
    /// # Why is this bad
    /// It gets no updates, security fixes among them; images by old names stop to start one day.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "circleci/node:12"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// What replaces an image of a runner or a server of your own.
    ///
    /// # References
    /// - https://circleci.com/docs/next-gen-migration-guide/
    /// - https://circleci.com/developer/images
    DEPRECATED_IMAGE: "deprecated-image", Structure, Warning, check
}

/// Machine images that are gone, by how their names begin (circleci.com/developer/images, 2026-08).
const GONE: [&str; 5] = [
    "circleci/classic",
    "ubuntu-1604",
    "ubuntu-1404",
    "ubuntu-1804",
    "ubuntu-2004:2020",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for executor in context.jobs().filter_map(|j| j.executor.as_ref()) {
        match &executor.kind {
            ExecutorKind::Docker(images) => {
                for image in images {
                    let parsed = Image::parse(&image.image.value);
                    let Some(rest) = parsed.old_convenience() else {
                        continue;
                    };
                    out.push(
                        DEPRECATED_IMAGE
                            .finding(
                                "a deprecated image",
                                &image.image,
                                "images of `circleci/` get no updates",
                            )
                            .help(format!(
                                "use `cimg/{rest}`, or another image that is kept up"
                            ))
                            .done(),
                    );
                }
            }
            ExecutorKind::Machine {
                image: Some(image), ..
            } if GONE.iter().any(|g| image.value.starts_with(g)) => {
                out.push(
                    DEPRECATED_IMAGE
                        .finding(
                            "a deprecated image",
                            image,
                            format!("`{}` is no longer kept up", image.value),
                        )
                        .help("use `ubuntu-2204:current`, or a newer one")
                        .done(),
                );
            }
            _ => {}
        }
    }
}
