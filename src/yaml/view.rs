//! Views over the tree: a node with its tree, aliases followed, merge keys applied.
//!
//! Nothing here copies a node. Following an alias keeps a guard against circles; walking a merged
//! mapping keeps one too, so a view of a hostile text ends.

use super::scalar::{Scalar, Schema};
use super::span::Span;
use super::tree::{Anchor, BlockText, Kind, NodeId, ScalarStyle, Tree};
use crate::hash::HashSet;

/// A node of a tree.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.id, self.source())
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.tree, other.tree)
    }
}

impl Eq for Node<'_> {}

/// What a node is, with what it holds.
#[derive(Clone, Copy)]
pub enum Shape<'t> {
    /// A scalar; [`Node::text`] is what it says.
    Scalar(ScalarStyle),
    /// A list.
    Sequence(Items<'t>),
    /// A map.
    Mapping(Entries<'t>),
    /// `*name` and what it stands for.
    Alias(Option<Node<'t>>),
}

/// A node reached through aliases.
#[derive(Debug, Clone)]
pub struct Resolved<'t> {
    /// What the aliases stand for; none where one is undefined or a circle.
    pub node: Option<Node<'t>>,
    /// The aliases, in the order in which they were followed.
    pub via: Vec<Node<'t>>,
}

/// One entry of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'t> {
    /// The key as written; never followed.
    pub key: Node<'t>,
    /// The value as written; may be an alias.
    pub value: Node<'t>,
}

impl<'t> Entry<'t> {
    /// Returns the bytes from the key to the end of the value.
    #[must_use]
    pub fn span(&self) -> Span {
        self.key.span().to(self.value.span())
    }
}

/// One entry of a mapping after its merge keys.
#[derive(Debug, Clone)]
pub struct MergedEntry<'t> {
    /// The entry where it is written.
    pub entry: Entry<'t>,
    /// The `<<` keys that brought it, outermost first; empty for the mapping's own entries.
    pub merges: Vec<Entry<'t>>,
}

impl<'t> Node<'t> {
    pub(super) fn new(tree: &'t Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    /// Returns the position in the tree.
    #[must_use]
    pub fn id(self) -> NodeId {
        self.id
    }

    /// Returns the tree.
    #[must_use]
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Returns the visible bytes: quotes and block headers included, blank lines behind it not.
    #[must_use]
    pub fn span(self) -> Span {
        self.tree.stored(self.id).span
    }

    /// Returns the visible bytes with the anchor and the tag in front of them.
    #[must_use]
    pub fn outer_span(self) -> Span {
        let mut span = self.span();
        if let Some(anchor) = self.anchor() {
            span = span.to(anchor.span);
        }
        if let Some(tag) = self.tag() {
            span = span.to(tag);
        }
        span
    }

    /// Returns the source text of the node.
    #[must_use]
    pub fn source(self) -> &'t str {
        self.tree.slice_of(self.span())
    }

    /// Returns what the node is.
    #[must_use]
    pub fn shape(self) -> Shape<'t> {
        match self.tree.stored(self.id).kind {
            Kind::Scalar { style, .. } => Shape::Scalar(style),
            Kind::Sequence { first, len, .. } => Shape::Sequence(Items {
                tree: self.tree,
                next: first,
                end: first + len,
            }),
            Kind::Mapping { first, len, .. } => Shape::Mapping(Entries {
                tree: self.tree,
                next: first,
                end: first + 2 * len,
            }),
            Kind::Alias { target } => Shape::Alias(target.map(|id| self.tree.node(id))),
        }
    }

    /// Says whether the node is written in flow style, `[…]` or `{…}`.
    #[must_use]
    pub fn is_flow(self) -> bool {
        matches!(
            self.tree.stored(self.id).kind,
            Kind::Sequence { flow: true, .. } | Kind::Mapping { flow: true, .. }
        )
    }

    /// Returns what a scalar says, escapes and folding undone; nothing for other nodes.
    #[must_use]
    pub fn text(self) -> Option<&'t str> {
        match self.tree.stored(self.id).kind {
            Kind::Scalar {
                decoded: Some(span),
                ..
            } => self.tree.strings.get(span.range()),
            Kind::Scalar { decoded: None, .. } => Some(self.source()),
            _ => None,
        }
    }

    /// Returns the style of a scalar.
    #[must_use]
    pub fn style(self) -> Option<ScalarStyle> {
        match self.tree.stored(self.id).kind {
            Kind::Scalar { style, .. } => Some(style),
            _ => None,
        }
    }

    /// Returns what a scalar means: text, number, boolean or nothing.
    #[must_use]
    pub fn scalar(self, schema: Schema) -> Option<Scalar<'t>> {
        let text = self.text()?;
        let tag = self.tag().map(|span| self.tree.slice_of(span));
        Some(Scalar::read(text, self.style()?, tag, schema))
    }

    /// Returns the anchor that names this node.
    #[must_use]
    pub fn anchor(self) -> Option<Anchor> {
        let anchors = &self.tree.anchors;
        // Anchors are recorded right behind their nodes, so they are sorted by node.
        let i = anchors.partition_point(|a| a.node < self.id);
        anchors.get(i).filter(|a| a.node == self.id).copied()
    }

    /// Returns the bytes of the tag, `!name`.
    #[must_use]
    pub fn tag(self) -> Option<Span> {
        let tags = &self.tree.tags;
        let i = tags.partition_point(|t| t.0 < self.id);
        tags.get(i).filter(|t| t.0 == self.id).map(|t| t.1)
    }

    /// Returns where a block scalar's content lies.
    #[must_use]
    pub fn block(self) -> Option<BlockText> {
        let blocks = &self.tree.blocks;
        let i = blocks.partition_point(|b| b.node < self.id);
        blocks.get(i).filter(|b| b.node == self.id).copied()
    }

    /// Follows aliases to the node that they stand for.
    #[must_use]
    pub fn resolve(self) -> Resolved<'t> {
        let mut node = self;
        let mut via = Vec::new();
        loop {
            match node.shape() {
                // An alias stands behind its anchor, so following one always goes back in the
                // text; the guard is for what a later change might break.
                Shape::Alias(Some(target)) if target.id < node.id => {
                    via.push(node);
                    node = target;
                }
                Shape::Alias(_) => {
                    via.push(node);
                    return Resolved { node: None, via };
                }
                _ => {
                    return Resolved {
                        node: Some(node),
                        via,
                    };
                }
            }
        }
    }

    /// Returns the items of a sequence; none for other nodes.
    #[must_use]
    pub fn items(self) -> Items<'t> {
        match self.shape() {
            Shape::Sequence(items) => items,
            _ => Items {
                tree: self.tree,
                next: 0,
                end: 0,
            },
        }
    }

    /// Returns the entries of a mapping as written, merge keys among them; none for other nodes.
    #[must_use]
    pub fn entries(self) -> Entries<'t> {
        match self.shape() {
            Shape::Mapping(entries) => entries,
            _ => Entries {
                tree: self.tree,
                next: 0,
                end: 0,
            },
        }
    }

    /// Returns the entry with this key as written; the last one where the key is repeated.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Entry<'t>> {
        self.entries().filter(|e| e.key.text() == Some(key)).last()
    }

    /// Returns a mapping's entries after its merge keys: its own in the order of the text, then
    /// what merges add. A key of its own wins over a merged one, an earlier merge over a later
    /// one (YAML 1.1 merge key). At most `budget` entries are looked at.
    #[must_use]
    pub fn merged(self, budget: usize) -> Vec<MergedEntry<'t>> {
        let mut walk = MergeWalk {
            out: Vec::new(),
            seen: HashSet::default(),
            walked: HashSet::default(),
            merges: Vec::new(),
            budget,
        };
        walk.mapping(self);
        walk.out
    }

    /// Says whether a mapping has a merge key.
    #[must_use]
    pub fn has_merge(self) -> bool {
        self.entries().any(|e| is_merge_key(e.key))
    }
}

