//! What a rule is: a name, a family, a level, its documentation, and a check.

use super::context::Context;
use crate::circleci::labels;
use crate::finding::{Confidence, Finding, Group, Label, Severity};
use crate::plan::Spot;
use crate::yaml::Location;

/// A rule of the linter.
pub struct Rule {
    /// Its stable name.
    pub name: &'static str,
    /// Its family.
    pub group: Group,
    /// How bad its findings are where the rule does not say otherwise.
    pub severity: Severity,
    /// Its documentation in Markdown: the doc comment of its file.
    pub docs: &'static str,
    /// What its findings rest on.
    pub claim: Claim,
    /// The version of holdall that brought it.
    pub since: &'static str,
    /// Further names by which it is selected, `next-compiler` for one.
    pub tags: &'static [&'static str],
    pub(super) check: fn(&Context<'_>, &mut Vec<Finding>),
}

/// What a rule's findings rest on, where conditions of the config may come out one way or the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The text alone: the rule looks once, at both outcomes of every condition together.
    Text,
    /// Something that is there: it counts if it is found under any outcome.
    There,
    /// Something that is missing: it counts only if it is missing under every outcome that has
    /// the step which needs it.
    Missing,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Rule {
    /// Returns the documentation's first paragraph, as one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut lines = self
            .docs
            .lines()
            .map(str::trim)
            .skip_while(|l| l.is_empty() || l.starts_with('#'));
        let mut out = String::new();
        for line in lines.by_ref().take_while(|l| !l.is_empty()) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(line);
        }
        out
    }

    /// Returns the documentation without the blanks that its place in the code brings.
    #[must_use]
    pub fn markdown(&self) -> String {
        let lines = self.docs.lines().map(|l| l.strip_prefix(' ').unwrap_or(l));
        let text: Vec<&str> = lines.collect();
        text.join("\n").trim_end().to_owned()
    }

    /// Begins a finding of this rule.
    pub(super) fn finding(
        &self,
        title: impl Into<String>,
        spot: impl Into<Spot>,
        text: impl Into<String>,
    ) -> Draft {
        Draft(Finding {
            rule: self.name,
            group: self.group,
            severity: self.severity,
            confidence: Confidence::High,
            title: title.into(),
            labels: labels(spot.into(), text.into()),
            help: None,
            notes: Vec::new(),
            job: None,
            suppressed: None,
            fingerprint: String::new(),
        })
    }
}

/// A finding in the making.
pub(super) struct Draft(Finding);

impl Draft {
    pub(super) fn label(mut self, at: Location, text: impl Into<String>) -> Self {
        // Two labels on one place hide each other.
        if !self.0.labels.iter().any(|l| l.at == at) {
            self.0.labels.push(Label {
                at,
                text: text.into(),
                primary: false,
                used: false,
            });
        }
        self
    }

    /// Takes over the labels of a problem.
    pub(super) fn labels(mut self, labels: &[Label]) -> Self {
        self.0.labels = labels.to_vec();
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help = Some(text.into());
        self
    }

    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.0.notes.push(text.into());
        self
    }

    /// Says whose step the finding is about: what is missing is looked for where that job has it.
    pub(super) fn job(mut self, name: &str) -> Self {
        self.0.job = Some(name.to_owned());
        self
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    pub(super) fn confidence(mut self, confidence: Confidence) -> Self {
        self.0.confidence = confidence;
        self
    }

    pub(super) fn done(self) -> Finding {
        self.0
    }
}

/// Declares a rule; the doc comment in front of it is its documentation. What its findings rest on
/// stands behind the check, and is the text alone where nothing does; other fields follow by name.
macro_rules! declare_rule {
    ($(#[doc = $doc:literal])* $id:ident: $name:literal, $group:ident, $severity:ident, $check:expr $(, $field:ident = $value:expr)*) => {
        $crate::lint::rule::declare_rule! {
            $(#[doc = $doc])* $id: $name, $group, $severity, $check, Text $(, $field = $value)*
        }
    };
    ($(#[doc = $doc:literal])* $id:ident: $name:literal, $group:ident, $severity:ident, $check:expr, $claim:ident $(, $field:ident = $value:expr)*) => {
        $(#[doc = $doc])*
        #[allow(clippy::needless_update, reason = "a rule may name every field")]
        pub(crate) static $id: $crate::lint::Rule = $crate::lint::Rule {
            name: $name,
            group: $crate::finding::Group::$group,
            severity: $crate::finding::Severity::$severity,
            docs: concat!($($doc, "\n"),*),
            claim: $crate::lint::Claim::$claim,
            check: $check,
            $($field: $value,)*
            ..$crate::lint::rule::PLAIN
        };
    };
}
pub(crate) use declare_rule;

/// A rule of which nothing is said.
pub(crate) const PLAIN: Rule = Rule {
    name: "",
    group: Group::Structure,
    severity: Severity::Warning,
    docs: "",
    claim: Claim::Text,
    since: "0.1.0",
    tags: &[],
    check: |_, _| {},
};
