//! The steps of a job as items of a script: each item calls one function of the driver, which
//! gives the step a shell of its own.

use std::collections::BTreeSet;

use super::cache::{self, Groups};
use super::facts;
use super::names;
use crate::circleci::actual;
use crate::layer::{Upstream, encode_job};
use crate::plan::{
    CheckoutStep, Job, RestoreCacheStep, RunStep, RunWhen, SaveCacheStep, Step, StepKind,
};
use crate::transpile::cache_key;
use crate::transpile::comments::Comments;
use crate::transpile::lower::{first_line, seconds, upstream_options};
use crate::transpile::values::{self, Dialect};
use crate::transpile::{Ledger, Node, Outcome, Runtime, own_key};
use crate::words::quoted;

/// What the steps of a job need besides their script.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Whether the repository is fetched, and how many commits of it; 0 is all of them.
    pub(super) checkout: Option<u32>,
    /// Whether layers are made.
    pub(super) persists: bool,
    /// Whether layers are applied.
    pub(super) attaches: bool,
    /// Whether files are kept for people.
    pub(super) artifacts: bool,
    /// Whether test reports are kept.
    pub(super) reports: bool,
    /// The groups of caches, and whether something is added to them.
    pub(super) caches: Vec<(String, bool)>,
    /// Whether containers are started.
    pub(super) docker: bool,
    /// Whether keys for SSH are used.
    pub(super) keys: bool,
    /// Whether a token that says who the job is is asked for.
    pub(super) token: bool,
    /// The values of the pipeline that are read as variables.
    pub(super) values: BTreeSet<String>,
    /// Whether the program of the service is called.
    pub(super) program: bool,
    /// Whether a step may be silent for longer than jobs of GitLab run unless they say so.
    pub(super) slow: bool,
}

/// A step as an item of the script.
#[derive(Debug)]
pub(super) struct Item {
    /// What is said about it.
    pub(super) comments: Vec<String>,
    /// The lines.
    pub(super) text: String,
}

/// A layer's job, with how many of its layers are there for sure.
pub(super) struct Source {
    /// The job and those before it.
    pub(super) upstream: Upstream,
    /// How many.
    pub(super) count: usize,
}

/// Writes the steps of a job and settles them.
pub(super) struct Writer<'a> {
    /// The job.
    pub(super) job: &'a Job,
    /// Its workflow and its place there.
    pub(super) place: (usize, usize),
    /// Whose layers it attaches.
    pub(super) sources: &'a [Source],
    /// The caches of the pipeline.
    pub(super) groups: &'a Groups,
    /// What the config says in comments.
    pub(super) comments: &'a Comments<'a>,
    /// What performs the layer operations.
    pub(super) runtime: Runtime,
    /// Where the items are settled.
    pub(super) ledger: &'a mut Ledger,
    /// What came up so far.
    pub(super) needs: Needs,
    /// How many layers were made so far.
    pub(super) layers: usize,
}

