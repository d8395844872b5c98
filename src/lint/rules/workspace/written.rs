//! What the scripts of a job say that they write into a persisted path: the names of files there.
//! A folder that several jobs fill is no conflict where each names files of its own; it is only a
//! hint, as what a program writes besides is not said.

use std::collections::BTreeSet;

use crate::glob::Pattern;
use crate::lint::shell;
use crate::plan::{Job, StepKind};

/// Programs whose words are no files that they write.
const READERS: [&str; 12] = [
    "rm", "rmdir", "cat", "ls", "cd", "find", "grep", "du", "test", "[", "stat", "head",
];

/// Variables whose values no two jobs of a pipeline share.
const OWN: [&str; 4] = [
    "CIRCLE_JOB",
    "CIRCLE_BUILD_NUM",
    "CIRCLE_WORKFLOW_JOB_ID",
    "CIRCLE_BUILD_URL",
];

/// The names of files below a persisted path, as scripts and uploads of artifacts spell them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    names: BTreeSet<String>,
    /// Whether the last that is said of the folder is that all in it is removed.
    removed: bool,
}

impl Written {
    /// Reads the steps of a job: scripts ahead of the persist step, uploads anywhere.
    pub(super) fn by(job: &Job, persist: usize, item: &str) -> Self {
        let Some(path) = segments(item)
            .map(|part| Pattern::parse(part).ok())
            .collect::<Option<Vec<_>>>()
            .filter(|path| !path.is_empty())
        else {
            return Self::default();
        };
        let open = item.contains(['*', '?', '[']);
        let mut written = Self::default();
        for (index, step) in job.steps.iter().enumerate() {
            match &step.kind {
                StepKind::Run(run) if index < persist => {
                    for command in shell::commands(&run.command.value) {
                        let reads = command.program().is_some_and(|p| READERS.contains(&p));
                        let words = command.words.iter().filter(|w| !reads || w.redirected);
                        // What stands in quotes may be a command of its own.
                        let words = words
                            .flat_map(|w| w.text.split_whitespace())
                            .flat_map(|w| w.split('='));
                        for name in words.filter_map(|word| below(word, &path, open)) {
                            written.names.insert(name);
                            written.removed = false;
                        }
                        written.removed |= removes(&command, item);
                    }
                }
                StepKind::StoreArtifacts(step) => {
                    written.names.extend(below(&step.path.value, &path, open));
                }
                _ => {}
            }
        }
        written
    }

    /// Says whether the job empties the folder and names nothing that it puts there again.
    pub(super) fn is_removed(&self) -> bool {
        self.removed
    }

    /// Says whether every name holds a variable that the nodes of a job may set apart.
    pub(super) fn all_vary(&self) -> bool {
        let varies = |name: &String| name.contains('$') && !is_own(name);
        !self.names.is_empty() && self.names.iter().all(varies)
    }
}

/// Says whether two jobs name files there, and none that the other names too.
pub(super) fn differ(one: &Written, two: &Written) -> bool {
    let known = |name: &String| is_own(name) || !name.contains('$');
    let all = |w: &Written| !w.names.is_empty() && w.names.iter().all(known);
    let apart = |name: &String| is_own(name) || !two.names.contains(name);
    all(one) && all(two) && one.names.iter().all(apart)
}

/// Says whether a command is `rm -r` of a whole folder, or of all in it.
fn removes(command: &shell::Command, item: &str) -> bool {
    let whole = |word: &str| {
        let word = word.strip_suffix("/*").unwrap_or(word);
        segments(word).eq(segments(item))
    };
    let arguments = command.arguments();
    let deep = |word: &str| word.starts_with('-') && word.contains(['r', 'R']);
    command.program() == Some("rm")
        && arguments.iter().any(|w| deep(&w.text))
        && arguments.iter().any(|w| whole(&w.text))
}

/// Says whether a name holds a variable that no other job has the same value of.
fn is_own(name: &str) -> bool {
    name.split('$').skip(1).any(|rest| {
        let rest = rest.trim_start_matches('{');
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        OWN.contains(&&rest[..end.unwrap_or(rest.len())])
    })
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
}

/// Returns the name of a file in a persisted path: what stands behind the folder, or the last
/// segments where the item is a pattern.
fn below(word: &str, path: &[Pattern], open: bool) -> Option<String> {
    let parts: Vec<&str> = segments(word).collect();
    let at = parts.windows(path.len()).position(|window| {
        let mut pairs = window.iter().zip(path);
        pairs.all(|(part, pattern)| pattern.matches(part.as_bytes()))
    })?;
    let rest = match open {
        true => &parts[at..],
        false => &parts[at + path.len()..],
    };
    (!rest.is_empty()).then(|| rest.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Written, below, differ};

    fn name(word: &str, item: &str) -> Option<String> {
        let path: Vec<Pattern> = super::segments(item)
            .map(|part| Pattern::parse(part).unwrap())
            .collect();
        below(word, &path, item.contains('*'))
    }

    fn written(names: &[&str]) -> Written {
        Written {
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            removed: false,
        }
    }

    #[test]
    fn a_file_is_named_by_what_stands_behind_the_folder() {
        let found = name("~/project/bin/linux-lsp", "project/bin");
        assert_eq!(found.as_deref(), Some("linux-lsp"));
        assert_eq!(name("./pkg/a.zip", "./pkg/").as_deref(), Some("a.zip"));
        assert_eq!(
            name("/tmp/cov/a.json", "cov/*.json").as_deref(),
            Some("cov/a.json")
        );
        assert_eq!(name("project/bin", "project/bin"), None);
        assert_eq!(name("pkgs/a", "pkg"), None);
    }

    #[test]
    fn jobs_differ_where_both_name_files_and_no_one_twice() {
        assert!(differ(&written(&["a"]), &written(&["b", "c"])));
        assert!(!differ(&written(&["a"]), &written(&["a", "b"])));
        assert!(!differ(&written(&[]), &written(&["b"])));
        assert!(!differ(&written(&["$x.out"]), &written(&["b"])));
        let own = written(&["${CIRCLE_JOB}.json"]);
        assert!(differ(&own, &own));
    }
}
