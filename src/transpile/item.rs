//! What a migration has to account for: everything that a config says, as the plan holds it, each
//! with its place. What only holds by default is no item: nobody wrote it.

use crate::plan::{
    DockerImage, ExecutorKind, Job, JobKind, Pipeline, RunStep, RunWhen, Step, StepKind, Workflow,
};
use crate::yaml::Location;

/// What an item belongs to, by its position in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// The pipeline as a whole.
    Pipeline,
    /// A workflow.
    Workflow(usize),
    /// A job of a workflow.
    Job(usize, usize),
    /// A step of a job of a workflow.
    Step(usize, usize, usize),
}

/// One thing that a config says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it belongs to.
    pub node: Node,
    /// The key that says it, as configs write it; `service.image` for a key of a container behind
    /// the first one, the step's own key for a step as such.
    pub key: &'static str,
    /// Which of several with this key: of requirements, variables, containers, in their order.
    pub nth: usize,
    /// What a person calls it: `requires build`, `environment NODE_ENV`.
    pub text: String,
    /// Where it stands.
    pub at: Location,
}

/// Returns everything that a pipeline says, in its order.
#[must_use]
pub fn items(pipeline: &Pipeline) -> Vec<Item> {
    let mut out = Items::default();
    if pipeline.setup {
        let at = pipeline.workflows.first().map(|w| w.origin.at);
        out.add(
            Node::Pipeline,
            "setup",
            "setup: true",
            at.unwrap_or_default(),
        );
    }
    for (w, workflow) in pipeline.workflows.iter().enumerate() {
        out.workflow(w, workflow);
        for (j, job) in workflow.jobs.iter().enumerate() {
            out.job(Node::Job(w, j), workflow, job);
            for (s, step) in job.steps.iter().enumerate() {
                out.step(Node::Step(w, j, s), step);
            }
        }
    }
    out.0
}

/// Items so far.
#[derive(Default)]
struct Items(Vec<Item>);

impl Items {
    fn add(&mut self, node: Node, key: &'static str, text: impl Into<String>, at: Location) {
        // Those of one node stand together: only its own are looked through.
        let own = self.0.iter().rev().take_while(|i| i.node == node);
        let nth = own.filter(|i| i.key == key).count();
        self.0.push(Item {
            node,
            key,
            nth,
            // Values that a compiler marked are said as they are here.
            text: crate::plan::actual(&text.into()),
            at,
        });
    }

    fn workflow(&mut self, w: usize, workflow: &Workflow) {
        let node = Node::Workflow(w);
        self.add(
            node,
            "workflow",
            format!("workflow `{}`", workflow.name),
            workflow.origin.at,
        );
        if let Some(at) = workflow.condition {
            self.add(node, "when", "the condition of the workflow", at);
        }
        for schedule in &workflow.schedules {
            let text = format!("schedule `{}`", schedule.cron.value);
            self.add(node, "schedule", text, schedule.cron.at);
        }
        if let Some(reruns) = &workflow.max_auto_reruns {
            self.add(
                node,
                "max_auto_reruns",
                format!("max_auto_reruns {}", reruns.value),
                reruns.at,
            );
        }
    }

    fn job(&mut self, node: Node, workflow: &Workflow, job: &Job) {
        let kind = match job.kind {
            JobKind::Build => "job",
            kind => kind.as_str(),
        };
        self.add(node, kind, format!("{kind} `{}`", job.name), job.origin.at);
        if let Some(call) = &job.invokes {
            self.add(
                node,
                "orb job",
                format!("job `{}` of an orb", call.name),
                job.origin.at,
            );
        } else if let Some(why) = &job.opaque {
            self.add(node, "unknown", why.clone(), job.origin.at);
        }
        if let Some(with) = &job.override_with {
            self.add(
                node,
                "override-with",
                format!("override-with {}", with.value),
                with.at,
            );
        }
        for requirement in &job.requires {
            let name = &workflow.jobs[requirement.job].name;
            self.add(
                node,
                "requires",
                format!("requires `{name}`"),
                requirement.at,
            );
        }
        for requirement in &job.unknown_requires {
            let text = format!("requires `{}`, which is not known", requirement.value);
            self.add(node, "unknown requires", text, requirement.at);
        }
        if let Some(filters) = &job.filters {
            self.add(node, "filters", "filters", filters.at);
        }
        if let Some(arm) = &job.matrix {
            self.add(
                node,
                "matrix",
                format!("arm `{}` of a matrix", job.name),
                arm.at,
            );
        }
        for context in &job.contexts {
            self.add(
                node,
                "context",
                format!("context `{}`", context.value),
                context.at,
            );
        }
        if let Some(group) = &job.serial_group {
            self.add(
                node,
                "serial-group",
                format!("serial-group {}", group.value),
                group.at,
            );
        }
        self.executor(node, job);
        if job.working_directory.at != job.origin.at {
            let text = format!("working_directory {}", job.working_directory.value);
            self.add(node, "working_directory", text, job.working_directory.at);
        }
        if let Some(shell) = &job.shell {
            self.add(node, "shell", format!("shell {}", shell.value), shell.at);
        }
        for variable in &job.environment {
            self.add(
                node,
                "environment",
                format!("environment {}", variable.name),
                variable.at,
            );
        }
        if job.parallelism > 1 {
            self.add(
                node,
                "parallelism",
                format!("parallelism {}", job.parallelism),
                job.origin.at,
            );
        }
        for (key, _) in &job.settings {
            self.add(node, "setting", key.clone(), job.origin.at);
        }
    }

