//! Whole lines of the output of one job, out of pieces that end anywhere.

/// Where a line without an end is cut: nobody reads further, and it must not fill the memory.
const LONGEST: usize = 8 * 1024;

/// The beginning of a line whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes output, and hands on each line that it ends, without its end.
    pub(super) fn take(&mut self, bytes: &[u8], line: &mut dyn FnMut(Vec<u8>)) {
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            self.add(text);
            while self.partial.len() > LONGEST {
                let rest = self.partial.split_off(boundary(&self.partial, LONGEST));
                line(std::mem::replace(&mut self.partial, rest));
            }
            if ends {
                line(std::mem::take(&mut self.partial));
            }
        }
    }

    /// Hands on what has no end, where something has begun.
    pub(super) fn finish(&mut self, line: &mut dyn FnMut(Vec<u8>)) {
        if !self.partial.is_empty() {
            line(std::mem::take(&mut self.partial));
        }
    }

    /// Adds to the line; what a progress bar has overwritten is forgotten.
    fn add(&mut self, text: &[u8]) {
        self.partial.extend_from_slice(text);
        let last = self.partial.iter().rposition(|&b| b != b'\r');
        let begin = last.and_then(|last| self.partial[..last].iter().rposition(|&b| b == b'\r'));
        if let Some(begin) = begin {
            self.partial.drain(..=begin);
        }
    }
}

/// Returns where to cut so that no character is cut through.
fn boundary(bytes: &[u8], most: usize) -> usize {
    let begins = |&at: &usize| bytes[at] & 0xc0 != 0x80;
    (most - 3..=most).rev().find(begins).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        let mut keep = |line: Vec<u8>| out.push(String::from_utf8(line).unwrap_or_default());
        let mut lines = Lines::default();
        for piece in pieces {
            lines.take(piece, &mut keep);
        }
        lines.finish(&mut keep);
        out
    }

    #[test]
    fn pieces_become_lines() {
        assert_eq!(lines(&[b"a\nb", b"c", b"\n\nd"]), ["a", "bc", "", "d"]);
        assert_eq!(lines(&["é".as_bytes().split_at(1).0, b"\xa9\n"]), ["é"]);
    }

    #[test]
    fn a_bar_without_end_takes_no_memory() {
        let mut lines = Lines::default();
        for _ in 0..10_000 {
            lines.take(b"\r 50% of it", &mut |_| {});
        }
        assert!(lines.partial.len() < 100);
    }

    #[test]
    fn a_line_without_end_is_cut_between_characters() {
        let cut = lines(&["ü€".repeat(20_000).as_bytes()]);
        assert_eq!(cut.concat().chars().count(), 40_000);
        assert!(
            cut.iter()
                .all(|line| line.len() <= LONGEST && !line.is_empty())
        );
    }
}
