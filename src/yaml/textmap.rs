//! Where each byte of a scalar's value stands in the source: through the indentation of blocks,
//! the folding of lines and the escapes of quotes.

use std::cell::OnceCell;

use super::span::Span;
use super::tree::ScalarStyle;
use super::view::Node;

/// The places of a scalar's bytes. They are looked for when one is asked for: most scripts have
/// nothing to be said about.
#[derive(Debug, Clone)]
pub struct TextMap {
    /// For each byte of the value, and for its end, the offset in the source.
    places: OnceCell<Vec<u32>>,
    kept: Kept,
}

/// What the places are found from.
#[derive(Debug, Clone)]
enum Kept {
    /// The text stands in its source as it is, from an offset on.
    Plain {
        start: u32,
        len: usize,
    },
    Scalar(Box<Scalar>),
}

#[derive(Debug, Clone)]
struct Scalar {
    value: Box<str>,
    /// Everything from its first byte to the last that belongs to its value.
    source: Box<str>,
    start: u32,
    /// Where its value begins in that.
    content: usize,
    style: ScalarStyle,
    indent: usize,
}

impl TextMap {
    /// Aligns a scalar's value with its source; nothing for other nodes, and for a scalar whose
    /// source does not say its value (an empty one).
    #[must_use]
    pub fn of(node: Node<'_>) -> Option<Self> {
        let value = node.text()?;
        let span = node.span();
        let source = node.source();
        let style = node.style()?;
        let (start, end) = match style {
            ScalarStyle::Plain => (0, source.len()),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                (1, source.len().checked_sub(1)?)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let content = node.block()?.content;
                (
                    (content.start.checked_sub(span.start)?) as usize,
                    source.len(),
                )
            }
        };
        Some(Self {
            places: OnceCell::new(),
            kept: Kept::Scalar(Box::new(Scalar {
                value: value.into(),
                source: source.get(..end)?.into(),
                start: span.start,
                content: start,
                style,
                indent: node.block().map_or(0, |b| b.indent as usize),
            })),
        })
    }

    /// Returns the map of a text that stands in its source as it is, from an offset on.
    #[must_use]
    pub fn plain(start: u32, len: usize) -> Self {
        Self {
            places: OnceCell::new(),
            kept: Kept::Plain { start, len },
        }
    }

    /// Returns the source of a range of the value's bytes; the nearest that there is where the
    /// range is beyond the value.
    #[must_use]
    pub fn span(&self, range: std::ops::Range<usize>) -> Span {
        let places = self.places.get_or_init(|| match &self.kept {
            Kept::Plain { start, len } => (0..=*len).map(|at| offset(*start, at)).collect(),
            Kept::Scalar(scalar) => scalar.places(),
        });
        let place = |at: usize| {
            let last = places.last().copied().unwrap_or(0);
            places.get(at).copied().unwrap_or(last) as usize
        };
        let start = place(range.start);
        let end = if range.end > range.start {
            // The byte behind may stand on another line: the last byte of the range counts.
            let last = place(range.end - 1);
            let next = place(range.end);
            if next > last && next - last <= 4 {
                next
            } else {
                last + 1
            }
        } else {
            start
        };
        Span::new(start, end.max(start))
    }
}

impl Scalar {
    fn places(&self) -> Vec<u32> {
        let mut walk = Walk {
            source: &self.source,
            at: self.content,
            style: self.style,
            indent: self.indent,
        };
        if self.style.is_block() {
            walk.skip_indent();
        }
        let mut places = Vec::with_capacity(self.value.len() + 1);
        for sign in self.value.chars() {
            let place = walk.take(sign);
            for i in 0..sign.len_utf8() {
                // The bytes of one sign that is written as itself follow each other.
                let step = if walk.at == place + sign.len_utf8() {
                    i
                } else {
                    0
                };
                places.push(offset(self.start, place + step));
            }
        }
        places.push(offset(self.start, walk.at.min(self.source.len())));
        places
    }
}

fn offset(start: u32, at: usize) -> u32 {
    start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
}

struct Walk<'s> {
    source: &'s str,
    at: usize,
    style: ScalarStyle,
    indent: usize,
}

