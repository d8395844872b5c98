//! The advice on narrow paths: the largest items of each layer, and those that no job read.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::{human, table};
use crate::layer::{Item, LayerError, LayerId, LayerInfo, Workspace, largest, largest_of};

/// How many items of a layer are worth a line.
const MOST: usize = 3;

/// What there is to say of one layer.
pub(in crate::cli) struct Items {
    id: LayerId,
    largest: Vec<Item>,
    /// None where it is not known: no job of a run attached it, or reads do not show there.
    unread: Option<Vec<Item>>,
}

impl Items {
    pub(super) fn json(&self) -> (Value, Value) {
        let list = |items: &[Item]| -> Value {
            items
                .iter()
                .map(|item| json!({"path": item.path, "size": item.bytes, "files": item.files}))
                .collect()
        };
        (
            list(&self.largest),
            self.unread.as_deref().map_or(Value::Null, list),
        )
    }
}

/// Looks into the layers. One that is damaged has no items: `verify` says what is wrong with it.
/// Neither has one that would have to be fetched from a store elsewhere first.
pub(in crate::cli) fn of(
    workspace: &Workspace,
    layers: &[LayerInfo],
) -> Result<Vec<Items>, LayerError> {
    let unread: BTreeMap<LayerId, Vec<String>> = workspace.unread()?;
    let mut all = Vec::with_capacity(layers.len());
    for layer in layers {
        let entries = match workspace.is_at_hand(layer) {
            true => workspace.listed(&layer.id).unwrap_or_default(),
            false => Vec::new(),
        };
        let unread = unread.get(&layer.id).map(|names| {
            let names: HashSet<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
            largest_of(
                &entries,
                |entry| names.contains(entry.path.as_bytes()),
                MOST,
            )
        });
        all.push(Items {
            id: layer.id.clone(),
            largest: largest(&entries, MOST),
            unread,
        });
    }
    Ok(all)
}

/// Writes the items for people.
pub(in crate::cli) fn text(all: &[Items]) -> String {
    let mut text = section("largest items", all, |items| Some(&items.largest));
    text.push_str(&section("read by no job", all, |items| {
        items.unread.as_ref()
    }));
    text
}

fn section<'i>(
    title: &str,
    all: &'i [Items],
    of: impl Fn(&'i Items) -> Option<&'i Vec<Item>>,
) -> String {
    let rows: Vec<Vec<String>> = all
        .iter()
        .flat_map(|items| {
            of(items).into_iter().flatten().map(|item| {
                let files = match (item.path.ends_with('/'), item.files) {
                    (false, _) => String::new(),
                    (true, 1) => "1 file".to_owned(),
                    (true, files) => format!("{files} files"),
                };
                vec![
                    format!("  {}", items.id),
                    item.path.clone(),
                    human(item.bytes),
                    files,
                ]
            })
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n{title}\n{}", table(&rows)),
    }
}
