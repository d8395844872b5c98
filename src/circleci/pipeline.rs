//! Pipeline values: which there are, and what they are on a machine without a service.
//!
//! Both come from one table (circleci-semantics §5.12). What git says is handed in by whoever
//! calls; nothing here runs a program or reads a folder.

use std::sync::OnceLock;

use super::expr::{Lookup, Scalar};
use super::given::Settled;
use crate::finding::nearest;

const TABLE: &str = include_str!("data/pipeline-values.tsv");

/// A pipeline value, or a family of them whose members the documentation does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PipelineValue {
    /// The name; a family's ends with `.*`.
    pub(crate) name: &'static str,
    /// The type.
    pub(crate) kind: ValueKind,
    /// What stands in its place on a machine: a value, `{branch}` and the like for a fact, `-`
    /// where there is none.
    local: &'static str,
    /// What else there is to know, deprecation for example; empty where there is nothing.
    pub(crate) note: &'static str,
}

/// The type of a pipeline value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl PipelineValue {
    fn read(line: &'static str) -> Option<Self> {
        let mut cells = line.split('\t');
        let name = cells.next()?;
        let kind = match cells.next()? {
            "string" => ValueKind::Text,
            "integer" => ValueKind::Integer,
            "boolean" => ValueKind::Boolean,
            _ => return None,
        };
        Some(Self {
            name,
            kind,
            local: cells.next()?,
            note: cells.next().unwrap_or_default(),
        })
    }

    fn is_for(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(family) => name.len() > family.len() && name.starts_with(family),
            None => self.name == name,
        }
    }
}

/// Returns all pipeline values, in the order of the documentation.
pub(crate) fn values() -> &'static [PipelineValue] {
    static VALUES: OnceLock<Vec<PipelineValue>> = OnceLock::new();
    VALUES.get_or_init(|| {
        TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(PipelineValue::read)
            .collect()
    })
}

/// Returns the pipeline value with a name, its family's entry where it is not listed itself.
/// Pipeline parameters are none: they are declared by the config and known to it alone.
pub(crate) fn find(name: &str) -> Option<&'static PipelineValue> {
    let exact = values().iter().find(|value| value.name == name);
    exact.or_else(|| values().iter().find(|value| value.is_for(name)))
}

/// Returns the pipeline value that is meant by a name that is none.
pub(crate) fn suggestion(name: &str) -> Option<&'static str> {
    const SCOPE: &str = "pipeline.";
    // What all of them begin with says nothing about how near two of them are.
    let wrong = name.strip_prefix(SCOPE)?;
    let listed = || {
        values()
            .iter()
            .filter(|value| !value.name.ends_with('*'))
            .filter_map(|value| Some((value.name, value.name.strip_prefix(SCOPE)?)))
    };
    // `pipeline.branch` lacks a word, which is further from the name than a typing error.
    let mut longer = listed().filter(|(_, rest)| {
        rest.strip_suffix(wrong)
            .is_some_and(|before| before.ends_with('.'))
    });
    if let (Some((only, _)), None) = (longer.next(), longer.next()) {
        return Some(only);
    }
    let near = nearest(wrong, listed().map(|(_, rest)| rest))?;
    listed()
        .find(|(_, rest)| *rest == near)
        .map(|(name, _)| name)
}

/// What is known about the repository that a config is read in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The branch; none where a tag or a bare commit is checked out.
    pub branch: Option<String>,
    /// The tag that points at the commit.
    pub tag: Option<String>,
    /// The commit.
    pub revision: Option<String>,
    /// The project's URL.
    pub git_url: Option<String>,
    /// `github`, `bitbucket`, `gitlab`; `github` where it is not known.
    pub project_type: Option<String>,
}

/// The values of a pipeline that no service has started: what the official command line
/// fabricates, and what the user gives instead.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LocalValues {
    facts: Facts,
    given: Settled,
    /// Whether what only the service knows is nothing, not unknown.
    absent: bool,
    /// Whether texts keep marks of the values that are put in place.
    marks: bool,
}

impl LocalValues {
    /// Takes what is known about the repository.
    pub(crate) fn new(facts: Facts) -> Self {
        Self {
            facts,
            given: Settled::default(),
            absent: false,
            marks: false,
        }
    }

    /// Puts values in the place of the fabricated ones.
    pub(crate) fn with(mut self, given: Settled) -> Self {
        self.given = given;
        self
    }

    /// Takes values that only the service knows for absent, as a pipeline that nobody triggered
    /// has them.
    pub(crate) fn absent(mut self, absent: bool) -> Self {
        self.absent = absent;
        self
    }

    /// Keeps marks of values in texts.
    pub(crate) fn marking(mut self, marks: bool) -> Self {
        self.marks = marks;
        self
    }

    /// Says whether texts keep marks of values.
    pub(crate) fn marks(&self) -> bool {
        self.marks
    }

    /// Returns the value with a name where it was given, not fabricated.
    pub(crate) fn given(&self, name: &str) -> Option<&Scalar> {
        self.given.get(name)
    }

