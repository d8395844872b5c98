//! The builtin steps, each read with its keys (circleci-semantics §5.7).

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::problem::Problem;
use super::steps::unknown_key;
use super::value::{Data, Entry, Value};
use crate::plan::{
    AddSshKeysStep, AttachStep, CheckoutStep, Located, PersistStep, RestoreCacheStep, RunStep,
    RunWhen, SaveCacheStep, SetupRemoteDockerStep, StepKind, StoreArtifactsStep,
    StoreTestResultsStep,
};
use crate::yaml::Location;

/// Every step that the service knows, but for the deprecated `deploy`.
pub(crate) const STEP_NAMES: [&str; 14] = [
    "run",
    "checkout",
    "persist_to_workspace",
    "attach_workspace",
    "setup_remote_docker",
    "save_cache",
    "restore_cache",
    "store_artifacts",
    "store_test_results",
    "add_ssh_keys",
    "install_signing_bundle",
    "when",
    "unless",
    "steps",
];

/// What a `run` step may say (circleci-semantics §5.7).
const RUN_KEYS: [&str; 11] = [
    // Not documented; configs that run have it.
    "description",
    "command",
    "name",
    "shell",
    "environment",
    "background",
    "working_directory",
    "no_output_timeout",
    "when",
    "max_auto_reruns",
    "auto_rerun_delay",
];

/// Most characters of a cache's key (circleci-semantics §5.7).
const LONGEST_KEY: usize = 900;

/// Most reruns that a step or a workflow may ask for (circleci-semantics §4.8, §5.7).
pub(crate) const MOST_RERUNS: u32 = 5;

/// No builtin step has this name.
pub(super) struct NotBuiltin;

