//! The steps of a job as lines of its script: each calls one function of the driver, which gives
//! the step a shell of its own.

use super::condition::{Command, command};
use super::facts::{Facts, Values};
use crate::circleci::actual;
use crate::plan::{CheckoutStep, Job, RunStep, RunWhen, SaveCacheStep, Step, StepKind};
use crate::transpile::comments::Comments;
use crate::transpile::lower::{first_line, seconds};
use crate::transpile::values::{self, Dialect};
use crate::transpile::{Ledger, Node, Outcome, cache_key, driver, own_key};
use crate::words::quoted;

/// What the steps of a job need besides their lines.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) checkout: bool,
    pub(super) persists: bool,
    pub(super) attaches: bool,
    pub(super) stores: bool,
    pub(super) caches: bool,
    pub(super) docker: bool,
    pub(super) keys: bool,
    pub(super) programs: bool,
    pub(super) conditions: bool,
    /// The values of the pipeline that are read.
    pub(super) values: Values,
}

/// Writes the steps of a job and settles them.
pub(super) struct Writer<'a> {
    pub(super) job: &'a Job,
    /// The workflow's place, and the job's in it.
    pub(super) place: (usize, usize),
    /// The words that name the jobs whose layers it attaches.
    pub(super) upstream: &'a [String],
    pub(super) facts: &'a Facts,
    /// What the config says in comments.
    pub(super) comments: &'a Comments<'a>,
    /// Variables of the job that a shell cannot export: each step is given them.
    pub(super) odd: &'a [String],
    pub(super) ledger: &'a mut Ledger,
    pub(super) needs: Needs,
}