    /// Says whether the value with a name was given, not fabricated.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.get(name).is_some()
    }

    /// Returns what a pipeline value's name stands for: missing where it is no such name, unknown
    /// where nothing is known on this machine.
    pub(crate) fn get(&self, name: &str) -> Lookup {
        if let Some(value) = self.given.get(name) {
            return Lookup::Value(value.clone());
        }
        let Some(value) = find(name) else {
            return Lookup::Missing;
        };
        let text = |fact: &Option<String>| fact.clone().unwrap_or_default();
        let filled = match value.local {
            "-" if self.absent => return Lookup::Value(Scalar::Null),
            "-" => return Lookup::Unknown,
            // Absent facts are empty texts, as the official command line has them.
            "{branch}" => text(&self.facts.branch),
            "{tag}" => text(&self.facts.tag),
            "{revision}" => text(&self.facts.revision),
            "{git_url}" => text(&self.facts.git_url),
            "{project_type}" => match &self.facts.project_type {
                Some(kind) => kind.clone(),
                None => "github".to_owned(),
            },
            "\"\"" => String::new(),
            literal => literal.to_owned(),
        };
        typed(value.kind, &filled).map_or(Lookup::Unknown, Lookup::Value)
    }
}

fn typed(kind: ValueKind, text: &str) -> Option<Scalar> {
    match kind {
        ValueKind::Text => Some(Scalar::Str(text.to_owned())),
        ValueKind::Integer => text.parse().ok().map(Scalar::Int),
        ValueKind::Boolean => text.parse().ok().map(Scalar::Bool),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> LocalValues {
        LocalValues::new(Facts {
            branch: Some("main".into()),
            revision: Some("abc".into()),
            git_url: Some("https://github.com/o/r".into()),
            ..Facts::default()
        })
    }

    fn text(text: &str) -> Lookup {
        Lookup::Value(Scalar::Str(text.into()))
    }

    #[test]
    fn every_line_of_the_table_is_read_and_fits_its_type() {
        let lines: Vec<_> = TABLE.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(values().len(), lines.len());
        for (line, value) in lines.iter().zip(values()) {
            assert_eq!(line.split('\t').count(), 4, "{line}");
            assert!(value.name.starts_with("pipeline."), "{line}");
            let known = local().get(value.name) != Lookup::Unknown;
            assert_eq!(known, value.local != "-", "{line}");
        }
        let mut names: Vec<_> = values().iter().map(|v| v.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), values().len());
        let header = TABLE.lines().next().unwrap_or_default();
        assert!(header.starts_with("# Source:"), "{header}");
    }

    #[test]
    fn documented_names_are_known() {
        for name in [
            "pipeline.id",
            "pipeline.number",
            "pipeline.name",
            "pipeline.definition.id",
            "pipeline.integration_source",
            "pipeline.project.slug",
            "pipeline.git.branch.is_default",
            "pipeline.git.commit.author_login",
            "pipeline.config.repository.name",
            "pipeline.trigger.received_at",
            "pipeline.trigger_source",
            "pipeline.schedule.name",
            "pipeline.event.github.pull_request.merged",
            "pipeline.event.github.repository.full_name",
            "pipeline.event.github.sender.login",
            "pipeline.event.context.github.pr_url",
            "pipeline.deploy.reason",
            "pipeline.trigger_parameters.webhook.body",
            "pipeline.trigger_parameters.gitlab.anything",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
        for name in [
            "pipeline",
            "pipeline.git",
            "pipeline.branch",
            "pipeline.parameters.x",
            "pipeline.trigger_parameters.gitlab.",
            "parameters.id",
        ] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_wrong_name_leads_to_the_right_one() {
        for (wrong, right) in [
            ("pipeline.git.brnach", Some("pipeline.git.branch")),
            ("pipeline.trigger_sorce", Some("pipeline.trigger_source")),
            ("pipeline.revision", Some("pipeline.git.revision")),
            ("pipeline.tag", Some("pipeline.git.tag")),
            ("pipeline.url", None),
            ("pipeline.frobnication", None),
            ("git.branch", None),
        ] {
            assert_eq!(suggestion(wrong), right, "{wrong}");
        }
    }

    #[test]
    fn fabricated_values_are_the_official_command_lines() {
        let values = local();
        assert_eq!(
            values.get("pipeline.id"),
            text("00000000-0000-0000-0000-000000000001")
        );
        assert_eq!(values.get("pipeline.number"), Lookup::Value(Scalar::Int(1)));
        assert_eq!(
            values.get("pipeline.git.branch.is_default"),
            Lookup::Value(Scalar::Bool(false))
        );
        assert_eq!(values.get("pipeline.trigger_source"), text("webhook"));
        assert_eq!(values.get("pipeline.project.type"), text("github"));
        assert_eq!(values.get("pipeline.git.branch"), text("main"));
        assert_eq!(values.get("pipeline.git.revision"), text("abc"));
        assert_eq!(values.get("pipeline.git.base_revision"), text("abc"));
        assert_eq!(values.get("pipeline.git.tag"), text(""));
        assert_eq!(
            values.get("pipeline.git.repo_url"),
            text("https://github.com/o/r")
        );
        assert_eq!(values.get("pipeline.definition.id"), Lookup::Unknown);
        assert_eq!(values.get("pipeline.nope"), Lookup::Missing);
    }

    #[test]
    fn given_values_win() {
        let mut given = Settled::default();
        given.set("pipeline.number", Scalar::Int(7));
        given.set("pipeline.git.tag", Scalar::Str("v0".into()));
        given.set("pipeline.git.tag", Scalar::Str("v1".into()));
        let values = local().with(given);
        assert_eq!(values.get("pipeline.number"), Lookup::Value(Scalar::Int(7)));
        assert_eq!(values.get("pipeline.git.tag"), text("v1"));
        assert_eq!(values.get("pipeline.git.branch"), text("main"));
        assert!(values.is_given("pipeline.git.tag") && !values.is_given("pipeline.git.branch"));
    }
}
