//! What a rule reads: the compiled config, the flow of each workflow, the text.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::circleci::{Compiled, Variant};
use crate::finding::Finding;
use crate::flow::{Attach, Flow, Place};
use crate::hash::HashSet;
use crate::plan::{Job, Located, PersistStep, Pipeline, RunStep, Spot, StepKind, Workflow};
use crate::yaml::{Location, Sources, Span, Tree};

use super::mend;
use super::remarks::ShellChecker;
use super::rule::{Fixable, Rule};
use super::rules::structure::shellcheck::SHELLCHECK;
use super::script::{Script, Texts};
use super::{Options, Platform, Tracked};

/// One config under the linter's eyes, under one outcome of its conditions or under all at once.
pub struct Context<'c> {
    texts: &'c Texts<'c>,
    pub(super) sources: &'c Sources,
    /// The files that the checkout brings, where they are known.
    tracked: Option<&'c Tracked<'c>>,
    shell: Option<&'c dyn ShellChecker>,
    platform: Platform,
    pub(super) compiled: &'c Compiled,
    pipeline: &'c Pipeline,
    /// The flow of each workflow that runs.
    pub(super) flows: Vec<Flow<'c>>,
    /// The flow of each workflow of the config, under all outcomes at once.
    everywhere: &'c [Flow<'c>],
    scripts: OnceCell<Vec<Rc<Script>>>,
}

/// A persist step with the job that it is in.
#[derive(Clone, Copy)]
pub(super) struct InJob<'c, T> {
    pub(super) job: &'c Job,
    pub(super) step: &'c T,
}

/// The `run` steps of a job, with their positions.
pub(super) fn runs(job: &Job) -> impl Iterator<Item = (usize, &RunStep)> {
    job.steps
        .iter()
        .enumerate()
        .filter_map(|(i, s)| match &s.kind {
            StepKind::Run(run) => Some((i, run)),
            _ => None,
        })
}

impl<'c> Context<'c> {
    /// Looks at all outcomes at once; `everywhere` are the flows of the compiled pipeline.
    pub(super) fn new(
        texts: &'c Texts<'c>,
        sources: &'c Sources,
        compiled: &'c Compiled,
        everywhere: &'c [Flow<'c>],
        options: &Options<'c>,
    ) -> Self {
        Self {
            texts,
            sources,
            tracked: options.tracked,
            platform: options.platform,
            shell: options.shell.filter(|_| options.selection.has(&SHELLCHECK)),
            compiled,
            pipeline: &compiled.pipeline,
            flows: everywhere.to_vec(),
            everywhere,
            scripts: OnceCell::new(),
        }
    }

    /// Looks at one outcome.
    pub(super) fn of_variant(&self, variant: &'c Variant) -> Self {
        Self {
            pipeline: &variant.pipeline,
            flows: variant.pipeline.workflows.iter().map(Flow::new).collect(),
            scripts: OnceCell::new(),
            ..*self
        }
    }

    /// Returns the files that the checkout brings, where they are known.
    pub(super) fn tracked(&self) -> Option<Arc<[String]>> {
        self.tracked.and_then(|tracked| tracked())
    }

    /// Says whether a server of one's own runs the pipelines.
    pub(super) fn on_server(&self) -> bool {
        self.platform == Platform::Server
    }

    /// Returns what checks scripts, where that is asked for.
    pub(super) fn shell_checker(&self) -> Option<&'c dyn ShellChecker> {
        self.shell
    }

    /// Returns the script of a `run` step as it is written.
    pub(super) fn script(&self, run: &RunStep) -> Option<Rc<Script>> {
        self.texts.script(&run.command)
    }

    /// Returns the scripts of all jobs, each once.
    pub(super) fn scripts(&self) -> &[Rc<Script>] {
        self.scripts.get_or_init(|| {
            let mut seen = HashSet::default();
            let all = self.jobs().flat_map(runs);
            let each = all.filter(|(_, run)| seen.insert(run.command.written()));
            each.filter_map(|(_, run)| self.script(run)).collect()
        })
    }

    /// The tree of the config itself.
    pub(super) fn tree(&self) -> &'c Tree {
        &self.compiled.tree
    }

    pub(super) fn workflows(&self) -> &'c [Workflow] {
        &self.pipeline.workflows
    }

    /// The flows of all workflows, under all outcomes of the conditions at once.
    pub(super) fn everywhere(&self) -> &'c [Flow<'c>] {
        self.everywhere
    }

    /// The flow of the same workflow under all outcomes of the conditions at once.
    pub(super) fn whole(&self, flow: &Flow<'_>) -> Option<&'c Flow<'c>> {
        let at = flow.workflow.origin.at;
        self.everywhere.iter().find(|f| f.workflow.origin.at == at)
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &'c Job> {
        self.workflows().iter().flat_map(|w| &w.jobs)
    }

    /// Every persist step of every job; one of a job that runs twice comes twice.
    pub(super) fn persists(&self) -> impl Iterator<Item = InJob<'c, PersistStep>> {
        self.jobs().flat_map(|job| {
            job.steps.iter().filter_map(move |s| match &s.kind {
                StepKind::Persist(step) => Some(InJob { job, step }),
                _ => None,
            })
        })
    }

    /// Every path that a workspace step names: root, items and attach targets, with the key.
    pub(super) fn workspace_paths(&self) -> Vec<(&'static str, &'c Located<String>)> {
        let mut out = Vec::new();
        for step in self.jobs().flat_map(|j| &j.steps) {
            match &step.kind {
                StepKind::Persist(p) => {
                    out.push(("root", &p.root));
                    out.extend(p.paths.iter().map(|i| ("paths", i)));
                }
                StepKind::Attach(a) => out.push(("at", &a.at)),
                _ => {}
            }
        }
        out
    }

    /// Returns the text of a place.
    pub(super) fn text(&self, at: Location) -> &'c str {
        self.sources.get(at.source).map_or("", |s| s.slice(at.span))
    }

    /// Returns where a piece of a value stands in its text; the whole value where the text is
    /// written otherwise (escapes, a template).
    pub(super) fn within(&self, value: &Located<String>, piece: &str) -> Spot {
        let spot = Spot::from(value);
        match self.text(spot.at).find(piece) {
            Some(i) if !piece.is_empty() => {
                let start = spot.at.span.start as usize + i;
                let span = Span::new(start, start + piece.len());
                let at = Location::new(spot.at.source, span);
                spot.narrowed(at)
            }
            _ => spot,
        }
    }

    /// Returns the findings that the compiler collected under a rule's name.
    pub(super) fn problems(&self, rule: &Rule, out: &mut Vec<Finding>) {
        for problem in self
            .compiled
            .problems
            .iter()
            .filter(|p| p.rule == rule.name)
        {
            let Some(first) = problem.labels.first() else {
                continue;
            };
            let draft = rule.finding(&problem.title, first.at, &first.text);
            let mut draft = draft.labels(&problem.labels);
            if let Some(severity) = problem.severity {
                draft = draft.severity(severity);
            }
            if let Some(help) = &problem.help {
                draft = draft.help(help);
            }
            for note in &problem.notes {
                draft = draft.note(note);
            }
            if let Some((wrong, right)) = &problem.meant {
                let safe = rule.fix == Fixable::Safe;
                draft = draft.fix(mend::word(self.tree(), first.at, wrong, right, safe));
            }
            out.push(draft.done());
        }
    }
}

