//! Makes a compiled workflow one that can run anywhere: the commands of its `run` steps give way to
//! ones that make what its persists take. What a job then does is kept beside it, for the model.

use std::collections::BTreeSet;

use holdall::plan::{
    Job, JobIndex, JobKind, KeyPart, Located, Origin, PersistStep, RunStep, RunWhen, Step,
    StepKind, Workflow, key_parts,
};
use holdall::yaml::Location;

/// What every file begins with that a test made.
pub(crate) const MARK: &str = "hd ";

/// What stands for the node's number until a job runs.
pub(crate) const NODE: &str = "{node}";

/// A file that a job makes. Path and content may hold [`NODE`].
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) path: String,
    pub(crate) content: String,
    /// Whether a file that is there already stays.
    pub(crate) if_missing: bool,
}

/// What a step does to the files of its job.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Make(Vec<Made>),
    Checkout(String),
    Persist { root: String, paths: Vec<String> },
    Attach(String),
    Look(String),
    Fail,
    Nothing,
}

/// A workflow that can run, and what the steps of each job do.
pub(crate) struct Prepared {
    pub(crate) workflow: Workflow,
    pub(crate) acts: Vec<Vec<Act>>,
    /// The files of the project: what a `checkout` brings.
    pub(crate) tracked: BTreeSet<String>,
}

/// Says which jobs come before which, however far: by the requirements alone.
pub(crate) fn upstream(workflow: &Workflow) -> Vec<BTreeSet<JobIndex>> {
    let mut all: Vec<BTreeSet<JobIndex>> = vec![BTreeSet::new(); workflow.jobs.len()];
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for (index, job) in workflow.jobs.iter().enumerate() {
            for requirement in &job.requires {
                let mut more = all[requirement.job].clone();
                more.insert(requirement.job);
                let before = all[index].len();
                all[index].extend(more);
                changed |= all[index].len() > before;
            }
        }
    }
    all
}

pub(crate) fn prepare(mut workflow: Workflow, fails: &[String]) -> Prepared {
    let known = Known::of(&workflow);
    let mut acts = Vec::new();
    for index in 0..workflow.jobs.len() {
        let mut job = Rewritten::default();
        if workflow.jobs[index].kind == JobKind::Build {
            for step in std::mem::take(&mut workflow.jobs[index].steps) {
                job.step(step, index, &workflow.jobs[index], &known);
            }
            if fails.contains(&workflow.jobs[index].name) {
                job.add("exit 1".to_owned(), Act::Fail);
            }
        }
        let target = &mut workflow.jobs[index];
        if target.shell.as_ref().is_some_and(|s| !is_shell(&s.value)) {
            target.shell = None;
        }
        target.steps = job.steps;
        acts.push(job.acts);
    }
    Prepared {
        workflow,
        acts,
        tracked: known.tracked,
    }
}

fn is_shell(text: &str) -> bool {
    let program = text.split_whitespace().next().unwrap_or_default();
    matches!(program.rsplit('/').next(), Some("sh" | "bash" | "dash"))
}

/// What one job must know of the others.
struct Known {
    /// Every persisted item as it lies in the workspace, with its job and the job's nodes.
    items: Vec<(JobIndex, u32, Vec<String>)>,
    upstream: Vec<BTreeSet<JobIndex>>,
    tracked: BTreeSet<String>,
}

impl Known {
    fn of(workflow: &Workflow) -> Self {
        let mut items = Vec::new();
        let mut tracked = BTreeSet::from(["README".to_owned()]);
        for (index, job) in workflow.jobs.iter().enumerate() {
            for step in &job.steps {
                match &step.kind {
                    StepKind::Persist(persist) => {
                        let paths = persist.paths.iter();
                        items.extend(paths.map(|p| (index, job.parallelism, segments(&p.value))));
                    }
                    other => {
                        let relative = |p: &String| !p.starts_with(['/', '~']) && !p.contains("..");
                        let files = checksums(other).into_iter();
                        tracked.extend(files.filter(relative).map(|p| segments(&p).join("/")));
                    }
                }
            }
        }
        Self {
            items,
            upstream: upstream(workflow),
            tracked,
        }
    }

