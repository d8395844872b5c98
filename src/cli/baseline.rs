//! Findings that are known already: a file with their fingerprints, which stay the same while lines
//! move.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CliError, write};
use crate::finding::Report;

/// The file, version 1.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    version: u32,
    findings: Vec<Known>,
}

/// One finding that is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Known {
    /// The config, as it was named.
    file: String,
    rule: String,
    fingerprint: String,
    /// For people who read the file.
    #[serde(default)]
    text: String,
}

impl Baseline {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            CliError::input(format!("cannot read the baseline {}: {e}", path.display()))
                .hint("`--update-baseline` makes it")
        })?;
        let baseline: Self = serde_json::from_str(&text).map_err(|e| {
            CliError::usage(format!("{} is no baseline: {e}", path.display()))
                .hint("`--update-baseline` makes it anew")
        })?;
        if baseline.version != 1 {
            return Err(CliError::usage(format!(
                "{} is of version {}, and this program knows 1",
                path.display(),
                baseline.version
            )));
        }
        Ok(baseline)
    }

    /// Takes what all findings of these reports are.
    pub(crate) fn of(reports: &[Report]) -> Self {
        let mut findings: Vec<Known> = reports
            .iter()
            .flat_map(|report| {
                let file = name(report);
                report.findings.iter().map(move |f| Known {
                    file: file.clone(),
                    rule: f.rule.to_owned(),
                    fingerprint: f.fingerprint.clone(),
                    text: f.primary().map(|l| l.text.clone()).unwrap_or_default(),
                })
            })
            .collect();
        findings.sort();
        Self {
            version: 1,
            findings,
        }
    }

    /// Drops the findings that are known; returns how many that were.
    pub(crate) fn drop_known(&self, reports: &mut [Report]) -> usize {
        let known: HashSet<(&str, &str)> = self
            .findings
            .iter()
            .map(|k| (k.file.as_str(), k.fingerprint.as_str()))
            .collect();
        let mut dropped = 0;
        for report in reports {
            let file = name(report);
            report.findings.retain(|f| {
                let new = !known.contains(&(file.as_str(), f.fingerprint.as_str()));
                dropped += usize::from(!new);
                new
            });
        }
        dropped
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CliError> {
        // A list of texts always has a JSON form.
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        write::text(path, &text).map_err(|e| {
            CliError::input(format!("cannot write the baseline {}: {e}", path.display()))
        })
    }

    /// Returns how many findings it holds.
    pub(crate) fn len(&self) -> usize {
        self.findings.len()
    }
}

fn name(report: &Report) -> String {
    let first = report.sources.iter().next();
    first.map(|(_, source)| source.name()).unwrap_or_default()
}