    fn executor(&mut self, node: Node, job: &Job) {
        let Some(executor) = &job.executor else {
            return;
        };
        match &executor.kind {
            ExecutorKind::Docker(images) => {
                for (i, image) in images.iter().enumerate() {
                    self.container(node, i == 0, image);
                }
            }
            ExecutorKind::Machine { image, .. } => {
                let (name, at) = match image {
                    Some(image) => (format!("machine {}", image.value), image.at),
                    None => ("machine".to_owned(), executor.at),
                };
                self.add(node, "machine", name, at);
            }
            ExecutorKind::Macos { xcode, .. } => {
                let (name, at) = match xcode {
                    Some(xcode) => (format!("macos with Xcode {}", xcode.value), xcode.at),
                    None => ("macos".to_owned(), executor.at),
                };
                self.add(node, "macos", name, at);
            }
            ExecutorKind::Unknown(call) => {
                let text = format!("executor `{}` of an orb", call.name);
                self.add(node, "orb executor", text, executor.at);
            }
        }
        if let Some(class) = &executor.resource_class {
            self.add(
                node,
                "resource_class",
                format!("resource_class {}", class.value),
                class.at,
            );
        }
    }

    fn container(&mut self, node: Node, primary: bool, image: &DockerImage) {
        let of = |own: &'static str, service: &'static str| if primary { own } else { service };
        let what = if primary { "container" } else { "service" };
        let at = image.image.at;
        let name = &image.image.value;
        self.add(
            node,
            of("image", "service.image"),
            format!("{what} {name}"),
            at,
        );
        let mut part = |own, service, text: String, at| self.add(node, of(own, service), text, at);
        if let Some(name) = &image.name {
            part(
                "name",
                "service.name",
                format!("name {}", name.value),
                name.at,
            );
        }
        if let Some(user) = &image.user {
            part(
                "user",
                "service.user",
                format!("user {}", user.value),
                user.at,
            );
        }
        if let Some(words) = &image.entrypoint {
            part(
                "entrypoint",
                "service.entrypoint",
                format!("entrypoint of {name}"),
                words.at,
            );
        }
        if let Some(words) = &image.command {
            part(
                "command",
                "service.command",
                format!("command of {name}"),
                words.at,
            );
        }
        for variable in &image.environment {
            let text = format!("environment {} of {name}", variable.name);
            part(
                "image.environment",
                "service.environment",
                text,
                variable.at,
            );
        }
        for (key, _) in &image.settings {
            part(
                "image.setting",
                "service.setting",
                format!("{key} of {name}"),
                at,
            );
        }
    }

