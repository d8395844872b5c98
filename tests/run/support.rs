//! Builds workflows by hand and runs them in folders of their own.

use std::path::{Path, PathBuf};

use holdall::plan::{
    AttachStep, CheckoutStep, EnvVar, Invocation, Job, JobKind, JobStatus, Located, Origin,
    PersistStep, Requirement, RunStep, RunWhen, Step, StepKind, Workflow,
};
use holdall::run::{Event, JobEvent, JobReport, Options, RunError, Summary, execute};
use holdall::yaml::Location;

pub(crate) fn text(value: &str) -> Located<String> {
    Located::new(value.to_owned(), Location::default())
}

pub(crate) fn step(kind: StepKind) -> Step {
    Step {
        origin: Origin::default(),
        condition: None,
        rule: None,
        kind,
    }
}

pub(crate) fn run_step(command: &str) -> RunStep {
    RunStep {
        command: text(command),
        ..RunStep::default()
    }
}

pub(crate) fn run(command: &str) -> Step {
    step(StepKind::Run(run_step(command)))
}

pub(crate) fn run_when(when: RunWhen, command: &str) -> Step {
    step(StepKind::Run(RunStep {
        when,
        ..run_step(command)
    }))
}

/// A command whose source is not known.
pub(crate) fn opaque(name: &str) -> Step {
    step(StepKind::Opaque(Invocation {
        name: name.to_owned(),
        arguments: Vec::new(),
    }))
}

pub(crate) fn checkout() -> Step {
    step(StepKind::Checkout(CheckoutStep::default()))
}

pub(crate) fn persist(root: &str, paths: &[&str]) -> Step {
    step(StepKind::Persist(PersistStep {
        name: None,
        root: text(root),
        paths: paths.iter().map(|p| text(p)).collect(),
        paths_at: Location::default(),
        paths_is_string: false,
        varies: false,
    }))
}

pub(crate) fn attach(at: &str) -> Step {
    step(StepKind::Attach(AttachStep {
        name: None,
        at: text(at),
        varies: false,
    }))
}

pub(crate) fn job(name: &str, steps: Vec<Step>) -> Job {
    Job {
        steps,
        ..Job::new(
            name.to_owned(),
            name.to_owned(),
            JobKind::Build,
            Location::default(),
        )
    }
}

pub(crate) fn requires(mut job: Job, on: &[(usize, &[JobStatus])]) -> Job {
    job.requires = on
        .iter()
        .map(|(job, statuses)| Requirement {
            job: *job,
            at: Location::default(),
            statuses: statuses.to_vec(),
        })
        .collect();
    job
}

pub(crate) fn in_dir(mut job: Job, directory: &str) -> Job {
    job.working_directory = text(directory);
    job
}

pub(crate) fn env(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: text(value),
        at: Location::default(),
    }
}

pub(crate) fn workflow(jobs: Vec<Job>) -> Workflow {
    Workflow {
        name: "main".to_owned(),
        origin: Origin::default(),
        jobs,
        condition: None,
        rule: None,
        schedules: Vec::new(),
        max_auto_reruns: None,
        incomplete: false,
        definition: None,
    }
}

/// A project, a home, a store and a folder of logs, all temporary.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) options: Options,
}

/// What came out of a run.
pub(crate) struct Outcome {
    pub(crate) summary: Summary,
    pub(crate) events: Vec<Event>,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("holdall-test-")
            .tempdir()
            .expect("a temporary folder");
        let base = dir.path().canonicalize().expect("its real path");
        for name in ["project", "home", "store", "runs"] {
            std::fs::create_dir(base.join(name)).expect(name);
        }
        let mut options = Options::new(base.join("project"));
        options.store = base.join("store");
        options.runs = base.join("runs");
        options.caches = base.join("caches");
        let agent = std::env::var_os("HOLDALL_TEST_AGENT");
        options.agent =
            Some(agent.map_or_else(|| env!("CARGO_BIN_EXE_holdall").into(), PathBuf::from));
        options.host_env.retain(|(name, _)| name != "HOME");
        options
            .host_env
            .push(("HOME".into(), base.join("home").into()));
        Self { dir, options }
    }

    pub(crate) fn bare() -> Self {
        let mut world = Self::new();
        world.options.isolation = false;
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir
            .path()
            .canonicalize()
            .expect("its real path")
            .join(name)
    }

    pub(crate) fn try_run(&self, jobs: Vec<Job>) -> Result<Outcome, RunError> {
        let mut events = Vec::new();
        let summary = execute(&workflow(jobs), &self.options, &mut |e| events.push(e))?;
        Ok(Outcome { summary, events })
    }

    pub(crate) fn run(&self, jobs: Vec<Job>) -> Outcome {
        self.try_run(jobs).unwrap_or_else(|e| panic!("{e}"))
    }
}

impl Outcome {
    pub(crate) fn job(&self, name: &str) -> &JobReport {
        let mut jobs = self.summary.jobs.iter();
        jobs.find(|job| job.name == name).expect("the job")
    }

    pub(crate) fn output(&self, name: &str) -> String {
        let index = self.summary.jobs.iter().position(|job| job.name == name);
        let mut bytes = Vec::new();
        for event in &self.events {
            match event {
                Event::Job {
                    job,
                    node: _,
                    event: JobEvent::Output(chunk),
                } if Some(*job) == index => bytes.extend_from_slice(chunk.as_bytes()),
                _ => {}
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn warnings(&self) -> String {
        let mut all = String::new();
        for event in &self.events {
            match event {
                Event::Warning(text) => all.push_str(text),
                Event::Job {
                    event: JobEvent::Warning(text),
                    ..
                } => all.push_str(text),
                _ => continue,
            }
            all.push('\n');
        }
        all
    }

    #[track_caller]
    pub(crate) fn assert_success(&self) {
        let outputs: Vec<String> = self
            .summary
            .jobs
            .iter()
            .map(|j| self.output(&j.name))
            .collect();
        assert!(
            self.summary.success,
            "{:#?}\n{}",
            self.summary,
            outputs.join("\n--\n")
        );
    }
}

/// Reads every file below a folder, so that two moments can be compared.
pub(crate) fn picture(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).expect("a folder").flatten() {
            let path = entry.path();
            let kind = entry.file_type().expect("a type");
            if kind.is_dir() {
                open.push(path.clone());
                all.push((path, b"folder".to_vec()));
            } else if kind.is_symlink() {
                let to = std::fs::read_link(&path).expect("a link");
                all.push((path, to.into_os_string().into_encoded_bytes()));
            } else {
                let bytes = std::fs::read(&path).unwrap_or_default();
                all.push((path, bytes));
            }
        }
    }
    all.sort();
    all
}

/// Counts the processes of the machine that have this word among their arguments.
pub(crate) fn processes_with(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            line.split(|&b| b == 0)
                .any(|argument| argument == word.as_bytes())
        })
        .count()
}