    /// Guesses, always in the same way, what a plain item is: nothing in a config says it.
    fn is_folder(&self, item: &[String]) -> bool {
        let above = |other: &[String]| other.len() > item.len() && other.starts_with(item);
        let dotted = item
            .last()
            .is_some_and(|n| n.rfind('.').is_some_and(|at| at > 0));
        !dotted || self.items.iter().any(|(.., other)| above(other))
    }

    /// Says whether nobody can write the same item at the same time.
    fn is_ordered(&self, index: JobIndex, item: &[String]) -> bool {
        self.items.iter().all(|(other, nodes, path)| {
            path != item
                || (*nodes <= 1
                    && (*other == index
                        || self.upstream[*other].contains(&index)
                        || self.upstream[index].contains(other)))
        })
    }
}

/// Returns the parts of a path below a root; none for the root itself.
pub(crate) fn segments(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|s| !s.is_empty() && *s != ".");
    parts.map(str::to_owned).collect()
}

/// Returns the files whose checksums the keys of a step hold.
fn checksums(step: &StepKind) -> Vec<String> {
    let keys: Vec<&str> = match step {
        StepKind::SaveCache(save) => vec![save.key.value.as_str()],
        StepKind::RestoreCache(restore) => restore.keys.iter().map(|k| k.value.as_str()).collect(),
        _ => Vec::new(),
    };
    let parts = keys.into_iter().flat_map(key_parts);
    let files = parts.filter_map(|part| match part {
        KeyPart::Checksum(path) => Some(path.to_owned()),
        _ => None,
    });
    files.collect()
}

#[derive(Default)]
struct Rewritten {
    steps: Vec<Step>,
    acts: Vec<Act>,
    /// A step whose command may make files for what comes next.
    maker: Option<usize>,
    looks: usize,
}

impl Rewritten {
    fn push(&mut self, step: Step, act: Act) {
        self.steps.push(step);
        self.acts.push(act);
    }

    fn add(&mut self, command: String, act: Act) {
        let run = RunStep {
            name: Some("of the test".to_owned()),
            command: Located::new(command, Location::default()),
            when: match act {
                Act::Look(_) | Act::Make(_) | Act::Fail => RunWhen::OnSuccess,
                _ => RunWhen::Always,
            },
            ..RunStep::default()
        };
        let step = Step {
            origin: Origin::default(),
            condition: None,
            rule: None,
            kind: StepKind::Run(run),
        };
        self.push(step, act);
    }

    fn step(&mut self, mut step: Step, index: JobIndex, job: &Job, known: &Known) {
        step.condition = None;
        match step.kind {
            StepKind::Run(run) => {
                let usable = !run.background && !run.deploy && run.when == RunWhen::OnSuccess;
                self.maker = usable.then_some(self.steps.len()).or(self.maker);
                step.kind = StepKind::Run(harmless(run));
                self.push(step, Act::Nothing);
            }
            StepKind::Opaque(call) => {
                self.maker = Some(self.steps.len());
                let run = RunStep {
                    name: Some(call.name),
                    ..RunStep::default()
                };
                step.kind = StepKind::Run(harmless(run));
                self.push(step, Act::Nothing);
            }
            StepKind::Persist(ref persist) => {
                self.make(made_for(persist, index, job, known));
                let act = Act::Persist {
                    root: persist.root.value.clone(),
                    paths: persist.paths.iter().map(|p| p.value.clone()).collect(),
                };
                self.maker = None;
                self.push(step, act);
            }
            StepKind::Attach(ref attach) => {
                let at = attach.at.value.clone();
                self.maker = None;
                self.push(step, Act::Attach(at.clone()));
                let look = format!(
                    "echo 'hd-look {}'\ncd {} && {{ grep -rHs --exclude-dir=.git '^{MARK}' . || true; }}\necho hd-end",
                    self.looks,
                    quoted(&at)
                );
                self.looks += 1;
                self.add(look, Act::Look(at));
            }
            StepKind::Checkout(ref checkout) => {
                self.maker = None;
                let path = checkout.path.as_ref().map_or(".", |p| p.value.as_str());
                let act = Act::Checkout(path.to_owned());
                self.push(step, act);
            }
            StepKind::SaveCache(_) | StepKind::RestoreCache(_) => {
                self.cache(step, index);
            }
            _ => self.push(step, Act::Nothing),
        }
    }

