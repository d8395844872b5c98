//! A `run` step: its script, its shell, where it runs, and in which way.

use super::shell::{dialect, in_background, rerun, shell};
use super::{Current, Writer};
use crate::circleci::actual;
use crate::plan::{Located, RunStep};
use crate::transpile::github::expr::Bool;
use crate::transpile::github::text;
use crate::transpile::github::write::Block;
use crate::transpile::lower::seconds;
use crate::transpile::values::{self, Dialect, Script};

impl Writer<'_> {
    pub(super) fn run(&mut self, current: &Current<'_>, run: &RunStep) {
        let (node, own) = (current.node, current.own());
        for key in [
            "shell",
            "environment",
            "background",
            "run when",
            own,
            "max_auto_reruns",
            "auto_rerun_delay",
            "working_directory",
        ] {
            self.ledger.converted(node, key);
        }
        let mut block = Block::default();
        if let Some(name) = &run.name {
            block.put("name", self.context.text(name));
        }
        let command = self.command(run);
        let dialect = dialect(&command);
        let mut script = values::script(&run.command.value, dialect);
        for name in &script.out_of_reach {
            let why = format!(
                "`{name}` stands where the shell reads no variable: it is written as it is here"
            );
            block.note(format!("Differs: {why}."));
            self.ledger.approximated(node, own, why);
        }
        if let Some(own_shell) = &run.shell {
            let text = shell(&self.context.text(own_shell));
            // The job's default may be another one.
            let default = self
                .context
                .default_shell(self.job())
                .map(|_| "bash".to_owned());
            if let Some(text) = text.or(default) {
                block.put("shell", text);
            }
        }
        if let Some(directory) = &run.working_directory {
            self.directory(directory, &mut block, &mut script, dialect);
        }
        if !run.environment.is_empty() {
            block.put("env", self.context.env(&run.environment));
        }
        if let Some(timeout) = &run.no_output_timeout {
            let why =
                "GitHub ends no step that is silent: only the time of the whole job is limited";
            self.ledger.approximated(node, "no_output_timeout", why);
            block.note(format!(
                "Differs: no_output_timeout {} is not held; {why}.",
                actual(&timeout.value)
            ));
        }
        if let Some(reruns) = &run.max_auto_reruns {
            let delay = run.auto_rerun_delay.as_ref();
            let delay = delay.and_then(|d| seconds(&d.value)).unwrap_or(0);
            script.text = rerun(&script.text, &command, reruns.value, delay);
        }
        if run.background {
            self.background += 1;
            script.text = in_background(&script.text, &command, self.background);
        }
        let (when, mut condition) = current.when(run.when);
        if run.deploy && self.job().parallelism > 1 {
            condition = Bool::all([condition, Bool::atom("matrix.node == 0")]);
            let why = "it does not wait for the other nodes";
            block.note(format!("Differs: {why}."));
            self.ledger.approximated(node, own, why);
        }
        if run.command.value.contains("circleci tests split")
            || run.command.value.contains("circleci tests run")
        {
            let why = "tests are split by name or size: GitHub keeps no timings";
            self.ledger.approximated(node, own, why);
            block.note(format!("Differs: {why}."));
        }
        self.put(current, block, script, (when, condition));
    }

    /// Returns the program that reads a step's script, with its arguments.
    fn command(&self, run: &RunStep) -> String {
        let job = self.job();
        let given = run.shell.as_ref().or(job.shell.as_ref().map(|s| &s.value));
        let command = match given {
            Some(shell) => actual(shell),
            None => match self.context.default_shell(job) {
                Some(_) => "sh -eo pipefail".to_owned(),
                None => "bash -eo pipefail".to_owned(),
            },
        };
        command.trim_end_matches("-c").trim_end().to_owned()
    }

    /// GitHub takes a folder below its workspace or an absolute one, and knows no `~`.
    fn directory(
        &self,
        path: &Located<String>,
        block: &mut Block,
        script: &mut Script,
        dialect: Dialect,
    ) {
        let own = actual(&self.job().working_directory.value);
        let text = self.context.located(path);
        let path = path.value.as_str();
        let below = actual(path);
        let below = below
            .strip_prefix(&own)
            .filter(|r| r.is_empty() || r.starts_with('/'));
        if let Some(rest) = below.filter(|_| actual(path) == path) {
            let rest = rest.trim_matches('/');
            if !rest.is_empty() {
                block.put("working-directory", text::escaped(rest));
            }
        } else if let Some(rest) = path.strip_prefix('~').filter(|_| dialect == Dialect::Posix) {
            let word = values::word(rest.trim_start_matches('/'));
            script.text = format!("cd \"$HOME\"/{}\n{}", word.text, script.text);
            script.values.extend(word.values);
        } else {
            block.put("working-directory", text);
        }
    }
}
