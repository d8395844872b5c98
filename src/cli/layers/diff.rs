//! `holdall layers diff`: in what two layers differ.

use serde_json::{Value, json};

use super::{Format, failure, layer_id, print_json, table};
use crate::cli::store::StoreArgs;
use crate::cli::{CliError, Ui, error, meter};
use crate::layer::{Change, State, printable};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall layers diff build/1.0.0 build/2.0.0\n\n+ is only in the second, - only in the first, ~ in both. Times are not compared."
)]
pub(super) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// The first layer, as `ls` prints it: JOB/ATTEMPT.NODE.NUMBER.
    first: String,
    /// The second layer.
    second: String,
    /// End with status 1 where they differ.
    #[arg(long)]
    exit_code: bool,
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let workspace = args.store.open_shown(ui)?;
    let first = layer_id(&workspace, &args.first)?;
    let second = layer_id(&workspace, &args.second)?;
    let changes = workspace
        .diff(&first, &second, &mut meter::progress(ui, "compared"))
        .map_err(|error| failure(&error))?;
    match args.format {
        Format::Json => {
            let list: Vec<Value> = changes.iter().map(change_json).collect();
            let value = json!({
                "version": 1, "first": first.to_string(), "second": second.to_string(), "changes": list,
            });
            print_json(ui, &value)?;
        }
        Format::Human if changes.is_empty() => {
            ui.talk(&format!("{first} and {second} hold the same\n"));
        }
        Format::Human => {
            let rows: Vec<Vec<String>> = changes.iter().map(row).collect();
            ui.out(&table(&rows))?;
        }
    }
    Ok(match args.exit_code && !changes.is_empty() {
        true => error::FOUND,
        false => 0,
    })
}

fn row(change: &Change) -> Vec<String> {
    let path = printable(&change.path);
    let (sign, what) = match (&change.before, &change.after) {
        (None, Some(state)) => ("+", word(state)),
        (Some(state), None) => ("-", word(state)),
        (Some(before), Some(after)) => ("~", difference(before, after)),
        (None, None) => ("", String::new()),
    };
    vec![format!("{sign} {path}"), what]
}

fn word(state: &State) -> String {
    match state {
        State::File { size, .. } => format!("file of {size} bytes"),
        State::Folder { .. } => "folder".to_owned(),
        State::Symlink { target } => format!("link to {}", printable(target)),
    }
}

/// Says what of a path differs.
fn difference(before: &State, after: &State) -> String {
    let mode = |a: u32, b: u32| (a != b).then(|| format!("mode {a:03o} to {b:03o}"));
    let parts: Vec<String> = match (before, after) {
        (
            State::File {
                mode: m1,
                size: s1,
                content: c1,
            },
            State::File {
                mode: m2,
                size: s2,
                content: c2,
            },
        ) => {
            let content = (c1 != c2).then(|| match s1 == s2 {
                true => "content".to_owned(),
                false => format!("content, {s1} to {s2} bytes"),
            });
            content.into_iter().chain(mode(*m1, *m2)).collect()
        }
        (State::Folder { mode: m1 }, State::Folder { mode: m2 }) => {
            mode(*m1, *m2).into_iter().collect()
        }
        (before, after) => vec![format!("{} to {}", word(before), word(after))],
    };
    parts.join(", ")
}

fn change_json(change: &Change) -> Value {
    json!({
        "path": String::from_utf8_lossy(&change.path),
        "change": match (&change.before, &change.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        },
        "before": change.before.as_ref().map(state_json),
        "after": change.after.as_ref().map(state_json),
    })
}

fn state_json(state: &State) -> Value {
    match state {
        State::File {
            mode,
            size,
            content,
        } => {
            json!({"type": "file", "mode": format!("{mode:03o}"), "size": size, "digest": content})
        }
        State::Folder { mode } => json!({"type": "folder", "mode": format!("{mode:03o}")}),
        State::Symlink { target } => {
            json!({"type": "symlink", "target": String::from_utf8_lossy(target)})
        }
    }
}
