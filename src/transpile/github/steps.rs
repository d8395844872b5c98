//! Steps: each becomes one or a few, with the same shell, the same conditions and the same title.

use std::collections::BTreeSet;

use super::cache::{self, Key};
use super::executor::Place;
use super::expr::Bool;
use super::workspace::UPLOAD;
use super::write::Block;
use super::{Context, job, names};
use crate::circleci::actual;
use crate::plan::{
    CheckoutStep, Job, JobIndex, RestoreCacheStep, RunStep, RunWhen, SaveCacheStep, Step, StepKind,
};
use crate::transpile::values::{self, Dialect, Script};
use crate::transpile::{Ledger, Node, own_key};
use crate::yaml::Data;

const CHECKOUT: &str = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1";
const CACHE_SAVE: &str = "actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae";
const CACHE_RESTORE: &str = "actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae";
const SSH_AGENT: &str = "webfactory/ssh-agent@a6f90b1f127823b31d4d4a8d96047790581349bd";

const TESTS_SHIM: &str = include_str!("../../shims/circleci.sh");
const AGENT_SHIM: &str = include_str!("../../shims/circleci-agent.sh");

/// Says whether a step of a job may end it early.
pub(super) fn halts(job: &Job) -> bool {
    scripts(job).any(|s| s.contains("circleci-agent step halt") || s.contains("circleci step halt"))
}

fn scripts(job: &Job) -> impl Iterator<Item = &str> {
    job.steps.iter().filter_map(|s| match &s.kind {
        StepKind::Run(run) => Some(run.command.value.as_str()),
        _ => None,
    })
}

/// Returns the lines that put the programs of CircleCI in place which a job's scripts call.
pub(super) fn shims(job: &Job) -> String {
    let calls = |words: &[&str]| scripts(job).any(|s| words.iter().any(|w| s.contains(w)));
    let mut out = String::new();
    let mut shim = |name: &str, text: &str| {
        out.push_str(&format!(
            "# What the scripts call of CircleCI's own programs\nmkdir -p \"$RUNNER_TEMP/bin\"\ncat >\"$RUNNER_TEMP/bin/{name}\" <<'SHIM'\n{text}SHIM\nchmod +x \"$RUNNER_TEMP/bin/{name}\"\n"
        ));
    };
    let own = calls(&[
        "circleci tests ",
        "circleci step halt",
        "circleci env subst",
    ]);
    if own {
        shim("circleci", TESTS_SHIM);
    }
    let agent = calls(&["circleci-agent "]);
    if agent {
        shim("circleci-agent", AGENT_SHIM);
    }
    if own || agent {
        out.push_str("echo \"$RUNNER_TEMP/bin\" >>\"$GITHUB_PATH\"\n");
    }
    out
}

/// Returns a shell as GitHub takes it; nothing for the one that is the default.
pub(super) fn shell(text: &str) -> Option<String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.last() == Some(&"-c") {
        words.pop();
    }
    match words.join(" ").as_str() {
        "" | "/bin/bash -eo pipefail" | "bash -eo pipefail" | "/bin/bash -e -o pipefail" => None,
        text => Some(format!("{text} {{0}}")),
    }
}

fn dialect(shell: Option<&str>) -> Dialect {
    let first = shell
        .unwrap_or("bash")
        .split_whitespace()
        .next()
        .unwrap_or_default();
    let name = first.rsplit(['/', '\\']).next().unwrap_or_default();
    match name.trim_end_matches(".exe") {
        "bash" | "sh" | "dash" | "ash" | "zsh" | "ksh" => Dialect::Posix,
        "powershell" | "pwsh" => Dialect::PowerShell,
        _ => Dialect::Other,
    }
}

/// A job's steps while they are written.
struct Writer<'c> {
    context: &'c Context<'c>,
    j: JobIndex,
    place: Place,
    halts: bool,
    /// Whether anything may lie in the working directory.
    used: bool,
    persisted: usize,
    attached: bool,
    artifacts: usize,
    keys: usize,
    background: usize,
    pushes: bool,
}