impl Compiler<'_> {
    /// Reads a builtin step that is no control flow; nothing where it cannot be read, which has
    /// been reported then.
    pub(super) fn builtin(
        &mut self,
        name: &str,
        value: &Value,
        name_at: Location,
    ) -> Result<Option<StepKind>, NotBuiltin> {
        let title = || text_key(value, "name").map(|n| n.value);
        // Version 2 took these spellings too; configs that ran for years have them.
        let name = match name {
            "save-cache" if !self.config.templates => "save_cache",
            "restore-cache" if !self.config.templates => "restore_cache",
            "store-artifacts" if !self.config.templates => "store_artifacts",
            name => name,
        };
        let kind = match name {
            "run" | "deploy" => self.run_step(name, value, name_at),
            "checkout" => Some(StepKind::Checkout(CheckoutStep {
                name: title(),
                path: text_key(value, "path"),
                method: text_key(value, "method"),
                depth: count_key(value, "depth"),
            })),
            "persist_to_workspace" => self.persist_step(value, name_at),
            "attach_workspace" => self.attach_step(value, name_at),
            "save_cache" => self.save_cache(value, name_at),
            "restore_cache" => self.restore_cache(value, name_at),
            "store_artifacts" => {
                let path =
                    self.required_text(value, "path", "this `store_artifacts` step", name_at);
                path.map(|path| {
                    StepKind::StoreArtifacts(StoreArtifactsStep {
                        name: title(),
                        path,
                        destination: text_key(value, "destination"),
                    })
                })
            }
            "store_test_results" => {
                let step = "this `store_test_results` step";
                let path = self.required_text(value, "path", step, name_at);
                path.map(|path| {
                    StepKind::StoreTestResults(StoreTestResultsStep {
                        name: title(),
                        path,
                    })
                })
            }
            "setup_remote_docker" => Some(StepKind::SetupRemoteDocker(SetupRemoteDockerStep {
                name: title(),
                version: text_key(value, "version"),
                docker_layer_caching: flag_key(value, "docker_layer_caching"),
                prefer_same_region: flag_key(value, "prefer_same_region"),
            })),
            "add_ssh_keys" => Some(StepKind::AddSshKeys(AddSshKeysStep {
                name: title(),
                fingerprints: value
                    .get("fingerprints")
                    .filter(|f| !f.value.is_null())
                    .map(|f| texts(&f.value)),
            })),
            "install_signing_bundle" => Some(StepKind::InstallSigningBundle),
            _ => return Err(NotBuiltin),
        };
        Ok(kind)
    }

    fn save_cache(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        let step = "this `save_cache` step";
        let key = self.required_text(value, "key", step, name_at);
        let Some(paths) = value.get("paths").filter(|p| !p.value.is_null()) else {
            self.problems.push(missing_key("paths", step, name_at));
            return None;
        };
        if let Some(key) = key
            .as_ref()
            .filter(|k| k.value.chars().count() > LONGEST_KEY)
        {
            self.problems.push(
                Problem::new(
                    "wrong-type",
                    "a cache's key that is too long",
                    key.at,
                    format!("more than {LONGEST_KEY} characters"),
                )
                .help("put a checksum of the files in the place of their names"),
            );
        }
        Some(StepKind::SaveCache(SaveCacheStep {
            name: text_key(value, "name").map(|n| n.value),
            key: key?,
            paths: texts(&paths.value),
            when: self.run_when(value),
        }))
    }

    /// Reads `restore_cache`: `key`, `keys` or both (circleci-semantics §5.7).
    fn restore_cache(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        let mut keys: Vec<Located<String>> = text_key(value, "key").into_iter().collect();
        if let Some(more) = value.get("keys") {
            keys.extend(texts(&more.value));
        }
        if keys.is_empty() {
            let problem = missing_key("key", "this `restore_cache` step", name_at)
                .help("add `key: …`, or `keys:` with a list of them");
            self.problems.push(problem);
            return None;
        }
        Some(StepKind::RestoreCache(RestoreCacheStep {
            name: text_key(value, "name").map(|n| n.value),
            keys,
        }))
    }

    fn run_when(&mut self, value: &Value) -> RunWhen {
        let Some(written) = text_key(value, "when") else {
            return RunWhen::OnSuccess;
        };
        let word = &written.value;
        let all = [RunWhen::OnSuccess, RunWhen::OnFail, RunWhen::Always];
        if let Some(when) = all.into_iter().find(|w| w.as_str() == *word) {
            return when;
        }
        if !word.contains("<<") {
            let mut problem = Problem::new(
                "enum-value",
                "a value that `when` does not know",
                &written,
                format!("`{word}` is none of `on_success`, `on_fail` and `always`"),
            );
            if let Some(near) = crate::finding::nearest(word, all.map(RunWhen::as_str)) {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            self.problems.push(problem);
        }
        RunWhen::OnSuccess
    }

    fn run_step(&mut self, key: &str, value: &Value, name_at: Location) -> Option<StepKind> {
        let deploy = key == "deploy";
        if let Some(command) = value.as_text().filter(|_| !value.is_null()) {
            return Some(StepKind::Run(RunStep {
                command: value.located(command),
                deploy,
                ..RunStep::default()
            }));
        }
        self.run_keys(value);
        let command = text_key(value, "command");
        let Some(command) = command else {
            self.problems.push(missing_key(
                "command",
                &format!("this `{key}` step"),
                name_at,
            ));
            return None;
        };
        let when = self.run_when(value);
        if let (Some(reruns), Some(background)) = (
            value.get("max_auto_reruns"),
            value
                .get("background")
                .filter(|_| flag_key(value, "background") == Some(true)),
        ) {
            self.problems.push(
                Problem::new(
                    "executor-combination",
                    "a step in the background that is run again",
                    reruns.key_at,
                    "`background` and `max_auto_reruns` do not go together",
                )
                .label(background.key_at, "the other one")
                .help("keep one of them"),
            );
        }
        let environment = match value.get("environment") {
            Some(e) => self.env_vars(&e.value, e.key_at),
            None => Vec::new(),
        };
        Some(StepKind::Run(RunStep {
            name: text_key(value, "name").map(|n| n.value),
            command,
            shell: text_key(value, "shell").map(|s| s.value),
            working_directory: text_key(value, "working_directory"),
            environment,
            background: flag_key(value, "background").unwrap_or_default(),
            when,
            no_output_timeout: text_key(value, "no_output_timeout"),
            max_auto_reruns: self.reruns(value),
            auto_rerun_delay: text_key(value, "auto_rerun_delay"),
            deploy,
        }))
    }

    /// Reads `max_auto_reruns`. None at all is said too, by parameters that default to it.
    pub(super) fn reruns(&mut self, value: &Value) -> Option<Located<u32>> {
        let entry = value
            .get("max_auto_reruns")
            .filter(|e| !e.value.is_null())?;
        if entry.value.is_templated() {
            return None;
        }
        match entry.value.data() {
            Data::Int(n) if (1..=i64::from(MOST_RERUNS)).contains(n) => {
                let count = u32::try_from(*n).unwrap_or(MOST_RERUNS);
                Some(entry.value.located(count))
            }
            // The structure check says the range.
            Data::Int(_) => None,
            _ => {
                self.problems.push(wrong_type(
                    &format!("`max_auto_reruns` is a whole number from 1 to {MOST_RERUNS}"),
                    &entry.value,
                    entry.key_at,
                ));
                None
            }
        }
    }

    fn persist_step(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        let step = "this `persist_to_workspace` step";
        self.unknown_keys(value, &["root", "paths", "name"], step);
        let root = self.required_text(value, "root", step, name_at);
        let Some(paths) = value.get("paths").filter(|p| !p.value.is_null()) else {
            self.problems.push(missing_key("paths", step, name_at));
            return None;
        };
        let mut list = Vec::new();
        let is_string = !paths.value.is_list();
        if is_string {
            match paths.value.as_text() {
                Some(text) => list.push(paths.value.located(text)),
                None => self.problems.push(wrong_type(
                    "`paths` is a list of paths",
                    &paths.value,
                    paths.key_at,
                )),
            }
        }
        for item in paths.value.items() {
            match item.value.as_text() {
                Some(text) => list.push(item.value.located(text)),
                None => self
                    .problems
                    .push(wrong_type("a path is text", &item.value, paths.key_at)),
            }
        }
        Some(StepKind::Persist(PersistStep {
            name: text_key(value, "name").map(|n| n.value),
            root: root?,
            paths: list,
            paths_at: paths.value.at(),
            paths_is_string: is_string,
            varies: value.is_open(),
        }))
    }

    fn attach_step(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        let step = "this `attach_workspace` step";
        self.unknown_keys(value, &["at", "name"], step);
        let at = self.required_text(value, "at", step, name_at)?;
        Some(StepKind::Attach(AttachStep {
            name: text_key(value, "name").map(|n| n.value),
            at,
            varies: value.is_open(),
        }))
    }

    fn required_text(
        &mut self,
        value: &Value,
        key: &str,
        of: &str,
        at: Location,
    ) -> Option<Located<String>> {
        let entry = value.get(key).filter(|e| !e.value.is_null());
        let Some(entry) = entry else {
            self.problems.push(missing_key(key, of, at));
            return None;
        };
        let text = entry.value.as_text();
        if text.is_none() {
            self.problems.push(wrong_type(
                &format!("`{key}` is text"),
                &entry.value,
                entry.key_at,
            ));
        }
        Some(entry.value.located(text?))
    }

    /// Names the keys of a workspace step that it does not take; the service refuses them.
    fn unknown_keys(&mut self, value: &Value, known: &[&str], of: &str) {
        for entry in value.entries().iter().filter(|e| !known.contains(&&*e.key)) {
            // Whether `when` works on every builtin step is not documented (circleci-semantics §11.8).
            if &*entry.key == "when" {
                if entry.value.as_str() != Some("on_success") {
                    let what = "`when` of a workspace step";
                    self.problems.push(Problem::unsupported(what, entry.key_at));
                }
                continue;
            }
            let problem = unknown_key(entry, known, of).note(format!(
                "the service says: extraneous key [{}] is not permitted",
                entry.key
            ));
            self.problems.push(problem);
        }
    }

    /// Names the keys of a `run` step that nothing reads. Configs that have them were seen to run,
    /// so this is no error; a misspelt `environment` is still lost.
    fn run_keys(&mut self, value: &Value) {
        // Version 2 ignores keys that it does not know (circleci-semantics §6).
        if self.config.templates {
            let unknown = |e: &&Entry| !RUN_KEYS.contains(&&*e.key);
            for entry in value.entries().iter().filter(unknown) {
                self.problems
                    .push(unknown_key(entry, &RUN_KEYS, "a `run` step").warning());
            }
        }
        let Some(delay) = value.get("auto_rerun_delay").filter(|d| !d.value.is_null()) else {
            return;
        };
        // The unit and the limit are documented; other texts are refused (circleci-semantics §5.7).
        let text = delay.value.as_text().unwrap_or_default();
        if !delay.value.is_templated() && rerun_delay(&text).is_none() {
            self.problems.push(
                Problem::new(
                    "wrong-type",
                    "a delay that the service does not read",
                    delay.value.at(),
                    "not seconds or minutes, of at most ten minutes",
                )
                .help("write `30s` or `2m`"),
            );
        }
        if value.get("max_auto_reruns").is_none() {
            self.problems.push(
                missing_key("max_auto_reruns", "this `run` step", delay.key_at)
                    .help("a delay needs `max_auto_reruns`, a number from 1 to 5"),
            );
        }
    }
}

/// Reads the delay of a rerun in seconds: `Ns` or `Nm`, at most ten minutes.
fn rerun_delay(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        _ => return None,
    };
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(seconds).filter(|s| *s <= 600)
}

/// Returns a key's value where it is a boolean, quoted or not.
fn flag_key(map: &Value, key: &str) -> Option<bool> {
    match map.get(key)?.value.data() {
        Data::Bool(b) => Some(*b),
        Data::Str(text) => text.parse().ok(),
        _ => None,
    }
}

/// Returns a key's value where it is a count.
fn count_key(map: &Value, key: &str) -> Option<Located<u32>> {
    let entry = map.get(key)?;
    match entry.value.data() {
        Data::Int(n) => Some(entry.value.located(u32::try_from(*n).ok()?)),
        _ => None,
    }
}

/// Returns the texts of a list, or one text.
pub(super) fn texts(value: &Value) -> Vec<Located<String>> {
    let values: Vec<&Value> = if value.is_list() {
        value.items().iter().map(|i| &i.value).collect()
    } else {
        vec![value]
    };
    values
        .into_iter()
        .filter(|v| !v.is_null())
        .filter_map(|v| Some(v.located(v.as_text()?)))
        .collect()
}
