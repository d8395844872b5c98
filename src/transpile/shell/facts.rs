//! Values of the pipeline as variables of the scripts: what git says where a script runs, what the
//! parameters default to, and what only the service knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::circleci::{TextPart, text_parts};
use crate::transpile::values::{PARAMETER, Parameter, variable};
use crate::words::quoted;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// The parameters of a pipeline, and what its values are here.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) parameters: Vec<Parameter>,
}

/// A variable that carries a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    /// The line that sets it.
    pub(super) line: String,
    /// How it differs from what the service has, if it does.
    pub(super) why: Option<String>,
}

impl Facts {
    /// Returns the type of a value.
    pub(super) fn kind(&self, name: &str) -> Kind {
        if let Some(parameter) = name.strip_prefix(PARAMETER) {
            let own = self.parameters.iter().find(|p| p.name == parameter);
            return match own.map(|p| p.kind.as_str()) {
                Some("boolean") => Kind::Boolean,
                Some("integer") => Kind::Integer,
                _ => Kind::Text,
            };
        }
        match name {
            "pipeline.git.branch.is_default"
            | "pipeline.event.github.pull_request.merged"
            | "pipeline.event.github.pull_request.draft" => Kind::Boolean,
            "pipeline.number" | "pipeline.event.github.pull_request.number" => Kind::Integer,
            _ => Kind::Text,
        }
    }

    /// Returns the variable that carries a value, `here` being what it was when the scripts were
    /// written.
    pub(super) fn carried(&self, name: &str, here: &str) -> Carried {
        let mut why = None;
        let word = if let Some(parameter) = name.strip_prefix(PARAMETER) {
            let own = self.parameters.iter().find(|p| p.name == parameter);
            quoted(&own.map(default).unwrap_or_default())
        } else {
            let (word, differs) = of_value(name);
            match word {
                Some(word) => {
                    why = differs.map(|d| format!("{name} is {d}"));
                    word.to_owned()
                }
                None => {
                    why = Some(format!(
                        "only the service knows {name}: `--parameter {name}=VALUE` gives it, {} stands for it otherwise",
                        if here.is_empty() {
                            "nothing".to_owned()
                        } else {
                            format!("`{here}`")
                        }
                    ));
                    quoted(here)
                }
            }
        };
        Carried {
            line: format!("holdall_default {} {word}\n", variable(name)),
            why,
        }
    }
}

/// Returns the default of a parameter as templates write it.
pub(super) fn default(parameter: &Parameter) -> String {
    let default = parameter.default.clone().unwrap_or_default();
    match (parameter.kind.as_str(), default.as_str()) {
        ("boolean", "yes" | "on" | "True" | "TRUE") => "true".to_owned(),
        ("boolean", "no" | "off" | "False" | "FALSE") => "false".to_owned(),
        _ => default,
    }
}

/// Returns what a script puts in a value's place, with how that differs.
fn of_value(name: &str) -> (Option<&'static str>, Option<&'static str>) {
    let (word, differs) = match name {
        "pipeline.id" => ("\"$HOLDALL_WORKSPACE\"", None),
        "pipeline.number" => (
            "\"$HOLDALL_NUMBER\"",
            Some("the time at which the run began, in seconds"),
        ),
        "pipeline.trigger.received_at" => ("\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"", None),
        "pipeline.git.branch" => ("\"$HOLDALL_BRANCH\"", None),
        "pipeline.git.tag" => ("\"$HOLDALL_TAG\"", None),
        "pipeline.git.revision" | "pipeline.config.sha" | "pipeline.event.github.after" => {
            ("\"$holdall_revision\"", None)
        }
        "pipeline.git.base_revision" => (
            "\"$(holdall_git rev-parse --verify -q HEAD~1)\"",
            Some("the commit before the one that is checked out"),
        ),
        "pipeline.git.branch.is_default" => (
            "\"$(if [ \"origin/$HOLDALL_BRANCH\" = \"$(holdall_git symbolic-ref --short -q refs/remotes/origin/HEAD)\" ]; then echo true; else echo false; fi)\"",
            None,
        ),
        "pipeline.git.repo_url" | "pipeline.project.git_url" | "pipeline.config.repository.url" => {
            ("\"$holdall_origin\"", None)
        }
        "pipeline.git.repo_owner" => ("\"$holdall_owner\"", None),
        "pipeline.git.repo_name" | "pipeline.config.repository.name" => {
            ("\"$holdall_repository\"", None)
        }
        "pipeline.project.slug" => ("\"gh/$holdall_owner/$holdall_repository\"", None),
        "pipeline.git.commit.subject" => ("\"$(holdall_git log -1 --format=%s)\"", None),
        "pipeline.git.commit.body" => ("\"$(holdall_git log -1 --format=%b)\"", None),
        "pipeline.git.commit.author_name" => ("\"$(holdall_git log -1 --format=%an)\"", None),
        "pipeline.git.commit.author_email" => ("\"$(holdall_git log -1 --format=%ae)\"", None),
        "pipeline.git.commit.author_login" => (
            "\"$(holdall_git log -1 --format=%an)\"",
            Some("the author's name in git"),
        ),
        _ => return (None, None),
    };
    (Some(word), differs)
}

/// The values that a script reads, with what each is here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Values(BTreeMap<String, String>);

impl Values {
    /// Notes what is marked in a text.
    pub(super) fn see(&mut self, text: &str) {
        for part in text_parts(text) {
            if let TextPart::Value { name, here } = part {
                self.0.insert(name.to_owned(), here.to_owned());
            }
        }
    }

    /// Notes those of some names that are marked in a text.
    pub(super) fn see_some(&mut self, text: &str, names: &BTreeSet<String>) {
        let mut all = Self::default();
        all.see(text);
        self.0
            .extend(all.0.into_iter().filter(|(name, _)| names.contains(name)));
    }

    /// Notes values by their names.
    pub(super) fn add(&mut self, names: &BTreeSet<String>) {
        for name in names {
            self.0.entry(name.clone()).or_default();
        }
    }

    /// Returns the variables that carry them, in the order of the names.
    pub(super) fn carried<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = Carried> + 'a {
        self.0.iter().map(|(name, here)| facts.carried(name, here))
    }
}