impl Context<'_> {
    pub(super) fn steps(
        &self,
        j: JobIndex,
        place: Place,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        let job = &self.workflow.jobs[j];
        let mut writer = Writer {
            context: self,
            j,
            place,
            halts: halts(job),
            used: false,
            persisted: 0,
            attached: false,
            artifacts: 0,
            keys: 0,
            background: 0,
            pushes: scripts(job).any(|s| s.contains("git push")),
        };
        let mut before = None;
        for (s, step) in job.steps.iter().enumerate() {
            let first = out.len();
            writer.step(Node::Step(self.index, j, s), step, out, ledger);
            if let Some(block) = out.get_mut(first) {
                block.carried = super::owned(self.comments.step(before, step));
            }
            before = Some(step);
        }
    }
}

impl Writer<'_> {
    fn job(&self) -> &Job {
        &self.context.workflow.jobs[self.j]
    }

    fn step(&mut self, node: Node, step: &Step, out: &mut Vec<Block>, ledger: &mut Ledger) {
        let condition = match &step.rule {
            None => Some(Bool::Const(true)),
            Some(rule) => self.context.filterer.condition(rule),
        };
        match condition {
            Some(_) => ledger.converted(node, "when"),
            None => ledger.manual(node, "when", "the condition rests on values that GitHub does not have: write the `if:` of the step"),
        }
        let first = out.len();
        self.kind(
            node,
            step,
            condition.as_ref().unwrap_or(&Bool::Const(false)),
            out,
            ledger,
        );
        if condition.is_none()
            && let Some(block) = out.get_mut(first)
        {
            block.note("To do: the condition of this step rests on values that GitHub does not have; write it.");
        }
        self.used = true;
    }

    fn kind(
        &mut self,
        node: Node,
        step: &Step,
        condition: &Bool,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        let own = own_key(&step.kind);
        let when = |w: RunWhen| (w, condition.clone());
        match &step.kind {
            StepKind::Run(run) => self.run(node, run, condition, out, ledger),
            StepKind::Checkout(checkout) => self.checkout(node, checkout, condition, out, ledger),
            StepKind::Persist(persist) => {
                let parts = self.context.persist(self.j, self.persisted, persist);
                self.persisted += 1;
                ledger.converted(node, own);
                for (block, script) in parts {
                    self.put(node, block, script, when(RunWhen::OnSuccess), out, ledger);
                }
            }
            StepKind::Attach(attach) => {
                let first = !std::mem::replace(&mut self.attached, true);
                ledger.converted(node, own);
                for (block, script, there) in self.context.attach(self.j, attach, first) {
                    // A second attach, whatever its condition, finds the layers there.
                    let asked = match (&there, script.text.is_empty()) {
                        (Some(there), _) => there.clone(),
                        (None, true) => Bool::Const(true),
                        (None, false) => condition.clone(),
                    };
                    self.put(
                        node,
                        block,
                        script,
                        (RunWhen::OnSuccess, asked),
                        out,
                        ledger,
                    );
                }
            }
            StepKind::SaveCache(save) => self.save(node, save, condition, out, ledger),
            StepKind::RestoreCache(restore) => self.restore(node, restore, condition, out, ledger),
            StepKind::StoreArtifacts(store) => {
                ledger.converted(node, own);
                ledger.converted(node, "destination");
                let to = store.destination.as_ref().map(|d| actual(&d.value));
                let path = self.context.text(&store.path.value);
                let name = store.name.as_deref().unwrap_or("Store artifacts");
                self.upload(node, name, &path, to.as_deref(), condition, out, ledger);
            }
            StepKind::StoreTestResults(store) => {
                let why = "the reports are kept as an artifact: GitHub shows no tests by itself";
                ledger.approximated(node, own, why);
                let path = self.context.text(&store.path.value);
                let at = out.len();
                let name = store.name.as_deref().unwrap_or("Store test results");
                self.upload(
                    node,
                    name,
                    &path,
                    Some("test-results"),
                    condition,
                    out,
                    ledger,
                );
                if let Some(block) = out.get_mut(at) {
                    block.note(format!("Differs: {why}."));
                }
            }
            StepKind::SetupRemoteDocker(_) => self.docker(node, out, ledger),
            StepKind::AddSshKeys(keys) => {
                let prints = keys.fingerprints.iter().flatten().map(|p| actual(&p.value));
                let mut secrets: Vec<String> = prints.map(|p| secret_of(&p)).collect();
                if secrets.is_empty() {
                    secrets.push("SSH_PRIVATE_KEY".to_owned());
                }
                let what = format!(
                    "put the private keys into the secrets {}",
                    secrets.join(", ")
                );
                ledger.manual(node, own, what.clone());
                ledger.manual(node, "fingerprints", what.clone());
                let mut block = Block::default();
                block.note(format!("To do: {what}."));
                block.put(
                    "name",
                    keys.name
                        .as_deref()
                        .map_or_else(|| "Add SSH keys".to_owned(), |n| self.context.text(n)),
                );
                block.put("uses", SSH_AGENT);
                let list: String = secrets
                    .iter()
                    .map(|s| format!("${{{{ secrets.{s} }}}}\n"))
                    .collect();
                block.put(
                    "with",
                    Data::Map(vec![("ssh-private-key".into(), list.into())]),
                );
                self.put(
                    node,
                    block,
                    Script::default(),
                    when(RunWhen::OnSuccess),
                    out,
                    ledger,
                );
            }
            StepKind::InstallSigningBundle => {
                let what = "install the signing certificates from secrets: CircleCI's bundles are not at GitHub";
                ledger.manual(node, own, what);
                let block = job::missing_step(what);
                self.put(
                    node,
                    block,
                    Script::default(),
                    when(RunWhen::OnSuccess),
                    out,
                    ledger,
                );
            }
            StepKind::Opaque(call) => {
                let what = format!(
                    "the source of the step `{}` is not known here: give it with --orb, or write what it does",
                    call.name
                );
                ledger.manual(node, own, what.clone());
                let block = job::missing_step(&what);
                self.put(
                    node,
                    block,
                    Script::default(),
                    when(RunWhen::OnSuccess),
                    out,
                    ledger,
                );
            }
        }
    }

    /// Adds a step with its condition, its script and the values that the script uses.
    fn put(
        &self,
        node: Node,
        mut block: Block,
        script: Script,
        (when, condition): (RunWhen, Bool),
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        if self.place == Place::Windows {
            // Git brings a bash; GitHub knows no sh there.
            let shells = block.entries.iter_mut().filter(|(k, _)| k == "shell");
            for (_, shell) in shells.filter(|(_, v)| *v == Data::Str("sh".to_owned())) {
                *shell = "bash".into();
            }
        }
        let halted = Bool::atom("env.CIRCLECI_HALTED != 'true'");
        let halted = match self.halts {
            true => halted,
            false => Bool::Const(true),
        };
        let status = match when {
            RunWhen::OnSuccess => Bool::Const(true),
            RunWhen::Always => Bool::atom("cancelled()").not(),
            RunWhen::OnFail => Bool::atom("failure()"),
        };
        let all = Bool::all([status, condition, halted]);
        if all != Bool::Const(true) {
            let at = block
                .entries
                .iter()
                .position(|(k, _)| k == "name")
                .map_or(0, |i| i + 1);
            block
                .entries
                .insert(at, ("if".to_owned(), format!("${{{{ {all} }}}}").into()));
        }
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
                    if let Node::Step(..) = node {
                        ledger.approximated(node, "run", why);
                    }
                }
            }
        }
        if !values.is_empty() {
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
        if !script.text.is_empty() {
            block.put("run", super::text::escaped(&without_blanks(&script.text)));
        }
        out.push(block);
    }

    fn run(
        &mut self,
        node: Node,
        run: &RunStep,
        condition: &Bool,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        let context = self.context;
        let own = if run.deploy { "deploy" } else { "run" };
        for key in [
            "shell",
            "environment",
            "background",
            "run when",
            own,
            "max_auto_reruns",
            "auto_rerun_delay",
        ] {
            ledger.converted(node, key);
        }
        let mut block = Block::default();
        if let Some(name) = &run.name {
            block.put("name", context.text(name));
        }
        let shell_text = run
            .shell
            .as_ref()
            .or(self.job().shell.as_ref().map(|s| &s.value));
        let shell_text = shell_text.map(|s| actual(s));
        let dialect = dialect(shell_text.as_deref());
        let mut script = values::script(&run.command.value, dialect);
        for name in &script.out_of_reach {
            let why = format!(
                "`{name}` stands where the shell reads no variable: it is written as it is here"
            );
            block.note(format!("Differs: {why}."));
            ledger.approximated(node, own, why);
        }
        if let Some(own_shell) = &run.shell {
            match shell(&context.text(own_shell)) {
                Some(text) => {
                    block.put("shell", text);
                }
                None if self.job().shell.is_some() => {
                    block.put("shell", "bash");
                }
                None => {}
            }
        }
        if let Some(directory) = &run.working_directory {
            self.directory(
                node,
                &directory.value,
                &mut block,
                &mut script,
                dialect,
                ledger,
            );
        }
        if !run.environment.is_empty() {
            block.put("env", context.env(&run.environment));
        }
        if let Some(timeout) = &run.no_output_timeout {
            let why =
                "GitHub ends no step that is silent: only the time of the whole job is limited";
            ledger.approximated(node, "no_output_timeout", why);
            block.note(format!(
                "Differs: no_output_timeout {} is not held; {why}.",
                actual(&timeout.value)
            ));
        }
        let command = shell_text.as_deref().unwrap_or("bash -eo pipefail");
        let command = command.trim_end_matches("-c").trim_end();
        if let Some(reruns) = &run.max_auto_reruns {
            let delay = run
                .auto_rerun_delay
                .as_ref()
                .map_or(0, |d| seconds(&actual(&d.value)));
            script.text = rerun(&script.text, command, reruns.value, delay);
        }
        if run.background {
            self.background += 1;
            script.text = in_background(&script.text, command, self.background);
        }
        let mut condition = condition.clone();
        if run.deploy && self.job().parallelism > 1 {
            condition = Bool::all([condition, Bool::atom("matrix.node == 0")]);
            ledger.approximated(node, own, "it does not wait for the other nodes");
        }
        if run.command.value.contains("circleci tests") {
            ledger.approximated(
                node,
                own,
                "tests are split by name or size: GitHub keeps no timings",
            );
            block.note("Differs: tests are split by name or size; GitHub keeps no timings.");
        }
        self.put(node, block, script, (run.when, condition), out, ledger);
    }

    /// GitHub takes a folder below its workspace or an absolute one, and knows no `~`.
    fn directory(
        &self,
        node: Node,
        path: &str,
        block: &mut Block,
        script: &mut Script,
        dialect: Dialect,
        ledger: &mut Ledger,
    ) {
        ledger.converted(node, "working_directory");
        let own = actual(&self.job().working_directory.value);
        let text = self.context.text(path);
        let below = actual(path);
        let below = below
            .strip_prefix(&own)
            .filter(|r| r.is_empty() || r.starts_with('/'));
        if let Some(rest) = below.filter(|_| !path.contains('\u{F0001}')) {
            let rest = rest.trim_matches('/');
            if !rest.is_empty() {
                block.put("working-directory", super::text::escaped(rest));
            }
        } else if let Some(rest) = path.strip_prefix('~').filter(|_| dialect == Dialect::Posix) {
            let word = values::word(rest.trim_start_matches('/'));
            script.text = format!("cd \"$HOME\"/{}\n{}", word.text, script.text);
            script.values.extend(word.values);
        } else {
            block.put("working-directory", text);
        }
    }

    fn checkout(
        &mut self,
        node: Node,
        step: &CheckoutStep,
        condition: &Bool,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        for key in ["checkout", "path", "method", "depth"] {
            ledger.converted(node, key);
        }
        let mut block = Block::default();
        let title = step
            .name
            .as_deref()
            .map_or_else(|| "Checkout".to_owned(), |n| self.context.text(n));
        block.put("name", title).put("uses", CHECKOUT);
        let own = actual(&self.job().working_directory.value);
        let path = step
            .path
            .as_ref()
            .map(|p| actual(&p.value))
            .unwrap_or_default();
        let path = match path.strip_prefix(&own) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                rest.trim_start_matches('/').to_owned()
            }
            _ => path,
        };
        let path = path
            .trim_start_matches("./")
            .trim_end_matches('/')
            .to_owned();
        let outside = path.starts_with(['/', '~']) || path.starts_with("..");
        let aside = self.used || outside;
        let mut with: Vec<(String, Data)> = Vec::new();
        match step.method.as_ref().map(|m| actual(&m.value)).as_deref() {
            Some("shallow") => {
                let depth = step.depth.as_ref().map_or(1, |d| i64::from(d.value));
                with.push(("fetch-depth".into(), Data::Int(depth)));
            }
            Some("full") => with.push(("fetch-depth".into(), Data::Int(0))),
            _ => {
                with.push(("fetch-depth".into(), Data::Int(0)));
                with.push(("filter".into(), "blob:none".into()));
            }
        }
        match (aside, path.as_str()) {
            (true, _) => with.push(("path".into(), ".checkout".into())),
            (false, "" | ".") => {}
            (false, path) => with.push(("path".into(), super::text::escaped(path).into())),
        }
        with.push(("persist-credentials".into(), Data::Bool(self.pushes)));
        block.put("with", Data::Map(with));
        if self.pushes {
            block.note("A later step pushes: the credentials stay. Pushing needs `permissions: {contents: write}`.");
            ledger.manual(node, "checkout", "a later step pushes: give the job `permissions: {contents: write}`, or a key of its own");
        }
        self.put(
            node,
            block,
            Script::default(),
            (RunWhen::OnSuccess, condition.clone()),
            out,
            ledger,
        );
        if aside {
            let mut block = Block::default();
            block.note("The action empties the folder that it fills: what earlier steps left there stays in this way.");
            block
                .put("name", "Put the checkout in its place")
                .put("shell", "sh");
            let target = match path.strip_prefix("~/") {
                Some(rest) => format!("\"$HOME\"/{}", crate::transpile::lower::quoted(rest)),
                None if path == "~" => "\"$HOME\"".to_owned(),
                None if path.is_empty() => ".".to_owned(),
                None => crate::transpile::lower::quoted(&path),
            };
            let script = Script {
                text: format!("mkdir -p {target}\ncp -a .checkout/. {target}/\nrm -rf .checkout\n"),
                ..Script::default()
            };
            self.put(
                node,
                block,
                script,
                (RunWhen::OnSuccess, condition.clone()),
                out,
                ledger,
            );
        }
    }

    /// Writes the step that computes keys, where one has to, and returns the keys as texts.
    fn keys(
        &mut self,
        node: Node,
        keys: &[&str],
        when: (RunWhen, Bool),
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) -> (Vec<String>, Option<&'static str>) {
        let mut differs = None;
        let made: Vec<Key> = keys
            .iter()
            .map(|k| {
                let (key, why) = cache::key(k, self.context.parameters);
                differs = differs.or(why);
                key
            })
            .collect();
        let computed: Vec<&Script> = made
            .iter()
            .filter_map(|k| match k {
                Key::Shell(script) => Some(script),
                Key::Text(_) => None,
            })
            .collect();
        let mut id = String::new();
        if !computed.is_empty() {
            self.keys += 1;
            id = format!("key-{}", self.keys);
            let script = Script {
                text: cache::key_script(&computed),
                values: computed.iter().flat_map(|s| s.values.clone()).collect(),
                ..Script::default()
            };
            let mut block = Block::default();
            block
                .put("name", "Compute the key of the cache")
                .put("id", id.as_str())
                .put("shell", "sh");
            self.put(node, block, script, when, out, ledger);
        }
        let mut n = 0;
        let texts = made.into_iter().map(|key| match key {
            Key::Text(text) => text,
            Key::Shell(_) => {
                n += 1;
                format!("${{{{ steps.{id}.outputs.key{} }}}}", n - 1)
            }
        });
        (texts.collect(), differs)
    }

    fn save(
        &mut self,
        node: Node,
        save: &SaveCacheStep,
        condition: &Bool,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        for key in ["save_cache", "key", "paths", "run when"] {
            ledger.converted(node, key);
        }
        let when = (save.when, condition.clone());
        let (keys, differs) = self.keys(node, &[&save.key.value], when.clone(), out, ledger);
        let mut block = Block::default();
        if let Some(why) = differs {
            ledger.approximated(node, "key", why);
            block.note(format!("Differs: {why}."));
        }
        block.put(
            "name",
            save.name
                .as_deref()
                .map_or_else(|| "Save cache".to_owned(), |n| self.context.text(n)),
        );
        block.put("uses", CACHE_SAVE);
        let with = vec![
            (
                "path".to_owned(),
                cache::path_list(save, self.context.parameters).into(),
            ),
            ("key".to_owned(), keys.concat().into()),
        ];
        block.put("with", Data::Map(with));
        self.put(node, block, Script::default(), when, out, ledger);
    }

    fn restore(
        &mut self,
        node: Node,
        restore: &RestoreCacheStep,
        condition: &Bool,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        let keys: Vec<&str> = restore.keys.iter().map(|k| k.value.as_str()).collect();
        let title = restore
            .name
            .as_deref()
            .map_or_else(|| "Restore cache".to_owned(), |n| self.context.text(n));
        let Some((save, others)) = cache::paths(self.context.pipeline, &keys) else {
            let what = "no step of the config saves a cache under such a key: GitHub has to know the paths; add them";
            ledger.manual(node, "restore_cache", what);
            ledger.manual(node, "keys", what);
            let mut block = Block::default();
            block.note(format!("To do: {what}."));
            block.put("name", title).put("run", "true");
            self.put(
                node,
                block,
                Script::default(),
                (RunWhen::OnSuccess, condition.clone()),
                out,
                ledger,
            );
            return;
        };
        ledger.converted(node, "restore_cache");
        ledger.converted(node, "keys");
        let when = (RunWhen::OnSuccess, condition.clone());
        let (texts, differs) = self.keys(node, &keys, when.clone(), out, ledger);
        let mut block = Block::default();
        if let Some(why) = differs {
            ledger.approximated(node, "keys", why);
            block.note(format!("Differs: {why}."));
        }
        if others {
            let why = "caches with other paths begin with the same key: only those with these paths are found";
            ledger.approximated(node, "restore_cache", why);
            block.note(format!("Differs: {why}."));
        }
        block.put("name", title).put("uses", CACHE_RESTORE);
        let with = vec![
            (
                "path".to_owned(),
                cache::path_list(save, self.context.parameters).into(),
            ),
            (
                "key".to_owned(),
                texts.first().cloned().unwrap_or_default().into(),
            ),
            // At CircleCI every key is the beginning of one.
            (
                "restore-keys".to_owned(),
                texts
                    .iter()
                    .map(|t| format!("{t}\n"))
                    .collect::<String>()
                    .into(),
            ),
        ];
        block.put("with", Data::Map(with));
        self.put(node, block, Script::default(), when, out, ledger);
    }

    #[allow(clippy::too_many_arguments, reason = "what an upload is made of")]
    fn upload(
        &mut self,
        node: Node,
        title: &str,
        path: &str,
        to: Option<&str>,
        condition: &Bool,
        out: &mut Vec<Block>,
        ledger: &mut Ledger,
    ) {
        let n = self.artifacts;
        self.artifacts += 1;
        let job = self.job();
        let label: String = to
            .unwrap_or_default()
            .chars()
            .map(|c| match c {
                '"' | ':' | '<' | '>' | '|' | '*' | '?' | '\\' | '/' | '\r' | '\n' | '$' | '{'
                | '}' => '-',
                c => c,
            })
            .collect();
        let node_text = match job.parallelism > 1 {
            true => ".${{ matrix.node }}",
            false => "",
        };
        let id = crate::layer::encode_job(&actual(&job.name));
        let name = match label.trim_matches(['-', '.']) {
            "" => format!("{id}{node_text}.{n}"),
            label => format!("{id}{node_text}.{n}.{label}"),
        };
        let mut block = Block::default();
        block
            .put("name", self.context.text(title))
            .put("uses", UPLOAD);
        let with = vec![
            ("name".to_owned(), name.into()),
            ("path".to_owned(), path.into()),
            ("if-no-files-found".to_owned(), "warn".into()),
            ("include-hidden-files".to_owned(), Data::Bool(true)),
            ("overwrite".to_owned(), Data::Bool(true)),
        ];
        block.put("with", Data::Map(with));
        self.put(
            node,
            block,
            Script::default(),
            (RunWhen::Always, condition.clone()),
            out,
            ledger,
        );
    }

    fn docker(&self, node: Node, out: &mut Vec<Block>, ledger: &mut Ledger) {
        ledger.converted(node, "setup_remote_docker");
        ledger.approximated(node, "version", "the engine is the machine's own");
        ledger.approximated(
            node,
            "docker_layer_caching",
            "GitHub keeps no layers of images: cache them with buildx",
        );
        let mut block = Block::default();
        block.note("The machine's own docker engine: the image has to hold a client.");
        block
            .put("name", "Setup remote docker")
            .put("run", "docker version");
        self.put(
            node,
            block,
            Script::default(),
            (RunWhen::OnSuccess, Bool::Const(true)),
            out,
            ledger,
        );
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

/// Empties lines of blanks alone, which no block of YAML can hold; a heredoc's mean something.
fn without_blanks(text: &str) -> String {
    if text.contains("<<") {
        return text.to_owned();
    }
    let lines = text
        .split('\n')
        .map(|line| match line.trim_matches([' ', '\t']) {
            "" => "",
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// A word that ends a heredoc and stands in none of its lines.
fn end_of(text: &str, word: &str) -> String {
    let mut end = word.to_owned();
    while text.lines().any(|l| l == end) {
        end.push('_');
    }
    end
}

fn in_background(text: &str, shell: &str, n: usize) -> String {
    let end = end_of(text, "STEP");
    let text = text.trim_end_matches('\n');
    format!(
        "cat >\"$RUNNER_TEMP/background-{n}\" <<'{end}'\n{text}\n{end}\nnohup {shell} \"$RUNNER_TEMP/background-{n}\" >\"$RUNNER_TEMP/background-{n}.log\" 2>&1 </dev/null &\n"
    )
}

fn rerun(text: &str, shell: &str, reruns: u32, delay: u64) -> String {
    let end = end_of(text, "STEP");
    let text = text.trim_end_matches('\n');
    format!(
        "cat >\"$RUNNER_TEMP/rerun\" <<'{end}'\n{text}\n{end}\nleft={reruns}\nuntil {shell} \"$RUNNER_TEMP/rerun\"; do\n  code=$?\n  if [ \"$left\" -eq 0 ]; then exit \"$code\"; fi\n  left=$((left - 1))\n  sleep {delay}\ndone\n"
    )
}

/// Reads `30s`, `2m`, `1h`.
fn seconds(text: &str) -> u64 {
    humantime::parse_duration(text).map_or(0, |d| d.as_secs())
}