/// Says whether a step names a layer's item where the attach puts it: below the attach's folder, or
/// by its own name in a step that works there. A bare word proves nothing: `build` may be a target
/// of make, `generated` a branch.
pub(super) fn names_attached(job: &Job, attach: &Attach<'_>, run: &RunStep, item: &str) -> bool {
    let item = item.trim_start_matches("./").trim_end_matches('/');
    let script = run.command.value.as_str();
    // Most pairs of a job and a path have nothing to do with each other: that is cheap to see.
    if memchr::memmem::find(script.as_bytes(), item.as_bytes()).is_none() {
        return false;
    }
    let written = attach.attach.at.value.trim_end_matches('/').to_owned();
    let mut spelled = vec![written, attach.at.to_string()];
    spelled.retain(|at| !at.is_empty() && at != ".");
    if spelled
        .iter()
        .any(|at| names_path(script, &format!("{at}/{item}")))
    {
        return true;
    }
    let directory = run
        .working_directory
        .as_ref()
        .map_or(".", |d| d.value.as_str());
    let works_in = Place::of_working_directory(&job.working_directory.value).join(directory);
    let works_there = works_in == attach.at
        || spelled
            .iter()
            .any(|at| names_path(script, &format!("cd {at}")));
    let as_path = item.contains(['/', '.'])
        || script.contains(&format!("{item}/"))
        || script.contains(&format!("./{item}"));
    works_there && as_path && names_path(script, item)
}

/// Says whether a script names a path: as a word, with or without something before or behind it.
pub(super) fn names_path(script: &str, path: &str) -> bool {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path.len() < 3 || path.contains(['*', '?', '[']) {
        return false;
    }
    let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let bytes = script.as_bytes();
    memchr::memmem::find_iter(bytes, path).any(|i| {
        let before = i == 0 || !part(bytes[i - 1]);
        let end = i + path.len();
        let after = bytes.get(end).is_none_or(|b| {
            !part(*b) || (*b == b'.' && bytes.get(end + 1).is_none_or(|c| !part(*c)))
        });
        before && after
    })
}

/// The run steps of a job behind a position.
pub(super) fn runs_after(job: &Job, step: usize) -> impl Iterator<Item = (&RunStep, Location)> {
    job.steps
        .iter()
        .skip(step + 1)
        .filter_map(|s| match &s.kind {
            StepKind::Run(run) => Some((run, run.command.at)),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::names_path;

    #[test]
    fn a_path_is_named_as_a_word() {
        assert!(names_path("cat /tmp/ws/echo-output", "echo-output"));
        assert!(names_path("ls ws/dist/", "dist"));
        assert!(names_path("run dist.", "./dist/"));
        assert!(!names_path("distribute", "dist"));
        assert!(!names_path("a-dist", "dist"));
        assert!(!names_path("dist.zip", "dist"));
        assert!(!names_path("x", "."));
    }
}
