//! Values of the pipeline from the command line: what a push or a trigger would bring.

use std::path::{Path, PathBuf};

use super::{CliError, input};
use crate::circleci::{Given, GivenError, GivenValue};
use crate::plan::GitRef;
use crate::yaml;

const BRANCH: &str = "pipeline.git.branch";
const TAG: &str = "pipeline.git.tag";

/// What the pipeline is compiled for.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Pipeline values")]
pub(super) struct ValueArgs {
    /// The branch that was pushed, `pipeline.git.branch`; there is no tag then.
    #[arg(long, value_name = "NAME")]
    pub(super) branch: Option<String>,

    /// The tag that was pushed, `pipeline.git.tag`; there is no branch then.
    #[arg(long, value_name = "NAME", conflicts_with = "branch")]
    pub(super) tag: Option<String>,

    /// A pipeline parameter; with a full name (`pipeline.number=7`) any value of the pipeline.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,

    /// YAML or JSON: a map of such names to values; maps below a full name continue it.
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,
}

impl ValueArgs {
    /// Returns the values; what is said on the command line wins over the file.
    pub(super) fn given(&self) -> Result<Given, CliError> {
        let mut given = Given::default();
        if let Some(path) = &self.values {
            read(path, &mut given)?;
        }
        let text = |text: &str| GivenValue::Text(text.to_owned());
        if self.branch.is_some() || self.tag.is_some() {
            given.set(BRANCH, text(""));
            given.set(TAG, text(""));
        }
        for said in &self.parameters {
            let Some((name, value)) = said.split_once('=').filter(|(name, _)| !name.is_empty())
            else {
                return Err(CliError::usage(format!(
                    "`--parameter {said}` says no name and value"
                ))
                .hint("write --parameter NAME=VALUE"));
            };
            given.set(name, GivenValue::Text(value.to_owned()));
        }
        if let Some(branch) = &self.branch {
            given.set(BRANCH, text(branch));
        }
        if let Some(tag) = &self.tag {
            given.set(TAG, text(tag));
        }
        match (given.text(BRANCH).is_some(), given.text(TAG).is_some()) {
            (true, true) => {
                return Err(CliError::usage("a branch and a tag are given")
                    .hint("a pipeline has one of them: leave the other out"));
            }
            // One leaves no room for what git says of the other.
            (true, false) => given.set(TAG, text("")),
            (false, true) => given.set(BRANCH, text("")),
            (false, false) => {}
        }
        Ok(given)
    }

    /// Says whether no value is given.
    pub(super) fn is_empty(&self) -> bool {
        self.branch.is_none()
            && self.tag.is_none()
            && self.parameters.is_empty()
            && self.values.is_none()
    }
}

/// Returns the push that values stand for, where they say one.
pub(super) fn pushed(given: &Given) -> Option<GitRef> {
    let branch = given
        .text(BRANCH)
        .map(|name| GitRef::Branch(name.to_owned()));
    branch.or_else(|| Some(GitRef::Tag(given.text(TAG)?.to_owned())))
}

/// Words given values that a config does not take.
pub(super) fn refused(errors: &[GivenError]) -> Option<CliError> {
    let (first, more) = errors.split_first()?;
    let mut error = CliError::usage(first.to_string());
    error.hints.extend(first.hint());
    error.notes.extend(first.note());
    error.notes.extend(more.iter().map(ToString::to_string));
    Some(error)
}

/// Reads a file of values.
fn read(path: &Path, given: &mut Given) -> Result<(), CliError> {
    let source = input::read(path).map_err(|mut error| {
        error.hints = vec!["`--values` names a file of the pipeline's values".to_owned()];
        error
    })?;
    let name = path.display();
    let wrong = |what: String| {
        CliError::usage(format!("{name} is no file of values: {what}")).hint(
            "write a map: `deploy: true` for a parameter, `pipeline.git.branch: main` for a value",
        )
    };
    // The other reader may hang on texts that ours refuses.
    let parsed = yaml::parse(source.text_arc());
    if let Some(error) = &parsed.error {
        return Err(wrong(error.message.clone()));
    }
    let data: serde_yaml::Value =
        serde_yaml::from_str(source.text()).map_err(|e| wrong(e.to_string()))?;
    match data {
        serde_yaml::Value::Null => Ok(()),
        serde_yaml::Value::Mapping(map) => entries("", &map, given).map_err(wrong),
        _ => Err(wrong("it holds no map".to_owned())),
    }
}

/// Takes the entries of a map: below a name, what the name begins.
fn entries(above: &str, map: &serde_yaml::Mapping, given: &mut Given) -> Result<(), String> {
    for (key, value) in map {
        let Some(key) = key.as_str() else {
            return Err("a name in it is no text".to_owned());
        };
        let name = match above {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        };
        let value = match value {
            serde_yaml::Value::Mapping(map) if is_full(&name) => {
                entries(&name, map, given)?;
                continue;
            }
            serde_yaml::Value::String(text) => GivenValue::Text(text.clone()),
            serde_yaml::Value::Bool(b) => GivenValue::Boolean(*b),
            serde_yaml::Value::Null => GivenValue::Null,
            serde_yaml::Value::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(n), _) => GivenValue::Integer(n),
                (None, Some(x)) => GivenValue::Number(x),
                (None, None) => return Err(format!("`{name}` is a number that is not read")),
            },
            _ => return Err(format!("`{name}` is no single value")),
        };
        given.set(&name, value);
    }
    Ok(())
}

/// Says whether a name is, or begins, the full name of a value of the pipeline.
fn is_full(name: &str) -> bool {
    name == "pipeline" || name.starts_with("pipeline.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(file: &str) -> Result<Given, CliError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("values.yml");
        std::fs::write(&path, file).unwrap();
        ValueArgs {
            values: Some(path),
            parameters: vec!["p=from the command line".to_owned()],
            ..ValueArgs::default()
        }
        .given()
    }

    #[test]
    fn flat_and_nested_names_mean_the_same() {
        let flat = "deploy: true\npipeline.parameters.n: 3\npipeline.git.branch: main\np: x\n";
        let nested = "pipeline:\n  parameters: {n: 3, deploy: true}\n  git.branch: main\n";
        let json = r#"{"deploy": true, "n": 3, "pipeline": {"git": {"branch": "main"}}}"#;
        for text in [flat, nested, json] {
            let given = of(text).unwrap();
            assert_eq!(given.text(BRANCH), Some("main"), "{text}");
            assert_eq!(
                given.text("pipeline.parameters.p"),
                Some("from the command line")
            );
            assert_eq!(
                pushed(&given),
                Some(GitRef::Branch("main".into())),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_file_of_values_is_refused() {
        for text in [
            "- a\n",
            "a: [1]\n",
            "a: {b: 1}\n",
            "1: 2\n",
            "a: [\n",
            "pipeline.git.tag: v1\npipeline.git.branch: main\n",
        ] {
            let error = of(text).unwrap_err();
            assert_eq!(error.code, crate::cli::error::USAGE, "{text}");
            assert!(!error.hints.is_empty(), "{text}");
        }
        assert!(of("").is_ok());
    }
}
