//! Setup configs, and how a pipeline is continued: one workflow, once, from a setup state
//! (circleci-semantics §5.11).

use super::compile::Compiler;
use super::problem::Problem;
use crate::plan::{Call, StepKind, Workflow};
use crate::yaml::Location;

/// Orbs whose elements continue a pipeline.
const CONTINUING: [&str; 2] = ["circleci/continuation@", "circleci/path-filtering@"];

impl Compiler<'_> {
    /// A setup config has one workflow.
    pub(super) fn check_setup(&mut self, workflows: &[Workflow]) {
        if !self.config.setup {
            return;
        }
        // Filters may keep one from running, and a schedule starts it alone.
        let sure = |w: &&Workflow| {
            w.condition.is_none()
                && w.schedules.is_empty()
                && w.jobs.iter().any(|j| j.filters.is_none())
        };
        let mut sure = workflows.iter().filter(sure);
        let (Some(first), Some(second)) = (sure.next(), sure.next()) else {
            return;
        };
        self.problems.push(
            Problem::new(
                "setup-many-workflows",
                "a setup config with several workflows",
                second.origin.at,
                format!("`{}` would run beside `{}`", second.name, first.name),
            )
            .label(first.origin.at, "this one runs too")
            .help("keep one, or put them under conditions of which one holds")
            .note("the service says: Max number of workflows exceeded."),
        );
    }

    /// A pipeline is continued once.
    fn continued_twice(&mut self, first: Location, second: Location) {
        self.problems.push(
            Problem::new(
                "continuation-misuse",
                "a pipeline that is continued twice",
                second,
                "it is in no setup state any more",
            )
            .label(first, "continued here")
            .help("join what the two continue with into one config")
            .note("the service says: Pipeline is not in setup state."),
        );
    }

    /// Only a setup config can be continued.
    pub(super) fn check_continuation(&mut self, workflows: &[Workflow]) {
        let continues = |reference: &str| CONTINUING.iter().any(|c| reference.starts_with(c));
        let orbs = self.config.library.orbs.iter();
        let aliases: Vec<&str> = orbs
            .filter(|o| o.reference.as_deref().is_some_and(continues))
            .map(|o| &*o.alias)
            .collect();
        if aliases.is_empty() {
            return;
        }
        let of_orb = |name: &str| {
            name.split_once('/')
                .is_some_and(|(a, _)| aliases.contains(&a))
        };
        let mut places: Vec<Location> = Vec::new();
        for job in workflows.iter().flat_map(|w| &w.jobs) {
            // What surely runs, one after the other.
            let mut here: Vec<Location> = Vec::new();
            let invoked = job.invokes.iter().filter(|i| of_orb(&i.name));
            places.extend(invoked.map(|_| job.origin.at));
            for step in job.steps.iter().filter(|_| job.invokes.is_none()) {
                if let StepKind::Opaque(call) = &step.kind
                    && of_orb(&call.name)
                {
                    places.push(step.origin.at);
                    here.extend(step.condition.is_none().then_some(step.origin.at));
                }
                let called = |c: &&Call| c.what.strip_prefix("command ").is_some_and(of_orb);
                if let Some(call) = step.origin.via.iter().find(called) {
                    places.push(call.at);
                    here.extend(step.condition.is_none().then_some(call.at));
                }
            }
            here.dedup();
            if let [first, second, ..] = here.as_slice()
                && first != second
            {
                self.continued_twice(*first, *second);
            }
        }
        if self.config.may_be_setup {
            return;
        }
        places.sort_unstable();
        places.dedup();
        for at in places {
            self.problems.push(
                Problem::new(
                    "continuation-misuse",
                    "a pipeline that is continued and is in no setup state",
                    at,
                    "this continues the pipeline",
                )
                .help("add `setup: true` below the version")
                .note("the service says: Pipeline is not in setup state."),
            );
        }
    }
}
