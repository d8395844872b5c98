//! The text of a workflow file: YAML in the order of the config, with comments where something is
//! not the same.

use crate::yaml::Data;

/// A part of a file: what is said before it, and its entries.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The config's own comments before it, with their `#`.
    pub(super) carried: Vec<String>,
    /// What is said of the migration, below those.
    pub(super) comments: Vec<String>,
    /// Its entries.
    pub(super) entries: Vec<(String, Data)>,
}

impl Block {
    pub(super) fn put(&mut self, key: &str, value: impl Into<Data>) -> &mut Self {
        self.entries.push((key.to_owned(), value.into()));
        self
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.comments.contains(&text) {
            self.comments.push(text);
        }
    }
}

/// A job of a file.
#[derive(Debug, Clone)]
pub(super) struct JobBlock {
    pub(super) id: String,
    pub(super) head: Block,
    pub(super) steps: Vec<Block>,
    /// The config's comments behind the last step.
    pub(super) behind: Vec<String>,
}

/// A workflow file.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) comments: Vec<String>,
    /// The config's own comments above the workflow, with their `#`.
    pub(super) carried: Vec<String>,
    pub(super) name: String,
    pub(super) on: Vec<(String, Data)>,
    /// What all jobs have in their environment.
    pub(super) env: Block,
    pub(super) jobs: Vec<JobBlock>,
}

impl File {
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        comment(&self.comments, 0, &mut out);
        carried(&self.carried, 0, &mut out);
        out.push_str(&Data::Map(vec![("name".into(), self.name.as_str().into())]).to_yaml());
        out.push_str("\non:\n");
        indented(&Data::Map(self.on.clone()).to_yaml(), 2, &mut out);
        out.push_str("\npermissions:\n  contents: read\n\n");
        out.push_str("defaults:\n  run:\n    shell: bash\n\njobs:\n");
        for (i, job) in self.jobs.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            carried(&job.head.carried, 2, &mut out);
            comment(&job.head.comments, 2, &mut out);
            out.push_str(&format!("  {}:\n", job.id));
            indented(&Data::Map(job.head.entries.clone()).to_yaml(), 4, &mut out);
            out.push_str("    steps:\n");
            for step in &job.steps {
                carried(&step.carried, 6, &mut out);
                comment(&step.comments, 6, &mut out);
                let item = Data::List(vec![Data::Map(step.entries.clone())]);
                indented(&versions(&item.to_yaml()), 6, &mut out);
            }
            carried(&job.behind, 6, &mut out);
        }
        // What people read comes first: the functions are long.
        if !self.env.entries.is_empty() {
            out.push('\n');
            comment(&self.env.comments, 0, &mut out);
            out.push_str("env:\n");
            indented(&Data::Map(self.env.entries.clone()).to_yaml(), 2, &mut out);
        }
        out
    }
}

fn comment(lines: &[String], depth: usize, out: &mut String) {
    for line in lines {
        let line = line.replace(['\n', '\r'], " ");
        out.push_str(&format!("{:depth$}# {line}\n", ""));
    }
}

/// Says behind each action which version its commit is.
fn versions(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let uses = line.trim_start_matches(['-', ' ']).strip_prefix("uses: ");
        match uses.and_then(|uses| super::actions::version(uses.trim_end())) {
            Some(version) => format!("{} # {version}\n", line.trim_end()),
            None => line.to_owned(),
        }
    });
    lines.collect()
}

/// Writes comments as the config has them, `#` included.
fn carried(lines: &[String], depth: usize, out: &mut String) {
    for line in lines {
        out.push_str(&format!("{:depth$}{line}\n", ""));
    }
}

/// Shifts lines to the right; empty ones stay empty.
fn indented(text: &str, depth: usize, out: &mut String) {
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            out.extend(std::iter::repeat_n(' ', depth));
        }
        out.push_str(line);
    }
}
