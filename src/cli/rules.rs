//! `holdall rules`.

use clap::ValueEnum;

use super::{CliError, Ui};
use crate::lint;

/// List the rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall rules --format json")]
pub(crate) struct Args {
    /// How the list is printed.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let text = match args.format {
        Format::Table => table(),
        Format::Json => {
            let rules: Vec<_> = lint::rules()
                .iter()
                .map(|r| {
                    serde_json::json!({
                        "name": r.name,
                        "group": r.group,
                        "severity": r.severity,
                        "fix": r.fix,
                        "summary": r.summary(),
                        "docs": r.docs,
                    })
                })
                .collect();
            // A list of texts always has a JSON form.
            serde_json::to_string_pretty(&serde_json::json!({"version": 1, "rules": rules}))
                .unwrap_or_default()
                + "\n"
        }
    };
    ui.out(&text)?;
    Ok(0)
}

fn table() -> String {
    let widest = lint::rules()
        .iter()
        .map(|r| r.name.len())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    let mut group = None;
    for rule in lint::rules() {
        if group != Some(rule.group) {
            if group.is_some() {
                out.push('\n');
            }
            out.push_str(&format!("{}\n", rule.group.as_str()));
            group = Some(rule.group);
        }
        out.push_str(&format!(
            "  {:widest$}  {:7}  {:6}  {}\n",
            rule.name,
            rule.severity.as_str(),
            match rule.fix {
                lint::Fixable::No => "",
                lint::Fixable::Safe => "fix",
                lint::Fixable::Unsafe => "unsafe",
            },
            rule.summary()
        ));
    }
    out
}
