//! The workspace: a layer is one tar in an artifact of its own, which a later job downloads by its
//! name. Order and conflicts are settled where the layers are applied.

use super::Context;
use super::actions::{DOWNLOAD, UPLOAD};
use super::expr::Bool;
use super::write::Block;
use crate::layer::{encode_job, twin};
use crate::plan::{AttachStep, JobIndex, PersistStep, StepKind};
use crate::transpile::Runtime;
use crate::transpile::lower::{upstream, upstream_words, which};
use crate::transpile::values::{self, Script};
use crate::words::quoted;
use crate::yaml::Data;

/// Where the layers of a job lie.
const STORE: &str = "\"$RUNNER_TEMP/workspace\"";

/// The variable that holds the functions of the shell which make layers and unpack them.
const FUNCTIONS: &str = "HOLDALL_FUNCTIONS";

/// A layer, as a job that may attach it sees it.
struct Layer {
    /// The artifact.
    artifact: String,
    /// The file in it.
    file: String,
    /// When it is there; nothing where it always is.
    when: Option<Bool>,
}

impl Context<'_> {
    fn persists(&self, job: JobIndex) -> usize {
        let steps = &self.workflow.jobs[job].steps;
        steps
            .iter()
            .filter(|s| matches!(s.kind, StepKind::Persist(_)))
            .count()
    }

    /// Says whether a layer of an upstream job may be missing where another job runs.
    pub(super) fn may_lack(&self, maker: JobIndex, user: JobIndex) -> bool {
        let job = &self.workflow.jobs[maker];
        let conditional = job
            .steps
            .iter()
            .any(|s| matches!(s.kind, StepKind::Persist(_)) && s.rule.is_some());
        !self.graph.plain[user] || conditional || super::steps::halts(job)
    }

    /// Returns the upstream jobs of whose layers a job has to ask whether they are there.
    pub(super) fn asked(&self, user: JobIndex) -> Vec<JobIndex> {
        let attaches = self.workflow.jobs[user]
            .steps
            .iter()
            .any(|s| matches!(s.kind, StepKind::Attach(_)));
        let makers = self
            .graph
            .graph
            .upstream(user)
            .filter(|u| self.persists(*u) > 0);
        makers
            .filter(|u| attaches && self.may_lack(*u, user))
            .collect()
    }

    /// Returns what a job tells others of its layers, where one asks.
    pub(super) fn layer_outputs(&self, maker: JobIndex) -> Option<Data> {
        let asked = (0..self.workflow.jobs.len()).any(|u| self.asked(u).contains(&maker));
        if !asked {
            return None;
        }
        let nodes = self.workflow.jobs[maker].parallelism;
        let layers = (0..self.persists(maker)).flat_map(|k| (0..nodes.max(1)).map(move |n| (k, n)));
        let outputs = layers.map(|(k, n)| {
            let value = match nodes > 1 {
                // Of the outputs of several nodes one that is empty is left out.
                true => format!("${{{{ matrix.node == {n} && steps.layer-{k}.outcome || '' }}}}"),
                false => format!("${{{{ steps.layer-{k}.outcome }}}}"),
            };
            (output(nodes, k, n), Data::Str(value))
        });
        Some(Data::Map(outputs.collect()))
    }

    /// Returns the line that brings the functions of the shell which make layers and unpack them.
    fn functions(&self) -> String {
        let functions = twin::functions(twin::Verb::Both);
        self.shared(
            FUNCTIONS,
            &format!("{functions}{}", twin::carry_functions()),
        )
    }

    fn layers(&self, user: JobIndex) -> Vec<Layer> {
        let mut out = Vec::new();
        for maker in self.graph.graph.upstream(user) {
            let job = &self.workflow.jobs[maker];
            let name = encode_job(&job.name);
            for node in 0..job.parallelism.max(1) {
                for k in 0..self.persists(maker) {
                    let id = &self.graph.ids[maker];
                    let when = self.may_lack(maker, user).then(|| {
                        let output = output(job.parallelism, k, node);
                        Bool::Atom(format!("needs.{id}.outputs.{output} == 'success'"))
                    });
                    out.push(Layer {
                        artifact: format!("workspace.{name}.{node}.{k}"),
                        file: format!("layer-{k}.tar"),
                        when,
                    });
                }
            }
        }
        out
    }

    /// Writes a persist step: the layer, and its way to the other jobs.
    pub(super) fn persist(
        &self,
        job: JobIndex,
        k: usize,
        step: &PersistStep,
        mut make: Block,
    ) -> Vec<(Block, Script)> {
        let made = &self.workflow.jobs[job];
        let root = values::word(&step.root.value);
        let mut script = Script {
            values: root.values.clone(),
            ..Script::default()
        };
        let mut paths = Vec::new();
        for path in &step.paths {
            let word = values::word(&path.value);
            script.values.extend(word.values);
            paths.push(word.text);
        }
        let paths = paths.join(" ");
        let name = quoted(&made.name);
        script.text = match self.runtime {
            Runtime::Sh => format!(
                "{}store={STORE}\nhl_list \"$store\" >\"$RUNNER_TEMP/layer-{k}.list\"\nhl_persist \"$store\" {name} {} {paths}\nhl_pack \"$store\" \"$RUNNER_TEMP/layer-{k}.list\" \"$RUNNER_TEMP/layer-{k}.tar\"\n",
                self.functions(),
                root.text,
            ),
            Runtime::Binary => format!(
                "mkdir -p \"$RUNNER_TEMP/layer-{k}\"\nholdall persist --store \"$RUNNER_TEMP/layer-{k}\" --workspace default --job {name} --seq {k} --root {} -- {paths}\ntar -cf \"$RUNNER_TEMP/layer-{k}.tar\" -C \"$RUNNER_TEMP/layer-{k}\" .\n",
                tilde(&step.root.value, &root.text),
            ),
        };
        make.put("id", format!("layer-{k}"));
        make.put("shell", "sh");
        let mut send = Block::default();
        send.put("name", "Hand the layer on")
            .put("uses", UPLOAD.uses);
        let node = match made.parallelism > 1 {
            true => "${{ matrix.node }}",
            false => "0",
        };
        let with = vec![
            (
                "name".to_owned(),
                format!("workspace.{}.{node}.{k}", encode_job(&made.name)).into(),
            ),
            (
                "path".to_owned(),
                format!("${{{{ runner.temp }}}}/layer-{k}.tar").into(),
            ),
            ("if-no-files-found".to_owned(), "error".into()),
            ("compression-level".to_owned(), Data::Int(0)),
            ("retention-days".to_owned(), Data::Int(15)),
            ("overwrite".to_owned(), Data::Bool(true)),
        ];
        send.put("with", Data::Map(with));
        vec![(make, script), (send, Script::default())]
    }

    /// Writes an attach step; `first` says that the job has not downloaded its layers yet.
    pub(super) fn attach(
        &self,
        job: JobIndex,
        step: &AttachStep,
        first: bool,
        mut apply: Block,
    ) -> Vec<(Block, Script, Option<Bool>)> {
        let layers = self.layers(job);
        let mut out = Vec::new();
        if first {
            for layer in &layers {
                let mut block = Block::default();
                block
                    .put("name", format!("Get {}", layer.artifact))
                    .put("uses", DOWNLOAD.uses);
                let with = vec![
                    ("name".to_owned(), layer.artifact.as_str().into()),
                    (
                        "path".to_owned(),
                        format!("${{{{ runner.temp }}}}/layers/{}", layer.artifact).into(),
                    ),
                ];
                block.put("with", Data::Map(with));
                out.push((block, Script::default(), layer.when.clone()));
            }
        }
        let at = values::word(&step.at.value);
        let words = upstream_words(&upstream(self.workflow, &self.graph.graph, job));
        let mut text = match self.runtime {
            Runtime::Sh => format!("{}store={STORE}\n", self.functions()),
            Runtime::Binary => format!("store={STORE}\nmkdir -p \"$store\"\n"),
        };
        for layer in layers.iter().filter(|_| first) {
            let file = format!("\"$RUNNER_TEMP/layers/{}/{}\"", layer.artifact, layer.file);
            let take = match self.runtime {
                Runtime::Sh => format!("hl_take \"$store\" {file}"),
                Runtime::Binary => format!("tar -xof {file} -C \"$store\""),
            };
            text.push_str(&match layer.when {
                Some(_) => format!("if [ -f {file} ]; then {take}; fi\n"),
                None => format!("{take}\n"),
            });
        }
        text.push_str(&match self.runtime {
            Runtime::Sh => format!("hl_attach \"$store\" {} {}", at.text, words.join(" "))
                .trim_end()
                .to_owned(),
            Runtime::Binary => {
                let which = which(&upstream(self.workflow, &self.graph.graph, job));
                format!(
                    "holdall attach --store \"$store\" --workspace default{which} --at {}",
                    tilde(&step.at.value, &at.text)
                )
            }
        });
        text.push('\n');
        apply.put("shell", "sh");
        let script = Script {
            text,
            values: at.values,
            ..Script::default()
        };
        out.push((apply, script, None));
        out
    }
}

/// Returns the output in which a job says of a layer whether it is there.
fn output(nodes: u32, k: usize, node: u32) -> String {
    match nodes > 1 {
        true => format!("layer-{k}-{node}"),
        false => format!("layer-{k}"),
    }
}

/// Returns a path as a word in which the shell puts the home folder in place of `~`.
fn tilde(path: &str, word: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", values::word(rest).text),
        None if path == "~" => "\"$HOME\"".to_owned(),
        None => word.to_owned(),
    }
}
