//! Caches: GitLab knows a cache's key before the job starts and finds it only whole. So one cache
//! of GitLab carries all those whose keys start alike, a tar each, and the steps look for keys in
//! it as the service does.

use crate::plan::{Job, Pipeline, StepKind, TextPart, text_parts};

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
