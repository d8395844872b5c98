//! Which rules count, and at which level: by name, by group, by tag.

use std::collections::BTreeMap;

use super::{Rule, rules};
use crate::finding::{Finding, Group, Severity, nearest};

/// The level that somebody gives a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Its findings are dropped.
    Off,
    /// Its findings have this severity.
    At(Severity),
}

impl std::str::FromStr for Level {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "info" => Ok(Self::At(Severity::Info)),
            "warning" => Ok(Self::At(Severity::Warning)),
            "error" => Ok(Self::At(Severity::Error)),
            _ => Err(SelectionError::Level {
                level: text.to_owned(),
            }),
        }
    }
}

/// What is wrong with a selection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Neither a rule, nor a group, nor a tag has this name.
    #[error("no rule, group or tag is called `{name}`")]
    Unknown {
        /// What was written.
        name: String,
        /// The nearest name that there is.
        near: Option<String>,
    },
    /// No level has this name.
    #[error("`{level}` is none of off, info, warning and error")]
    Level {
        /// What was written.
        level: String,
    },
}

impl SelectionError {
    /// Returns what to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown {
                near: Some(near), ..
            } => format!("did you mean `{near}`?"),
            Self::Unknown { near: None, .. } => "`holdall rules` lists them".to_owned(),
            Self::Level { .. } => "write `RULE=off`, `info`, `warning` or `error`".to_owned(),
        }
    }
}

/// A choice of rules, with levels of their own. Without one every rule counts at its own level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    select: Vec<String>,
    ignore: Vec<String>,
    levels: BTreeMap<String, Level>,
}

impl Selection {
    /// Chooses every rule.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            select: Vec::new(),
            ignore: Vec::new(),
            levels: BTreeMap::new(),
        }
    }

    /// Keeps only what is selected; called several times, all of it.
    ///
    /// # Errors
    /// Nothing has this name.
    pub fn select(&mut self, name: &str) -> Result<(), SelectionError> {
        self.select.push(known(name)?);
        Ok(())
    }

    /// Drops what has this name.
    ///
    /// # Errors
    /// Nothing has this name.
    pub fn ignore(&mut self, name: &str) -> Result<(), SelectionError> {
        self.ignore.push(known(name)?);
        Ok(())
    }

    /// Gives rules a level; a later one wins, and that of a rule over that of its group.
    ///
    /// # Errors
    /// Nothing has this name.
    pub fn level(&mut self, name: &str, level: Level) -> Result<(), SelectionError> {
        self.levels.insert(known(name)?, level);
        Ok(())
    }

    /// Says whether a rule counts at all.
    #[must_use]
    pub fn has(&self, rule: &Rule) -> bool {
        let means = |name: &String| means(name, rule);
        (self.select.is_empty() || self.select.iter().any(means))
            && !self.ignore.iter().any(means)
            && self.level_of(rule) != Some(Level::Off)
    }

    fn level_of(&self, rule: &Rule) -> Option<Level> {
        let own = self.levels.get(rule.name);
        let group = || self.levels.get(rule.group.as_str());
        let tag = || rule.tags.iter().find_map(|t| self.levels.get(*t));
        own.or_else(tag).or_else(group).copied()
    }

    /// Drops findings of rules that do not count, and gives the others their level.
    pub(super) fn apply(&self, findings: &mut Vec<Finding>) {
        if self.select.is_empty() && self.ignore.is_empty() && self.levels.is_empty() {
            return;
        }
        findings.retain_mut(|finding| {
            let Some(rule) = super::rule(finding.rule) else {
                return true;
            };
            if let Some(Level::At(severity)) = self.level_of(rule) {
                finding.severity = severity;
            }
            self.has(rule)
        });
    }
}

fn means(name: &str, rule: &Rule) -> bool {
    name == "all" || name == rule.name || name == rule.group.as_str() || rule.tags.contains(&name)
}

fn known(name: &str) -> Result<String, SelectionError> {
    if rules().iter().any(|r| means(name, r)) {
        return Ok(name.to_owned());
    }
    let names = rules().iter().map(|r| r.name);
    let groups = [
        Group::Structure,
        Group::References,
        Group::Graph,
        Group::Workspace,
        Group::Security,
        Group::Suppression,
    ];
    let near = nearest(name, names.chain(groups.map(Group::as_str)));
    Err(SelectionError::Unknown {
        name: name.to_owned(),
        near: near.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_chosen_by_name_group_and_tag() {
        let rule = |name| super::super::rule(name).unwrap();
        let mut selection = Selection::new();
        selection.select("workspace").unwrap();
        selection.ignore("path-globstar").unwrap();
        assert!(selection.has(rule("path-absolute")));
        assert!(!selection.has(rule("path-globstar")) && !selection.has(rule("missing-key")));
        let mut selection = Selection::new();
        selection.select("next-compiler").unwrap();
        assert!(selection.has(rule("old-version")) && !selection.has(rule("path-absolute")));
        let mut selection = Selection::new();
        selection.level("workspace", Level::Off).unwrap();
        selection
            .level("path-absolute", Level::At(Severity::Info))
            .unwrap();
        assert!(selection.has(rule("path-absolute")) && !selection.has(rule("path-globstar")));
        let error = selection.select("path-absolut").unwrap_err();
        assert_eq!(error.hint(), "did you mean `path-absolute`?");
    }
}
