//! Steps: each becomes one or a few, with the same shell, the same conditions and the same title.

mod artifacts;
mod caches;
mod checkout;
mod run;
mod shell;
mod shims;

use std::collections::BTreeSet;

use super::actions::SSH_AGENT;
use super::executor::{NO_LAYERS, Place};
use super::expr::Bool;
use super::write::Block;
use super::{Context, job, names};
use crate::plan::{
    AddSshKeysStep, AttachStep, Job, JobIndex, PersistStep, RunWhen, SetupRemoteDockerStep, Step,
    StepKind, actual,
};
use crate::transpile::comments::{Comments, owned};
use crate::transpile::item::title;
use crate::transpile::values::{self, Script};
use crate::transpile::{Ledger, Node, own_key};
use crate::yaml::Data;

pub(super) use shell::shell;
pub(super) use shims::{halts, shims};

/// A job's steps while they are written.
struct Writer<'c> {
    context: &'c Context<'c>,
    j: JobIndex,
    place: Place,
    out: &'c mut Vec<Block>,
    ledger: &'c mut Ledger,
    /// Whether a step may end the job early.
    halts: bool,
    /// Whether anything may lie in the working directory.
    used: bool,
    persisted: usize,
    attached: bool,
    artifacts: usize,
    keys: usize,
    background: usize,
    /// Whether a script pushes to the repository.
    pushes: bool,
}

/// A step that is written now.
struct Current<'s> {
    node: Node,
    step: &'s Step,
    /// When it runs by the conditions around it.
    condition: Bool,
}

impl Current<'_> {
    fn own(&self) -> &'static str {
        own_key(&self.step.kind)
    }

    /// Returns what GitHub asks before it runs the step.
    fn when(&self, when: RunWhen) -> (RunWhen, Bool) {
        (when, self.condition.clone())
    }

    fn on_success(&self) -> (RunWhen, Bool) {
        self.when(RunWhen::OnSuccess)
    }
}

impl Context<'_> {
    pub(super) fn steps(
        &self,
        j: JobIndex,
        (place, comments): (Place, Option<&Comments<'_>>),
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        let job = &self.workflow.jobs[j];
        let mut writer = Writer {
            context: self,
            j,
            place,
            out,
            ledger,
            halts: halts(job),
            used: false,
            persisted: 0,
            attached: false,
            artifacts: 0,
            keys: 0,
            background: 0,
            pushes: shims::scripts(job).any(|s| s.contains("git push")),
        };
        let mut before = None;
        for (s, step) in job.steps.iter().enumerate() {
            let first = writer.out.len();
            writer.step(Node::Step(self.index, j, s), step);
            if let (Some(block), Some(comments)) = (writer.out.get_mut(first), comments) {
                block.carried = owned(comments.step(before, step));
            }
            before = Some(step);
        }
    }
}

