//! Byte ranges of source text, and the files that they belong to.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lines::LineIndex;

/// A half-open range of bytes in one source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span from byte offsets; `end` is never before `start`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        Self {
            start,
            end: end.max(start),
        }
    }

    /// Returns the span as offsets to slice with.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns the length in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Says whether the span holds no byte.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Returns the smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// Says whether `other` lies within this span.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Names one source text of a run: the config is 0, orb sources follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceId(pub u16);

/// A span together with the text that it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Location {
    /// The source text.
    pub source: SourceId,
    /// The bytes in it.
    pub span: Span,
}

impl Location {
    /// Makes a location.
    #[must_use]
    pub fn new(source: SourceId, span: Span) -> Self {
        Self { source, span }
    }
}

/// One source text: what it is called, what it says, where its lines begin.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    text: Arc<str>,
    lines: LineIndex,
    plain: bool,
}

impl Source {
    /// Takes a text under the name that findings show.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let lines = LineIndex::new(&text);
        Self {
            path: path.into(),
            text,
            lines,
            plain: false,
        }
    }

    /// Takes a text that is no YAML: a script that an orb includes.
    #[must_use]
    pub fn plain(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        Self {
            plain: true,
            ..Self::new(path, text)
        }
    }

    /// Says whether the text is no YAML.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Returns the name under which the text was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path as findings print it, with `/` between its parts.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.to_string_lossy();
        if std::path::MAIN_SEPARATOR == '\\' {
            name.replace('\\', "/")
        } else {
            name.into_owned()
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns a shared handle on the text.
    #[must_use]
    pub fn text_arc(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// Returns the bytes of a span, or nothing where it does not fit the text.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Returns the line index.
    #[must_use]
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }
}

/// The source texts that one analysis read, addressed by [`SourceId`].
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text and returns its id.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = SourceId(u16::try_from(self.list.len()).unwrap_or(u16::MAX));
        self.list.push(source);
        id
    }

    /// Returns a text by its id.
    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(usize::from(id.0))
    }

    /// Returns all texts with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.list
            .iter()
            .enumerate()
            .map(|(i, s)| (SourceId(u16::try_from(i).unwrap_or(u16::MAX)), s))
    }
}
