//! A job in its containers, from the first image that is looked up to the last file that is
//! brought home.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::agent::{self, Beside, EMPTY, PART, Task};
use super::client::Client;
use super::exchange::{Exchange, Offers};
use super::facts::{Facts, Known};
use super::images::{Image, Wanted};
use super::launch::{self, Launch};
use super::program::Program;
use super::services::Service;
use super::source::Source;
use super::watch::Watch;
use super::{FILES, KEPT, LISTED, OWN, REPOSITORY, RESULTS, STORE};
use super::{publish, sweep};
use crate::layer::Workspace;
use crate::run::agent::{Agent, errors};
use crate::run::engine::tracked;
use crate::run::error::RunError;
use crate::run::event::{Chunk, Isolation, JobEvent};
use crate::run::options::{EngineKind, Options};
use crate::run::prepare::Common;
use crate::run::report::{StepReport, StepStatus};
use crate::run::sandbox::{Scratch, remove_tree};
use crate::run::spec::{JobSpec, Outcome, Place, StepWork};
use crate::run::text::file_name;

/// How long a container that was never sent a job has to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs jobs in containers.
#[derive(Debug)]
pub(crate) struct Containers {
    kind: EngineKind,
    client: Client,
    program: Program,
    wanted: Wanted,
    known: Known,
    /// What begins the names of the run's containers.
    run: String,
    labels: Vec<String>,
    count: AtomicU64,
    store: PathBuf,
    caches: PathBuf,
    project: PathBuf,
    /// What programs of this machine get.
    host_env: Vec<(OsString, OsString)>,
    /// The folder of the run: logs of services go there.
    logs: PathBuf,
    revealed: Vec<OsString>,
    source: Mutex<Option<Source>>,
    /// Ends when the runner does, in whatever way.
    _watch: Option<Watch>,
    dirty: bool,
    hurry: Arc<AtomicBool>,
    /// Last, so that it is removed last.
    scratch: Scratch,
}

impl Containers {
    /// Sees that the engine answers, and removes what killed runs have left in it.
    pub(crate) fn new(
        options: &Options,
        common: &Common<'_>,
        logs: &Path,
    ) -> Result<Self, RunError> {
        let client = Client::probed(options.engine)?;
        sweep::sweep(&client);
        let store = PathBuf::from(&common.store);
        let scratch = Scratch::create(Some(&beside(options, &store)))?;
        let own = match &options.agent {
            Some(agent) => agent.clone(),
            None => std::env::current_exe()
                .map_err(|e| RunError::io("find the program of", "this process", e))?,
        };
        let lib = scratch.named("lib");
        Ok(Self {
            kind: options.engine,
            program: Program::of(&own, &lib)?,
            wanted: Wanted::of(common.workflow, &options.images),
            known: Known::default(),
            run: common.run.chars().take(8).collect(),
            labels: sweep::labels(&common.run),
            count: AtomicU64::new(0),
            caches: PathBuf::from(&common.caches),
            project: PathBuf::from(&common.project),
            host_env: options.host_env.clone(),
            logs: logs.to_owned(),
            revealed: options.revealed.iter().map(OsString::from).collect(),
            dirty: options.dirty,
            hurry: Arc::clone(&options.hurry),
            source: Mutex::new(None),
            _watch: Watch::start(&own, options.engine, &common.run),
            client,
            store,
            scratch,
        })
    }

    /// Says whether a job runs in containers; the others are for the host engine.
    pub(crate) fn takes(&self, job: &str) -> bool {
        self.wanted.jobs.contains_key(job)
    }

    /// Returns what a person should know before anything starts.
    pub(crate) fn notes(&self) -> &[String] {
        &self.wanted.notes
    }

    /// Says how jobs are kept apart from the machine.
    pub(crate) fn isolation(&self) -> Isolation {
        match self.kind {
            EngineKind::Docker => Isolation::Docker,
            EngineKind::Podman | EngineKind::Host => Isolation::Podman,
        }
    }

    /// Returns the folder, as jobs see it, that takes the runner's own files.
    pub(crate) fn private() -> OsString {
        OWN.into()
    }

