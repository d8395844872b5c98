//! `holdall attach`.

use std::path::PathBuf;

use super::layers::{failure, human, table};
use super::store::{StoreArgs, absolute};
use super::{CliError, Ui};
use crate::layer::{AttachRequest, Upstream};

/// Apply the layers of upstream jobs, in order.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall attach --at . --upstream build --upstream test")]
#[command(group(clap::ArgGroup::new("which").required(true).args(["upstream", "all"])))]
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
    /// Every layer of the workspace, by the requirements that were recorded.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_shown(ui)?;
    let upstream = if args.all {
        workspace
            .recorded_upstream()
            .map_err(|error| failure(&error))?
    } else {
        order(&args.upstream, &args.concurrent)?
    };
    let request = AttachRequest {
        at: absolute(&args.at)?,
        upstream,
    };
    let attached = workspace
        .attach(&request, &mut |_| {})
        .map_err(|error| failure(&error))?;
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
                format!("{} entries", layer.entries),
            ]
        })
        .collect();
    ui.out(&format!("{}tree {}\n", table(&rows), attached.tree))?;
    Ok(0)
}

/// Each job comes after all that are listed before it, but for those it is concurrent with.
fn order(jobs: &[String], concurrent: &[String]) -> Result<Vec<Upstream>, CliError> {
    let groups: Vec<Vec<&str>> = concurrent
        .iter()
        .map(|group| group.split(',').map(str::trim).collect())
        .collect();
    for name in groups.iter().flatten() {
        if !jobs.iter().any(|job| job == name) {
            return Err(CliError::usage(format!(
                "`{name}` is said to be concurrent and is no --upstream"
            )));
        }
    }
    let unordered = |a: &str, b: &str| {
        groups
            .iter()
            .any(|group| group.contains(&a) && group.contains(&b))
    };
    let mut upstream = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        for (first, earlier) in jobs[..at].iter().enumerate() {
            let between = jobs[first + 1..at]
                .iter()
                .find(|middle| !unordered(earlier, middle) && !unordered(middle, job));
            if let Some(middle) = between.filter(|_| unordered(earlier, job)) {
                return Err(CliError::usage(format!(
                    "{earlier} and {job} cannot be concurrent: {middle} comes after the one and before the other"
                ))
                .hint("list concurrent jobs next to each other"));
            }
        }
        let after = jobs[..at].iter().filter(|earlier| !unordered(earlier, job));
        upstream.push(Upstream {
            job: job.clone(),
            after: after.cloned().collect(),
        });
    }
    Ok(upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(jobs: &[&str], concurrent: &[&str]) -> Result<Vec<Vec<String>>, CliError> {
        let own = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        Ok(order(&own(jobs), &own(concurrent))?
            .into_iter()
            .map(|entry| entry.after)
            .collect())
    }

    #[test]
    fn jobs_are_ordered_as_listed_but_for_those_that_are_concurrent() {
        assert_eq!(
            after(&["a", "b"], &[]).unwrap(),
            [vec![], vec!["a".to_owned()]]
        );
        let fan = after(&["s", "a", "b", "t"], &["a,b"]).unwrap();
        assert_eq!(fan[2], ["s"]);
        assert_eq!(fan[3], ["s", "a", "b"]);
        assert!(after(&["a", "b", "c"], &["a,c"]).is_err());
        assert!(after(&["a"], &["a,x"]).is_err());
    }
}
