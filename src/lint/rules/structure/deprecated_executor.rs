//! `deprecated-executor`: `machine: true`, or a machine with `enabled`, outside self-hosted
//! runners.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::ExecutorKind;
use crate::yaml::Data;

declare_rule! {
    /// # What it does
    /// `machine: true`, or a machine with `enabled`, outside self-hosted runners.
    ///
    /// # Why is this bad
    /// It names no image: what the job runs on is whatever the service takes for it that day, and
    /// the form is deprecated.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     machine: true
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     machine: {image: "ubuntu-2204:current"}
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a machine of your own runs the job, where the form is right. It is on a server of
    /// your own: `platform = "server"` in the settings says that there is one.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#machine
    DEPRECATED_EXECUTOR: "deprecated-executor", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    if context.on_server() {
        return;
    }
    for executor in context.jobs().filter_map(|j| j.executor.as_ref()) {
        let ExecutorKind::Machine {
            image: None,
            settings,
        } = &executor.kind
        else {
            continue;
        };
        let runner = executor
            .resource_class
            .as_ref()
            .is_some_and(|c| c.value.contains('/') || c.value.contains("<<"));
        let old = match settings {
            Data::Bool(true) => true,
            Data::Map(keys) => {
                keys.iter().any(|(key, _)| key == "enabled")
                    && !keys.iter().any(|(key, value)| {
                        key == "resource_class"
                            && matches!(value, Data::Str(class) if class.contains('/'))
                    })
            }
            _ => false,
        };
        if old && !runner {
            out.push(
                DEPRECATED_EXECUTOR
                    .finding(
                        "a machine without an image",
                        executor.at,
                        "no image is named",
                    )
                    .help("write `machine: {image: \"ubuntu-2204:current\"}`")
                    .done(),
            );
        }
    }
}
