//! What may be said of a config whose text is not all YAML: the lines that could not be read may
//! hold what a finding misses. What is there stays said; what is missing is only said where it
//! cannot be in those lines.

use crate::circleci::Compiled;
use crate::finding::{Finding, Group};
use crate::yaml::{Location, SourceId, Span, Tree};

use super::rule;
use super::rule::Claim;

/// Rules that look a name up: it may be in the lines that are lost, if it is spelled there.
const OF_NAMES: [&str; 9] = [
    "undefined-alias",
    "undefined-command",
    "undefined-executor",
    "undefined-job",
    "undefined-orb",
    "undefined-parameter",
    "requires-ambiguous-job",
    "requires-matrix-base-name",
    "requires-unknown-job",
];

/// Rules that say that something is missing, or happens to be alone, anywhere in the config.
const OF_THE_WHOLE: [&str; 22] = [
    "approval-gates-nothing",
    "cache-key-never-restored",
    "concurrent-persist-conflict",
    "conditional-layer",
    "context-on-unfiltered-job",
    "continuation-misuse",
    "hidden-workflow-error",
    "layer-never-attached",
    "matrix-persist-conflict",
    "missing-version",
    "number-loses-digits",
    "old-version",
    "setup-misuse",
    "tag-filter-missing-upstream",
    "tag-job-runs-on-branches",
    "unknown-section",
    "unused-anchor",
    "unused-definition",
    "unused-suppression",
    "suppression-unbalanced",
    "upstream-never-runs",
    "workspace-outside-workflow",
];

/// Keeps what holds whatever the lost lines say.
pub(super) fn keep_sure(findings: &mut Vec<Finding>, compiled: &Compiled, text: &str) {
    if compiled.syntax.is_none() {
        return;
    }
    let lost = Lost {
        spans: &compiled.lost,
        words: compiled
            .lost
            .iter()
            .filter_map(|s| text.get(s.range()))
            .collect(),
        regions: regions(&compiled.tree),
    };
    findings.retain(|finding| lost.spares(finding));
}

struct Lost<'t> {
    spans: &'t [Span],
    words: Vec<&'t str>,
    /// The definitions of the config, each with all that belongs to it.
    regions: Vec<Span>,
}

impl Lost<'_> {
    fn spares(&self, finding: &Finding) -> bool {
        if finding.rule == "syntax-error" {
            return true;
        }
        let missing = rule(finding.rule).is_some_and(|r| r.claim == Claim::Missing);
        let of_the_whole = OF_THE_WHOLE.contains(&finding.rule)
            || (finding.rule == "missing-key" && finding.title.starts_with("the config "));
        if missing || of_the_whole {
            return false;
        }
        let Some(label) = finding.primary() else {
            return false;
        };
        if OF_NAMES.contains(&finding.rule) {
            return name(&label.text).is_some_and(|name| !self.spells(name));
        }
        // Where something of a definition is lost, its shape is not what it was; nor is what
        // another one expects of it.
        let shape = matches!(
            finding.group,
            Group::Structure | Group::References | Group::Graph
        );
        !shape || !finding.labels.iter().any(|l| self.touches(l.at))
    }

    /// Says whether a name, or a part of it, stands in the lost lines.
    fn spells(&self, name: &str) -> bool {
        let mut parts = name.split(['/', '.']);
        parts.any(|part| self.words.iter().any(|words| words.contains(part)))
    }

    /// Says whether a part of the definition around a place is lost.
    fn touches(&self, at: Location) -> bool {
        if at.source != SourceId::default() {
            return false;
        }
        let around = self.regions.iter().filter(|r| r.contains(at.span));
        // The smallest one; what stands in none is of the config as a whole.
        let Some(around) = around.min_by_key(|r| r.len()) else {
            return true;
        };
        let meets = |s: &&Span| s.start < around.end && around.start < s.end;
        self.spans.iter().find(meets).is_some()
    }
}

/// Returns the name that a label puts first.
fn name(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

/// Returns the definitions in the sections of a config, each up to the next one, and the sections.
fn regions(tree: &Tree) -> Vec<Span> {
    let mut out = Vec::new();
    let Some(root) = tree.root() else {
        return out;
    };
    let end = u32::try_from(tree.text().len()).unwrap_or(u32::MAX);
    let starts = |node: crate::yaml::Node<'_>| -> Vec<u32> {
        node.entries().map(|e| e.key.outer_span().start).collect()
    };
    let mut split = |starts: &[u32], end: u32| {
        let ends = starts.iter().skip(1).copied().chain([end]);
        let spans = starts.iter().zip(ends).map(|(start, end)| Span {
            start: *start,
            end: end.max(*start),
        });
        out.extend(spans);
    };
    let sections = starts(root);
    split(&sections, end);
    for (i, section) in root.entries().enumerate() {
        let end = sections.get(i + 1).copied().unwrap_or(end);
        split(&starts(section.value), end);
    }
    out
}