    /// Runs one job, or one of its parallel nodes.
    pub(crate) fn run(
        &self,
        spec: &JobSpec,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        let images = self.wanted.jobs.get(&spec.name);
        let Some((primary, services)) = images.and_then(|images| images.split_first()) else {
            return Ok(Outcome::Failed);
        };
        let mut setup = Setup::new(spec, emit);
        let facts = match self.look_up(spec, primary, services, cancel, &mut setup) {
            Ok(facts) => facts,
            Err(why) => return Ok(setup.fails(why)),
        };
        let exchange = Exchange::create(self.scratch.next_job()?)?;
        let job = Job {
            engine: self,
            spec,
            primary,
            services,
            facts,
            number: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            exchange,
        };
        let ran = job.run(cancel, setup);
        let brought = job.bring_home();
        job.clean_up(emit);
        let outcome = ran?;
        brought?;
        Ok(outcome)
    }

    /// Learns of all images of a job; returns what is known of the first.
    fn look_up(
        &self,
        spec: &JobSpec,
        primary: &Image,
        services: &[Image],
        cancel: &AtomicBool,
        setup: &mut Setup<'_>,
    ) -> Result<Facts, Option<String>> {
        let mut first = None;
        for image in std::iter::once(primary).chain(services) {
            let client = &self.client;
            let facts = self
                .known
                .facts(client, &image.image, cancel, &mut |bytes| {
                    setup.say(bytes);
                });
            let facts = facts.map_err(|why| {
                why.map(|why| {
                    format!(
                        "{why} (job {}; `--image {}=OTHER` takes another one)",
                        spec.name, image.written
                    )
                })
            })?;
            first.get_or_insert(facts);
        }
        Ok(first.unwrap_or_default())
    }

    /// Prepares what checkouts copy, once for all jobs.
    fn source(&self) -> Result<Source, RunError> {
        let mut prepared = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = prepared.as_ref() {
            return Ok(source.clone());
        }
        let listed = tracked(&self.project, self.dirty, &self.host_env);
        // What is no repository has nothing to check out, and the step says so.
        let source = match listed {
            Ok(listed) => Source::prepare(&self.project, &listed, &self.scratch.named("source"))?,
            Err(_) => Source::none(),
        };
        *prepared = Some(source.clone());
        Ok(source)
    }
}

/// Chooses where exchange folders lie: beside the store, so that layers move by a rename.
fn beside(options: &Options, store: &Path) -> PathBuf {
    let is_writable = |dir: &&Path| rustix::fs::access(*dir, rustix::fs::Access::WRITE_OK).is_ok();
    let near = store.parent().filter(is_writable);
    options
        .scratch
        .clone()
        .or_else(|| near.map(Path::to_owned))
        .unwrap_or_else(std::env::temp_dir)
}

/// One job under way.
struct Job<'a> {
    engine: &'a Containers,
    spec: &'a JobSpec,
    primary: &'a Image,
    services: &'a [Image],
    facts: Facts,
    /// Which of the run's containers these are.
    number: u64,
    exchange: Exchange,
}