/// Says whether a key is the merge key: a plain `<<`.
#[must_use]
pub fn is_merge_key(key: Node<'_>) -> bool {
    key.style() == Some(ScalarStyle::Plain) && key.text() == Some("<<")
}

struct MergeWalk<'t> {
    out: Vec<MergedEntry<'t>>,
    seen: HashSet<&'t str>,
    /// The mappings that were walked: all that they hold is seen. Merges that double at each step
    /// would have no end otherwise, nor would one that leads back to itself.
    walked: HashSet<NodeId>,
    merges: Vec<Entry<'t>>,
    budget: usize,
}

impl<'t> MergeWalk<'t> {
    fn mapping(&mut self, map: Node<'t>) {
        if self.merges.len() > 100 || !self.walked.insert(map.id) {
            return;
        }
        let own = self.merges.is_empty();
        for entry in map.entries() {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            if is_merge_key(entry.key) {
                continue;
            }
            let new = match entry.key.text() {
                // A repeated key of the mapping itself is kept: whoever reads decides.
                Some(text) => self.seen.insert(text) || own,
                None => own,
            };
            if new {
                self.out.push(MergedEntry {
                    entry,
                    merges: self.merges.clone(),
                });
            }
        }
        for entry in map.entries().filter(|e| is_merge_key(e.key)) {
            self.merges.push(entry);
            if let Some(target) = entry.value.resolve().node {
                if let Shape::Sequence(items) = target.shape() {
                    for item in items {
                        if let Some(item) = item.resolve().node {
                            self.mapping(item);
                        }
                    }
                } else {
                    self.mapping(target);
                }
            }
            self.merges.pop();
        }
    }
}

/// The items of a sequence.
#[derive(Clone, Copy)]
pub struct Items<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

impl<'t> Items<'t> {
    /// Returns the item at a position.
    pub(super) fn get(&self, i: usize) -> Option<Node<'t>> {
        let all = self
            .tree
            .children
            .get(self.next as usize..self.end as usize)?;
        all.get(i).map(|id| self.tree.node(*id))
    }
}

impl<'t> Iterator for Items<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.next >= self.end {
            return None;
        }
        let id = *self.tree.children.get(self.next as usize)?;
        self.next += 1;
        Some(self.tree.node(id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = (self.end - self.next) as usize;
        (n, Some(n))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The entries of a mapping.
#[derive(Clone, Copy)]
pub struct Entries<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

impl<'t> Entries<'t> {
    /// Returns the entry at a position.
    pub(super) fn get(&self, i: usize) -> Option<Entry<'t>> {
        let all = self
            .tree
            .children
            .get(self.next as usize..self.end as usize)?;
        let [key, value] = all.get(2 * i..2 * i + 2)? else {
            return None;
        };
        Some(Entry {
            key: self.tree.node(*key),
            value: self.tree.node(*value),
        })
    }
}

impl<'t> Iterator for Entries<'t> {
    type Item = Entry<'t>;

    fn next(&mut self) -> Option<Entry<'t>> {
        if self.next >= self.end {
            return None;
        }
        let key = *self.tree.children.get(self.next as usize)?;
        let value = *self.tree.children.get(self.next as usize + 1)?;
        self.next += 2;
        Some(Entry {
            key: self.tree.node(key),
            value: self.tree.node(value),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = (self.end - self.next) as usize / 2;
        (n, Some(n))
    }
}

impl ExactSizeIterator for Entries<'_> {}