    fn step(&mut self, node: Node, step: &Step) {
        let at = step.origin.at;
        let title = title(&step.kind);
        let text = match &title {
            Some(title) => format!("{} `{title}`", step.kind.key()),
            None => step.kind.key().to_owned(),
        };
        self.add(node, own_key(&step.kind), text, at);
        if let Some(condition) = step.condition {
            self.add(node, "when", "the condition of the step", condition);
        }
        match &step.kind {
            StepKind::Run(run) => self.run(node, run, at),
            StepKind::Checkout(checkout) => {
                if let Some(path) = &checkout.path {
                    self.add(node, "path", format!("path {}", path.value), path.at);
                }
                if let Some(method) = &checkout.method {
                    self.add(
                        node,
                        "method",
                        format!("method {}", method.value),
                        method.at,
                    );
                }
                if let Some(depth) = &checkout.depth {
                    self.add(node, "depth", format!("depth {}", depth.value), depth.at);
                }
            }
            StepKind::SaveCache(save) => {
                self.add(node, "key", format!("key {}", save.key.value), save.key.at);
                for path in &save.paths {
                    self.add(node, "paths", format!("path {}", path.value), path.at);
                }
                self.run_when(node, save.when, at);
            }
            StepKind::RestoreCache(restore) => {
                for key in &restore.keys {
                    self.add(node, "keys", format!("key {}", key.value), key.at);
                }
            }
            StepKind::StoreArtifacts(store) => {
                if let Some(to) = &store.destination {
                    self.add(
                        node,
                        "destination",
                        format!("destination {}", to.value),
                        to.at,
                    );
                }
            }
            StepKind::SetupRemoteDocker(docker) => {
                if let Some(version) = &docker.version {
                    self.add(
                        node,
                        "version",
                        format!("version {}", version.value),
                        version.at,
                    );
                }
                if docker.docker_layer_caching == Some(true) {
                    self.add(node, "docker_layer_caching", "docker_layer_caching", at);
                }
            }
            StepKind::AddSshKeys(keys) => {
                for print in keys.fingerprints.iter().flatten() {
                    self.add(
                        node,
                        "fingerprints",
                        format!("key {}", print.value),
                        print.at,
                    );
                }
            }
            StepKind::Persist(_)
            | StepKind::Attach(_)
            | StepKind::StoreTestResults(_)
            | StepKind::InstallSigningBundle
            | StepKind::Opaque(_) => {}
        }
    }

    fn run(&mut self, node: Node, run: &RunStep, at: Location) {
        if let Some(shell) = &run.shell {
            self.add(node, "shell", format!("shell {shell}"), at);
        }
        if let Some(directory) = &run.working_directory {
            let text = format!("working_directory {}", directory.value);
            self.add(node, "working_directory", text, directory.at);
        }
        for variable in &run.environment {
            self.add(
                node,
                "environment",
                format!("environment {}", variable.name),
                variable.at,
            );
        }
        if run.background {
            self.add(node, "background", "background", at);
        }
        self.run_when(node, run.when, at);
        if let Some(timeout) = &run.no_output_timeout {
            let text = format!("no_output_timeout {}", timeout.value);
            self.add(node, "no_output_timeout", text, timeout.at);
        }
        if let Some(reruns) = &run.max_auto_reruns {
            let text = format!("max_auto_reruns {}", reruns.value);
            self.add(node, "max_auto_reruns", text, reruns.at);
        }
        if let Some(delay) = &run.auto_rerun_delay {
            let text = format!("auto_rerun_delay {}", delay.value);
            self.add(node, "auto_rerun_delay", text, delay.at);
        }
    }

    fn run_when(&mut self, node: Node, when: RunWhen, at: Location) {
        if when != RunWhen::OnSuccess {
            self.add(node, "run when", format!("when {}", when.as_str()), at);
        }
    }
}

/// Returns the key of an item that stands for a step as such.
#[must_use]
pub fn own_key(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Run(run) if run.deploy => "deploy",
        StepKind::Run(_) => "run",
        StepKind::Checkout(_) => "checkout",
        StepKind::Persist(_) => "persist_to_workspace",
        StepKind::Attach(_) => "attach_workspace",
        StepKind::SaveCache(_) => "save_cache",
        StepKind::RestoreCache(_) => "restore_cache",
        StepKind::StoreArtifacts(_) => "store_artifacts",
        StepKind::StoreTestResults(_) => "store_test_results",
        StepKind::SetupRemoteDocker(_) => "setup_remote_docker",
        StepKind::AddSshKeys(_) => "add_ssh_keys",
        StepKind::InstallSigningBundle => "install_signing_bundle",
        StepKind::Opaque(_) => "orb step",
    }
}

/// Returns what a step calls itself.
pub(super) fn title(kind: &StepKind) -> Option<&str> {
    match kind {
        StepKind::Run(s) => s.name.as_deref(),
        StepKind::Checkout(s) => s.name.as_deref(),
        StepKind::Persist(s) => s.name.as_deref(),
        StepKind::Attach(s) => s.name.as_deref(),
        StepKind::SaveCache(s) => s.name.as_deref(),
        StepKind::RestoreCache(s) => s.name.as_deref(),
        StepKind::StoreArtifacts(s) => s.name.as_deref(),
        StepKind::StoreTestResults(s) => s.name.as_deref(),
        StepKind::SetupRemoteDocker(s) => s.name.as_deref(),
        StepKind::AddSshKeys(s) => s.name.as_deref(),
        StepKind::InstallSigningBundle | StepKind::Opaque(_) => None,
    }
}
