//! The arena tree: what one text says, with the bytes that say it.
//!
//! Nodes are small and live in one vector; children are ranges of another. An alias stays an
//! alias and a merge key stays a key: following them is a view ([`Node::resolve`],
//! [`Node::merged`]), so a text that would expand to gigabytes costs what it weighs.

use std::sync::Arc;

use super::span::Span;
use super::view::{Entry, Node};

/// The position of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// In single quotes.
    SingleQuoted,
    /// In double quotes, with escapes.
    DoubleQuoted,
    /// A `|` block.
    Literal,
    /// A `>` block.
    Folded,
}

impl ScalarStyle {
    /// Says whether the scalar is a `|` or `>` block.
    #[must_use]
    pub fn is_block(self) -> bool {
        matches!(self, Self::Literal | Self::Folded)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text; `decoded` points into the tree's string buffer where it differs from the source.
    Scalar {
        style: ScalarStyle,
        decoded: Option<Span>,
    },
    /// `first..first + len` of the children.
    Sequence { first: u32, len: u32, flow: bool },
    /// Key and value alternate: `first..first + 2 * len` of the children.
    Mapping { first: u32, len: u32, flow: bool },
    /// `*name`, and the node it stands for; none where the anchor is not defined before it.
    Alias { target: Option<NodeId> },
}

/// One node as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// An anchor, `&name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The bytes of `&name`.
    pub span: Span,
    /// The node that it names.
    pub node: NodeId,
}

/// A comment, `# …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// From the `#` to the end of the line, without the line break.
    pub span: Span,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// The source of a `|` or `>` block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockText {
    /// Its node.
    pub node: NodeId,
    /// From the start of the first content line to the end of the last one, indentation included.
    pub content: Span,
    /// How many columns of each line are indentation.
    pub indent: u32,
}

/// One parsed text.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(super) text: Arc<str>,
    pub(super) nodes: Vec<Stored>,
    pub(super) children: Vec<NodeId>,
    pub(super) strings: String,
    pub(super) root: Option<NodeId>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) tags: Vec<(NodeId, Span)>,
    pub(super) blocks: Vec<BlockText>,
    pub(super) comments: Vec<Comment>,
    pub(super) extra_document: Option<Span>,
}

impl Tree {
    /// Returns the root of the first document; nothing for an empty text.
    #[must_use]
    pub fn root(&self) -> Option<Node<'_>> {
        self.root.map(|id| self.node(id))
    }

    /// Returns the view of a node of this tree.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node::new(self, id)
    }

    /// Returns the source text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many nodes the tree holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Says whether the text holds no node at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns all comments in the order of the text.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// Returns all anchors in the order of the text; a name may be defined again.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Returns all nodes in the order in which their text begins.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.nodes.len()).map(|i| self.node(NodeId(u32::try_from(i).unwrap_or(u32::MAX))))
    }

    /// Returns the scalar that stands exactly there.
    #[must_use]
    pub fn scalar_at(&self, span: Span) -> Option<Node<'_>> {
        let first = self.nodes.partition_point(|n| n.span.start < span.start);
        let here = self.nodes[first..]
            .iter()
            .take_while(|n| n.span.start == span.start);
        let found = here
            .enumerate()
            .find(|(_, n)| n.span == span && matches!(n.kind, Kind::Scalar { .. }));
        found.map(|(i, _)| self.node(NodeId(u32::try_from(first + i).unwrap_or(u32::MAX))))
    }

    /// Returns where the first node begins that begins at an offset or behind it.
    #[must_use]
    pub fn begins_behind(&self, offset: u32) -> Option<u32> {
        let first = self.nodes.partition_point(|n| n.span.start < offset);
        self.nodes.get(first).map(|n| n.span.start)
    }

    /// Returns where a second document begins, if the text holds more than one.
    #[must_use]
    pub fn extra_document(&self) -> Option<Span> {
        self.extra_document
    }

    pub(super) fn stored(&self, id: NodeId) -> &Stored {
        &self.nodes[id.index()]
    }

    /// Returns the text of a span of this tree; nothing where it does not fit.
    #[must_use]
    pub fn slice_of(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}

impl Tree {
    /// Returns the structural path to the innermost node that holds a span: keys and positions
    /// joined by dots, `jobs.build.steps.2`.
    #[must_use]
    pub fn path_to(&self, span: Span) -> String {
        let mut path = Vec::new();
        let mut node = self.root();
        while let Some(at) = node {
            node = None;
            let items = at.items();
            let end = |i: usize| items.get(i).map(|item| item.outer_span().end);
            for i in from(items.len(), |i| end(i) < Some(span.end)) {
                let Some(item) = items.get(i).filter(|n| n.outer_span().start <= span.start) else {
                    break;
                };
                path.push(i.to_string());
                node = Some(item);
            }
            let entries = at.entries();
            let whole = |entry: Entry<'_>| entry.key.span().to(entry.value.outer_span());
            let end = |i: usize| entries.get(i).map(|entry| whole(entry).end);
            for i in from(entries.len(), |i| end(i) < Some(span.end)) {
                let Some(entry) = entries.get(i).filter(|e| whole(*e).start <= span.start) else {
                    break;
                };
                path.push(entry.key.text().unwrap_or_default().to_owned());
                node = entry
                    .value
                    .outer_span()
                    .contains(span)
                    .then_some(entry.value);
            }
        }
        path.join(".")
    }
}

impl Tree {
    /// Returns the nodes around a span, from the root to the innermost, keys among them.
    #[must_use]
    pub fn around(&self, span: Span) -> Vec<Node<'_>> {
        let mut out = Vec::new();
        let mut next = self.root().filter(|n| n.outer_span().contains(span));
        while let Some(node) = next {
            out.push(node);
            let items = node.items();
            let before = |i: usize| items.get(i).map(|n| n.outer_span().end) < Some(span.end);
            let item = items.get(from(items.len(), before).start);
            let entries = node.entries();
            let end = |entry: Entry<'_>| entry.key.outer_span().to(entry.value.outer_span()).end;
            let before = |i: usize| entries.get(i).map(end) < Some(span.end);
            let entry = entries.get(from(entries.len(), before).start);
            let parts = entry.into_iter().flat_map(|e| [e.key, e.value]);
            next = item
                .into_iter()
                .chain(parts)
                .find(|n| n.outer_span().contains(span));
        }
        out
    }
}

/// Returns the positions from the first one that is not before what is looked for: a map of
/// thousands of jobs is not walked for each finding.
fn from(len: usize, before: impl Fn(usize) -> bool) -> std::ops::Range<usize> {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low..len
}