    /// Keeps caches real, and each to its job and node: what one brings is known then.
    fn cache(&mut self, mut step: Step, index: JobIndex) {
        let content = |path: &str| format!("{MARK}cached {path}");
        let mut files: Vec<Made> = checksums(&step.kind)
            .into_iter()
            .map(|path| Made {
                content: content(&path),
                path,
                if_missing: true,
            })
            .collect();
        let own = format!("{index}-{{{{ .Environment.CIRCLE_NODE_INDEX }}}}-");
        match &mut step.kind {
            StepKind::SaveCache(save) => {
                save.key.value.insert_str(0, &own);
                for path in &save.paths {
                    let path = path.value.trim_end_matches('/');
                    files.push(Made {
                        path: format!("{path}/cached"),
                        content: content(path),
                        if_missing: true,
                    });
                }
            }
            StepKind::RestoreCache(restore) => {
                for key in &mut restore.keys {
                    key.value.insert_str(0, &own);
                }
            }
            _ => {}
        }
        self.maker = None;
        if !files.is_empty() {
            self.make(files);
            self.maker = None;
        }
        self.push(step, Act::Nothing);
    }

    fn make(&mut self, files: Vec<Made>) {
        let script = script(&files);
        let Some(maker) = self.maker else {
            self.add(script, Act::Make(files));
            return;
        };
        if let StepKind::Run(run) = &mut self.steps[maker].kind {
            run.command.value = script;
            self.acts[maker] = Act::Make(files);
        }
    }
}

/// Takes out of a step what only its own command could make sense of.
fn harmless(run: RunStep) -> RunStep {
    RunStep {
        command: Located::new(":".to_owned(), run.command.at),
        shell: run.shell.filter(|shell| is_shell(shell)),
        working_directory: None,
        ..run
    }
}

/// Returns the files that a persist finds something in.
fn made_for(persist: &PersistStep, index: JobIndex, job: &Job, known: &Known) -> Vec<Made> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let by = format!(
        "by-{}-{NODE}",
        job.name.chars().map(plain).collect::<String>()
    );
    let mut files = Vec::new();
    let root = persist.root.value.trim_end_matches('/');
    let mut file = |parts: &[String]| {
        files.push(Made {
            path: format!("{root}/{}", parts.join("/")),
            content: format!("{MARK}{} {NODE}", job.name),
            if_missing: false,
        });
    };
    for path in &persist.paths {
        let item = segments(&path.value);
        let is_glob = path.value.contains(['*', '?', '[', '\\']);
        let mut parts: Vec<String> = item.iter().map(|part| sample(part, &by)).collect();
        let ends_in_glob = item
            .last()
            .is_some_and(|part| part.contains(['*', '?', '[']));
        if ends_in_glob || (!item.is_empty() && !known.is_folder(&item)) {
            file(&parts);
            continue;
        }
        if !is_glob && !item.is_empty() && known.is_ordered(index, &item) {
            parts.push("last".to_owned());
            file(&parts);
            parts.pop();
        }
        parts.push(by.clone());
        file(&parts);
    }
    files
}

/// Returns a name that a pattern matches.
fn sample(pattern: &str, star: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' if out.ends_with(star) => {}
            '*' => out.push_str(star),
            '?' => out.push('q'),
            '\\' => out.extend(rest.next()),
            '[' => {
                let class: String = rest.by_ref().take_while(|&c| c != ']').collect();
                out.push(if class.starts_with('^') {
                    '_'
                } else {
                    class.chars().next().unwrap_or('[')
                });
            }
            c => out.push(c),
        }
    }
    out
}

fn script(files: &[Made]) -> String {
    let mut out =
        String::from("mk() { mkdir -p \"$(dirname \"$1\")\"; printf '%s\\n' \"$2\" > \"$1\"; }\n");
    for made in files {
        let (path, content) = (quoted(&made.path), quoted(&made.content));
        if made.if_missing {
            out.push_str(&format!("[ -e {path} ] || "));
        }
        out.push_str(&format!("mk {path} {content}\n"));
    }
    out
}

/// Writes a path of a config for a shell: `~` means home, everything else but the node itself.
fn quoted(text: &str) -> String {
    let (home, rest) = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => ("\"$HOME\"", rest),
        _ => ("", text),
    };
    let rest = rest
        .replace('\'', "'\\''")
        .replace(NODE, "'\"$CIRCLE_NODE_INDEX\"'");
    format!("{home}'{rest}'")
}
