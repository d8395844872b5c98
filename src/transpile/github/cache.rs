//! Caches: the templates of keys, and which paths a key belongs to. A restore step at GitHub names
//! the paths, and finds only what was saved with the same ones; CircleCI's does not.

use std::fmt::Write as _;

use super::Context;
use crate::plan::{KeyPart, Pipeline, SaveCacheStep, StepKind, actual, key_parts};
use crate::transpile::values;

/// A key as GitHub gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A text with expressions, which are known without a step.
    Text(String),
    /// A word of a shell, which a step before computes.
    Shell(values::Script),
}

/// Translates the key of a cache. The second value says what is not the same.
pub(super) fn key(template: &str, context: &Context<'_>) -> (Key, Option<&'static str>) {
    translated(template, &|text| context.text(text))
}

/// Translates a key; `shown` writes the texts between its templates.
fn translated(template: &str, shown: &dyn Fn(&str) -> String) -> (Key, Option<&'static str>) {
    const LEFT: &str = "a part of the key is not known at GitHub and left out";
    let mut differs = None;
    let parts = key_parts(template);
    let is_computed = |part: &KeyPart<'_>| {
        matches!(
            part,
            KeyPart::Checksum(_) | KeyPart::Epoch | KeyPart::Environment(_)
        )
    };
    if !parts.iter().any(is_computed) {
        let mut out = String::new();
        for part in &parts {
            if let KeyPart::Text(text) = part {
                // GitHub takes no commas.
                out.push_str(&plain(&shown(text)));
                continue;
            }
            match expression(part) {
                Some(expression) => {
                    let _ = write!(out, "${{{{ {expression} }}}}");
                }
                None => differs = Some(LEFT),
            }
        }
        return (Key::Text(out), differs);
    }
    let mut script = values::Script::default();
    for part in &parts {
        if let KeyPart::Text(text) = part {
            let word = values::word(&plain_text(text));
            script.text.push_str(&word.text);
            script.values.extend(word.values);
            continue;
        }
        match shell(part) {
            Some(text) => script.text.push_str(&text),
            None => differs = Some(LEFT),
        }
    }
    (Key::Shell(script), differs)
}

fn plain(text: &str) -> String {
    match text.contains("${{") {
        true => text.to_owned(),
        false => text.replace(',', "_"),
    }
}

fn plain_text(text: &str) -> String {
    text.replace(',', "_")
}

fn expression(part: &KeyPart<'_>) -> Option<&'static str> {
    Some(match part {
        KeyPart::Branch => "github.ref_name",
        KeyPart::Revision => "github.sha",
        KeyPart::BuildNum => "format('{0}-{1}', github.run_id, github.run_attempt)",
        KeyPart::Arch => "format('{0}-{1}', runner.os, runner.arch)",
        _ => return None,
    })
}

/// Returns a template as a word of a POSIX shell.
fn shell(part: &KeyPart<'_>) -> Option<String> {
    Some(match part {
        KeyPart::Branch => "\"$GITHUB_REF_NAME\"".to_owned(),
        KeyPart::Revision => "\"$GITHUB_SHA\"".to_owned(),
        KeyPart::BuildNum => "\"$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT\"".to_owned(),
        KeyPart::Arch => "\"$RUNNER_OS-$RUNNER_ARCH\"".to_owned(),
        KeyPart::Epoch => "\"$(date +%s)\"".to_owned(),
        KeyPart::Environment(name) => format!("\"${{{name}:-}}\""),
        KeyPart::Checksum(file) => {
            let word = match file.strip_prefix("~/") {
                Some(rest) => format!("\"$HOME\"/{}", values::word(rest).text),
                None => values::word(file).text,
            };
            format!("\"$(checksum {word})\"")
        }
        KeyPart::Text(_) | KeyPart::CheckoutKey | KeyPart::Unknown(_) => return None,
    })
}

/// Returns the script that computes keys: `key0`, `key1` and so on, in the order of the texts.
pub(super) fn key_script(keys: &[&values::Script]) -> String {
    let mut out = String::new();
    let sums = keys.iter().any(|k| k.text.contains("$(checksum "));
    if sums {
        out.push_str(
            "checksum() {\n  [ -f \"$1\" ] || { echo \"no such file: $1\" >&2; exit 1; }\n  if command -v sha256sum >/dev/null 2>&1; then sha256sum <\"$1\"; else shasum -a 256 <\"$1\"; fi | cut -c1-64\n}\n",
        );
    }
    for (i, key) in keys.iter().enumerate() {
        let _ = writeln!(out, "key={}", key.text);
        let _ = writeln!(out, "echo \"key{i}=$key\" >>\"$GITHUB_OUTPUT\"");
    }
    out
}

/// Returns the paths that a cache's keys belong to: those of the first step that saves under one of
/// them, and whether others save other paths.
pub(super) fn paths<'p>(
    pipeline: &'p Pipeline,
    keys: &[&str],
) -> Option<(&'p SaveCacheStep, bool)> {
    let steps = pipeline
        .workflows
        .iter()
        .flat_map(|w| &w.jobs)
        .flat_map(|j| &j.steps);
    let mut found: Vec<&SaveCacheStep> = Vec::new();
    for step in steps {
        if let StepKind::SaveCache(save) = &step.kind {
            let saved = normal(&save.key.value);
            let fits = keys.iter().any(|key| saved.starts_with(&normal(key)));
            let known = found.iter().any(|f| list(f) == list(save));
            if fits && !known {
                found.push(save);
            }
        }
    }
    // The step that saves under exactly one of the keys is meant before one that shares a prefix.
    let exact = found
        .iter()
        .position(|f| keys.iter().any(|k| normal(k) == normal(&f.key.value)));
    let first = *found.get(exact.unwrap_or(0))?;
    Some((first, found.len() > 1))
}

fn list(save: &SaveCacheStep) -> Vec<&str> {
    save.paths.iter().map(|p| p.value.as_str()).collect()
}

fn normal(key: &str) -> String {
    actual(key).split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_files_need_no_step() {
        let (key, differs) = translated("v1-{{ arch }}-{{ .Branch }}", &str::to_owned);
        let text = "v1-${{ format('{0}-{1}', runner.os, runner.arch) }}-${{ github.ref_name }}";
        assert_eq!((key, differs), (Key::Text(text.to_owned()), None));
    }

    #[test]
    fn files_are_summed_by_a_step() {
        let (key, _) = translated(
            "v1-{{ checksum \"a b.lock\" }}-{{ .Environment.V }}",
            &str::to_owned,
        );
        let Key::Shell(script) = key else {
            panic!("a step computes it");
        };
        assert_eq!(script.text, "v1-\"$(checksum 'a b.lock')\"-\"${V:-}\"");
        let text = key_script(&[&script]);
        assert!(text.contains("echo \"key0=$key\""), "{text}");
    }
}
