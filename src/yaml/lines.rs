//! Where the lines of a text begin, so that byte offsets become lines and columns.

/// A place in a text as people and editors count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// The byte offsets at which lines begin. `\n`, `\r\n` and a lone `\r` end a line, as in YAML 1.2 §5.4.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    /// Indexes a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (i, b) in bytes.iter().enumerate() {
            let ends = match b {
                b'\n' => true,
                b'\r' => bytes.get(i + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(u32::try_from(i + 1).unwrap_or(u32::MAX));
            }
        }
        Self { starts }
    }

    /// Returns the zero-based number of the line that holds a byte offset.
    #[must_use]
    pub fn line_of(&self, offset: u32) -> usize {
        self.starts
            .partition_point(|s| *s <= offset)
            .saturating_sub(1)
    }

    /// Returns the offset at which a zero-based line begins.
    #[must_use]
    pub fn start_of(&self, line: usize) -> Option<u32> {
        self.starts.get(line).copied()
    }

    /// Returns how many lines the text has; an empty text has one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Returns the position of a byte offset; one inside a character counts as that character's.
    #[must_use]
    pub fn position(&self, text: &str, offset: u32) -> Position {
        let offset = offset.min(u32::try_from(text.len()).unwrap_or(u32::MAX));
        let line = self.line_of(offset);
        let start = self.starts.get(line).copied().unwrap_or(0) as usize;
        let before = &text.as_bytes()[start..offset as usize];
        // Continuation bytes do not begin a character.
        let column = before.iter().filter(|b| (**b & 0xC0) != 0x80).count();
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let index = LineIndex::new("a\nb\r\nc\rd");
        assert_eq!(index.count(), 4);
        assert_eq!(index.start_of(2), Some(5));
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "ä: ö";
        let index = LineIndex::new(text);
        assert_eq!(index.position(text, 4), Position { line: 1, column: 4 });
        assert_eq!(index.position(text, 99), Position { line: 1, column: 5 });
    }

    #[test]
    fn an_empty_text_has_one_line() {
        let index = LineIndex::new("");
        assert_eq!(index.count(), 1);
        assert_eq!(index.position("", 0), Position { line: 1, column: 1 });
    }
}
