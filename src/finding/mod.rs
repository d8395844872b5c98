//! The finding: what a rule has to say, with every place that it speaks of.

mod checkstyle;
mod concise;
mod fix;
mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod nearest;
mod place;
mod sarif;

use crate::yaml::{Location, Sources};

pub use fix::Fix;
pub use human::Look;
pub use nearest::nearest;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably wrong, or wasteful.
    Warning,
    /// Wrong from the text alone.
    Error,
}

impl Severity {
    /// Returns the word that output and settings use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Rests on something that is not in the text.
    Low,
    /// Depends on what a command or a glob does.
    Medium,
    /// Follows from the text.
    High,
}

impl Confidence {
    /// Returns the word that output uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The family that a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// YAML and the shape of the config.
    Structure,
    /// Names that must exist.
    References,
    /// Jobs and what they wait for.
    Graph,
    /// Layers: who makes them, who sees them.
    Workspace,
    /// What a stranger could use.
    Security,
    /// The comments that silence other rules.
    Suppression,
}

impl Group {
    /// Returns the word that output and folders use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::References => "references",
            Self::Graph => "graph",
            Self::Workspace => "workspace",
            Self::Security => "security",
            Self::Suppression => "suppression",
        }
    }
}

/// One place that a finding speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub at: Location,
    /// What is to be said about it; may be empty.
    pub text: String,
    /// Whether it is the place that the finding is reported at.
    pub primary: bool,
    /// Whether what is reported is read here, though its text stands elsewhere.
    pub used: bool,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The rule's family.
    pub group: Group,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What is wrong, short and the same for every case of the rule.
    pub title: String,
    /// The places, the primary one first.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// Why, and where from.
    pub notes: Vec<String>,
    /// The job whose step it is about, where it says that something is missing for that step.
    pub job: Option<String>,
    /// How it is mended, where a machine can.
    pub fix: Option<Fix>,
    /// The reason of the comment that silences it, if one does; it may be empty.
    pub suppressed: Option<String>,
    /// Stable under moving lines: of the rule, the place in the structure, and what stands there.
    pub fingerprint: String,
}

impl Finding {
    /// Returns the place that the finding is reported at.
    #[must_use]
    pub fn primary(&self) -> Option<&Label> {
        self.labels
            .iter()
            .find(|l| l.primary)
            .or_else(|| self.labels.first())
    }
}

/// The findings of one input, with the texts that they point into.
#[derive(Debug, Default)]
pub struct Report {
    /// The texts.
    pub sources: Sources,
    /// The findings, sorted by place.
    pub findings: Vec<Finding>,
    /// Those that a comment of the config silences.
    pub suppressed: Vec<Finding>,
}

impl Report {
    /// Says whether any finding is at least this bad.
    #[must_use]
    pub fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|f| f.severity >= severity)
    }
}

/// How many findings of each severity there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Pieces of information.
    pub infos: usize,
}

impl Counts {
    /// Counts the findings of all reports.
    #[must_use]
    pub fn of(reports: &[Report]) -> Self {
        let mut counts = Self::default();
        for finding in reports.iter().flat_map(|r| &r.findings) {
            match finding.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Info => counts.infos += 1,
            }
        }
        counts
    }
}

/// Renders findings with the text that they speak of, for a person.
#[must_use]
pub fn human(reports: &[Report], look: Look) -> String {
    let mut out: String = reports.iter().map(|r| frames(r, look)).collect();
    out.push_str(&summary(reports));
    out
}

/// Renders the findings of one report as [`human`] does, without the last line.
#[must_use]
pub fn frames(report: &Report, look: Look) -> String {
    human::frames(report, look)
}

/// Renders the last line of [`human`]: how many findings there are.
#[must_use]
pub fn summary(reports: &[Report]) -> String {
    human::summary(reports)
}

/// Renders a line a finding: `file:line:column: severity[rule] title`.
#[must_use]
pub fn concise(reports: &[Report]) -> String {
    concise::render(reports)
}

/// Renders the JSON report, version 1; `schemas/report.schema.json` describes it.
#[must_use]
pub fn json(reports: &[Report]) -> String {
    json::render(reports)
}

/// Renders one JSON object a line: a finding as in the JSON report.
#[must_use]
pub fn jsonl(reports: &[Report]) -> String {
    json::lines(reports)
}

/// What a report says of a rule.
#[derive(Debug, Clone)]
pub struct RuleInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its family.
    pub group: &'a str,
    /// Its level.
    pub severity: Severity,
    /// What it does, in a sentence or two.
    pub summary: String,
    /// Its documentation in Markdown.
    pub docs: String,
}

/// Renders SARIF 2.1.0; `rules` are those that were asked.
#[must_use]
pub fn sarif(reports: &[Report], rules: &[RuleInfo<'_>]) -> String {
    sarif::render(reports, rules)
}

/// Renders workflow commands of GitHub Actions.
#[must_use]
pub fn github(reports: &[Report]) -> String {
    github::render(reports)
}

/// Renders GitLab's Code Quality report.
#[must_use]
pub fn gitlab(reports: &[Report]) -> String {
    gitlab::render(reports)
}

/// Renders JUnit XML.
#[must_use]
pub fn junit(reports: &[Report]) -> String {
    junit::render(reports)
}

/// Renders Checkstyle XML.
#[must_use]
pub fn checkstyle(reports: &[Report]) -> String {
    checkstyle::render(reports)
}

/// Returns a list of names for a sentence, cut after `most`.
#[must_use]
pub fn listed<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let quoted: Vec<String> = names
        .iter()
        .take(most)
        .map(|n| format!("`{}`", n.as_ref()))
        .collect();
    let rest = names.len().saturating_sub(most);
    match (quoted.as_slice(), rest) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (all, rest) => format!("{} and {rest} more", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&["a"], 3), "`a`");
        assert_eq!(listed(&["a", "b", "c"], 3), "`a`, `b` and `c`");
        assert_eq!(listed(&["a", "b", "c", "d"], 2), "`a`, `b` and 2 more");
        assert_eq!(listed::<&str>(&[], 2), "");
    }
}
