//! What a text with syntax errors says all the same: the lines that cannot be read are covered with
//! blanks, as few as will do, and the rest is read again. Every place stays what it was.

use std::ops::Range;

use super::error::SyntaxError;
use super::parse::parse;
use super::span::Span;
use super::tree::Tree;

/// Longest text that is read again, in bytes.
const LONGEST: usize = 2 << 20;

/// Most attempts.
const MOST_ATTEMPTS: usize = 120;

/// Most bytes that are read again, all attempts together.
const MOST_BYTES: usize = 64 << 20;

/// Most errors that are covered.
const MOST_ERRORS: usize = 8;

/// Most folds of the text, from the inside out, that are tried for one error.
const MOST_BLOCKS: usize = 6;

/// A text with syntax errors, as far as it can be read.
#[derive(Debug)]
pub struct Recovered {
    /// The tree of what is left.
    pub tree: Tree,
    /// What was covered, in order.
    pub lost: Vec<Span>,
}

/// Reads what can be read of a text beside its errors, of which `error` is the first: of the ways
/// that are tried, the likeliest first, the one that covers least.
#[must_use]
pub fn recover(text: &str, error: &SyntaxError) -> Option<Recovered> {
    if text.len() > LONGEST {
        return None;
    }
    let lines = Lines::new(text);
    let mut open = vec![Attempt {
        text: text.to_owned(),
        lost: Vec::new(),
        error: error.clone(),
    }];
    let mut least: Option<Recovered> = None;
    let mut left = MOST_ATTEMPTS.min(MOST_BYTES / text.len().max(1));
    while let Some(next) = likeliest(&open, text.len()) {
        let attempt = open.swap_remove(next);
        for part in lines.candidates(&attempt.error) {
            let covered = cover(&attempt.text, &part);
            let mut lost = attempt.lost.clone();
            lost.push(Span::new(part.start, part.end));
            let enough = least.as_ref().is_some_and(|l| size(&l.lost) <= size(&lost));
            if covered == attempt.text || enough {
                continue;
            }
            if left == 0 {
                return least;
            }
            left -= 1;
            let parsed = parse(covered.as_str());
            match parsed.error {
                None => {
                    lost.sort_unstable();
                    let tree = parsed.tree;
                    least = Some(Recovered { tree, lost });
                }
                Some(later) => {
                    let on = later.span.start > attempt.error.span.start
                        && later.span.start as usize >= part.end;
                    if on && lost.len() < MOST_ERRORS {
                        open.push(Attempt {
                            text: covered,
                            lost,
                            error: later,
                        });
                    }
                }
            }
        }
    }
    least
}

/// A text with some of it covered, and the error that it has then.
struct Attempt {
    text: String,
    lost: Vec<Span>,
    error: SyntaxError,
}

/// Returns the attempt that has read most for what it has covered.
fn likeliest(open: &[Attempt], len: usize) -> Option<usize> {
    let cost = |attempt: &Attempt| {
        let unread = len.saturating_sub(attempt.error.span.start as usize);
        2 * size(&attempt.lost) + unread
    };
    (0..open.len()).min_by_key(|i| cost(&open[*i]))
}

fn size(parts: &[Span]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// Puts blanks in the place of a part of a text; its line breaks stay.
fn cover(text: &str, part: &Range<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..part.start]);
    for sign in text[part.clone()].chars() {
        match sign {
            '\n' | '\r' => out.push(sign),
            // Offsets count bytes.
            other => out.extend(std::iter::repeat_n(' ', other.len_utf8())),
        }
    }
    out.push_str(&text[part.end..]);
    out
}

struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let breaks = text.match_indices('\n').map(|(i, _)| i + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    fn at(&self, offset: u32) -> usize {
        self.starts.partition_point(|s| *s <= offset as usize) - 1
    }

    fn range(&self, first: usize, last: usize) -> Range<usize> {
        let end = self.starts.get(last + 1).copied();
        self.starts[first]..end.unwrap_or(self.text.len())
    }

    /// Returns the width of a line's indentation, marks of list items counted as blanks; none for
    /// a line that says nothing.
    fn indentation(&self, line: usize) -> Option<usize> {
        let text = &self.text[self.range(line, line)];
        let rest = text.trim_start_matches([' ', '-']);
        let empty = rest.trim().is_empty() || rest.starts_with('#');
        (!empty).then(|| text.len() - rest.len())
    }

    /// Returns the last line of the block that a line begins: those below it that are indented
    /// deeper.
    fn block_end(&self, first: usize) -> usize {
        let Some(own) = self.indentation(first) else {
            return first;
        };
        let mut last = first;
        for line in first + 1..self.starts.len() {
            match self.indentation(line) {
                Some(width) if width <= own => break,
                Some(_) => last = line,
                None => {}
            }
        }
        last
    }

    /// Returns the line of the block that a line is in.
    fn parent(&self, line: usize) -> Option<usize> {
        let own = self.indentation(line)?;
        (0..line)
            .rev()
            .find(|above| self.indentation(*above).is_some_and(|width| width < own))
    }

    /// Returns the parts of the text that may be to blame, the likeliest and smallest first.
    fn candidates(&self, error: &SyntaxError) -> Vec<Range<usize>> {
        let here = self.at(error
            .span
            .start
            .min(u32::try_from(self.text.len()).unwrap_or(u32::MAX)));
        // What the error is seen at may be the line behind the one that is wrong.
        let before = (0..here).rev().find(|l| self.indentation(*l).is_some());
        // Or the one above it, where a tab stands for blanks.
        let mut below = here + 1..self.starts.len();
        let after = below.find(|l| self.indentation(*l).is_some());
        let opened = error
            .opened
            .map(|at| self.at(at.start))
            .filter(|l| *l <= here);
        let mut out = Vec::new();
        // A line goes with what stands below it, which would belong to another one without it.
        for line in [opened, Some(here), before, after].into_iter().flatten() {
            out.push(self.range(line, self.block_end(line)));
        }
        if let Some(opened) = opened {
            let last = here.saturating_sub(1).max(opened);
            out.push(self.range(opened, self.block_end(last)));
            out.push(self.range(opened, self.block_end(here)));
        }
        let mut line = Some(opened.unwrap_or(here));
        for _ in 0..MOST_BLOCKS {
            line = line.and_then(|l| self.parent(l));
            if let Some(line) = line {
                let last = self.block_end(line).max(here);
                out.push(self.range(line, self.block_end(last)));
            }
        }
        // Nothing behind it can be read.
        for line in [opened, before, Some(here)].into_iter().flatten() {
            out.push(self.starts[line]..self.text.len());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(text: &str) -> Vec<&str> {
        let parsed = parse(text);
        let recovered = recover(text, &parsed.error.unwrap()).unwrap();
        assert_eq!(recovered.tree.text().len(), text.len());
        recovered
            .lost
            .iter()
            .map(|span| text[span.range()].trim_end())
            .collect()
    }

    #[test]
    fn as_little_as_will_do_is_covered() {
        assert_eq!(lost("a: 1\nb: [1, 2\nc: 3\n"), ["b: [1, 2"]);
        assert_eq!(lost("a:\n  b: 'x\n  c: 1\nd: 2\n"), ["  b: 'x"]);
        assert_eq!(lost("a: 1\n\tb: 2\nc: 3\n"), ["\tb: 2"]);
        assert_eq!(lost("a: 1\nbb: 2\n b: 3\nd: 4\nc: [\n"), [" b: 3", "c: ["]);
        assert_eq!(lost("ä: \"ä\nb: ä\n"), ["ä: \"ä"]);
    }

    #[test]
    fn any_text_ends() {
        for text in [
            "[",
            "\"",
            "a: [\n\n",
            "%",
            "a: b: c",
            "- a\nb: {",
            "&a &b",
            "\t",
            "a\n\u{0}",
        ] {
            if let Some(error) = parse(text).error {
                let _ = recover(text, &error);
            }
        }
    }
}