impl Walk<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn skip_indent(&mut self) {
        let blanks = self.rest().bytes().take_while(|b| *b == b' ').count();
        self.at += match self.style.is_block() {
            true => blanks.min(self.indent),
            // Lines of plain and quoted scalars lose all blanks around the line break.
            false => self
                .rest()
                .bytes()
                .take_while(|b| matches!(b, b' ' | b'\t'))
                .count(),
        };
    }

    /// Goes over one line break and the indentation behind it.
    fn skip_break(&mut self) {
        let rest = self.rest();
        self.at += if rest.starts_with("\r\n") { 2 } else { 1 };
        self.skip_indent();
    }

    fn at_break(&self) -> bool {
        self.rest().starts_with(['\n', '\r'])
    }

    /// Says whether only blanks stand before the next line break: a folded line loses them.
    fn before_break(&self) -> bool {
        let flow = !self.style.is_block();
        flow && self
            .rest()
            .trim_start_matches([' ', '\t'])
            .starts_with(['\n', '\r'])
    }

    /// Returns where a sign of the value stands, and goes behind it.
    fn take(&mut self, sign: char) -> usize {
        if sign.is_whitespace() && self.before_break() {
            let here = self.at;
            self.at += self
                .rest()
                .bytes()
                .take_while(|b| matches!(b, b' ' | b'\t'))
                .count();
            self.fold(sign);
            return here;
        }
        if self.at_break() {
            let here = self.at;
            if matches!(sign, ' ' | '\n') {
                self.fold(sign);
                return here;
            }
            while self.at_break() {
                self.skip_break();
            }
        }
        if self.style == ScalarStyle::DoubleQuoted && self.rest().starts_with('\\') {
            return self.escape(sign);
        }
        let here = self.at;
        if self.style == ScalarStyle::SingleQuoted && sign == '\'' && self.rest().starts_with("''")
        {
            self.at += 2;
            return here;
        }
        if self.rest().starts_with(sign) {
            self.at += sign.len_utf8();
        }
        here
    }

    /// Goes over the line breaks that one sign stands for.
    fn fold(&mut self, sign: char) {
        self.skip_break();
        if sign == '\n' && self.style != ScalarStyle::Literal {
            // The first of several breaks is lost where lines are folded.
            let blank_follows = self.at_break();
            let kept = self.style == ScalarStyle::Folded && !blank_follows;
            if !kept && blank_follows {
                self.skip_break();
            }
        }
    }

    fn escape(&mut self, sign: char) -> usize {
        let here = self.at;
        let mut signs = self.rest().char_indices().skip(1);
        let Some((_, kind)) = signs.next() else {
            return here;
        };
        if matches!(kind, '\n' | '\r') {
            // An escaped line break stands for nothing.
            self.at += 1;
            self.skip_break();
            return self.take(sign);
        }
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        self.at += 1 + kind.len_utf8() + digits;
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    /// Returns the source of each word of a config's `run` text.
    fn words(text: &str) -> Vec<(String, String)> {
        let tree = parse(text).tree;
        let node = tree.root().unwrap().get("run").unwrap().value;
        let map = TextMap::of(node).unwrap();
        let value = node.text().unwrap();
        let mut out = Vec::new();
        let mut from = 0;
        for word in value.split_whitespace() {
            let start = from + value[from..].find(word).unwrap();
            from = start + word.len();
            let span = map.span(start..from);
            out.push((word.to_owned(), tree.text()[span.range()].to_owned()));
        }
        out
    }

    fn same(text: &str) {
        let found = words(text);
        assert!(!found.is_empty(), "{text}");
        for (word, source) in found {
            assert_eq!(word, source, "in {text:?}");
        }
    }

    #[test]
    fn words_are_found_in_every_style() {
        same("run: make all\n");
        same("run: |\n  make all\n\n    deep er\n  end\n");
        same("run: |-\n    make all\n  \n    more\n");
        same("run: >\n  make all\n  and more\n\n  next part\n   kept line\n  end\n");
        same("run: >-\n  a\n\n\n  b c\n");
        same("run: make\n  all of\n\n  it\n");
        same("run: 'make\n  all of\n\n  it'\n");
        same("run: \"make\n  all of \n\n  it\"\n");
        same("run: \"make ärger 🔃 x\"\n");
        same("run: |2\n    indented more\n  less\n");
    }

    #[test]
    fn an_escape_is_seen_whole() {
        let found = words(r#"run: "a \"b\" \u0041x c""#);
        let shown: Vec<&str> = found.iter().map(|(_, s)| s.as_str()).collect();
        assert_eq!(shown, ["a", r#"\"b\""#, r"\u0041x", "c"]);
        let found = words("run: 'it''s fine'");
        assert_eq!(found[0].1, "it''s");
        same("run: \"one \\\n  two\"\n");
    }
}