impl Writer<'_> {
    /// Writes all steps.
    pub(super) fn steps(&mut self) -> String {
        let job = self.job;
        let mut out = String::new();
        for (s, step) in job.steps.iter().enumerate() {
            let before = s.checked_sub(1).and_then(|b| job.steps.get(b));
            let own = self.comments.step(before, step);
            out.push('\n');
            out.push_str(&super::carried(&own));
            out.push_str(&self.step(s, step));
        }
        if let Some(last) = job.steps.last() {
            out.push_str(&super::carried(&self.comments.behind(last)));
        }
        out
    }

    fn step(&mut self, s: usize, step: &Step) -> String {
        let node = Node::Step(self.place.0, self.place.1, s);
        let mut comments = Vec::new();
        let condition = step.rule.as_ref().map(|rule| {
            let Some(Command { text, values }) = command(rule, self.facts) else {
                let what = "write the condition of the step in its script: it rests on what a shell cannot ask for, and the step does not run until then";
                self.ledger.manual(node, "when", what);
                comments.push(format!("To do: {what}"));
                return "false".to_owned();
            };
            self.needs.conditions |= text.contains("holdall_");
            self.needs.values.add(&values);
            text
        });
        self.ledger.converted(node, "when");
        let text = self.lines(node, s, step, &mut comments);
        let comments: String = comments
            .iter()
            .map(|c| format!("# {}\n", super::comment(c)))
            .collect();
        match condition {
            Some(condition) => {
                format!("{comments}if {condition}; then\n{text}fi\n")
            }
            None => format!("{comments}{text}"),
        }
    }

    fn lines(&mut self, node: Node, s: usize, step: &Step, comments: &mut Vec<String>) -> String {
        let key = own_key(&step.kind);
        match &step.kind {
            StepKind::Run(run) => self.run(node, key, run, comments),
            StepKind::Checkout(checkout) => self.checkout(node, checkout),
            StepKind::Persist(p) => {
                self.needs.persists = true;
                self.ledger.converted(node, key);
                let words: Vec<String> = std::iter::once(&p.root)
                    .chain(&p.paths)
                    .map(|t| self.word(&t.value))
                    .collect();
                let call = format!("holdall_persist {}", words.join(" "));
                done(RunWhen::OnSuccess, p.name.as_deref(), key, &call)
            }
            StepKind::Attach(a) => {
                self.needs.attaches = true;
                self.ledger.converted(node, key);
                let at = self.word(&a.at.value);
                let call = format!("holdall_attach {at} {}", self.upstream.join(" "));
                done(RunWhen::OnSuccess, a.name.as_deref(), key, call.trim_end())
            }
            StepKind::SaveCache(save) => self.save(node, key, save, comments),
            StepKind::RestoreCache(restore) => {
                self.needs.caches = true;
                self.ledger.converted(node, key);
                let mut call = "holdall_restore_cache all".to_owned();
                for (nth, k) in restore.keys.iter().enumerate() {
                    let (word, outcome) = self.key(&k.value, comments);
                    self.ledger.settle_nth(node, "keys", nth, outcome);
                    call.push(' ');
                    call.push_str(&word);
                }
                done(RunWhen::OnSuccess, restore.name.as_deref(), key, &call)
            }
            StepKind::StoreArtifacts(store) => {
                self.needs.stores = true;
                self.ledger.converted(node, key);
                self.ledger.converted(node, "destination");
                let to = store
                    .destination
                    .as_ref()
                    .map_or(store.path.value.as_str(), |d| d.value.as_str());
                let to = below(&actual(to));
                let call = format!(
                    "holdall_store artifacts {} {}",
                    quoted(&to),
                    self.word(&store.path.value)
                );
                done(RunWhen::Always, store.name.as_deref(), key, &call)
            }
            StepKind::StoreTestResults(store) => {
                self.needs.stores = true;
                self.ledger.converted(node, key);
                let file = store.path.value.ends_with(".xml");
                let to = format!("{s}{}", if file { "/report.xml" } else { "" });
                let call = format!("holdall_store tests {to} {}", self.word(&store.path.value));
                done(RunWhen::Always, store.name.as_deref(), key, &call)
            }
            StepKind::SetupRemoteDocker(docker) => {
                self.needs.docker = true;
                let why = "the docker engine of this machine is used: it sees the files of the job, and keeps images";
                self.ledger.approximated(node, key, why);
                self.ledger
                    .approximated(node, "version", "the engine is the one of this machine");
                self.ledger.approximated(
                    node,
                    "docker_layer_caching",
                    "the engine of this machine keeps all layers of images",
                );
                comments.push(super::capital(why));
                done(
                    RunWhen::OnSuccess,
                    docker.name.as_deref(),
                    key,
                    "holdall_docker",
                )
            }
            StepKind::AddSshKeys(keys) => {
                self.needs.keys = true;
                let what = "put the private keys into the ssh agent of who runs the scripts";
                self.ledger.manual(node, key, what);
                self.ledger.manual(node, "fingerprints", what);
                comments.push(format!("To do: {what}"));
                done(
                    RunWhen::OnSuccess,
                    keys.name.as_deref(),
                    key,
                    "holdall_ssh_keys",
                )
            }
            StepKind::InstallSigningBundle => {
                let what =
                    "install the certificates for Apple's code signing in a step of your own";
                self.ledger.manual(node, key, what);
                missing("install_signing_bundle", what, comments)
            }
            StepKind::Opaque(call) => {
                let what = format!(
                    "write what `{}` does: its source is not known here",
                    call.name
                );
                self.ledger.manual(node, key, what.clone());
                missing(&call.name, &what, comments)
            }
        }
    }

    /// Quotes a text for the shell; values of the pipeline in it are variables.
    fn word(&mut self, text: &str) -> String {
        self.needs.values.see(text);
        values::word(text).text
    }

    /// Writes the key of a cache, and says whether all of it is there.
    fn key(&mut self, text: &str, comments: &mut Vec<String>) -> (String, Outcome) {
        self.needs.values.see(text);
        let mut read = std::collections::BTreeSet::new();
        let key = cache_key::key(text, &mut read);
        let outcome = match key.left {
            None => Outcome::Converted,
            Some(template) => {
                let why =
                    format!("a script has nothing like {template}: it is left out of the key");
                comments.push(super::capital(&why));
                Outcome::Approximated(why)
            }
        };
        (key.word, outcome)
    }

    fn checkout(&mut self, node: Node, checkout: &CheckoutStep) -> String {
        self.needs.checkout = true;
        for key in ["checkout", "path", "method", "depth"] {
            self.ledger.converted(node, key);
        }
        let path = match &checkout.path {
            Some(path) => self.word(&path.value),
            None => ".".to_owned(),
        };
        let shallow = checkout
            .method
            .as_ref()
            .is_some_and(|m| m.value == "shallow");
        let depth = match (&checkout.depth, shallow) {
            (Some(depth), _) => format!(" {}", depth.value),
            (None, true) => " 1".to_owned(),
            (None, false) => String::new(),
        };
        let call = format!("holdall_checkout {path}{depth}");
        done(
            RunWhen::OnSuccess,
            checkout.name.as_deref(),
            "checkout",
            &call,
        )
    }

    fn save(
        &mut self,
        node: Node,
        key: &'static str,
        save: &SaveCacheStep,
        comments: &mut Vec<String>,
    ) -> String {
        self.needs.caches = true;
        for key in [key, "paths", "run when"] {
            self.ledger.converted(node, key);
        }
        let (word, outcome) = self.key(&save.key.value, comments);
        self.ledger.settle(node, "key", &outcome);
        let mut call = format!("holdall_save_cache all {word}");
        for path in &save.paths {
            call.push(' ');
            call.push_str(&self.word(&path.value));
        }
        done(save.when, save.name.as_deref(), key, &call)
    }

    fn run(
        &mut self,
        node: Node,
        key: &'static str,
        run: &RunStep,
        comments: &mut Vec<String>,
    ) -> String {
        let shell = run
            .shell
            .as_ref()
            .or(self.job.shell.as_ref().map(|s| &s.value));
        let written = values::script(&run.command.value, dialect(shell));
        if written.out_of_reach.is_empty() {
            self.needs.values.see(&run.command.value);
        } else {
            self.needs
                .values
                .see_some(&run.command.value, &written.values);
            let names: Vec<&str> = written.out_of_reach.iter().map(String::as_str).collect();
            let why = format!(
                "what {} was when this script was written stands in the step",
                names.join(", ")
            );
            comments.push(super::capital(&why));
            self.ledger.approximated(node, key, why);
        }
        let script = written.text.as_str();
        for key in [
            key,
            "shell",
            "working_directory",
            "environment",
            "background",
            "run when",
            "max_auto_reruns",
            "auto_rerun_delay",
            "no_output_timeout",
        ] {
            self.ledger.converted(node, key);
        }
        self.programs(node, key, script, comments);
        let mut text = "holdall_run".to_owned();
        if run.when != RunWhen::OnSuccess {
            text.push_str(&format!(" -w {}", run.when.as_str()));
        }
        if let Some(shell) = shell {
            // The script is a file: it is no argument of -c.
            let shell = actual(shell);
            let words = shell.trim().trim_end_matches(" -c");
            text.push_str(&format!(" -s {}", quoted(words)));
        }
        if let Some(directory) = &run.working_directory {
            text.push_str(&format!(" -d {}", self.word(&directory.value)));
        }
        if let Some(limit) = run.no_output_timeout.as_ref() {
            let seconds = seconds(&limit.value).filter(|s| *s > 0);
            text.push_str(&format!(" -t {}", seconds.unwrap_or(600)));
        }
        if let Some(reruns) = &run.max_auto_reruns {
            let pause = run.auto_rerun_delay.as_ref();
            let pause = pause.and_then(|d| seconds(&d.value)).unwrap_or(0);
            text.push_str(&format!(" -r {} {pause}", reruns.value));
        }
        if run.background {
            text.push_str(" -b");
        }
        let title = one_line(run.name.as_deref().unwrap_or(&first_line(script)));
        if title.starts_with('-') {
            text.push_str(" --");
        }
        text.push_str(&format!(" {}", quoted(&title)));
        for word in self.odd {
            text.push(' ');
            text.push_str(word);
        }
        for var in &run.environment {
            let word = self.word(&format!("{}={}", var.name, var.value.value));
            text.push(' ');
            text.push_str(&word);
        }
        let mut end = String::from("END");
        while script.lines().any(|l| l == end) {
            end.push('_');
        }
        text.push_str(&format!(" <<'{end}'\n{script}"));
        if !script.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&end);
        text.push('\n');
        if run.deploy && self.job.parallelism > 1 {
            // The first node is the last one to run.
            return format!(
                "if [ \"$CIRCLE_NODE_INDEX\" = 0 ] && [ -z \"${{HOLDALL_NODES_FAILED:-}}\" ]; then\n{text}fi\n"
            );
        }
        text
    }

    /// Settles what a script calls that only the service has.
    fn programs(
        &mut self,
        node: Node,
        key: &'static str,
        script: &str,
        comments: &mut Vec<String>,
    ) {
        if script.contains("CIRCLE_OIDC_TOKEN") {
            let what =
                "export a token of your own as CIRCLE_OIDC_TOKEN: only the service makes such ones";
            self.ledger.manual(node, key, what);
            comments.push(format!("To do: {what}"));
        }
        if driver::calls_programs(script) {
            self.needs.programs = true;
            if script.contains("split-by=timings") || script.contains("tests run") {
                let why = "tests are split by name: no timings are kept";
                self.ledger.approximated(node, key, why);
                comments.push(super::capital(why));
            }
        }
    }
}

