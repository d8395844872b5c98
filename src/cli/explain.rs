//! `holdall explain`.

use super::{CliError, Ui};
use crate::{finding, lint};

/// Say why a rule exists, with a bad and a good example.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall explain path-globstar")]
pub(crate) struct Args {
    /// The rule's name, as findings print it.
    rule: String,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let Some(rule) = lint::rule(&args.rule) else {
        let error = CliError::usage(format!("there is no rule `{}`", args.rule));
        let near = finding::nearest(&args.rule, lint::rules().iter().map(|r| r.name));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`holdall rules` lists them"),
        });
    };
    ui.out(&format!(
        "{} ({}, {})\n\n{}\n",
        rule.name,
        rule.group.as_str(),
        rule.severity.as_str(),
        rule.markdown()
    ))?;
    Ok(0)
}