impl Writer<'_> {
    fn job(&self) -> &Job {
        &self.context.workflow.jobs[self.j]
    }

    fn step(&mut self, node: Node, step: &Step) {
        let condition = match &step.rule {
            None => Some(Bool::Const(true)),
            Some(rule) => self.context.filterer.condition(rule),
        };
        match &condition {
            Some(condition) if condition.ignores_case() => {
                self.ledger.approximated(node, "when", super::expr::IGNORES_CASE);
            }
            Some(_) => self.ledger.converted(node, "when"),
            None => self.ledger.manual(node, "when", "the condition rests on values that GitHub does not have: write the `if:` of the step"),
        }
        let first = self.out.len();
        let unknown = condition.is_none();
        let current = Current {
            node,
            step,
            condition: condition.unwrap_or(Bool::Const(false)),
        };
        self.kind(&current);
        self.builtins(&current, first);
        let mut notes = self
            .context
            .unknown_values(node, current.own(), self.ledger);
        if unknown {
            notes.push("To do: the condition of this step rests on values that GitHub does not have; write it.".to_owned());
        }
        if let Some(block) = self.out.get_mut(first) {
            notes.into_iter().for_each(|note| block.note(note));
        }
        self.used = true;
    }

    fn kind(&mut self, current: &Current<'_>) {
        match &current.step.kind {
            StepKind::Run(run) => self.run(current, run),
            StepKind::Checkout(checkout) => self.checkout(current, checkout),
            StepKind::Persist(persist) => self.persist(current, persist),
            StepKind::Attach(attach) => self.attach(current, attach),
            StepKind::SaveCache(save) => self.save(current, save),
            StepKind::RestoreCache(restore) => self.restore(current, restore),
            StepKind::StoreArtifacts(store) => self.artifacts(current, store),
            StepKind::StoreTestResults(store) => self.test_results(current, store),
            StepKind::SetupRemoteDocker(docker) => self.docker(current, docker),
            StepKind::AddSshKeys(keys) => self.ssh_keys(current, keys),
            StepKind::InstallSigningBundle => self.missing(current, "install the signing certificates from secrets: CircleCI's bundles are not at GitHub"),
            StepKind::Opaque(call) => self.missing(
                current,
                &format!(
                    "the source of the step `{}` is not known here: give it with --orb, or write what it does",
                    call.name
                ),
            ),
        }
    }

    /// Begins a block with the step's own title, or another one.
    fn titled(&self, current: &Current<'_>, or: &str) -> Block {
        let mut block = Block::default();
        let title = title(&current.step.kind).map(|t| self.context.text(t));
        block.put("name", title.unwrap_or_else(|| or.to_owned()));
        block
    }

    /// A step that a person has to write.
    fn missing(&mut self, current: &Current<'_>, what: &str) {
        self.ledger.manual(current.node, current.own(), what);
        self.put(
            current,
            job::missing_step(what),
            Script::default(),
            current.on_success(),
        );
    }

    /// Says of the built-in variables that a step reads how they differ, and which GitHub lacks.
    fn builtins(&mut self, current: &Current<'_>, first: usize) {
        let own = current.own();
        let context = self.context;
        let job = &context.workflow.jobs[self.j];
        let set = |name: &str| job.environment.iter().any(|v| v.name == name);
        let mut notes = Vec::new();
        for name in super::builtins::used(&current.step.kind) {
            if set(&name) {
                continue;
            }
            match names::missing(&name) {
                Some(why) => {
                    let what = format!("`{name}` is empty in this step: {why}");
                    notes.push(format!("To do: {what}."));
                    self.ledger.manual(current.node, own, what);
                }
                None => {
                    if let Some(why) = names::differs(&name) {
                        notes.push(format!("Differs: {why}."));
                        self.ledger.approximated(current.node, own, why);
                    }
                }
            }
        }
        if let Some(block) = self.out.get_mut(first) {
            notes.into_iter().for_each(|note| block.note(note));
        }
    }

    fn persist(&mut self, current: &Current<'_>, persist: &PersistStep) {
        let block = self.titled(current, "Persist to workspace");
        let parts = self.context.persist(self.j, self.persisted, persist, block);
        self.persisted += 1;
        self.ledger.converted(current.node, current.own());
        for (block, script) in parts {
            self.put(current, block, script, current.on_success());
        }
    }

    fn attach(&mut self, current: &Current<'_>, attach: &AttachStep) {
        let first = !std::mem::replace(&mut self.attached, true);
        self.ledger.converted(current.node, current.own());
        let block = self.titled(current, "Attach workspace");
        for (block, script, there) in self.context.attach(self.j, attach, first, block) {
            // A second attach, whatever its condition, finds the layers there.
            let asked = match (&there, script.text.is_empty()) {
                (Some(there), _) => there.clone(),
                (None, true) => Bool::Const(true),
                (None, false) => current.condition.clone(),
            };
            self.put(current, block, script, (RunWhen::OnSuccess, asked));
        }
    }

    fn ssh_keys(&mut self, current: &Current<'_>, keys: &AddSshKeysStep) {
        let prints = keys.fingerprints.iter().flatten().map(|p| actual(&p.value));
        let mut secrets: Vec<String> = prints.map(|p| secret_of(&p)).collect();
        if secrets.is_empty() {
            secrets.push("SSH_PRIVATE_KEY".to_owned());
        }
        let what = format!(
            "put the private keys into the secrets {}",
            secrets.join(", ")
        );
        self.ledger
            .manual(current.node, current.own(), what.clone());
        self.ledger
            .manual(current.node, "fingerprints", what.clone());
        let mut block = self.titled(current, "Add SSH keys");
        block.note(format!("To do: {what}."));
        block.put("uses", SSH_AGENT.uses);
        let list: String = secrets
            .iter()
            .map(|s| format!("${{{{ secrets.{s} }}}}\n"))
            .collect();
        let with = vec![("ssh-private-key".into(), list.into())];
        block.put("with", Data::Map(with));
        self.put(current, block, Script::default(), current.on_success());
    }

    fn docker(&mut self, current: &Current<'_>, _: &SetupRemoteDockerStep) {
        self.ledger.converted(current.node, "setup_remote_docker");
        self.ledger
            .approximated(current.node, "version", "the engine is the machine's own");
        self.ledger
            .approximated(current.node, "docker_layer_caching", NO_LAYERS);
        let mut block = self.titled(current, "Setup remote docker");
        block.note("The machine's own docker engine: the image has to hold a client.");
        block.put("run", "docker version");
        self.put(current, block, Script::default(), current.on_success());
    }

    /// Adds a step with its condition, its script and the values that the script uses.
    fn put(
        &mut self,
        current: &Current<'_>,
        mut block: Block,
        script: Script,
        (when, condition): (RunWhen, Bool),
    ) {
        if self.place == Place::Windows {
            // Git brings a bash; GitHub knows no sh there.
            let shells = block.entries.iter_mut().filter(|(k, _)| k == "shell");
            for (_, shell) in shells.filter(|(_, v)| *v == Data::Str("sh".to_owned())) {
                *shell = "bash".into();
            }
        }
        let halted = match self.halts {
            true => Bool::atom("env.CIRCLECI_HALTED != 'true'"),
            false => Bool::Const(true),
        };
        let status = match when {
            RunWhen::OnSuccess => Bool::Const(true),
            RunWhen::Always => Bool::atom("cancelled()").not(),
            RunWhen::OnFail => Bool::atom("failure()"),
        };
        let all = Bool::all([status, condition, halted]);
        if all != Bool::Const(true) {
            let name = block.entries.iter().position(|(k, _)| k == "name");
            let at = name.map_or(0, |i| i + 1);
            let text = format!("${{{{ {all} }}}}");
            block.entries.insert(at, ("if".to_owned(), text.into()));
        }
        self.values(current, &script, &mut block);
        if !script.text.is_empty() {
            let text = shell::without_blanks(&script.text);
            block.put("run", super::text::escaped(&text));
        }
        self.out.push(block);
    }

    /// Hands the values that a script uses to it.
    fn values(&mut self, current: &Current<'_>, script: &Script, block: &mut Block) {
        let mut values = BTreeSet::new();
        for name in &script.values {
            match names::pipeline_value(name, self.context.parameters) {
                Some(expression) => {
                    values.insert((values::variable(name), expression));
                }
                None => {
                    let why = format!(
                        "`{name}` is not known at GitHub: the variable {} is empty",
                        values::variable(name)
                    );
                    block.note(format!("Differs: {why}."));
                    self.ledger.approximated(current.node, current.own(), why);
                }
            }
        }
        if values.is_empty() {
            return;
        }
        let at = block.entries.iter().position(|(k, _)| k == "env");
        let mut env = match at.map(|i| block.entries.remove(i).1) {
            Some(Data::Map(entries)) => entries,
            _ => Vec::new(),
        };
        for (name, expression) in values {
            env.push((name, format!("${{{{ {expression} }}}}").into()));
        }
        block.put("env", Data::Map(env));
    }
}

/// Returns the secret that holds the key with a fingerprint.
fn secret_of(fingerprint: &str) -> String {
    let short: String = fingerprint
        .trim_start_matches("SHA256:")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    format!("SSH_KEY_{}", short.to_ascii_uppercase())
}
