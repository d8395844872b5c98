//! Turns a job of the plan into a job with everything decided.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::env::{self, Facts};
use super::options::{Context, Options};
use super::repo::Repo;
use super::spec::{JobSpec, RunWork, StepSpec, StepWork, UpstreamJob};
use super::text::{first_line, parse_duration};
use crate::flow::Graph;
use crate::plan::{Job, JobIndex, RunStep, Step, StepKind, Workflow};

/// How long a step may be silent where the config says nothing (circleci-semantics §5.7).
const NO_OUTPUT_TIMEOUT: Duration = Duration::from_secs(600);

/// What all jobs of a run have in common.
pub(crate) struct Common<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) options: &'a Options,
    pub(crate) order: &'a Graph,
    pub(crate) repo: Repo,
    pub(crate) run: String,
    pub(crate) workspace: String,
    pub(crate) home: OsString,
    pub(crate) store: OsString,
    pub(crate) caches: OsString,
    pub(crate) project: OsString,
}

impl Common<'_> {
    /// Decides everything about one job; `private` is a folder for the runner's own files,
    /// and `in_image` says that it runs in a container.
    pub(crate) fn job(
        &self,
        index: JobIndex,
        node: u32,
        job_id: &str,
        private: &OsStr,
        results: &OsStr,
        in_image: bool,
    ) -> JobSpec {
        let job = &self.workflow.jobs[index];
        let mut shell_env = private.to_owned();
        shell_env.push("/bash_env");
        let facts = Facts {
            run: &self.run,
            workspace: &self.workspace,
            job_id,
            store: &self.store,
            home: &self.home,
            shell_env: &shell_env,
            private,
            node,
            repo: &self.repo,
            in_image,
        };
        let mut persists = 0;
        let steps = job.steps.iter();
        JobSpec {
            name: job.name.clone(),
            workflow: self.workflow.name.clone(),
            requires: job.requires.iter().map(|r| self.name(r.job)).collect(),
            attempt: self.options.attempt.max(1),
            node,
            nodes: job.parallelism.max(1),
            working_directory: job.working_directory.value.clone(),
            home: self.home.clone(),
            env: env::of_job(job, &self.options.host_env, &self.given(job), &facts),
            shell: job.shell.as_ref().map(|s| s.value.clone()),
            steps: steps
                .filter(|step| !matches!(&step.kind, StepKind::Run(run) if run.deploy && node > 0))
                .filter_map(|step| self.step(index, step, in_image, &mut persists))
                .collect(),
            store: self.store.clone(),
            workspace: self.workspace.clone(),
            caches: self.caches.clone(),
            results: results.to_owned(),
            project: self.project.clone(),
            private: private.to_owned(),
            dirty: self.options.dirty,
            keep: self.options.keep,
            grace: self.options.grace,
            source: None,
        }
    }

    /// Returns the variables that settings and contexts give a job, weakest first.
    fn given(&self, job: &Job) -> Vec<(String, String)> {
        let mut given = self.options.env.clone();
        for context in self.contexts(job) {
            given.extend(context.variables.iter().cloned());
        }
        given
    }

    /// Returns the contexts of a job that are known here.
    pub(crate) fn contexts<'j>(&'j self, job: &'j Job) -> impl Iterator<Item = &'j Context> {
        job.contexts.iter().filter_map(|named| {
            let mut known = self.options.contexts.iter();
            known.find(|context| context.name == named.value)
        })
    }

    fn name(&self, index: JobIndex) -> String {
        self.workflow.jobs[index].name.clone()
    }

    fn step(
        &self,
        job: JobIndex,
        step: &Step,
        in_image: bool,
        persists: &mut u32,
    ) -> Option<StepSpec> {
        let named = |name: &Option<String>, otherwise: String| name.clone().unwrap_or(otherwise);
        let (title, kind) = match &step.kind {
            StepKind::Run(run) => (
                named(&run.name, first_line(&run.command.value)),
                StepWork::Run(run_work(run)),
            ),
            StepKind::Checkout(checkout) => (
                "Checkout code".to_owned(),
                StepWork::Checkout {
                    path: checkout.path.as_ref().map(|p| p.value.clone()),
                },
            ),
            StepKind::Persist(persist) => {
                let seq = *persists;
                *persists += 1;
                (
                    named(&persist.name, "Persist to workspace".to_owned()),
                    StepWork::Persist {
                        root: persist.root.value.clone(),
                        paths: persist.paths.iter().map(|p| p.value.clone()).collect(),
                        seq,
                    },
                )
            }
            StepKind::Attach(attach) => (
                named(&attach.name, "Attach workspace".to_owned()),
                StepWork::Attach {
                    at: attach.at.value.clone(),
                    upstream: self.upstream(job),
                },
            ),
            StepKind::SaveCache(save) => (
                named(&save.name, "Saving cache".to_owned()),
                StepWork::SaveCache {
                    key: save.key.value.clone(),
                    paths: save.paths.iter().map(|p| p.value.clone()).collect(),
                    when: save.when.into(),
                },
            ),
            StepKind::RestoreCache(restore) => (
                named(&restore.name, "Restoring cache".to_owned()),
                StepWork::RestoreCache {
                    keys: restore.keys.iter().map(|k| k.value.clone()).collect(),
                },
            ),
            StepKind::StoreArtifacts(store) => (
                named(&store.name, "Storing artifacts".to_owned()),
                StepWork::Artifacts {
                    path: store.path.value.clone(),
                    destination: store.destination.as_ref().map(|d| d.value.clone()),
                },
            ),
            StepKind::StoreTestResults(store) => (
                named(&store.name, "Storing test results".to_owned()),
                StepWork::TestResults {
                    path: store.path.value.clone(),
                },
            ),
            StepKind::SetupRemoteDocker(setup) => (
                named(&setup.name, "Setup a remote Docker engine".to_owned()),
                StepWork::Nothing {
                    note: if in_image {
                        "no engine is set up: a container sees no docker, not even that of this \
                         machine"
                    } else {
                        "no engine is set up: steps find the docker of this machine, if it has one"
                    }
                    .to_owned(),
                },
            ),
            StepKind::AddSshKeys(keys) => (
                named(&keys.name, "Add SSH keys".to_owned()),
                StepWork::Nothing {
                    note: if in_image {
                        "the project's keys are with the service: a container has none"
                    } else {
                        "the project's keys are with the service: steps find those of this machine"
                    }
                    .to_owned(),
                },
            ),
            StepKind::InstallSigningBundle => (
                "Install signing bundle".to_owned(),
                StepWork::Nothing {
                    note: "the certificates are with the service: nothing is installed".to_owned(),
                },
            ),
            // Refused before the first job (see `check`).
            StepKind::Opaque(_) => return None,
        };
        Some(StepSpec { title, kind })
    }

    /// Returns the transitive requirements in order, each with its own (circleci-semantics §2.2).
    fn upstream(&self, job: JobIndex) -> Vec<UpstreamJob> {
        let names = |list: Vec<JobIndex>| list.into_iter().map(|i| self.name(i)).collect();
        let upstream = self.order.upstream(job);
        upstream
            .map(|index| UpstreamJob {
                job: self.name(index),
                after: names(self.order.upstream(index).collect()),
            })
            .collect()
    }
}

fn run_work(run: &RunStep) -> RunWork {
    let limit = run.no_output_timeout.as_ref();
    RunWork {
        script: run.command.value.clone(),
        shell: run.shell.clone(),
        working_directory: run.working_directory.as_ref().map(|d| d.value.clone()),
        env: env::of_config(&run.environment).collect(),
        background: run.background,
        when: run.when.into(),
        no_output_timeout: limit
            .and_then(|text| parse_duration(&text.value))
            .unwrap_or(NO_OUTPUT_TIMEOUT),
        reruns: run.max_auto_reruns.as_ref().map_or(0, |n| n.value),
        rerun_delay: run
            .auto_rerun_delay
            .as_ref()
            .and_then(|text| parse_duration(&text.value))
            .unwrap_or_default(),
    }
}
