//! One job from its first step to its last. The same code runs inside the namespaces and on the
//! bare machine; whatever differs between the two comes in from outside.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::caches::Caches;
use super::process::{Ending, Processes};
use super::{checkout, layers, paths, programs, results};
use crate::run::event::{Chunk, JobEvent};
use crate::run::junit;
use crate::run::report::{StepReport, StepStatus};
use crate::run::spec::{JobSpec, Outcome, RunWork, StepSpec, StepWork, When};
use crate::run::text::{first_line, format_duration, split_words};

/// The longest script that fits one argument: Linux allows 128 KiB, the environment aside.
const LONGEST_ARGUMENT: usize = 100 * 1024;

/// How often a pause before another try looks whether the run was canceled.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs the steps of a job in `directory`, which exists.
pub(crate) fn run(
    spec: &JobSpec,
    directory: &Path,
    processes: Processes,
    cancel: &AtomicBool,
    emit: &mut dyn FnMut(JobEvent),
) -> io::Result<Outcome> {
    let private = Path::new(&spec.private);
    fs::create_dir_all(private)?;
    programs::install(&private.join("bin"))?;
    // Steps append to it and every bash of the job reads it first.
    fs::File::create(private.join("bash_env"))?;
    let mut job = Job {
        spec,
        directory,
        processes,
        cancel,
        default_shell: None,
        watched: Vec::new(),
    };
    let outcome = job.steps(emit);
    job.processes.finish();
    if spec.keep {
        let kept = results::keep(directory, &Path::new(&spec.results).join("work"));
        if let Err(error) = kept {
            let directory = directory.display();
            emit(JobEvent::Warning(format!(
                "cannot keep {directory}: {error}"
            )));
        }
    }
    layers::note_reads(spec, std::mem::take(&mut job.watched));
    outcome
}

struct Job<'a> {
    spec: &'a JobSpec,
    directory: &'a Path,
    processes: Processes,
    cancel: &'a AtomicBool,
    default_shell: Option<Vec<String>>,
    watched: Vec<layers::Watch>,
}

/// How a step ended, before it is told.
struct End {
    status: StepStatus,
    exit_code: Option<i32>,
    message: Option<String>,
}

impl End {
    fn success() -> Self {
        Self {
            status: StepStatus::Success,
            exit_code: None,
            message: None,
        }
    }

    fn failed(message: impl Into<String>) -> Self {
        Self {
            status: StepStatus::Failed,
            exit_code: None,
            message: Some(message.into()),
        }
    }
}

