//! What the configuration language has to say about a config: kinds of problem, collected, never
//! the first only. The rules of the linter turn them into findings.

use crate::finding::{Label, Severity};
use crate::plan::{Located, Spot};
use crate::yaml::Location;

/// Something wrong with a config, under the name of the rule that reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The rule.
    pub rule: &'static str,
    /// What is wrong, short.
    pub title: String,
    /// How bad it is, where that is not what the rule says.
    pub severity: Option<Severity>,
    /// The places, the primary one first.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// Why, and what the service says.
    pub notes: Vec<String>,
    /// The word in the primary place that is wrong, and what is meant instead, where that is known.
    pub meant: Option<(String, String)>,
    /// The workflow that it was met in, with the condition that keeps it from running where
    /// nobody says otherwise: the service does not see what is wrong there.
    pub asleep: Option<Located<String>>,
}

impl Problem {
    pub(crate) fn new(
        rule: &'static str,
        title: impl Into<String>,
        spot: impl Into<Spot>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            title: title.into(),
            severity: None,
            labels: labels(spot.into(), text.into()),
            help: None,
            notes: Vec::new(),
            meant: None,
            asleep: None,
        }
    }

    pub(crate) fn label(mut self, at: Location, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            at,
            text: text.into(),
            primary: false,
            used: false,
        });
        self
    }

    /// Says something else about the primary place.
    pub(crate) fn says(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first_mut() {
            label.text = text.into();
        }
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says what is meant by a wrong word.
    pub(crate) fn did_you_mean(self, wrong: &str, near: &str) -> Self {
        self.help(format!("did you mean `{near}`?"))
            .meant(wrong, near)
    }

    /// Says what stands right in the place of a wrong word.
    pub(crate) fn meant(mut self, wrong: &str, right: &str) -> Self {
        self.meant = Some((wrong.to_owned(), right.to_owned()));
        self
    }

    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What is surely refused, under a rule that warns else.
    pub(crate) fn error(mut self) -> Self {
        self.severity = Some(Severity::Error);
        self
    }

    /// What is doubtful and not known to be refused.
    pub(crate) fn warning(mut self) -> Self {
        self.severity = Some(Severity::Warning);
        self
    }

    /// What is worth knowing and no fault of the config.
    pub(crate) fn info(mut self) -> Self {
        self.severity = Some(Severity::Info);
        self
    }

    /// A part of the language that is read but not compiled.
    pub(crate) fn unsupported(what: &str, at: Location) -> Self {
        Self::new(
            UNSUPPORTED,
            format!("not supported yet: {what}"),
            at,
            "holdall does not look behind this",
        )
    }
}

/// Begins the labels of a finding: what is to be said about the real text first, then how it got
/// to where it is read.
pub(crate) fn labels(spot: Spot, text: String) -> Vec<Label> {
    let label = |at, text, primary, used| Label {
        at,
        text,
        primary,
        used,
    };
    let mut labels = vec![label(spot.at, text, true, false)];
    let used = spot.used.into_iter();
    labels.extend(used.map(|(at, text)| label(at, text, false, true)));
    let also = spot.also.into_iter();
    labels.extend(also.map(|(at, text)| label(at, text, false, false)));
    labels
}

/// An element of an orb whose source is not at hand: nothing that the config could do better.
pub(crate) fn orb_without_source(what: &str, at: Location) -> Problem {
    Problem::unsupported(&format!("{what} from orbs without source"), at).help(
        "put the orb's source into `.holdall/orbs/NAMESPACE/NAME@VERSION.yml`, or name its folder with `--orb-dir`",
    )
    .info()
}

/// The rule that names what holdall does not compile.
pub const UNSUPPORTED: &str = "not-supported";

/// Says each unsupported thing once, with its first places.
pub(super) fn fold_unsupported(problems: &mut Vec<Problem>) {
    const PLACES: usize = 3;
    let mut kept: Vec<Problem> = Vec::with_capacity(problems.len());
    let mut more: Vec<(usize, usize)> = Vec::new();
    for problem in problems.drain(..) {
        let same = (problem.rule == UNSUPPORTED)
            .then(|| {
                kept.iter()
                    .position(|k| k.rule == problem.rule && k.title == problem.title)
            })
            .flatten();
        let Some(i) = same else {
            kept.push(problem);
            continue;
        };
        if kept[i]
            .labels
            .iter()
            .any(|l| problem.labels.iter().any(|p| p.at == l.at))
        {
            continue;
        }
        if kept[i].labels.len() < PLACES {
            for mut label in problem.labels {
                label.primary = false;
                label.text = "nor behind this".to_owned();
                kept[i].labels.push(label);
            }
        } else {
            match more.iter_mut().find(|(k, _)| *k == i) {
                Some((_, n)) => *n += 1,
                None => more.push((i, 1)),
            }
        }
    }
    for (i, n) in more {
        let places = if n == 1 { "place" } else { "places" };
        kept[i].notes.push(format!("and in {n} more {places}"));
    }
    *problems = kept;
}
