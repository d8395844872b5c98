//! What a workflow must do, worked out without the runner: files as a map, layers as maps, upstream
//! by the requirements alone, the later layer over the earlier one.

use std::collections::{BTreeMap, BTreeSet};

use holdall::plan::{JobIndex, JobKind, JobStatus, Workflow};

use crate::plan::{Act, Made, NODE, Prepared, segments, upstream};

/// Files by path, with their contents.
pub(crate) type Files = BTreeMap<String, String>;

/// What stands for all of a repository's own files: the model knows that they are there.
pub(crate) const REPOSITORY: &str = ".git/HEAD";

/// One layer of the workspace.
struct Layer {
    job: JobIndex,
    node: u32,
    files: Files,
}

/// Why a step fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Pairs of jobs that wrote the same paths, and what one of those paths may be.
    Conflict(BTreeSet<(String, String, String)>),
    /// Nothing to persist.
    NoMatch,
    /// A folder with files and no repository.
    NotEmpty,
    /// Because the test asks for it.
    Asked,
}

/// What the runner must come to.
#[derive(Default)]
pub(crate) struct Expected {
    pub(crate) status: BTreeMap<String, JobStatus>,
    /// What each look of a job's node sees, in order.
    pub(crate) looks: BTreeMap<(String, u32), Vec<Files>>,
    pub(crate) failures: BTreeMap<(String, u32), Failure>,
    pub(crate) layers: BTreeMap<String, usize>,
    /// What the attaches together are an example of.
    pub(crate) shows: BTreeSet<&'static str>,
}

struct World<'a> {
    prepared: &'a Prepared,
    upstream: Vec<BTreeSet<JobIndex>>,
    home: &'a str,
    layers: Vec<Layer>,
    out: Expected,
}

pub(crate) fn expect(prepared: &Prepared, home: &str) -> Expected {
    let workflow = &prepared.workflow;
    let mut world = World {
        prepared,
        upstream: upstream(workflow),
        home,
        layers: Vec::new(),
        out: Expected::default(),
    };
    for index in order(workflow) {
        let status = match world.may_run(index) {
            true => world.job(index),
            false => JobStatus::NotRun,
        };
        let name = workflow.jobs[index].name.clone();
        world.out.status.insert(name, status);
    }
    world.out
}

/// Returns the jobs, each behind those that it requires.
fn order(workflow: &Workflow) -> Vec<JobIndex> {
    let mut order = Vec::new();
    while order.len() < workflow.jobs.len() {
        let ready = |i: &usize| {
            let requires = &workflow.jobs[*i].requires;
            !order.contains(i) && requires.iter().all(|r| order.contains(&r.job))
        };
        let next = (0..workflow.jobs.len()).find(ready);
        order.push(next.expect("a job that waits for nobody"));
    }
    order
}

impl World<'_> {
    fn may_run(&self, index: JobIndex) -> bool {
        let jobs = &self.prepared.workflow.jobs;
        jobs[index].requires.iter().all(|requirement| {
            let status = self.out.status[&jobs[requirement.job].name];
            match requirement.statuses.as_slice() {
                [] => status == JobStatus::Success,
                accepted => accepted.contains(&status),
            }
        })
    }

    fn job(&mut self, index: JobIndex) -> JobStatus {
        let job = &self.prepared.workflow.jobs[index];
        let mut status = JobStatus::Success;
        if job.kind != JobKind::Build {
            return status;
        }
        for node in 0..job.parallelism.max(1) {
            if let Err(failure) = self.node(index, node) {
                let key = (job.name.clone(), node);
                self.out.failures.insert(key, failure);
                status = JobStatus::Failed;
            }
        }
        status
    }

    fn node(&mut self, index: JobIndex, node: u32) -> Result<(), Failure> {
        let prepared = self.prepared;
        let job = &prepared.workflow.jobs[index];
        let directory = absolute(&job.working_directory.value, self.home, self.home);
        let resolve = |text: &str| absolute(text, self.home, &directory);
        let filled = |text: &str| text.replace(NODE, &node.to_string());
        let mut files = Files::new();
        for act in &prepared.acts[index] {
            match act {
                Act::Make(made) => {
                    for Made {
                        path,
                        content,
                        if_missing,
                    } in made
                    {
                        let path = absolute(&filled(path), self.home, &directory);
                        if !(*if_missing && files.contains_key(&path)) {
                            files.insert(path, filled(content));
                        }
                    }
                }
                Act::Checkout(path) => checkout(&mut files, &resolve(path), &prepared.tracked)?,
                Act::Persist { root, paths } => {
                    let taken = select(&files, &resolve(root), paths);
                    if taken.is_empty() {
                        return Err(Failure::NoMatch);
                    }
                    *self.out.layers.entry(job.name.clone()).or_default() += 1;
                    self.layers.push(Layer {
                        job: index,
                        node,
                        files: taken,
                    });
                }
                Act::Attach(at) => {
                    let at = resolve(at);
                    let layers = visible(&self.layers, &self.upstream[index]);
                    examples(&layers, &self.upstream, &mut self.out.shows);
                    for (path, content) in merged(&layers, &self.upstream, prepared)? {
                        files.insert(join(&at, &path), content);
                    }
                }
                Act::Look(at) => {
                    let at = resolve(at);
                    let below = |(path, content): (&String, &String)| {
                        let path = below(path, &at)?;
                        let own = path.split('/').any(|part| part == ".git");
                        (!own).then(|| (path.to_owned(), content.clone()))
                    };
                    let seen = files.iter().filter_map(below).collect();
                    let looks = self.out.looks.entry((job.name.clone(), node)).or_default();
                    looks.push(seen);
                }
                Act::Fail => return Err(Failure::Asked),
                Act::Nothing => {}
            }
        }
        Ok(())
    }
}

