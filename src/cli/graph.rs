//! `holdall graph`: jobs, layers and who sees them, in several forms.

use std::path::PathBuf;

use clap::ValueEnum;

use super::orbs::OrbArgs;
use super::settings::{self, Settings};
use super::values::ValueArgs;
use super::{CliError, Ui, error, gate, input};
use crate::flow::chart::{self, Chart};

/// Show jobs, layers and who sees them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall graph                          lists each job with its layers\n         holdall graph --format svg > graph.svg\n         holdall graph --format json > graph.json   for `holdall attach --job JOB --graph graph.json`"
)]
pub(crate) struct Args {
    /// The config; `-` reads stdin. Default: .circleci/config.yml.
    file: Option<PathBuf>,

    /// What to print. Default: text.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,

    /// Only this workflow.
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,

    #[command(flatten)]
    orbs: OrbArgs,

    /// Go on in spite of errors, without what they name.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    values: ValueArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A list for people.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// One JSON object; `holdall schema graph` describes it.
    Json,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let path = input::single(args.file.as_deref())?;
    let settings = Settings::of(&path)?;
    let mut checked = gate::read(&path, &args.orbs, args.values.given()?, true)?;
    gate::pass_language(&mut checked, args.force, ui)?;
    let mut chart = Chart::of(&checked.compiled.pipeline);
    if let Some(name) = &args.workflow {
        only(&mut chart, name)?;
    }
    let format = args
        .format
        .or_else(|| settings::word(&settings.formats.graph));
    let text = match format.unwrap_or(Format::Text) {
        Format::Text => chart::text(&chart),
        Format::Mermaid => {
            let text = chart::mermaid(&chart);
            if let Some(why) = chart::too_much_for_mermaid(&chart, &text) {
                ui.note(&format!(
                    "Mermaid may refuse to draw this: {why}; --workflow NAME makes it smaller, \
                     --format svg draws it"
                ));
            }
            text
        }
        Format::Dot => chart::dot(&chart),
        Format::Svg => chart::svg(&chart),
        Format::Json => {
            let text = serde_json::to_string_pretty(&chart)
                .map_err(|e| CliError::new(error::DEFECT, format!("no JSON: {e}")))?;
            format!("{text}\n")
        }
    };
    ui.out(&text)?;
    Ok(0)
}

fn only(chart: &mut Chart, name: &str) -> Result<(), CliError> {
    let names: Vec<String> = chart.workflows.iter().map(|w| w.name.clone()).collect();
    chart.workflows.retain(|workflow| workflow.name == name);
    match chart.workflows.is_empty() {
        false => Ok(()),
        true => Err(CliError::usage(format!("there is no workflow `{name}`"))
            .hint_name(name, names.iter().map(String::as_str))),
    }
}