impl Job<'_> {
    fn steps(&mut self, emit: &mut dyn FnMut(JobEvent)) -> io::Result<Outcome> {
        let spec = self.spec;
        let mut outcome = Outcome::Success;
        for (index, step) in spec.steps.iter().enumerate() {
            if self.cancel.load(Ordering::Relaxed) {
                return Ok(Outcome::Canceled);
            }
            let wanted = match step.kind.when() {
                When::OnSuccess => outcome == Outcome::Success,
                When::OnFail => outcome == Outcome::Failed,
                When::Always => true,
            };
            if !wanted {
                continue;
            }
            match self.step(index, step, emit)? {
                StepStatus::Success => {}
                StepStatus::Failed => outcome = Outcome::Failed,
                StepStatus::Canceled => return Ok(Outcome::Canceled),
            }
            // `circleci-agent step halt`: the job is over, with what it has.
            if self.halt().exists() {
                return Ok(outcome);
            }
        }
        Ok(outcome)
    }

    fn step(
        &mut self,
        index: usize,
        step: &StepSpec,
        emit: &mut dyn FnMut(JobEvent),
    ) -> io::Result<StepStatus> {
        let script = match &step.kind {
            StepWork::Run(run) => Some(first_line(&run.script)),
            _ => None,
        };
        emit(JobEvent::StepStarted {
            step: index,
            title: step.title.clone(),
            script,
        });
        let started = Instant::now();
        let end = match &step.kind {
            StepWork::Run(run) => self.tries(index, run, emit)?,
            other => match self.service(other, emit) {
                Ok(()) => End::success(),
                Err(message) => End::failed(message),
            },
        };
        emit(JobEvent::StepFinished(StepReport {
            step: index,
            node: self.spec.node,
            title: step.title.clone(),
            status: end.status,
            exit_code: end.exit_code,
            message: end.message,
            duration: started.elapsed(),
        }));
        Ok(end.status)
    }

    /// Does what the service's own steps do.
    fn service(&mut self, work: &StepWork, emit: &mut dyn FnMut(JobEvent)) -> Result<(), String> {
        match work {
            StepWork::Persist { root, paths, seq } => {
                layers::persist(self.spec, &self.path(root), root, paths, *seq, emit)
            }
            StepWork::Attach { at, upstream } => {
                let watch = layers::attach(self.spec, &self.path(at), at, upstream, emit)?;
                self.watched.extend(watch);
                Ok(())
            }
            StepWork::Checkout { path } => {
                let target = self.path(path.as_deref().unwrap_or("."));
                let (project, source) = (Path::new(&self.spec.project), self.spec.source.as_ref());
                let dirty = self.spec.dirty;
                checkout::checkout(project, source, dirty, &target, &self.spec.env, emit)
            }
            StepWork::SaveCache { key, paths, .. } => {
                let paths: Vec<PathBuf> = paths.iter().map(|p| self.path(p)).collect();
                self.caches().save(key, &paths, &|p| self.path(p), emit)
            }
            StepWork::RestoreCache { keys } => self.caches().restore(keys, &|p| self.path(p), emit),
            StepWork::Artifacts { path, destination } => {
                let name = destination
                    .as_deref()
                    .unwrap_or_else(|| path.trim_start_matches("~/"));
                self.collect(
                    path,
                    &Path::new("artifacts").join(name.trim_start_matches('/')),
                    emit,
                )
            }
            StepWork::TestResults { path } => {
                let name = path.trim_start_matches("~/").trim_start_matches('/');
                self.collect(path, &Path::new(junit::FOLDER).join(name), emit)
            }
            StepWork::Nothing { note } => {
                emit(JobEvent::Warning(note.clone()));
                Ok(())
            }
            StepWork::Run(_) => Ok(()),
        }
    }

    fn caches(&self) -> Caches<'_> {
        Caches {
            dir: Path::new(&self.spec.caches),
            env: &self.spec.env,
        }
    }

    /// Copies results; that there are none fails no step, as on the service.
    fn collect(
        &self,
        path: &str,
        name: &Path,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<(), String> {
        let from = self.path(path);
        let copied = results::copy(&from, Path::new(&self.spec.results), name);
        match copied.map_err(|e| format!("cannot copy {}: {e}", from.display()))? {
            Some(1) => emit(JobEvent::Output(Chunk::Text("1 file\n".to_owned()))),
            Some(files) => emit(JobEvent::Output(Chunk::Text(format!("{files} files\n")))),
            None => emit(JobEvent::Warning(format!(
                "{} is not there",
                from.display()
            ))),
        }
        Ok(())
    }

    /// Returns the file that ends the job after the step that makes it.
    fn halt(&self) -> PathBuf {
        Path::new(&self.spec.private).join("halt")
    }

    /// Runs a script, and again as often as it may.
    fn tries(
        &mut self,
        index: usize,
        run: &RunWork,
        emit: &mut dyn FnMut(JobEvent),
    ) -> io::Result<End> {
        let mut left = run.reruns;
        loop {
            let end = self.shell(index, run, emit)?;
            if left == 0 || end.status != StepStatus::Failed {
                return Ok(end);
            }
            left -= 1;
            let message = end.message.unwrap_or_default();
            emit(JobEvent::Warning(format!("{message}: it runs again")));
            let until = Instant::now() + run.rerun_delay;
            while Instant::now() < until && !self.cancel.load(Ordering::Relaxed) {
                std::thread::sleep(PAUSE.min(until.saturating_duration_since(Instant::now())));
            }
        }
    }

    fn path(&self, text: &str) -> PathBuf {
        paths::resolve(text, Path::new(&self.spec.home), self.directory)
    }

    fn shell(
        &mut self,
        index: usize,
        run: &RunWork,
        emit: &mut dyn FnMut(JobEvent),
    ) -> io::Result<End> {
        let command = match self.command(index, run) {
            Ok(command) => command,
            Err(message) => return Ok(End::failed(message)),
        };
        let program = command.get_program().to_string_lossy().into_owned();
        let running = match self.processes.start(command) {
            Ok(running) => running,
            Err(error) => return Ok(End::failed(format!("cannot start {program}: {error}"))),
        };
        if run.background {
            return Ok(End {
                message: Some("goes on in the background".to_owned()),
                ..End::success()
            });
        }
        let limit = run.no_output_timeout;
        let ending = self.processes.wait(&running, limit, self.cancel, emit)?;
        Ok(match ending {
            Ending::Exit(0) => End {
                exit_code: Some(0),
                ..End::success()
            },
            Ending::Exit(code) => End {
                exit_code: Some(code),
                ..End::failed(format!("exited with code {code}"))
            },
            Ending::Signal(signal) => End::failed(format!("ended by signal {signal}")),
            Ending::Silent => End::failed(format!(
                "too long with no output (exceeded {}): the step was stopped; its \
                 no_output_timeout can be raised",
                format_duration(limit)
            )),
            Ending::Canceled => End {
                status: StepStatus::Canceled,
                exit_code: None,
                message: Some("canceled".to_owned()),
            },
        })
    }

    fn command(&mut self, index: usize, run: &RunWork) -> Result<Command, String> {
        let directory = self.path(run.working_directory.as_deref().unwrap_or("."));
        if !directory.is_dir() {
            let directory = directory.display();
            return Err(format!("the working directory {directory} does not exist"));
        }
        let shell = match run.shell.as_ref().or(self.spec.shell.as_ref()) {
            Some(text) => split_words(text).ok_or_else(|| format!("{text:?} is no shell"))?,
            None => self.default_shell().to_vec(),
        };
        let [program, arguments @ ..] = shell.as_slice() else {
            return Err("the shell is empty".to_owned());
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            // The script is an argument of -c and not a file: `$0` is the shell then, messages
            // read `/bin/bash: line 3: …` as they do on the service, and any interpreter that
            // knows -c will do. A script too long for an argument is sourced, which keeps both.
            .arg("-c")
            .arg(self.script(index, &run.script)?)
            .current_dir(&directory)
            .env_clear()
            .envs(pairs(&self.spec.env))
            // Shells trust it only where it names the folder they are in; it keeps links as
            // they were written.
            .env("PWD", &directory)
            .envs(pairs(&run.env));
        Ok(command)
    }

    fn script(&self, index: usize, script: &str) -> Result<String, String> {
        if script.contains('\0') {
            return Err("the script holds a NUL character".to_owned());
        }
        if script.len() <= LONGEST_ARGUMENT {
            return Ok(script.to_owned());
        }
        let path = Path::new(&self.spec.private).join(format!("step-{index}"));
        let written = fs::File::create(&path).and_then(|mut f| f.write_all(script.as_bytes()));
        written.map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        let path = path.to_string_lossy().replace('\'', r"'\''");
        Ok(format!(". '{path}'"))
    }

    /// Returns the service's shell, or what comes closest to it here (circleci-semantics §5.7).
    fn default_shell(&mut self) -> &[String] {
        self.default_shell.get_or_insert_with(|| {
            let words = |list: &[&str]| list.iter().map(|&w| w.to_owned()).collect();
            if cfg!(target_os = "macos") {
                return words(&["/bin/bash", "--login", "-eo", "pipefail"]);
            }
            if Path::new("/bin/bash").exists() {
                return words(&["/bin/bash", "-eo", "pipefail"]);
            }
            let knows_pipefail = Command::new("/bin/sh")
                .args(["-o", "pipefail", "-c", ":"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
            if knows_pipefail {
                words(&["/bin/sh", "-eo", "pipefail"])
            } else {
                words(&["/bin/sh", "-e"])
            }
        })
    }
}

fn pairs<T: AsRef<OsStr>>(list: &[(T, T)]) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    list.iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
}
