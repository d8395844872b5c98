//! Rules over every outcome of a config's conditions: what each rule found under each of them, and
//! what of that counts.
//!
//! A finding that something is there counts if it is found under any outcome. One that something
//! is missing counts only if it is missing under every outcome that has the step which needs it:
//! elsewhere another outcome brings what is missed.

use super::context::Context;
use super::rule::{Claim, Rule};
use crate::circleci::{Outcomes, Variant, when};
use crate::finding::Finding;
use crate::hash::HashMap;
use crate::plan::{Pipeline, Step, StepKind};
use crate::yaml::Location;

/// What tells findings of one rule apart: where they stand and what they say there.
type Key = (Location, String);

/// One finding, as the outcomes have it: it may be more serious under some of them.
struct Group {
    at: Location,
    kinds: Vec<Found>,
}

/// A finding with the outcomes, by number and in order, under which it was made.
struct Found {
    finding: Finding,
    under: Vec<usize>,
}

/// What one rule found so far.
struct OfRule {
    rule: &'static Rule,
    groups: Vec<Group>,
    known: HashMap<Key, usize>,
    places: HashMap<Location, usize>,
}

/// Checks rules under every outcome. `whole` looks at all of them at once.
pub(super) fn check<'c>(
    rules: impl Iterator<Item = &'static Rule>,
    whole: &Context<'c>,
    outcomes: &'c Outcomes,
    out: &mut Vec<Finding>,
) {
    let mut all: Vec<OfRule> = rules
        .map(|rule| OfRule {
            rule,
            groups: Vec::new(),
            known: HashMap::default(),
            places: HashMap::default(),
        })
        .collect();
    for (outcome, variant) in outcomes.variants.iter().enumerate() {
        // One at a time: the flows of all of them together may be large.
        let context = whole.of_variant(variant);
        for of_rule in &mut all {
            of_rule.look(&context, outcome, variant);
        }
    }
    for OfRule { rule, groups, .. } in all {
        let settled = groups.into_iter().filter_map(|g| g.settled(rule, outcomes));
        out.extend(settled);
    }
}

impl OfRule {
    fn look(&mut self, context: &Context<'_>, outcome: usize, variant: &Variant) {
        let Self {
            rule,
            groups,
            known,
            places,
        } = self;
        let mut findings = Vec::new();
        (rule.check)(context, &mut findings);
        let invented = variant.choices.iter().any(|choice| choice.invented);
        for finding in findings {
            let (at, text) = match finding.primary() {
                Some(label) => (label.at, label.text.clone()),
                None => Key::default(),
            };
            // Values that nothing in the config speaks of may stand in names: what was found in
            // the place before is the same, in better words.
            let before = places.get(&at).filter(|_| invented).copied();
            let group = known.get(&(at, text.clone())).copied().or(before);
            let group = group.unwrap_or_else(|| {
                groups.push(Group {
                    at,
                    kinds: Vec::new(),
                });
                groups.len() - 1
            });
            known.insert((at, text), group);
            places.entry(at).or_insert(group);
            groups[group].add(finding, outcome);
        }
    }
}

impl Group {
    fn add(&mut self, finding: Finding, outcome: usize) {
        let mut kinds = self.kinds.iter_mut();
        match kinds.find(|k| k.finding.severity == finding.severity) {
            Some(same) if same.under.last() == Some(&outcome) => {}
            Some(same) => same.under.push(outcome),
            None => self.kinds.push(Found {
                finding,
                under: vec![outcome],
            }),
        }
    }

    /// Returns the finding as it is reported, if it counts: as serious as it is at worst, with
    /// what it takes for that.
    fn settled(self, rule: &Rule, outcomes: &Outcomes) -> Option<Finding> {
        let variants = &outcomes.variants;
        let at = self.at;
        let concerned: Vec<usize> = match (rule.claim, self.kinds.first()) {
            (Claim::Missing, Some(Found { finding, .. })) => {
                let has = |variant: &Variant| match &finding.job {
                    Some(job) => has_step(&variant.pipeline, job, at),
                    None => true,
                };
                (0..variants.len()).filter(|i| has(&variants[*i])).collect()
            }
            _ => (0..variants.len()).collect(),
        };
        let found = |i: &usize| self.kinds.iter().any(|kind| kind.under.contains(i));
        if rule.claim == Claim::Missing && !concerned.iter().all(found) {
            return None;
        }
        let worst = self.kinds.into_iter().reduce(|a, b| {
            match b.finding.severity > a.finding.severity {
                true => b,
                false => a,
            }
        })?;
        let mut finding = worst.finding;
        let choices = outcomes.under(&worst.under, &concerned);
        if !choices.is_empty() {
            finding.notes.push(when(&choices));
        }
        Some(finding)
    }
}

/// Says whether a job of the pipeline has a step that stands in a place, or around it.
fn has_step(pipeline: &Pipeline, job: &str, at: Location) -> bool {
    let here = |step: &Step| {
        let whole = step.origin.at;
        (whole.source == at.source && whole.span.contains(at.span))
            || matches!(&step.kind, StepKind::Attach(attach) if attach.at.at == at)
    };
    pipeline
        .workflows
        .iter()
        .flat_map(|w| &w.jobs)
        .any(|j| j.name == job && j.steps.iter().any(here))
}