impl Writer<'_> {
    /// Writes all steps.
    pub(super) fn steps(&mut self) -> Vec<Item> {
        let job = self.job;
        let mut items = Vec::new();
        // Those of a step that leaves no item stand above the next one.
        let mut carried = Vec::new();
        for (s, step) in job.steps.iter().enumerate() {
            let before = s.checked_sub(1).and_then(|b| job.steps.get(b));
            carried.extend(owned(self.comments.step(before, step)));
            if let Some(mut item) = self.step(s, step) {
                item.comments.splice(0..0, std::mem::take(&mut carried));
                items.push(item);
            }
        }
        if let Some(last) = job.steps.last() {
            carried.extend(owned(self.comments.behind(last)));
        }
        items.push(Item {
            comments: carried,
            text: "holdall_finish".to_owned(),
        });
        items
    }

    fn step(&mut self, s: usize, step: &Step) -> Option<Item> {
        let node = Node::Step(self.place.0, self.place.1, s);
        let key = own_key(&step.kind);
        let mut comments = Vec::new();
        let condition = step.rule.as_ref().map(|rule| {
            let mut read = Vec::new();
            let written = names::command(rule, &mut read);
            match &written {
                Some(_) => self.needs.values.extend(read),
                None => {
                    let what = "write the condition of the step: it rests on what GitLab does not have, and the step does not run until then";
                    self.ledger.manual(node, "when", what);
                    comments.push(format!("To do: {what}"));
                }
            }
            written.unwrap_or_else(|| "false".to_owned())
        });
        self.ledger.converted(node, "when");
        let text = match &step.kind {
            StepKind::Run(run) => self.run(node, key, run, &mut comments),
            StepKind::Checkout(checkout) => self.checkout(node, s, checkout),
            StepKind::Persist(p) => {
                self.needs.persists = true;
                self.ledger.converted(node, key);
                let paths = self.words(p.paths.iter().map(|i| i.value.as_str()));
                let root = self.word(&p.root.value);
                let ordinal = self.layers;
                self.layers += 1;
                let title = title(p.name.as_deref(), key);
                let job = quoted(&encode_job(&self.job.name));
                format!(
                    "holdall_do on_success {title} holdall_persist {job} {ordinal} {root} {paths}"
                )
            }
            StepKind::Attach(a) => {
                self.needs.attaches = true;
                self.ledger.converted(node, key);
                let title = title(a.name.as_deref(), key);
                let at = self.word(&a.at.value);
                let sources = self.sources();
                format!("holdall_do on_success {title} holdall_attach {at}{sources}")
            }
            StepKind::SaveCache(save) => self.save(node, key, save, &mut comments),
            StepKind::RestoreCache(restore) => self.restore(node, key, restore, &mut comments),
            StepKind::StoreArtifacts(store) => {
                self.needs.artifacts = true;
                self.ledger.converted(node, key);
                self.ledger.converted(node, "destination");
                let to = store
                    .destination
                    .as_ref()
                    .map_or(store.path.value.as_str(), |d| d.value.as_str());
                let to = format!("{}/{}", encode_job(&self.job.name), below(&actual(to)));
                let title = title(store.name.as_deref(), key);
                format!(
                    "holdall_do always {title} holdall_store artifacts {} {}",
                    quoted(to.trim_end_matches('/')),
                    self.word(&store.path.value)
                )
            }
            StepKind::StoreTestResults(store) => {
                self.needs.reports = true;
                self.ledger.converted(node, key);
                let mut to = format!("{}/{s}", encode_job(&self.job.name));
                if store.path.value.ends_with(".xml") {
                    to.push_str("/report.xml");
                }
                let title = title(store.name.as_deref(), key);
                format!(
                    "holdall_do always {title} holdall_store tests {} {}",
                    quoted(&to),
                    self.word(&store.path.value)
                )
            }
            StepKind::SetupRemoteDocker(_) => {
                self.needs.docker = true;
                let why = "the engine is a service beside the job, which needs a runner that is privileged";
                self.ledger.approximated(node, key, why);
                self.ledger.approximated(
                    node,
                    "version",
                    "the engine's image says which version it is",
                );
                self.ledger
                    .approximated(node, "docker_layer_caching", super::executor::NO_LAYERS);
                return None;
            }
            StepKind::AddSshKeys(_) => {
                self.needs.keys = true;
                let what =
                    "put the private keys into the CI/CD variable SSH_PRIVATE_KEY, as a file";
                self.ledger.manual(node, key, what);
                self.ledger.manual(node, "fingerprints", what);
                comments.push(
                    "Needs the CI/CD variable SSH_PRIVATE_KEY with the private keys".to_owned(),
                );
                "holdall_do on_success add_ssh_keys holdall_ssh_keys".to_owned()
            }
            StepKind::InstallSigningBundle => {
                let what =
                    "install the certificates for Apple's code signing in a step of your own";
                self.ledger.manual(node, key, what);
                missing("install_signing_bundle", what, &mut comments)
            }
            StepKind::Opaque(call) => {
                let what = format!(
                    "write what `{}` does: its source is not known here",
                    call.name
                );
                self.ledger.manual(node, key, what.clone());
                missing(&call.name, &what, &mut comments)
            }
        };
        let text = match condition {
            Some(condition) => format!(
                "if {condition}; then\n{}\nfi\n",
                text.trim_end_matches('\n')
            ),
            None => text,
        };
        Some(Item { comments, text })
    }

    /// Quotes a text for the shell; values of the pipeline in it are variables.
    fn word(&mut self, text: &str) -> String {
        let word = values::word(text);
        self.needs.values.extend(word.values);
        word.text
    }

    fn words<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> String {
        let words: Vec<String> = texts.map(|t| self.word(t)).collect();
        words.join(" ")
    }

    fn checkout(&mut self, node: Node, s: usize, checkout: &CheckoutStep) -> String {
        let shallow = checkout
            .method
            .as_ref()
            .is_some_and(|m| m.value == "shallow");
        let depth = match (&checkout.depth, shallow) {
            (Some(depth), _) => depth.value,
            (None, true) => 1,
            (None, false) => 0,
        };
        // The deepest of several serves all of them.
        self.needs.checkout = Some(match self.needs.checkout {
            Some(before) if before == 0 || depth == 0 => 0,
            Some(before) => before.max(depth),
            None => depth,
        });
        let again = self.job.steps[..s]
            .iter()
            .any(|b| matches!(b.kind, StepKind::Checkout(_)));
        match again {
            true => self.ledger.approximated(
                node,
                "checkout",
                "GitLab fetches the repository once, before the job",
            ),
            false => self.ledger.converted(node, "checkout"),
        }
        for key in ["path", "method", "depth"] {
            self.ledger.converted(node, key);
        }
        let title = title(checkout.name.as_deref(), "checkout");
        let mut text = format!("holdall_do on_success {title} holdall_checkout");
        if let Some(path) = &checkout.path {
            text.push(' ');
            text.push_str(&self.word(&path.value));
        }
        text
    }

    fn save(
        &mut self,
        node: Node,
        key: &'static str,
        save: &SaveCacheStep,
        comments: &mut Vec<String>,
    ) -> String {
        let group = self.groups.name(&save.key.value);
        let word = cache_key::key(&save.key.value, &mut self.needs.values);
        self.ledger.approximated(node, key, cache::SCOPE);
        for key in ["paths", "run when"] {
            self.ledger.converted(node, key);
        }
        match word.left.as_deref().map(left_out) {
            Some(why) => {
                comments.push(capital(&why));
                self.ledger.approximated(node, "key", why);
            }
            None => self.ledger.converted(node, "key"),
        }
        self.cache(&group, true);
        let paths = self.words(save.paths.iter().map(|p| p.value.as_str()));
        let title = title(save.name.as_deref(), key);
        format!(
            "holdall_do {} {title} holdall_save_cache {} {} {}",
            save.when.as_str(),
            quoted(&group),
            word.word,
            paths
        )
    }

    fn restore(
        &mut self,
        node: Node,
        key: &'static str,
        restore: &RestoreCacheStep,
        comments: &mut Vec<String>,
    ) -> String {
        self.ledger.approximated(node, key, cache::SCOPE);
        let mut words = String::new();
        let mut group: Option<String> = None;
        for (nth, k) in restore.keys.iter().enumerate() {
            let word = cache_key::key(&k.value, &mut self.needs.values);
            let left = word.left.as_deref().map(left_out);
            let outcome = left.map_or(Outcome::Converted, |why| {
                comments.push(capital(&why));
                Outcome::Approximated(why)
            });
            self.ledger.settle_nth(node, "keys", nth, outcome);
            let own = self.groups.name(&k.value);
            self.cache(&own, false);
            if group.as_ref() != Some(&own) {
                // The first stands for itself.
                let mark = if group.is_some() { " -g" } else { "" };
                words.push_str(&format!("{mark} {}", quoted(&own)));
            }
            group = Some(own);
            words.push_str(&format!(" {}", word.word));
        }
        let title = title(restore.name.as_deref(), key);
        format!("holdall_do on_success {title} holdall_restore_cache{words}")
    }

    /// Names the jobs whose layers are attached, as the functions for layers read them.
    fn sources(&self) -> String {
        let mut out = String::new();
        for source in self.sources {
            let mut word = format!("{}={}", encode_job(&source.upstream.job), source.count);
            if self.runtime == Runtime::Sh {
                let after = source.upstream.after.iter().map(|j| encode_job(j));
                word.push(':');
                word.push_str(&after.collect::<Vec<_>>().join(","));
            }
            out.push(' ');
            out.push_str(&quoted(&word));
        }
        if self.runtime == Runtime::Binary {
            let jobs: Vec<&Upstream> = self.sources.iter().map(|s| &s.upstream).collect();
            out.push_str(" --");
            out.push_str(&upstream_options(&jobs));
        }
        out
    }

    /// Notes that a group of caches is used.
    fn cache(&mut self, group: &str, saves: bool) {
        match self.needs.caches.iter_mut().find(|(g, _)| g == group) {
            Some((_, known)) => *known |= saves,
            None => self.needs.caches.push((group.to_owned(), saves)),
        }
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
        let dialect = match shell {
            None => Dialect::Posix,
            Some(shell) if shell.contains("pwsh") || shell.contains("powershell") => {
                Dialect::PowerShell
            }
            Some(shell) if shell.contains("sh") => Dialect::Posix,
            Some(_) => Dialect::Other,
        };
        let written = values::script(&run.command.value, dialect);
        self.needs.values.extend(written.values.iter().cloned());
        if !written.out_of_reach.is_empty() {
            let names: Vec<&str> = written.out_of_reach.iter().map(String::as_str).collect();
            let why = format!(
                "what {} was when this file was written stands in the script",
                names.join(", ")
            );
            comments.push(capital(&why));
            self.ledger.approximated(node, key, why);
        }
        let script = written.text.as_str();
        self.ledger.converted(node, key);
        for key in [
            "shell",
            "working_directory",
            "environment",
            "background",
            "run when",
            "max_auto_reruns",
            "auto_rerun_delay",
        ] {
            self.ledger.converted(node, key);
        }
        if let Some(limit) = &run.no_output_timeout {
            self.ledger.approximated(
                node,
                "no_output_timeout",
                "GitLab limits how long a job runs, not how long it is silent",
            );
            comments.push(format!(
                "The service allowed {} without output; GitLab has a limit for the job alone",
                limit.value
            ));
            let long = seconds(&limit.value).is_some_and(|s| s > 3600);
            self.needs.slow |= long;
        }
        if run.deploy && self.job.parallelism > 1 {
            self.ledger.approximated(
                node,
                key,
                "the first node runs it without waiting for the others",
            );
        }
        if script.contains("CIRCLE_OIDC_TOKEN") {
            self.needs.token = true;
            let what = "let the cloud that checks the job's token trust GitLab's, whose issuer and claims are others";
            self.ledger.manual(node, key, what);
        }
        let read = written.values.iter().map(String::as_str);
        let own = facts::LACKING.iter().copied();
        for name in read.chain(own.filter(|name| script.contains(name))) {
            if let Some(why) = facts::lacks(name) {
                comments.push(capital(&why));
                self.ledger.approximated(node, key, why);
            }
        }
        let uses = |word: &str| script.contains(word);
        if crate::transpile::driver::calls_programs(script) {
            self.needs.program = true;
            if uses("split-by=timings") || uses("tests run") {
                let why = "tests are split by name: no timings are kept";
                self.ledger.approximated(node, key, why);
                comments.push(capital(why));
            }
        }
        let mut text = "holdall_run".to_owned();
        if run.when != RunWhen::OnSuccess {
            text.push_str(&format!(" -w {}", run.when.as_str()));
        }
        if let Some(shell) = shell {
            text.push_str(&format!(" -s {}", quoted(&actual(shell))));
        }
        if let Some(directory) = &run.working_directory {
            text.push_str(&format!(" -d {}", self.word(&directory.value)));
        }
        if run.background {
            text.push_str(" -b");
        }
        if let Some(reruns) = &run.max_auto_reruns {
            let pause = run.auto_rerun_delay.as_ref();
            let pause = pause.and_then(|d| seconds(&d.value)).unwrap_or(0);
            text.push_str(&format!(" -r {} {pause}", reruns.value));
        }
        let first = first_line(script);
        text.push_str(&format!(
            " {}",
            quoted(&one_line(run.name.as_deref().unwrap_or(&first)))
        ));
        for var in &run.environment {
            text.push_str(&format!(
                " {}",
                self.word(&format!("{}={}", var.name, var.value.value))
            ));
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
            text = format!("if [ \"$CIRCLE_NODE_INDEX\" = 0 ]; then\n{text}fi\n");
        }
        text
    }
}

/// Returns comments of the config as they are kept.
pub(super) fn owned(comments: Vec<&str>) -> Vec<String> {
    comments.into_iter().map(str::to_owned).collect()
}

/// What is said of a template that a key goes without.
fn left_out(template: &str) -> String {
    format!("GitLab has nothing like {template}: it is left out of the key")
}

/// A step that a person has to write: it fails until then, rather than to be left out.
fn missing(title: &str, what: &str, comments: &mut Vec<String>) -> String {
    comments.push(format!("To do: {what}"));
    let line = format!("printf '%s\\n' {} >&2", quoted(what));
    format!(
        "holdall_run {} <<'END'\n{line}\nexit 1\nEND\n",
        quoted(title)
    )
}

fn title(name: Option<&str>, key: &str) -> String {
    quoted(&one_line(name.unwrap_or(key)))
}

fn one_line(text: &str) -> String {
    actual(text)
        .replace(['\n', '\r'], " ")
        .trim_end()
        .to_owned()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// A path as it stands below another one.
fn below(path: &str) -> String {
    let parts = path
        .split('/')
        .filter(|p| !matches!(*p, "" | "." | ".." | "~"));
    parts.collect::<Vec<_>>().join("/")
}
