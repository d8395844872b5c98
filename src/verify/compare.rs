//! What two runs made of the same attaches.

use std::collections::{BTreeMap, BTreeSet};

use super::here::Here;
use super::instrument::Attaches;
use super::lines::{Key, Seen, Trees, decoded};
use crate::plan::Pipeline;

/// A place where two runs differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where the attach leads, as the config writes it.
    pub at: String,
    /// The node of the job, from 0.
    pub node: u32,
    /// The path below it; nothing where it is about the attach as such.
    pub path: Option<String>,
    /// How they differ.
    pub what: String,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The job attaches nothing.
    Nothing,
    /// All its attaches brought the same: how many paths in all, and how many attaches failed
    /// under both.
    Same {
        /// Paths.
        paths: usize,
        /// Attaches that both refused.
        refused: usize,
        /// Why the job failed here behind that, where it did.
        ended: Option<String>,
    },
    /// They did not.
    Differs(Vec<Difference>),
    /// Nothing can be said: why.
    NotRun(String),
}

/// A job with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// The workflow's name.
    pub workflow: String,
    /// The job's name.
    pub job: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// Compares what was seen here and there of the attaches of every job.
#[must_use]
pub fn compare(
    pipeline: &Pipeline,
    attaches: &[Vec<Attaches>],
    here: &Here,
    there: &Trees,
) -> Vec<JobResult> {
    let mut out = Vec::new();
    for (w, (workflow, jobs)) in pipeline.workflows.iter().zip(attaches).enumerate() {
        for (j, (job, attaches)) in workflow.jobs.iter().zip(jobs).enumerate() {
            out.push(JobResult {
                workflow: workflow.name.clone(),
                job: job.name.clone(),
                verdict: job_verdict(w, j, attaches, here, there),
            });
        }
    }
    out
}

fn job_verdict(w: usize, j: usize, attaches: &Attaches, here: &Here, there: &Trees) -> Verdict {
    if attaches.is_empty() {
        return Verdict::Nothing;
    }
    let why = here.why_not.get(&(w, j));
    if here.left_out.contains(&(w, j)) {
        return Verdict::NotRun(why.cloned().unwrap_or_default());
    }
    let mut differences = Vec::new();
    let (mut paths, mut refused, mut compared) = (0, 0, 0);
    for (attach, at) in attaches.iter().enumerate() {
        let first = Key {
            workflow: w,
            job: j,
            attach,
            node: 0,
        };
        let nodes: BTreeSet<u32> = here.trees.nodes(first).chain(there.nodes(first)).collect();
        for node in nodes {
            let key = Key { node, ..first };
            let mut differs = |path: Option<String>, what: &str| {
                differences.push(Difference {
                    at: at.clone(),
                    node,
                    path,
                    what: what.to_owned(),
                });
            };
            match (here.trees.get(key), there.get(key)) {
                (Some(Seen::Tree(a)), Some(Seen::Tree(b))) => {
                    paths += a.len();
                    trees(a, b, &mut differs);
                }
                (Some(Seen::Begun), Some(Seen::Begun)) => refused += 1,
                (Some(Seen::Tree(_)), Some(Seen::Begun)) => {
                    differs(None, "it attaches here, and fails there");
                }
                (Some(Seen::Begun), Some(Seen::Tree(_))) => {
                    differs(None, "it fails here, and attaches there");
                }
                (Some(_), None) => differs(None, "it is reached here, and not there"),
                (None, Some(_)) => differs(None, "it is reached there, and not here"),
                (None, None) => continue,
            }
            compared += 1;
        }
    }
    if !differences.is_empty() {
        return Verdict::Differs(differences);
    }
    match compared {
        0 => Verdict::NotRun(why.map_or_else(
            || "neither run reached what it attaches".to_owned(),
            Clone::clone,
        )),
        _ => Verdict::Same {
            paths,
            refused,
            // A refused attach is the reason itself.
            ended: why.filter(|_| refused == 0).cloned(),
        },
    }
}

fn trees(
    here: &BTreeMap<String, String>,
    there: &BTreeMap<String, String>,
    differs: &mut dyn FnMut(Option<String>, &str),
) {
    let all: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    for path in all {
        let what = match (here.get(path), there.get(path)) {
            (Some(a), Some(b)) if a == b => continue,
            (Some(a), Some(b)) => difference(a, b),
            (Some(_), None) => "it is missing there".to_owned(),
            (None, _) => "it is there only".to_owned(),
        };
        differs(Some(decoded(path)), &what);
    }
}

/// Says how two descriptions of a path differ.
fn difference(here: &str, there: &str) -> String {
    let parts = |text: &str| {
        let mut parts = text.splitn(3, ':').map(str::to_owned);
        std::array::from_fn::<String, 3, _>(|_| parts.next().unwrap_or_default())
    };
    let ([kind, mode, value], [other_kind, other_mode, other_value]) = (parts(here), parts(there));
    if kind != other_kind {
        return format!("a {kind} here, a {other_kind} there");
    }
    let mut out = Vec::new();
    if mode != other_mode {
        out.push(format!("mode {mode} here, {other_mode} there"));
    }
    if value != other_value {
        out.push(match kind.as_str() {
            "link" => format!(
                "leads to {} here, to {} there",
                decoded(&value),
                decoded(&other_value)
            ),
            _ => "the content differs".to_owned(),
        });
    }
    out.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_differ_is_named() {
        let tree = |entries: &[(&str, &str)]| {
            let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            entries.iter().map(own).collect::<BTreeMap<_, _>>()
        };
        let here = tree(&[
            ("a", "file:644:1"),
            ("b", "file:644:1"),
            ("c", "link:-:x"),
            ("d", "folder:755:-"),
            ("e", "file:644:1"),
        ]);
        let there = tree(&[
            ("a", "file:755:2"),
            ("c", "link:-:y%20z"),
            ("d", "file:755:1"),
            ("e", "file:644:1"),
            ("f", "file:644:1"),
        ]);
        let mut said = Vec::new();
        trees(&here, &there, &mut |path, what| {
            said.push(format!("{}: {what}", path.unwrap_or_default()));
        });
        assert_eq!(
            said,
            [
                "a: mode 644 here, 755 there, the content differs",
                "b: it is missing there",
                "c: leads to x here, to y z there",
                "d: a folder here, a file there",
                "f: it is there only",
            ]
        );
    }
}
