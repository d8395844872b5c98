//! The run under the target's own runner: one program, which has this machine to itself as a job
//! of `holdall run` has, so that nothing of what it does reaches the user's files.

use std::collections::VecDeque;
use std::path::Path;

use super::VerifyError;
use super::here::take;
use super::lines::Trees;
use crate::plan::{Job, JobKind, Located, Origin, RunStep, Step, StepKind, Workflow};
use crate::run::{Event, JobEvent, Options, execute};
use crate::words::quoted;
use crate::yaml::Location;

/// Most lines of a runner's output that are kept to be shown.
const KEPT: usize = 15;

/// What a job of the service sees and a runner that somebody starts does not.
const OWN: &str =
    "for name in $(env | sed -n 's/^\\(CIRCLE_[A-Z0-9_]*\\)=.*/\\1/p'); do unset \"$name\"; done
unset CI CIRCLECI BASH_ENV HOLDALL_STORE HOLDALL_WORKSPACE name
";

/// A program with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(|w| quoted(w)).collect();
        f.write_str(&words.join(" "))
    }
}

/// What a runner brought.
#[derive(Debug)]
pub struct There {
    /// What the attaches brought.
    pub trees: Trees,
    /// The end of what it said.
    pub said: VecDeque<String>,
}

impl There {
    /// Begins with nothing.
    #[must_use]
    pub fn new(nonce: &str) -> Self {
        Self {
            trees: Trees::new(nonce),
            said: VecDeque::new(),
        }
    }

    /// Runs a program in a folder and takes what it tells. How it ends says nothing: jobs may fail
    /// as they should.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(
        &mut self,
        command: &Command,
        folder: &Path,
        options: &Options,
    ) -> Result<(), VerifyError> {
        let workflow = workflow(&format!("{OWN}exec {command}\n"), folder);
        let mut line = Vec::new();
        execute(&workflow, options, &mut |event| {
            if let Event::Job {
                event: JobEvent::Output(chunk),
                ..
            } = event
            {
                line.extend_from_slice(chunk.as_bytes());
                self.keep(&mut line);
            }
        })?;
        line.push(b'\n');
        self.keep(&mut line);
        Ok(())
    }

    fn keep(&mut self, line: &mut Vec<u8>) {
        let whole = line.iter().rposition(|b| *b == b'\n').map_or(0, |e| e + 1);
        let text = String::from_utf8_lossy(&line[..whole]).into_owned();
        for said in text.lines().filter(|l| !l.contains("holdall-verify:")) {
            if !said.trim().is_empty() {
                self.said.push_back(said.trim_end().to_owned());
            }
            if self.said.len() > KEPT {
                self.said.pop_front();
            }
        }
        take(line, &mut self.trees);
    }
}

/// A workflow of one job with one script.
fn workflow(script: &str, folder: &Path) -> Workflow {
    let at = Location::default();
    let mut job = Job::new("runner".to_owned(), "runner".to_owned(), JobKind::Build, at);
    job.working_directory = Located::new(folder.to_string_lossy().into_owned(), at);
    job.steps.push(Step {
        origin: Origin::default(),
        condition: None,
        rule: None,
        kind: StepKind::Run(RunStep {
            command: Located::new(script.to_owned(), at),
            shell: Some("/bin/sh".to_owned()),
            // A runner says nothing of jobs that are silent for as long as they may be.
            no_output_timeout: Some(Located::new("5h".to_owned(), at)),
            ..RunStep::default()
        }),
    });
    Workflow {
        name: "verify".to_owned(),
        origin: Origin::default(),
        condition: None,
        rule: None,
        schedules: Vec::new(),
        max_auto_reruns: None,
        jobs: vec![job],
        incomplete: false,
        definition: None,
    }
}