impl Job<'_> {
    fn run(&self, cancel: &AtomicBool, setup: Setup<'_>) -> Result<Outcome, RunError> {
        let engine = self.engine;
        let launch = Launch {
            client: &engine.client,
            labels: &engine.labels,
        };
        let (offers, mounts, source) = self.mounts()?;
        let name = self.container("");
        let hosts: Vec<&str> = self
            .services
            .iter()
            .filter_map(|s| s.name.as_deref())
            .collect();
        let args = launch.primary(&name, self.primary, &engine.program, &mounts, &hosts, PART);
        let errors = errors(&self.spec.name)?;
        let file = errors.try_clone();
        let file = file.map_err(|e| RunError::io("share the errors of", &self.spec.name, e))?;
        let mut command = engine.client.command(args);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|e| RunError::io("start", engine.client.name(), e))?;
        let mut agent = Agent::new(child, errors, &self.spec.name, Arc::clone(&engine.hurry));
        // Whatever happens from here on: no container outlives its job.
        let mut removal = Removal {
            client: &engine.client,
            names: vec![name.clone()],
        };
        match agent.ready_unless(cancel) {
            Ok(true) => {}
            Ok(false) => {
                agent.give_up(PATIENCE);
                return Ok(Outcome::Canceled);
            }
            Err(RunError::Agent { detail, .. } | RunError::Isolation { reason: detail, .. }) => {
                let image = &self.primary.image;
                return Ok(setup.fails(Some(format!("{image} cannot be started: {detail}"))));
            }
            Err(other) => return Err(other),
        }
        let mut services = Vec::new();
        for (n, image) in self.services.iter().enumerate() {
            let container = self.container(&format!("-service-{}", n + 1));
            removal.names.insert(0, container.clone());
            let title = image.name.as_deref().unwrap_or(&image.written);
            let log = self.log(&format!("service-{}", n + 1));
            let started = launch.service(&container, image, &name);
            let client = &engine.client;
            match Service::start(client, &container, title, started, &log, cancel) {
                Ok(service) => services.push(service),
                Err(why) => {
                    agent.give_up(PATIENCE);
                    return Ok(setup.fails(Some(why)));
                }
            }
        }
        let emit = setup.done();
        let task = self.task(&offers, source);
        let ran = agent.run(&task, self.spec.grace, cancel, emit, &mut |emit| {
            for service in &mut services {
                service.watch(emit);
            }
        });
        if ran.is_ok() && services.is_empty() && agent.has_ended() {
            // The engine has removed the only container itself.
            removal.names.clear();
        }
        drop(removal);
        drop(services);
        ran
    }

    /// Says what the job sees of this machine.
    fn mounts(&self) -> Result<(Offers, Vec<OsString>, Option<Place>), RunError> {
        let engine = self.engine;
        let workspace = Workspace::in_dir(&engine.store, &self.spec.workspace);
        let wants = |kind: fn(&StepWork) -> bool| self.spec.steps.iter().any(|s| kind(&s.kind));
        let caches = wants(|kind| {
            matches!(
                kind,
                StepWork::SaveCache { .. } | StepWork::RestoreCache { .. }
            )
        });
        let anybody = !launch::is_root(self.primary, &self.facts);
        let caches = caches.then_some(engine.caches.as_path());
        let offers = self.exchange.offer(workspace.dir(), caches, anybody)?;
        let mut mounts = engine.program.mounts.clone();
        mounts.push(self.exchange.mount());
        mounts.extend(offers.mounts.iter().cloned());
        mounts.extend(
            engine
                .revealed
                .iter()
                .filter_map(|path| engine.program.revealed(path)),
        );
        let mut place = None;
        if wants(|kind| matches!(kind, StepWork::Checkout { .. })) {
            let source = engine.source()?;
            mounts.extend(source.mounts.iter().cloned());
            place = source.is_known.then(|| Place {
                repository: source.has_repository.then(|| REPOSITORY.into()),
                listed: LISTED.into(),
            });
        }
        Ok((offers, mounts, place))
    }

    /// Returns the job as it is inside.
    fn task(&self, offers: &Offers, source: Option<Place>) -> Task {
        let mut job = self.spec.clone();
        for (name, value) in &mut job.env {
            if name == "HOLDALL_STORE" && *value == job.store {
                *value = STORE.into();
            }
        }
        job.store = STORE.into();
        job.caches = KEPT.into();
        job.results = RESULTS.into();
        job.project = FILES.into();
        job.source = source;
        let workspace = Workspace::in_dir(Path::new(STORE), &job.workspace);
        let words = launch::beside(self.primary, &self.facts);
        Task {
            workspace: (offers.has_layers)
                .then(|| agent::folder(workspace.dir()).map(OsStr::to_owned))
                .flatten(),
            has_caches: offers.has_caches,
            beside: words.map(|words| Beside {
                words,
                env: self.primary.environment.clone(),
                log: Path::new(OWN).join("entrypoint.log"),
            }),
            job,
        }
    }

    fn container(&self, what: &str) -> String {
        // Names of containers have few letters; the number keeps those apart that look the same.
        let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let job: String = self.spec.name.chars().take(40).map(letter).collect();
        let (run, number, node) = (&self.engine.run, self.number, self.spec.node);
        format!("holdall-{run}-{number}-{job}-{node}{what}")
    }

    /// Returns the file for what a container writes.
    fn log(&self, what: &str) -> PathBuf {
        let job = file_name(&self.spec.name);
        let node = match self.spec.nodes {
            0 | 1 => String::new(),
            _ => format!("-{}", self.spec.node),
        };
        self.engine.logs.join(format!("{job}{node}.{what}.log"))
    }

    /// Moves what the job has made to where it belongs.
    fn bring_home(&self) -> Result<(), RunError> {
        let open = &self.exchange.open;
        let inside = |path: &str| open.join(Path::new(path).file_name().unwrap_or_default());
        let engine = self.engine;
        publish::layers(&inside(STORE), &engine.store)
            .map_err(|e| RunError::io("move layers to", &engine.store, e))?;
        publish::layers(&inside(KEPT), &engine.caches)
            .map_err(|e| RunError::io("move caches to", &engine.caches, e))?;
        let results = Path::new(&self.spec.results);
        publish::results(&inside(RESULTS), results)
            .map_err(|e| RunError::io("move results to", results, e))?;
        let log = inside(OWN).join("entrypoint.log");
        if fs::symlink_metadata(&log).is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
            // It is no more than a help to whoever wonders.
            let _ = fs::copy(&log, self.log("entrypoint"));
        }
        Ok(())
    }

    /// Removes the exchange folder. What belongs to another user is removed by root of a container.
    fn clean_up(&self, emit: &mut dyn FnMut(JobEvent)) {
        if remove_tree(&self.exchange.dir).is_ok() {
            return;
        }
        let launch = Launch {
            client: &self.engine.client,
            labels: &self.engine.labels,
        };
        let program = &self.engine.program;
        let mut mounts = program.mounts.clone();
        mounts.push(self.exchange.mount());
        let name = self.container("-empty");
        let args = launch.primary(&name, self.primary, program, &mounts, &[], EMPTY);
        let _ = self.engine.client.ask(args);
        if let Err(error) = remove_tree(&self.exchange.dir) {
            let dir = self.exchange.dir.display();
            emit(JobEvent::Warning(format!("cannot remove {dir}: {error}")));
        }
    }
}