fn dialect(shell: Option<&String>) -> Dialect {
    match shell {
        None => Dialect::Posix,
        Some(shell) if shell.contains("pwsh") || shell.contains("powershell") => {
            Dialect::PowerShell
        }
        Some(shell) if shell.contains("sh") => Dialect::Posix,
        Some(_) => Dialect::Other,
    }
}

/// A step of the service: a function of ours in the job's folder.
fn done(when: RunWhen, name: Option<&str>, key: &str, call: &str) -> String {
    let title = quoted(&one_line(name.unwrap_or(key)));
    format!("holdall_do {} {title} {call}\n", when.as_str())
}

/// A step that a person has to write: it fails until then, rather than to be left out.
pub(super) fn missing(title: &str, what: &str, comments: &mut Vec<String>) -> String {
    comments.push(format!("To do: {what}"));
    format!(
        "holdall_run {} <<'END'\nprintf '%s\\n' {}\nexit 1\nEND\n",
        quoted(title),
        quoted(&super::comment(what))
    )
}

fn one_line(text: &str) -> String {
    actual(text)
        .replace(['\n', '\r'], " ")
        .trim_end()
        .to_owned()
}

/// A path as it stands below another one.
fn below(path: &str) -> String {
    let parts = path
        .split('/')
        .filter(|p| !matches!(*p, "" | "." | ".." | "~"));
    let parts: Vec<&str> = parts.collect();
    match parts.as_slice() {
        [] => ".".to_owned(),
        _ => parts.join("/"),
    }
}