fn visible<'l>(layers: &'l [Layer], upstream: &BTreeSet<JobIndex>) -> Vec<&'l Layer> {
    layers
        .iter()
        .filter(|l| upstream.contains(&l.job))
        .collect()
}

/// Lays layers over each other, in the order in which they were made.
fn merged(
    layers: &[&Layer],
    upstream: &[BTreeSet<JobIndex>],
    prepared: &Prepared,
) -> Result<Files, Failure> {
    let name = |layer: &Layer| prepared.workflow.jobs[layer.job].name.clone();
    let mut out = Files::new();
    let mut conflicts = BTreeSet::new();
    for (at, layer) in layers.iter().enumerate() {
        for earlier in &layers[..at] {
            if is_ordered(earlier, layer, upstream) {
                continue;
            }
            for path in layer
                .files
                .keys()
                .filter(|p| earlier.files.contains_key(*p))
            {
                conflicts.insert((name(earlier), name(layer), path.clone()));
            }
        }
        out.extend(layer.files.clone());
    }
    match conflicts.is_empty() {
        true => Ok(out),
        false => Err(Failure::Conflict(conflicts)),
    }
}

fn is_ordered(earlier: &Layer, later: &Layer, upstream: &[BTreeSet<JobIndex>]) -> bool {
    upstream[later.job].contains(&earlier.job)
        || (earlier.job == later.job && earlier.node == later.node)
}

/// Notes what one attach is an example of.
fn examples(
    layers: &[&Layer],
    upstream: &[BTreeSet<JobIndex>],
    shows: &mut BTreeSet<&'static str>,
) {
    if layers.is_empty() {
        shows.insert("nothing upstream");
    }
    for (at, later) in layers.iter().enumerate() {
        for earlier in &layers[..at] {
            if !is_ordered(earlier, later, upstream) {
                shows.insert("fan-in");
            } else if earlier.job != later.job {
                shows.insert("chain");
            }
            if is_ordered(earlier, later, upstream)
                && later
                    .files
                    .iter()
                    .any(|(p, c)| earlier.files.get(p).is_some_and(|e| e != c))
            {
                shows.insert("later wins");
            }
        }
    }
}

fn checkout(files: &mut Files, target: &str, tracked: &BTreeSet<String>) -> Result<(), Failure> {
    let is_used = files.keys().any(|path| below(path, target).is_some());
    if is_used && !files.contains_key(&join(target, REPOSITORY)) {
        return Err(Failure::NotEmpty);
    }
    files.insert(join(target, REPOSITORY), "repository".to_owned());
    for path in tracked {
        files.insert(join(target, path), tracked_content(path));
    }
    Ok(())
}

/// Returns what a file of the project holds.
pub(crate) fn tracked_content(path: &str) -> String {
    format!("{}tracked {path}", crate::plan::MARK)
}

/// Returns what a persist takes.
fn select(files: &Files, root: &str, items: &[String]) -> Files {
    let patterns: Vec<Vec<String>> = items.iter().map(|item| segments(item)).collect();
    let mut out = Files::new();
    for (path, content) in files {
        let Some(path) = below(path, root) else {
            continue;
        };
        let parts: Vec<&str> = path.split('/').collect();
        let taken = patterns.iter().any(|pattern| {
            pattern.len() <= parts.len()
                && pattern
                    .iter()
                    .zip(&parts)
                    .all(|(p, part)| matches(p.as_bytes(), part.as_bytes()))
        });
        if taken {
            out.insert(path.to_owned(), content.clone());
        }
    }
    out
}

/// Says whether a pattern for one name matches it.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|at| matches(rest, &name[at..])),
        ([b'?', rest @ ..], [_, name @ ..]) => matches(rest, name),
        ([b'\\', c, rest @ ..], [n, name @ ..]) => c == n && matches(rest, name),
        ([b'[', rest @ ..], [n, name @ ..]) => {
            let end = rest
                .iter()
                .position(|&b| b == b']')
                .expect("the end of a class");
            let (class, rest) = (&rest[..end], &rest[end + 1..]);
            let (negated, class) = match class {
                [b'^', class @ ..] => (true, class),
                class => (false, class),
            };
            let range = |w: &[u8]| w[1] == b'-' && (w[0]..=w[2]).contains(n);
            let found = class.contains(n) || class.windows(3).any(range);
            found != negated && matches(rest, name)
        }
        ([c, rest @ ..], [n, name @ ..]) => c == n && matches(rest, name),
        _ => false,
    }
}

/// Turns a path of a config into an absolute one.
fn absolute(text: &str, home: &str, base: &str) -> String {
    let whole = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{home}/{rest}"),
        _ if text.starts_with('/') => text.to_owned(),
        _ => format!("{base}/{text}"),
    };
    let mut parts: Vec<String> = Vec::new();
    for part in segments(&whole) {
        match part.as_str() {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn join(folder: &str, path: &str) -> String {
    format!("{}/{path}", folder.trim_end_matches('/'))
}

fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    path.strip_prefix(folder.trim_end_matches('/'))?
        .strip_prefix('/')
}
