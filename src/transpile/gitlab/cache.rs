//! Caches: GitLab knows a cache's key before the job starts and finds it only whole. So one cache
//! of GitLab carries all those whose keys start alike, a tar each, and the steps look for keys in
//! it as the service does.

use super::steps::Needs;
use crate::circleci::{TextPart, text_parts};
use crate::plan::{Job, Pipeline, StepKind};
use crate::transpile::lower::quoted;
use crate::transpile::values::variable;

/// Most caches that GitLab carries for a job.
const MOST: usize = 4;

/// How caches of GitLab differ from those of the service.
pub(super) const SCOPE: &str = "runners share caches only where their administrator says so, those of protected branches are kept apart (`unprotect: true` joins them), and of jobs that save at the same time the last one's is kept";

/// The groups of a pipeline's caches, each of which one cache of GitLab carries.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The text that the keys of a group start with, and the group that it has been joined to.
    starts: Vec<(String, usize)>,
}

impl Groups {
    /// Reads the keys of a pipeline.
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let jobs = pipeline.workflows.iter().flat_map(|w| &w.jobs);
        let mut starts: Vec<String> = Vec::new();
        for key in jobs.clone().flat_map(keys) {
            let start = literal(key).to_owned();
            // The shortest of those that start alike stands for all of them.
            if starts.iter().any(|s| start.starts_with(s.as_str())) {
                continue;
            }
            starts.retain(|s| !s.starts_with(&start));
            starts.push(start);
        }
        let starts = starts.into_iter().enumerate().map(|(i, s)| (s, i));
        let mut groups = Self {
            starts: starts.collect(),
        };
        let uses: Vec<Vec<&str>> = jobs.map(|j| keys(j).collect()).collect();
        // Joining two for one job may help another, and never hurts it.
        for job in &uses {
            groups.join(job);
        }
        groups
    }

    /// Joins groups until a job needs no more than GitLab carries.
    fn join(&mut self, keys: &[&str]) {
        let mut used: Vec<usize> = Vec::new();
        for group in keys.iter().filter_map(|k| self.group(k)) {
            if !used.contains(&group) {
                used.push(group);
            }
        }
        let Some(kept) = used.get(MOST - 1).copied() else {
            return;
        };
        for (_, group) in &mut self.starts {
            if used[MOST..].contains(group) {
                *group = kept;
            }
        }
    }

    fn group(&self, key: &str) -> Option<usize> {
        let start = literal(key);
        let own = self
            .starts
            .iter()
            .find(|(s, _)| start.starts_with(s.as_str()));
        own.map(|(_, group)| *group)
    }

    /// Returns the name of the group that a key is in.
    pub(super) fn name(&self, key: &str) -> String {
        let own = self.group(key).and_then(|g| self.starts.get(g));
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        };
        let name: String = own
            .map_or("", |(start, _)| start)
            .chars()
            .map(plain)
            .collect();
        match name.trim_matches(['-', '.']) {
            "" => "all".to_owned(),
            name => name.to_owned(),
        }
    }
}

/// Returns the keys of caches that a job names.
fn keys(job: &Job) -> impl Iterator<Item = &str> {
    job.steps.iter().flat_map(|step| {
        let keys = match &step.kind {
            StepKind::SaveCache(save) => std::slice::from_ref(&save.key),
            StepKind::RestoreCache(restore) => &restore.keys[..],
            _ => &[],
        };
        keys.iter().map(|k| k.value.as_str())
    })
}

/// Returns what a key says before its first template.
fn literal(key: &str) -> &str {
    match text_parts(key).first() {
        Some(TextPart::Plain(plain)) => plain.split("{{").next().unwrap_or_default(),
        _ => "",
    }
}

/// A key as a word of a shell.
#[derive(Debug)]
pub(super) struct Key {
    /// The word, quoted.
    pub(super) word: String,
    /// What it cannot say, if anything.
    pub(super) left: Option<String>,
}

/// Turns a key with its templates into a word of a shell.
pub(super) fn key(template: &str, needs: &mut Needs) -> Key {
    let mut open = String::new();
    for part in text_parts(template) {
        match part {
            TextPart::Plain(plain) => open.push_str(plain),
            TextPart::Value { name, .. } => {
                needs.values.insert(name.to_owned());
                open.push_str(&format!("{{{{ .Environment.{} }}}}", variable(name)));
            }
        }
    }
    let template = open.as_str();
    let mut word = String::from("\"");
    let mut left = None;
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        push(&mut word, before);
        let Some((inner, after)) = behind.split_once("}}") else {
            push(&mut word, "{{");
            rest = behind;
            continue;
        };
        match part(inner.trim()) {
            Some(text) => word.push_str(&text),
            None => {
                left = Some(format!(
                    "GitLab has nothing like {{{{{inner}}}}}: it is left out of the key"
                ));
            }
        }
        rest = after;
    }
    push(&mut word, rest);
    word.push('"');
    Key { word, left }
}

/// Adds a text to a word in double quotes.
fn push(word: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            word.push('\\');
        }
        word.push(c);
    }
}

fn part(template: &str) -> Option<String> {
    let (name, argument) = match template.split_once(char::is_whitespace) {
        Some((name, argument)) => (name, argument.trim()),
        None => (template, ""),
    };
    Some(match name {
        "checksum" => {
            let path = argument.trim_matches('"');
            format!("$(holdall_checksum {})", quoted(path))
        }
        ".Branch" => "${CIRCLE_BRANCH:-}".to_owned(),
        ".Revision" => "$CIRCLE_SHA1".to_owned(),
        ".BuildNum" => "$CIRCLE_BUILD_NUM".to_owned(),
        "epoch" => "$(date +%s)".to_owned(),
        "arch" => "$(uname -s)-$(uname -m)".to_owned(),
        _ => {
            let variable = name.strip_prefix(".Environment.")?;
            let fits = !variable.is_empty()
                && variable
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && !variable.starts_with(|c: char| c.is_ascii_digit());
            fits.then(|| format!("${{{variable}:-}}"))?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Key, key};

    fn word(template: &str) -> Key {
        key(template, &mut super::Needs::default())
    }

    #[test]
    fn templates_become_words_and_the_rest_is_quoted() {
        assert_eq!(word("v1-$x").word, "\"v1-\\$x\"");
        let deps = word("deps-{{ .Branch }}-{{ checksum \"a b.lock\" }}").word;
        assert_eq!(
            deps,
            "\"deps-${CIRCLE_BRANCH:-}-$(holdall_checksum 'a b.lock')\""
        );
        assert!(word("{{ .CheckoutKey }}").left.is_some());
    }
}