/// Removes containers in every case.
struct Removal<'a> {
    client: &'a Client,
    /// Services first: an engine keeps a container whose network another one uses.
    names: Vec<String>,
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.client.remove(&self.names);
    }
}

/// What happens before the first step. It is told as a step, by the service's name for it, where
/// there is something to tell.
struct Setup<'a> {
    emit: &'a mut dyn FnMut(JobEvent),
    node: u32,
    started: Instant,
    is_told: bool,
}

impl<'a> Setup<'a> {
    const TITLE: &'static str = "Spin up environment";

    fn new(spec: &JobSpec, emit: &'a mut dyn FnMut(JobEvent)) -> Self {
        Self {
            emit,
            node: spec.node,
            started: Instant::now(),
            is_told: false,
        }
    }

    fn begin(&mut self) {
        if !self.is_told {
            self.is_told = true;
            (self.emit)(JobEvent::StepStarted {
                step: 0,
                title: Self::TITLE.to_owned(),
                script: None,
            });
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.begin();
        (self.emit)(JobEvent::Output(Chunk::new(bytes.to_vec())));
    }

    fn end(&mut self, status: StepStatus, message: Option<String>) {
        (self.emit)(JobEvent::StepFinished(StepReport {
            step: 0,
            node: self.node,
            title: Self::TITLE.to_owned(),
            status,
            exit_code: None,
            message,
            duration: self.started.elapsed(),
        }));
    }

    fn done(mut self) -> &'a mut dyn FnMut(JobEvent) {
        if self.is_told {
            self.end(StepStatus::Success, None);
        }
        self.emit
    }

    /// Ends the job before its first step; without a reason it was canceled.
    fn fails(mut self, why: Option<String>) -> Outcome {
        match why {
            Some(why) => {
                self.begin();
                self.end(StepStatus::Failed, Some(why));
                Outcome::Failed
            }
            None => {
                if self.is_told {
                    self.end(StepStatus::Canceled, Some("canceled".to_owned()));
                }
                Outcome::Canceled
            }
        }
    }
}
