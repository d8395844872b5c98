//! Caches: GitLab knows a cache's key before the job starts and finds it only whole. So one cache
//! of GitLab carries all those whose keys start alike, a tar each, and the steps look for keys in
//! it as the service does.

use crate::circleci::{TextPart, text_parts};
use crate::plan::{Pipeline, StepKind};

/// The groups of a pipeline's caches.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The text that the keys of a group start with.
    starts: Vec<String>,
}

impl Groups {
    /// Reads the keys of a pipeline.
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let steps = pipeline
            .workflows
            .iter()
            .flat_map(|w| &w.jobs)
            .flat_map(|j| &j.steps);
        let mut starts: Vec<String> = Vec::new();
        for step in steps {
            let keys = match &step.kind {
                StepKind::SaveCache(save) => std::slice::from_ref(&save.key),
                StepKind::RestoreCache(restore) => &restore.keys[..],
                _ => &[],
            };
            for key in keys {
                let start = literal(&key.value).to_owned();
                // The shortest of those that start alike stands for all of them.
                if starts.iter().any(|s| start.starts_with(s.as_str())) {
                    continue;
                }
                starts.retain(|s| !s.starts_with(&start));
                starts.push(start);
            }
        }
        Self { starts }
    }

    /// Returns the name of the group that a key is in.
    pub(super) fn name(&self, key: &str) -> String {
        let start = literal(key);
        let own = self.starts.iter().find(|s| start.starts_with(s.as_str()));
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        };
        let name: String = own.map_or("", String::as_str).chars().map(plain).collect();
        match name.trim_matches(['-', '.']) {
            "" => "all".to_owned(),
            name => name.to_owned(),
        }
    }
}

/// Returns what a key says before its first template.
fn literal(key: &str) -> &str {
    match text_parts(key).first() {
        Some(TextPart::Plain(plain)) => plain.split("{{").next().unwrap_or_default(),
        _ => "",
    }
}
