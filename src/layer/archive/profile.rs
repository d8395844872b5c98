//! The rules of one archive that span several entries: no duplicates, nothing below something
//! that is no folder, hard links to earlier files only.
//!
//! Paths live in an arena of components, so that memory grows with the number of components and
//! not with the square of the depth of a hostile name.

use std::collections::HashMap;

use super::super::name::EntryPath;
use super::{Entry, EntryKind};

/// Names of paths: each has a number, and so has each of its parents.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    children: HashMap<(u32, Box<[u8]>), u32>,
}

impl Arena {
    /// Returns the numbers of all parents, from the top, and of the path itself last. 0 is the
    /// root and never among them.
    pub(crate) fn trail(&mut self, path: &EntryPath) -> Vec<u32> {
        let mut parent = 0;
        path.components()
            .map(|component| {
                let next = u32::try_from(self.children.len() + 1).unwrap_or(u32::MAX);
                parent = *self
                    .children
                    .entry((parent, component.into()))
                    .or_insert(next);
                parent
            })
            .collect()
    }

    /// Returns how many different paths there are.
    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }
}

/// What one archive holds at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// A folder that no entry names, only entries below it.
    Implied,
    Folder,
    File,
    Other,
}

/// The shape of one archive so far.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    slots: HashMap<u32, Slot>,
}

impl Shape {
    /// Adds the next entry and returns the numbers of its parents and itself, or says which rule
    /// it breaks.
    pub(crate) fn add(
        &mut self,
        arena: &mut Arena,
        entry: &Entry,
    ) -> Result<Vec<u32>, &'static str> {
        if let EntryKind::Hardlink { target } = &entry.kind {
            let trail = arena.trail(target);
            let known = trail.last().and_then(|id| self.slots.get(id));
            if known != Some(&Slot::File) {
                return Err(
                    "a hard link to something that is no earlier regular file of this layer",
                );
            }
        }
        let trail = arena.trail(&entry.path);
        let (id, parents) = match trail.split_last() {
            Some((id, parents)) => (*id, parents),
            None => return Err("its name is empty"),
        };
        for parent in parents {
            match self.slots.entry(*parent).or_insert(Slot::Implied) {
                Slot::Implied | Slot::Folder => {}
                Slot::File | Slot::Other => {
                    return Err("it lies below something that is no folder");
                }
            }
        }
        let new = match entry.kind {
            EntryKind::Folder => Slot::Folder,
            EntryKind::File { .. } => Slot::File,
            EntryKind::Symlink { .. } | EntryKind::Hardlink { .. } => Slot::Other,
        };
        match (self.slots.insert(id, new), new) {
            (None, _) | (Some(Slot::Implied), Slot::Folder) => Ok(trail),
            (Some(Slot::Implied), _) => Err("other entries lie below it, and it is no folder"),
            (Some(_), _) => Err("the layer holds this name twice"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_name_costs_its_components_once() {
        let mut arena = Arena::default();
        let path = EntryPath::found("a/".repeat(1000).trim_end_matches('/').as_bytes());
        assert_eq!(arena.trail(&path).len(), 1000);
        assert_eq!(arena.trail(&path).len(), 1000);
        assert_eq!(arena.len(), 1000);
    }
}
