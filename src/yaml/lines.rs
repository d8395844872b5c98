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
    /// How many characters of its line stand before each [`STEP`] bytes of the text, for texts
    /// that have a long line: one with many findings on it is not counted from its start each time.
    marks: Vec<u32>,
}

/// Bytes between two marks; lines up to this length have their columns counted.
const STEP: usize = 512;

impl LineIndex {
    /// Indexes a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for i in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[i] == b'\n' || bytes.get(i + 1) != Some(&b'\n') {
                starts.push(u32::try_from(i + 1).unwrap_or(u32::MAX));
            }
        }
        let mut index = Self {
            starts,
            marks: Vec::new(),
        };
        if index.longest(bytes.len()) > STEP {
            index.mark(bytes);
        }
        index
    }

    fn longest(&self, len: usize) -> usize {
        let ends = self.starts.iter().skip(1).map(|s| *s as usize);
        let lines = self.starts.iter().zip(ends.chain([len]));
        let each = lines.map(|(start, end)| end.saturating_sub(*start as usize));
        each.max().unwrap_or(0)
    }

    fn mark(&mut self, bytes: &[u8]) {
        let mut starts = self.starts.iter().map(|s| *s as usize).peekable();
        let mut column = 0;
        for (i, piece) in bytes.chunks(STEP).enumerate() {
            let mut from = i * STEP;
            while let Some(start) = starts.next_if(|s| *s <= i * STEP) {
                if start == i * STEP {
                    column = 0;
                }
            }
            self.marks.push(column);
            // A line that begins within the piece begins the count again.
            while let Some(start) = starts.next_if(|s| *s < i * STEP + piece.len()) {
                (from, column) = (start, 0);
            }
            column += characters(&bytes[from..i * STEP + piece.len()]);
        }
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
        let mark = offset as usize / STEP;
        let (from, before) = match self.marks.get(mark) {
            Some(count) if mark * STEP >= start => (mark * STEP, *count),
            _ => (start, 0),
        };
        let column = before.saturating_add(characters(&text.as_bytes()[from..offset as usize]));
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: column.saturating_add(1),
        }
    }
}

/// Counts the characters that begin in some bytes of a text: continuation bytes begin none.
fn characters(bytes: &[u8]) -> u32 {
    let count = bytes.iter().filter(|b| (**b & 0xC0) != 0x80).count();
    u32::try_from(count).unwrap_or(u32::MAX)
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
    fn columns_of_long_lines_are_the_same_as_counted_from_their_starts() {
        let mut text = String::from("first\n");
        for i in 0..700 {
            text.push_str(["ä", "b", "🔃", "dd"][i % 4]);
            if [3, 250, 251, 512, 600].contains(&i) {
                text.push_str(["\n", "\r\n", "\r"][i % 3]);
            }
        }
        let fine = "x".repeat(STEP - text.len() % STEP);
        for text in [
            format!("{text}{fine}\n{text}"),
            text.repeat(4),
            "e\u{301}".repeat(900),
        ] {
            let index = LineIndex::new(&text);
            assert!(!index.marks.is_empty());
            for offset in 0..=text.len() {
                let at = u32::try_from(offset).unwrap();
                let line = index.line_of(at);
                let start = index.start_of(line).unwrap() as usize;
                let column = characters(&text.as_bytes()[start..offset]) + 1;
                assert_eq!(index.position(&text, at).column, column, "at {offset}");
            }
        }
    }

    #[test]
    fn an_empty_text_has_one_line() {
        let index = LineIndex::new("");
        assert_eq!(index.count(), 1);
        assert_eq!(index.position("", 0), Position { line: 1, column: 1 });
    }
}
