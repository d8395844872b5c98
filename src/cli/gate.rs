//! What stands between a config and a command that acts on it: a config with errors is shown with
//! its findings and refused, unless `--force` says otherwise.

use std::collections::HashSet;
use std::path::Path;

use super::orbs::OrbArgs;
use super::settings::Settings;
use super::{CliError, Ui, input, values};
use crate::circleci::{self, Given, Inputs, UNSUPPORTED};
use crate::finding::{self, Report, Severity};
use crate::lint::{self, Checked};
use crate::run;
use crate::yaml::Sources;

/// Reads and checks a config for a command that will act on it; `decide` says that conditions
/// are decided by the values at hand, those that are given before all.
pub(super) fn read(
    path: &Path,
    orbs: &OrbArgs,
    given: Given,
    decide: bool,
) -> Result<Checked, CliError> {
    let source = input::read(path)?;
    let sources = orbs.sources_or(path, Settings::of(path)?.orb_dir);
    let inputs = Inputs {
        orbs: &sources,
        facts: run::facts(&input::project_root(path)),
        given,
        decide,
        ..Inputs::default()
    };
    // What is not supported may be for information only, and stands in the way all the same.
    let options = lint::Options {
        least: Severity::Info,
        ..lint::Options::default()
    };
    let mut checked = lint::check_with(source, options, &inputs);
    let shown = |f: &finding::Finding| f.severity >= Severity::Warning || f.rule == UNSUPPORTED;
    checked.report.findings.retain(shown);
    if checked.compiled.orb {
        return Err(CliError::usage(format!(
            "{} is the source of an orb, which runs nothing by itself",
            path.display()
        ))
        .hint("`holdall lint` checks it; name a config that uses it"));
    }
    match values::refused(&checked.compiled.refused) {
        Some(error) => Err(error),
        None => Ok(checked),
    }
}

/// Compiles a config again for somebody who writes it down for other pipelines: values of the
/// pipeline stay marked in texts, and conditions over them open.
pub(super) fn open(
    path: &Path,
    orbs: &OrbArgs,
    given: Given,
) -> Result<(circleci::Compiled, Sources), CliError> {
    let sources = orbs.sources_or(path, Settings::of(path)?.orb_dir);
    let inputs = Inputs {
        orbs: &sources,
        facts: run::facts(&input::project_root(path)),
        given,
        stand_ins: true,
        ..Inputs::default()
    };
    let mut texts = Sources::default();
    let id = texts.add(input::read(path)?);
    let compiled = circleci::compile(&mut texts, id, &inputs);
    Ok((compiled, texts))
}

/// Lets a config pass, or shows why not. `whole` says that the command needs all of the language
/// that the config uses.
pub(super) fn pass(
    checked: &mut Checked,
    whole: bool,
    force: bool,
    ui: &Ui,
) -> Result<(), CliError> {
    let counts = finding::Counts::of(std::slice::from_ref(&checked.report));
    let stops =
        |f: &finding::Finding| f.severity == Severity::Error || (whole && f.rule == UNSUPPORTED);
    let stopped = checked.report.findings.iter().any(stops);
    if stopped && !force {
        let mut report = std::mem::take(&mut checked.report);
        report.findings.retain(stops);
        ui.talk(&finding::human(&[report], ui.look()));
        let error = if counts.errors > 0 {
            CliError::found("the config has errors")
        } else {
            CliError::found("the config uses parts of the language that are not supported yet")
        };
        return Err(error.hint("`--force` goes on all the same, without what the findings name"));
    }
    if counts.warnings > 0 {
        let s = if counts.warnings == 1 { "" } else { "s" };
        ui.note(&format!(
            "the config has {} warning{s}; `holdall lint` shows them",
            counts.warnings
        ));
    }
    Ok(())
}

/// Lets a config pass that the service would compile, or shows why it would not; what its
/// workspaces do is not looked at.
pub(super) fn pass_language(checked: &mut Checked, force: bool, ui: &Ui) -> Result<(), CliError> {
    let said: HashSet<&str> = checked.compiled.problems.iter().map(|p| p.rule).collect();
    let stops = |f: &finding::Finding| {
        f.severity == Severity::Error && (said.contains(f.rule) || f.rule == "requires-cycle")
    };
    if force || !checked.report.findings.iter().any(stops) {
        return Ok(());
    }
    let mut report = std::mem::take(&mut checked.report);
    report.findings.retain(stops);
    ui.talk(&finding::human(&[report], ui.look()));
    Err(
        CliError::found("the config has errors: the service would refuse it")
            .hint("`--force` goes on all the same, without what the findings name"),
    )
}

/// Shows places of a config that stand in a command's way.
pub(super) fn show(
    report: &mut Report,
    places: impl IntoIterator<Item = (String, crate::yaml::Location)>,
    ui: &Ui,
) {
    report.findings = places
        .into_iter()
        .map(|(what, at)| finding::Finding {
            rule: UNSUPPORTED,
            group: finding::Group::Structure,
            severity: Severity::Error,
            confidence: finding::Confidence::High,
            title: format!("not supported yet: {what}"),
            labels: vec![finding::Label {
                at,
                text: String::new(),
                primary: true,
                used: false,
            }],
            help: None,
            notes: Vec::new(),
            job: None,
            fix: None,
            suppressed: None,
            fingerprint: String::new(),
        })
        .collect();
    ui.talk(&finding::human(std::slice::from_ref(report), ui.look()));
}
