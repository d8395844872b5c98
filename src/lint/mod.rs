//! The linter: a registry of rules over a compiled config. Reads no file and prints nothing.

mod chain;
mod context;
mod fix;
mod machine;
mod mend;
mod outcomes;
mod partial;
mod pushes;
mod remarks;
mod rule;
mod rules;
mod script;
mod select;
mod shell;
mod suppress;
mod verify;

pub use context::Context;
pub use select::{Level, Selection, SelectionError};

pub use fix::{Fixed, Left, fix};
pub use remarks::{Remark, ShellChecker, ShellKind, ShellText};
pub use rule::{Claim, Fixable, Rule};
pub use verify::verify;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::circleci::{Compiled, Inputs, compile};
use crate::finding::{Finding, Report, Severity};
use crate::flow::Flow;
use crate::yaml::{Location, Source, SourceId, Sources};
use script::Texts;

/// All rules, by group and name.
#[must_use]
pub fn rules() -> &'static [&'static Rule] {
    rules::ALL
}

/// Returns a rule by its name.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    rules().iter().copied().find(|r| r.name == name)
}

/// All rules at their own levels.
static EVERYTHING: Selection = Selection::new();

/// Returns the files that the checkout would bring, relative to the repository's root, with `/`;
/// nothing where that is not known. Asked for only by a rule that needs it.
pub type Tracked<'o> = dyn Fn() -> Option<Arc<[String]>> + 'o;

/// What runs the pipelines: their limits differ (circleci-semantics §1.4, §4.2, §5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Platform {
    /// CircleCI's cloud.
    #[default]
    Cloud,
    /// A server of one's own.
    Server,
}

/// What is asked of the linter, and what is known around the config.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// The least severity that is reported.
    pub least: Severity,
    /// The files of the checkout.
    pub tracked: Option<&'o Tracked<'o>>,
    /// Which rules count, and at which level.
    pub selection: &'o Selection,
    /// What runs the pipelines.
    pub platform: Platform,
    /// What checks the scripts of `run` steps, where that is asked for.
    pub shell: Option<&'o dyn ShellChecker>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            least: Severity::Warning,
            tracked: None,
            selection: &EVERYTHING,
            platform: Platform::Cloud,
            shell: None,
        }
    }
}

/// A config after the linter: its findings, and what it compiled to.
#[derive(Debug)]
pub struct Checked {
    /// The findings with their texts.
    pub report: Report,
    /// The compiled config.
    pub compiled: Compiled,
}

/// Checks one config; orbs without source are opaque.
#[must_use]
pub fn check(source: Source, options: Options<'_>) -> Checked {
    let inputs = Inputs {
        part: true,
        ..Inputs::default()
    };
    check_with(source, options, &inputs)
}

/// Checks one config with orb sources and what else is known.
#[must_use]
pub fn check_with(source: Source, options: Options<'_>, inputs: &Inputs<'_>) -> Checked {
    let mut sources = Sources::default();
    let id = sources.add(source);
    let compiled = compile(&mut sources, id, inputs);
    let mut findings = Vec::new();
    {
        let everywhere: Vec<Flow<'_>> = compiled.pipeline.workflows.iter().map(Flow::new).collect();
        let texts = Texts::new(&sources, &compiled);
        let context = Context::new(&texts, &sources, &compiled, &everywhere, &options);
        let variants = &compiled.outcomes.variants;
        let (once, each): (Vec<&Rule>, Vec<&Rule>) = rules()
            .iter()
            .partition(|rule| rule.claim == Claim::Text || variants.is_empty());
        for rule in once {
            (rule.check)(&context, &mut findings);
        }
        let outcomes = &compiled.outcomes;
        outcomes::check(each.into_iter(), &context, outcomes, &mut findings);
    }
    if inputs.unpacked.is_some() {
        // What is wrong with the other files is said where they are checked themselves.
        let own = |at: Location| at.source == id || compiled.scripts.contains(&at.source);
        findings.retain(|f| f.primary().is_some_and(|l| own(l.at)));
    }
    let text = sources.get(id).map_or("", Source::text);
    let (mut findings, mut suppressed) = suppress::apply(findings, &compiled.tree);
    for list in [&mut findings, &mut suppressed] {
        // Behind the comments: what is missing for them may be in lines that could not be read.
        partial::keep_sure(list, &compiled, text);
        shown_only(list, &compiled);
        options.selection.apply(list);
        list.retain(|f| f.severity >= options.least);
        sort(list);
        fingerprint(list, &compiled, &sources);
        fix::guard(list, &compiled);
        chain::name_calls(list, &compiled.pipeline, &sources);
    }
    Checked {
        report: Report {
            sources,
            findings,
            suppressed,
        },
        compiled,
    }
}

/// Makes warnings of errors in what an orb's examples show: the service reads none of it.
fn shown_only(findings: &mut [Finding], compiled: &Compiled) {
    for finding in findings {
        let Some(at) = finding.primary().map(|l| l.at) else {
            continue;
        };
        let within =
            |example: &Location| example.source == at.source && example.span.contains(at.span);
        if finding.severity == Severity::Error && compiled.examples.iter().any(within) {
            finding.severity = Severity::Warning;
        }
    }
}

/// Sorts findings by place, and drops what a job that runs twice says twice.
fn sort(findings: &mut Vec<Finding>) {
    let place = |f: &Finding| f.primary().map(|l| l.at).unwrap_or_default();
    findings.sort_by(|a, b| {
        (place(a), a.rule, &a.title)
            .cmp(&(place(b), b.rule, &b.title))
            // The most serious of several at one place stays.
            .then(b.severity.cmp(&a.severity))
    });
    findings.dedup_by(|b, a| {
        a.rule == b.rule
            && place(a) == place(b)
            && a.primary().map(|l| &l.text) == b.primary().map(|l| &l.text)
    });
}

/// Gives each finding its fingerprint: of its rule, its place in the structure and its text, so that
/// it stays when lines move.
fn fingerprint(findings: &mut [Finding], compiled: &Compiled, sources: &Sources) {
    let mut seen = crate::hash::HashMap::default();
    for finding in findings {
        let Some(label) = finding.primary() else {
            continue;
        };
        let text = sources
            .get(label.at.source)
            .map_or("", |s| s.slice(label.at.span));
        let snippet: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // A text of an orb has no place in the structure of the config.
        let path = match label.at.source == SourceId::default() {
            true => compiled.tree.path_to(label.at.span),
            false => sources
                .get(label.at.source)
                .map_or_else(String::new, Source::name),
        };
        let base = format!("{}\n{path}\n{snippet}", finding.rule);
        let count = seen.entry(base.clone()).or_insert(0);
        *count += 1;
        let mut hash = Sha256::new();
        hash.update(base.as_bytes());
        hash.update(format!("\n{count}"));
        finding.fingerprint = hash
            .finalize()
            .iter()
            .take(12)
            .map(|b| format!("{b:02x}"))
            .collect();
    }
}
