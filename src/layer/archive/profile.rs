//! The rules of one archive that span several entries: no duplicates, nothing below something
//! that is no folder, hard links to earlier files only.
//!
//! Paths live in an arena of components, so that memory grows with the number of components and
//! not with the square of the depth of a hostile name.

use std::hash::{BuildHasher, RandomState};

use super::super::name::EntryPath;
use super::{Entry, EntryKind};

/// Names of paths: each has a number, and so has each of its parents, a smaller one. 0 is the
/// root.
#[derive(Debug)]
pub(crate) struct Arena {
    names: Vec<u8>,
    nodes: Vec<Node>,
    /// Open addressing over the nodes; 0 is a free place.
    table: Vec<u32>,
    hasher: RandomState,
    /// The folder that was asked for last: entries of one folder mostly come together.
    last: (Vec<u8>, u32),
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    length: u16,
    at: usize,
}

impl Default for Arena {
    fn default() -> Self {
        let root = Node {
            parent: 0,
            length: 0,
            at: 0,
        };
        Self {
            names: Vec::new(),
            nodes: vec![root],
            table: vec![0; 64],
            hasher: RandomState::new(),
            last: (Vec::new(), 0),
        }
    }
}

impl Arena {
    /// Returns the number of a path; it and its parents get one where they had none.
    pub(crate) fn node(&mut self, path: &EntryPath) -> u32 {
        let (folder, name) = path.split();
        let folder = folder.unwrap_or_default();
        let parent = if self.last.0 == folder {
            self.last.1
        } else {
            let parent = folder
                .split(|byte| *byte == b'/')
                .filter(|component| !component.is_empty())
                .fold(0, |parent, component| self.child(parent, component));
            self.last = (folder.to_vec(), parent);
            parent
        };
        self.child(parent, name)
    }

    fn child(&mut self, parent: u32, name: &[u8]) -> u32 {
        let mut place = self.place(parent, name);
        while self.table[place] != 0 {
            let number = self.table[place];
            if self.nodes[number as usize].parent == parent && self.name(number) == name {
                return number;
            }
            place = (place + 1) & (self.table.len() - 1);
        }
        // Budgets stop long before four thousand million names.
        let number = self.nodes.len() as u32;
        self.table[place] = number;
        self.nodes.push(Node {
            parent,
            // A component has at most 255 bytes.
            length: name.len() as u16,
            at: self.names.len(),
        });
        self.names.extend_from_slice(name);
        if self.nodes.len() * 2 > self.table.len() {
            self.grow();
        }
        number
    }

    fn place(&self, parent: u32, name: &[u8]) -> usize {
        self.hasher.hash_one((parent, name)) as usize & (self.table.len() - 1)
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 2];
        for number in 1..self.nodes.len() as u32 {
            let mut place = self.place(self.parent(number), self.name(number));
            while self.table[place] != 0 {
                place = (place + 1) & (self.table.len() - 1);
            }
            self.table[place] = number;
        }
    }

    /// Returns how many different paths there are; they have the numbers from 1 to this.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    pub(crate) fn parent(&self, node: u32) -> u32 {
        self.nodes[node as usize].parent
    }

    /// Returns the last component of a path.
    pub(crate) fn name(&self, node: u32) -> &[u8] {
        let node = self.nodes[node as usize];
        &self.names[node.at..][..usize::from(node.length)]
    }

    /// Appends a whole path to a buffer.
    pub(crate) fn push_path(&self, node: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let mut here = node;
        while here != 0 {
            if here != node {
                out.push(b'/');
            }
            // Backwards, and turned round at the end.
            out.extend(self.name(here).iter().rev());
            here = self.parent(here);
        }
        out[start..].reverse();
    }

    /// Returns a whole path; that of the root is empty.
    pub(crate) fn path_bytes(&self, node: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.push_path(node, &mut bytes);
        bytes
    }

    pub(crate) fn path(&self, node: u32) -> EntryPath {
        EntryPath::found(&self.path_bytes(node))
    }
}

/// What one archive holds at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// A folder that no entry names, only entries below it.
    Implied,
    Folder,
    /// A regular file, and which entry of the archive it is.
    File(u32),
    Other,
}

/// The shapes of archives, one after the other.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The number of the archive, from 1.
    archive: u32,
    entries: u32,
    /// For each path what is there, and in which archive.
    slots: Vec<(u32, Held)>,
}

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) node: u32,
    /// For a hard link the number of the file among the entries, from 0.
    pub(crate) file: Option<u32>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            archive: 1,
            entries: 0,
            slots: Vec::new(),
        }
    }
}

impl Shape {
    /// Begins another archive.
    pub(crate) fn begin(&mut self) {
        self.archive += 1;
        self.entries = 0;
    }

    fn slot(&mut self, node: u32) -> &mut (u32, Held) {
        let node = node as usize;
        if self.slots.len() <= node {
            self.slots.resize(node + 1, (0, Held::Implied));
        }
        &mut self.slots[node]
    }

    fn held(&mut self, node: u32) -> Option<Held> {
        let archive = self.archive;
        let (last, held) = *self.slot(node);
        (last == archive).then_some(held)
    }

    /// Adds the next entry, or says which rule it breaks.
    pub(crate) fn add(&mut self, arena: &mut Arena, entry: &Entry) -> Result<Added, &'static str> {
        let mut file = None;
        if let EntryKind::Hardlink { target } = &entry.kind {
            let node = arena.node(target);
            let Some(Held::File(number)) = self.held(node) else {
                return Err(
                    "a hard link to something that is no earlier regular file of this layer",
                );
            };
            file = Some(number);
        }
        let node = arena.node(&entry.path);
        let mut parent = arena.parent(node);
        while parent != 0 {
            match self.held(parent) {
                // Its own parents were looked at with it.
                Some(Held::Implied | Held::Folder) => break,
                Some(Held::File(_) | Held::Other) => {
                    return Err("it lies below something that is no folder");
                }
                None => *self.slot(parent) = (self.archive, Held::Implied),
            }
            parent = arena.parent(parent);
        }
        let new = match entry.kind {
            EntryKind::Folder => Held::Folder,
            EntryKind::File { .. } => Held::File(self.entries),
            EntryKind::Symlink { .. } | EntryKind::Hardlink { .. } => Held::Other,
        };
        match (self.held(node), new) {
            (None, _) | (Some(Held::Implied), Held::Folder) => {}
            (Some(Held::Implied), _) => {
                return Err("other entries lie below it, and it is no folder");
            }
            (Some(_), _) => return Err("the layer holds this name twice"),
        }
        *self.slot(node) = (self.archive, new);
        self.entries += 1;
        Ok(Added { node, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_name_costs_its_components_once() {
        let mut arena = Arena::default();
        let path = EntryPath::found("a/".repeat(1000).trim_end_matches('/').as_bytes());
        let node = arena.node(&path);
        assert_eq!(arena.node(&path), node);
        assert_eq!(arena.len(), 1000);
        assert_eq!(arena.path(node), path);
    }

    #[test]
    fn every_path_has_its_own_number() {
        let mut arena = Arena::default();
        let paths: Vec<EntryPath> = (0..2000)
            .map(|n| EntryPath::found(format!("{}/{}/ab{}", n % 7, n % 300, n).as_bytes()))
            .collect();
        let nodes: Vec<u32> = paths.iter().map(|path| arena.node(path)).collect();
        for (path, node) in paths.iter().zip(nodes) {
            assert_eq!(arena.node(path), node);
            assert_eq!(arena.path(node), *path);
            assert!(arena.parent(node) < node);
        }
    }
}
