//! `holdall attach`.

use std::path::PathBuf;

use super::layers::{failure, human, table};
use super::store::{StoreArgs, absolute};
use super::ui::counted;
use super::{CliError, Ui, meter, upstream};
use crate::layer::{AttachRequest, Upstream, Workspace};

/// Apply the layers of upstream jobs, in order.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall attach --at . --upstream build --upstream test\n         holdall graph --format json > graph.json\n         holdall attach --at . --job deploy --graph graph.json"
)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["upstream", "job", "all"])))]
pub(crate) struct Args {
    /// The target folder; made where it is missing.
    #[arg(long, value_name = "DIR")]
    at: PathBuf,
    /// A job whose layers apply; each is upstream of the next.
    #[arg(long, value_name = "JOB")]
    upstream: Vec<String>,
    /// Jobs among them that nothing orders, such as `a,b`.
    #[arg(long, value_name = "JOB,JOB", requires = "upstream")]
    concurrent: Vec<String>,
    /// The job that attaches: the graph says what is upstream of it.
    #[arg(long, value_name = "JOB", requires = "graph")]
    job: Option<String>,
    /// What `holdall graph --format json` printed; `-` reads stdin.
    #[arg(long, value_name = "FILE", requires = "job")]
    graph: Option<PathBuf>,
    /// The workflow of the job, where several have one of its name.
    #[arg(long, value_name = "NAME", requires = "graph")]
    workflow: Option<String>,
    /// Every layer of the workspace, by the requirements that were recorded.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_shown(ui)?;
    let upstream = upstream(args, &workspace, ui)?;
    let request = AttachRequest {
        at: absolute(&args.at)?,
        upstream,
    };
    let attached = workspace
        .attach(&request, &mut meter::progress(ui, "applied"))
        .map_err(|error| failure(&error))?;
    // A store that cannot be written can still be attached from.
    let _ = workspace.note_attach(args.job.as_deref(), &attached);
    if attached.layers.is_empty() {
        ui.talk(&format!(
            "warning: no upstream job has a layer in the workspace {}\n",
            workspace.id()
        ));
    }
    let rows: Vec<Vec<String>> = attached
        .layers
        .iter()
        .map(|layer| {
            vec![
                format!("applied {}", layer.id),
                human(layer.size),
                counted(layer.entries, "entry", "entries"),
            ]
        })
        .collect();
    ui.out(&format!("{}tree {}\n", table(&rows), attached.tree))?;
    Ok(0)
}

/// Finds the jobs whose layers apply, in order.
fn upstream(args: &Args, workspace: &Workspace, ui: &Ui) -> Result<Vec<Upstream>, CliError> {
    if let (Some(job), Some(graph)) = (&args.job, &args.graph) {
        return upstream::from_graph(graph, args.workflow.as_deref(), job, ui);
    }
    if args.all {
        return workspace
            .recorded_upstream()
            .map_err(|error| failure(&error));
    }
    upstream::listed(&args.upstream, &args.concurrent)
}
