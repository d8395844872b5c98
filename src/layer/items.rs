//! The largest items of a layer: files, and folders as a whole. What all of it lies in is no
//! item; the split begins where there is something to choose.

use std::collections::BTreeMap;

use super::archive::{Entry, EntryKind};
use super::name::printable;

/// A file or a whole folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its path, printable; a folder's ends in `/`.
    pub path: String,
    /// Bytes of content.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
}

/// A folder with all below it.
#[derive(Default)]
struct Node<'e> {
    children: BTreeMap<&'e [u8], Node<'e>>,
    folder: bool,
    bytes: u64,
    files: u64,
    /// Of these, how many are chosen.
    chosen_bytes: u64,
    chosen_files: u64,
}

impl<'e> Node<'e> {
    fn add(&mut self, entry: &'e Entry, size: u64, chosen: bool) {
        let mut here = self;
        here.count(size, chosen);
        for component in entry.path.as_bytes().split(|byte| *byte == b'/') {
            here.folder = true;
            here = here.children.entry(component).or_default();
            here.count(size, chosen);
        }
    }

    fn count(&mut self, size: u64, chosen: bool) {
        self.bytes += size;
        self.files += 1;
        if chosen {
            self.chosen_bytes += size;
            self.chosen_files += 1;
        }
    }

    fn item(&self, path: &[u8]) -> Item {
        let slash = if self.folder { "/" } else { "" };
        Item {
            path: format!("{}{slash}", printable(path)),
            bytes: self.bytes,
            files: self.files,
        }
    }
}

fn tree<'e>(entries: &'e [Entry], chosen: impl Fn(&Entry) -> bool) -> Node<'e> {
    let mut root = Node {
        folder: true,
        ..Node::default()
    };
    for entry in entries {
        if let EntryKind::File { size } = entry.kind {
            root.add(entry, size, chosen(entry));
        }
    }
    root
}

/// Returns the `most` largest items.
#[must_use]
pub fn largest(entries: &[Entry], most: usize) -> Vec<Item> {
    let root = tree(entries, |_| false);
    let (mut here, mut path) = (&root, Vec::new());
    while here.children.len() == 1
        && let Some((name, only)) = here.children.first_key_value()
        && only.folder
    {
        path = joined(&path, name);
        here = only;
    }
    let items = here
        .children
        .iter()
        .map(|(name, node)| node.item(&joined(&path, name)));
    cut(items.collect(), most)
}

/// Returns the `most` largest items of which every file is chosen; of those within each other the
/// outermost.
#[must_use]
pub fn largest_of(entries: &[Entry], chosen: impl Fn(&Entry) -> bool, most: usize) -> Vec<Item> {
    let root = tree(entries, chosen);
    let mut items = Vec::new();
    let mut stack = vec![(Vec::new(), &root)];
    while let Some((path, node)) = stack.pop() {
        if node.chosen_files == 0 {
            continue;
        }
        if node.chosen_files == node.files && !path.is_empty() {
            items.push(node.item(&path));
            continue;
        }
        for (name, child) in &node.children {
            stack.push((joined(&path, name), child));
        }
    }
    cut(items, most)
}

fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut all = path.to_vec();
    if !all.is_empty() {
        all.push(b'/');
    }
    all.extend_from_slice(name);
    all
}

fn cut(mut items: Vec<Item>, most: usize) -> Vec<Item> {
    items.retain(|item| item.bytes > 0);
    items.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    items.truncate(most);
    items
}

#[cfg(test)]
mod tests {
    use super::super::name::EntryPath;
    use super::*;

    fn entries(files: &[(&str, u64)]) -> Vec<Entry> {
        files
            .iter()
            .map(|(path, size)| Entry {
                path: EntryPath::found(path.as_bytes()),
                kind: EntryKind::File { size: *size },
                mode: 0o644,
                mtime: 0,
            })
            .collect()
    }

    fn names(items: &[Item]) -> Vec<&str> {
        items.iter().map(|item| item.path.as_str()).collect()
    }

    #[test]
    fn the_split_begins_where_there_is_a_choice() {
        let all = entries(&[
            ("out/lib/a", 5),
            ("out/lib/b", 5),
            ("out/app", 7),
            ("out/empty", 0),
        ]);
        let items = largest(&all, 5);
        assert_eq!(names(&items), ["out/lib/", "out/app"]);
        assert_eq!((items[0].bytes, items[0].files), (10, 2));
        assert_eq!(names(&largest(&all, 1)), ["out/lib/"]);
        assert_eq!(names(&largest(&entries(&[("one", 3)]), 5)), ["one"]);
        assert!(largest(&[], 5).is_empty());
    }

    #[test]
    fn a_folder_counts_as_one_where_all_of_it_is_chosen() {
        let all = entries(&[("a/x", 1), ("a/y/z", 2), ("b/x", 4), ("b/y", 8)]);
        let unread = |entry: &Entry| entry.path.as_bytes() != b"b/x";
        assert_eq!(names(&largest_of(&all, unread, 5)), ["b/y", "a/"]);
        assert!(largest_of(&all, |_| false, 5).is_empty());
    }
}
