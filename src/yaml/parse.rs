//! Text to tree. The only file that names the parser crate.
//!
//! The parser's own limits (depth, key length) stand in front of ours (bytes, nodes), so hostile
//! text is refused before it costs anything. A syntax error ends the tree where it stands: what
//! was read before it stays readable.

use std::sync::Arc;

use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle as Style, ScanError, StructureStyle,
};

use super::error::SyntaxError;
use super::span::Span;
use super::tree::{Anchor, BlockText, Comment, Kind, NodeId, ScalarStyle, Stored, Tree};

/// What a text may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest text, in bytes.
    pub bytes: usize,
    /// Most nodes (scalars, sequences, mappings, aliases).
    pub nodes: usize,
    /// Deepest nesting, counted in collections.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 * 1024 * 1024,
            nodes: 4_000_000,
            depth: 200,
        }
    }
}

/// A tree, and the error that ended it early, if one did.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Everything up to the error, or all of it.
    pub tree: Tree,
    /// What is wrong with the text.
    pub error: Option<SyntaxError>,
}

/// Parses a text into a tree, under the default limits.
#[must_use]
pub fn parse(text: impl Into<Arc<str>>) -> Parsed {
    parse_with(text, &Limits::default())
}

/// Parses a text into a tree, under these limits.
#[must_use]
pub fn parse_with(text: impl Into<Arc<str>>, limits: &Limits) -> Parsed {
    let text = text.into();
    let mut builder = Builder::new(&text, *limits);
    let error = if text.len() > limits.bytes {
        Some(SyntaxError::too_large(text.len(), limits.bytes))
    } else {
        builder.read().err()
    };
    Parsed {
        tree: builder.finish(Arc::clone(&text)),
        error,
    }
}

/// A collection whose end has not come yet.
struct Open {
    node: NodeId,
    /// Where its children begin in the scratch stack.
    base: usize,
    mapping: bool,
    flow: bool,
}

