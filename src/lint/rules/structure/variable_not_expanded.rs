//! `variable-not-expanded`: an environment variable stands where nothing expands it: in an
//! image, an environment, a working directory, a path of a cache, of artifacts or of test
//! results.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{ExecutorKind, Located, StepKind};

declare_rule! {
    /// # What it does
    /// An environment variable stands where nothing expands it: in an image, an environment, a
    /// working directory, a path of a cache, of artifacts or of test results.
    ///
    /// # Why is this bad
    /// Only the shell knows variables. Elsewhere the text is taken as it is: an image `app:$TAG`
    /// is not found, a folder named `$HOME` is made.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "app:$TAG"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     parameters: {tag: {type: string, default: "1.0"}}
    ///     docker: [{image: "app:<< parameters.tag >>"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a variable of an environment is expanded later, by `eval` or a program that reads
    /// it.
    ///
    /// # References
    /// - https://circleci.com/docs/env-vars/
    VARIABLE_NOT_EXPANDED: "variable-not-expanded", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        let mut places: Vec<(&str, &Located<String>)> =
            vec![("working_directory", &job.working_directory)];
        if let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind) {
            places.extend(images.iter().map(|i| ("image", &i.image)));
        }
        for step in &job.steps {
            match &step.kind {
                StepKind::Run(run) => places.extend(
                    run.working_directory
                        .iter()
                        .map(|w| ("working_directory", w)),
                ),
                StepKind::SaveCache(save) => places.extend(save.paths.iter().map(|p| ("paths", p))),
                StepKind::StoreArtifacts(store) => places.push(("path", &store.path)),
                StepKind::StoreTestResults(store) => places.push(("path", &store.path)),
                StepKind::Checkout(checkout) => {
                    places.extend(checkout.path.iter().map(|p| ("path", p)))
                }
                _ => {}
            }
        }
        for (key, value) in places {
            let Some(variable) = variable(&value.value) else {
                continue;
            };
            out.push(
                VARIABLE_NOT_EXPANDED
                    .finding(
                        "a variable that nothing expands",
                        context.within(value, variable),
                        format!("`{key}` takes `{variable}` as it is"),
                    )
                    .help("use a parameter, `<< parameters.x >>`, or set it in the script")
                    .done(),
            );
        }
        let images = match job.executor.as_ref().map(|e| &e.kind) {
            Some(ExecutorKind::Docker(images)) => images.as_slice(),
            _ => &[],
        };
        let own = images.iter().flat_map(|i| &i.environment);
        for variable in own.chain(&job.environment) {
            let Some(name) = self::variable(&variable.value.value) else {
                continue;
            };
            // PATH is the classic: it is lost, not extended.
            let classic = variable.name == "PATH" || name == "$PATH" || name == "${PATH}";
            out.push(
                VARIABLE_NOT_EXPANDED
                    .finding(
                        "a variable that nothing expands",
                        context.within(&variable.value, name),
                        format!("`{}` holds the text `{name}`", variable.name),
                    )
                    .confidence(if classic {
                        Confidence::High
                    } else {
                        Confidence::Medium
                    })
                    .help("set it in a script: `echo 'export NAME=…' >> \"$BASH_ENV\"`")
                    .done(),
            );
        }
    }
}

/// Returns the first variable of a text, as a shell would see it.
fn variable(text: &str) -> Option<&str> {
    let (i, _) = text.match_indices('$').find(|(i, _)| {
        let escaped = text[..*i].ends_with('\\');
        let rest = &text[i + 1..];
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        !escaped && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    })?;
    let rest = &text[i + 1..];
    let name = |t: &str| {
        t.bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count()
    };
    let end = match rest.strip_prefix('{') {
        Some(inner) => 2 + name(inner) + usize::from(inner[name(inner)..].starts_with('}')),
        None => 1 + name(rest),
    };
    text.get(i..i + end)
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variables_are_found_as_a_shell_finds_them() {
        assert_eq!(variable("app:$TAG-1"), Some("$TAG"));
        assert_eq!(variable("${A}/x"), Some("${A}"));
        assert_eq!(variable("a$ 1$5 \\$X"), None);
    }
}