struct Builder<'t> {
    text: &'t str,
    limits: Limits,
    nodes: Vec<Stored>,
    children: Vec<NodeId>,
    strings: String,
    root: Option<NodeId>,
    anchors: Vec<Anchor>,
    /// Anchor id of the parser (from 1) to node.
    anchor_nodes: Vec<Option<NodeId>>,
    tags: Vec<(NodeId, Span)>,
    blocks: Vec<BlockText>,
    comments: Vec<Comment>,
    open: Vec<Open>,
    scratch: Vec<NodeId>,
    /// End of the last token that was no comment: where the search for a block header begins.
    last_end: usize,
    documents: usize,
    extra_document: Option<Span>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str, limits: Limits) -> Self {
        // A config has a node every twenty bytes or so; a hostile size must not be believed.
        let guess = (text.len() / 20).min(1 << 20);
        Self {
            text,
            limits,
            nodes: Vec::with_capacity(guess),
            children: Vec::with_capacity(guess),
            strings: String::new(),
            root: None,
            anchors: Vec::new(),
            anchor_nodes: Vec::new(),
            tags: Vec::new(),
            blocks: Vec::new(),
            comments: Vec::new(),
            open: Vec::new(),
            scratch: Vec::new(),
            last_end: 0,
            documents: 0,
            extra_document: None,
        }
    }

    fn read(&mut self) -> Result<(), SyntaxError> {
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            // As SnakeYAML does, which the service reads with (circleci-semantics §5.13).
            block_scalar_eof_without_line_feed: true,
            // A licence header of a few hundred comment lines is no attack.
            max_buffered_comment_events: 1_000_000,
            flow_nesting_limit: self.limits.depth,
            block_nesting_limit: self.limits.depth
        };
        let text = self.text;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|e| self.syntax_error(&e))?;
            let range = span.byte_range().unwrap_or(self.last_end..self.last_end);
            let at = Span::new(range.start, range.end);
            match event {
                Event::DocumentStart(explicit, _) => {
                    self.documents += 1;
                    if self.documents == 2 {
                        self.extra_document = Some(at);
                        // The service reads one document; what follows is not part of the config.
                        return Ok(());
                    }
                    // Without a `---` it is reported at the content, which may be behind the header
                    // of a block.
                    if explicit {
                        self.last_end = range.end.max(self.last_end);
                    }
                }
                Event::Comment(..) => self.comment(at),
                Event::Scalar(value, style, anchor, _) => {
                    let tag = tag_span(&span);
                    let id = self.scalar(&value, style, at, span.indent)?;
                    self.attach(id, anchor, tag);
                }
                Event::SequenceStart(style, anchor, _) => {
                    let tag = tag_span(&span);
                    let id = self.begin(at, false, style == StructureStyle::Flow)?;
                    self.attach(id, anchor, tag);
                }
                Event::MappingStart(style, anchor, _) => {
                    let tag = tag_span(&span);
                    let id = self.begin(at, true, style == StructureStyle::Flow)?;
                    self.attach(id, anchor, tag);
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(at),
                Event::Alias(id) => {
                    let target = self.anchor_nodes.get(id).copied().flatten();
                    self.alias(at, target)?;
                }
                Event::UnresolvedAlias(_) => self.alias(at, None)?,
                Event::Anchor(_, _) => {
                    // Follows its node at once (granit-parser, `Event::Anchor`), which is the
                    // newest one: a scalar, or the collection that was just opened.
                    if let Some(node) = self.nodes.len().checked_sub(1) {
                        let node = NodeId(u32::try_from(node).unwrap_or(u32::MAX));
                        self.anchors.push(Anchor { span: at, node });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn syntax_error(&self, error: &granit_parser::ScanError) -> SyntaxError {
        let offset = offset_of(error.marker()).unwrap_or(self.last_end);
        syntax_error(self.text, offset.min(self.text.len()), error)
    }

    fn comment(&mut self, at: Span) {
        let start = at.start as usize;
        let line = self.text[..start]
            .rfind(['\n', '\r'])
            .map_or(0, |newline| newline + 1);
        self.comments.push(Comment {
            span: at,
            own_line: self.text[line..start]
                .trim_start_matches('\u{feff}')
                .trim_matches([' ', '\t'])
                .is_empty(),
        });
    }

    fn push(&mut self, kind: Kind, span: Span) -> Result<NodeId, SyntaxError> {
        if self.nodes.len() >= self.limits.nodes {
            return Err(SyntaxError::too_many_nodes(span, self.limits.nodes));
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Stored { kind, span });
        Ok(id)
    }

    /// Hangs a finished or opened node into whatever is open around it.
    fn attach(&mut self, id: NodeId, anchor: usize, tag: Option<Span>) {
        if anchor > 0 {
            if self.anchor_nodes.len() <= anchor {
                self.anchor_nodes.resize(anchor + 1, None);
            }
            self.anchor_nodes[anchor] = Some(id);
        }
        if let Some(tag) = tag {
            self.tags.push((id, tag));
        }
        if self.is_open(id) {
            return;
        }
        self.place(id);
    }

    fn is_open(&self, id: NodeId) -> bool {
        self.open.last().is_some_and(|o| o.node == id)
    }

    fn place(&mut self, id: NodeId) {
        if self.open.is_empty() {
            self.root.get_or_insert(id);
        } else {
            self.scratch.push(id);
        }
    }

    fn scalar(
        &mut self,
        value: &str,
        style: Style,
        at: Span,
        indent: Option<usize>,
    ) -> Result<NodeId, SyntaxError> {
        let style = match style {
            Style::Plain => ScalarStyle::Plain,
            Style::SingleQuoted => ScalarStyle::SingleQuoted,
            Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
            Style::Literal => ScalarStyle::Literal,
            Style::Folded => ScalarStyle::Folded,
        };
        let mut span = at;
        let mut content = None;
        if style.is_block() {
            let (whole, inner) = self.block_span(at);
            span = whole;
            content = Some(inner);
        }
        // A missing value is reported as a plain `~` of no width.
        let empty = style == ScalarStyle::Plain && at.is_empty();
        let value = if empty { "" } else { value };
        let decoded = if self.text.get(span.range()) == Some(value) {
            None
        } else {
            let start = self.strings.len();
            self.strings.push_str(value);
            Some(Span::new(start, self.strings.len()))
        };
        let id = self.push(Kind::Scalar { style, decoded }, span)?;
        if let Some(content) = content {
            self.blocks.push(BlockText {
                node: id,
                content,
                indent: indent.and_then(|i| u32::try_from(i).ok()).unwrap_or(0),
            });
        }
        self.last_end = self.last_end.max(span.end as usize);
        Ok(id)
    }

    /// Finds the header of a block scalar, whose event covers its content only, and the end of
    /// its last line that holds something.
    fn block_span(&self, at: Span) -> (Span, Span) {
        let header = self.block_header(at.start as usize);
        let line_end = self.text[header..]
            .find(['\n', '\r'])
            .map_or(self.text.len(), |n| header + n);
        let body = self.text.get(at.range()).unwrap_or("");
        let kept = body.trim_end_matches([' ', '\t', '\n', '\r']).len();
        // At the end of a text the content is reported at the header's comment.
        if kept == 0 || (at.start as usize) < line_end {
            // No content: the scalar is its header, as far as the line's last visible sign.
            let sign = self.text[header..line_end]
                .find([' ', '\t'])
                .map_or(line_end, |n| header + n);
            return (Span::new(header, sign), Span::new(line_end, line_end));
        }
        let end = at.start as usize + kept;
        let first_line = self.text[..at.start as usize]
            .rfind(['\n', '\r'])
            .map_or(0, |n| n + 1);
        (
            Span::new(header, end),
            Span::new(first_line.max(header), end),
        )
    }

    /// Returns the offset of the `|` or `>` that belongs to content starting at `content`.
    fn block_header(&self, content: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut i = self.last_end;
        while i < content {
            match bytes[i] {
                b'|' | b'>' => return i,
                b'#' => {
                    while i < content && bytes[i] != b'\n' && bytes[i] != b'\r' {
                        i += 1;
                    }
                }
                // An anchor or a tag in front of the header may hold any sign, `>` too.
                b'&' | b'!' => {
                    while i < content && !matches!(bytes[i], b' ' | b'\t' | b'\n' | b'\r') {
                        i += 1;
                    }
                }
                _ => i += 1,
            }
        }
        content
    }

    fn alias(&mut self, at: Span, target: Option<NodeId>) -> Result<(), SyntaxError> {
        let id = self.push(Kind::Alias { target }, at)?;
        self.last_end = self.last_end.max(at.end as usize);
        self.place(id);
        Ok(())
    }

    fn begin(&mut self, at: Span, mapping: bool, flow: bool) -> Result<NodeId, SyntaxError> {
        if self.open.len() >= self.limits.depth {
            return Err(SyntaxError::too_deep(at, self.limits.depth));
        }
        let kind = if mapping {
            Kind::Mapping {
                first: 0,
                len: 0,
                flow,
            }
        } else {
            Kind::Sequence {
                first: 0,
                len: 0,
                flow,
            }
        };
        let mut span = at;
        // A list at the indent of its key is reported at its first item, every other one at its
        // dash; it is seen from its first dash on.
        let in_mapping = self.open.last().is_some_and(|o| o.mapping);
        if !mapping && !flow && in_mapping {
            span.start = self.dash_before(at.start as usize);
        }
        if mapping && !flow {
            // No dash in front of a map belongs to a list inside of it.
            self.last_end = self.last_end.max(at.start as usize);
        }
        let id = self.push(kind, span)?;
        self.open.push(Open {
            node: id,
            base: self.scratch.len(),
            mapping,
            flow,
        });
        if flow {
            self.last_end = self.last_end.max(at.end as usize);
        }
        Ok(id)
    }

    fn dash_before(&self, first_item: usize) -> u32 {
        let bytes = self.text.as_bytes();
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        let mut i = self.last_end.min(first_item);
        while i < first_item {
            match bytes[i] {
                b'#' => {
                    while i < first_item && bytes[i] != b'\n' && bytes[i] != b'\r' {
                        i += 1;
                    }
                }
                // The name of an anchor or a tag may end with a dash.
                b'&' | b'!' => {
                    while i < first_item && !blank(&bytes[i]) {
                        i += 1;
                    }
                }
                b'-' if bytes.get(i + 1).is_none_or(blank) => {
                    return u32::try_from(i).unwrap_or(u32::MAX);
                }
                _ => i += 1,
            }
        }
        u32::try_from(first_item).unwrap_or(u32::MAX)
    }

    fn end(&mut self, at: Span) {
        if let Some(open) = self.open.pop() {
            if open.flow {
                self.last_end = self.last_end.max(at.end as usize);
            }
            self.close(&open, Some(at));
            self.place(open.node);
        }
    }

    /// Gives a collection its children and the end of what is visible of it.
    fn close(&mut self, open: &Open, end: Option<Span>) {
        let first = self.children.len();
        let mut count = self.scratch.len() - open.base;
        if open.mapping && count % 2 == 1 {
            // A key whose value the text never reached: the error that ended it is reported.
            self.scratch.pop();
            count -= 1;
        }
        self.children.extend(self.scratch.drain(open.base..));
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let last_child = self.children.last().filter(|_| count > 0).copied();
        let child_end = last_child.map(|c| self.nodes[c.index()].span.end);
        let stored = &mut self.nodes[open.node.index()];
        stored.span.end = match end {
            Some(end) if open.flow => end.end,
            _ => child_end.unwrap_or(stored.span.end),
        }
        .max(stored.span.start);
        let len = u32::try_from(count).unwrap_or(u32::MAX);
        stored.kind = if open.mapping {
            Kind::Mapping {
                first,
                len: len / 2,
                flow: open.flow,
            }
        } else {
            Kind::Sequence {
                first,
                len,
                flow: open.flow,
            }
        };
    }

    fn finish(mut self, text: Arc<str>) -> Tree {
        while let Some(open) = self.open.pop() {
            self.close(&open, None);
            self.place(open.node);
        }
        Tree {
            text,
            nodes: self.nodes,
            children: self.children,
            strings: self.strings,
            root: self.root,
            anchors: self.anchors,
            tags: self.tags,
            blocks: self.blocks,
            comments: self.comments,
            extra_document: self.extra_document,
        }
    }
}

fn tag_span(span: &granit_parser::Span) -> Option<Span> {
    let range = span.tag_span()?.byte_range()?;
    Some(Span::new(range.start, range.end))
}

fn offset_of(marker: &Marker) -> Option<usize> {
    marker.byte_offset()
}

/// Turns the parser's error at a byte offset into ours.
fn syntax_error(text: &str, offset: usize, error: &ScanError) -> SyntaxError {
    let mut start = offset;
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let end = text[start..]
        .chars()
        .next()
        .filter(|c| *c != '\n' && *c != '\r')
        .map_or(start, |c| start + c.len_utf8());
    let span = Span::new(start, end);
    let (message, hint) = explain(text, start, error);
    SyntaxError {
        message,
        span,
        opened: opened_at(text, start, error.kind()),
        hint,
    }
}

/// Says what the parser's category means for somebody who writes configs.
fn explain(text: &str, offset: usize, error: &ScanError) -> (String, Option<String>) {
    let said = |message: &str, hint: &str| (message.to_owned(), Some(hint.to_owned()));
    match error.kind() {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabAtBlockScalarStart => said(
            "a tab stands where YAML wants spaces",
            "indent with spaces: YAML does not allow tabs there",
        ),
        ErrorKind::MappingValueNotAllowed => said(
            "mapping values are not allowed here",
            "put the value in quotes if its text holds `: `, or start the nested key on a line of its own",
        ),
        ErrorKind::UnclosedQuotedScalar => said(
            "a quote is opened and never closed",
            "close the quote, or write a quote inside as `''` (single) or `\\\"` (double)",
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("`{open}` is opened and never closed"),
            Some(format!("add the closing `{}`", closing(*open))),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("`{open}` is closed by `{close}`"),
            Some(format!("close it with `{}`", closing(*open))),
        ),
        ErrorKind::MisplacedFlowCollectionEnd => said(
            "a closing bracket stands here without an opening one",
            "remove it, or put the text in quotes",
        ),
        ErrorKind::ExpectedFlowMappingSeparator => said(
            "a `,` or `}` is missing before this",
            "close the `{`, or separate its entries with `,`",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::InvalidColonPlacement => said(
            "a `,` or `]` is missing before this",
            "close the `[`, or separate its items with `,`",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar => said(
            "text follows the closing quote",
            "write a quote inside single quotes as `''`, or put the value in double quotes",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => said(
            "text follows the closing quote",
            "write a quote inside double quotes as `\\\"`",
        ),
        ErrorKind::UnknownQuotedScalarEscape => said(
            "this escape is not known in double quotes",
            "write a backslash as `\\\\`, or use single quotes, which take it as it is",
        ),
        ErrorKind::RecursionLimitExceeded => {
            ("the text is nested too deep to be read".to_owned(), None)
        }
        ErrorKind::UnexpectedCharacter { character } => (
            format!("no value can begin with `{character}`"),
            Some("put the text in quotes".to_owned()),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => said(
            "this line's indentation belongs to no list or map above it",
            "indent it like its siblings",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => said(
            "this line is no `key: value` pair",
            "a `:` may be missing, or the text above it is not indented as it should be",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::ExpectedBlockSequenceEntry => said(
            "a list item cannot stand here",
            "indent the `-` like the other items, and begin a list on a line of its own",
        ),
        _ => {
            let said = error.info();
            let said = said.trim_end_matches('.').to_owned();
            let hint = line_at(text, offset)
                .contains('\t')
                .then(|| "the line holds a tab: YAML indents with spaces".to_owned());
            (said, hint)
        }
    }
}

fn closing(open: char) -> char {
    if open == '{' { '}' } else { ']' }
}

fn line_at(text: &str, offset: usize) -> &str {
    let start = text[..offset].rfind('\n').map_or(0, |n| n + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |n| offset + n);
    &text[start..end]
}

/// Finds the bracket that an error about the end of a text is really about.
fn opened_at(text: &str, offset: usize, kind: &ErrorKind) -> Option<Span> {
    let open = match kind {
        ErrorKind::UnclosedFlowCollection { open } => *open,
        ErrorKind::InvalidColonPlacement | ErrorKind::ExpectedFlowSequenceSeparator => '[',
        ErrorKind::ExpectedFlowMappingSeparator => '{',
        _ => return None,
    };
    let at = text[..offset].rfind(open)?;
    Some(Span::new(at, at + open.len_utf8()))
}
