//! Output of jobs as it may stand between lines of ours: colours at most, nothing that moves the
//! cursor, names the window or turns the direction of writing.

use std::fmt::Write as _;

use anstyle_parse::{Params, Parser, Perform, Utf8Parser};

/// Makes one line of output readable.
pub(super) fn readable(line: &[u8], color: bool) -> String {
    let end = line
        .iter()
        .rposition(|&b| b != b'\r')
        .map_or(0, |at| at + 1);
    let line = &line[..end];
    let start = line
        .iter()
        .rposition(|&b| b == b'\r')
        .map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&line[start..]);
    // Nearly every line: a job may write hundreds of megabytes of them.
    if text
        .bytes()
        .all(|b| b == b'\t' || (b' '..0x7f).contains(&b))
    {
        return text.into_owned();
    }
    let mut kept = Kept {
        color,
        ..Kept::default()
    };
    let mut parser = Parser::<Utf8Parser>::new();
    for byte in text.bytes() {
        parser.advance(&mut kept, byte);
    }
    if kept.colored {
        kept.text.push_str("\u{1b}[0m");
    }
    kept.text
}

/// Makes a text of a config readable, as a name or a title.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|&c| !obeyed(c) && c != '\t').collect()
}

/// Says whether a terminal obeys a character instead of showing it.
fn obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\t') || turns
}

#[derive(Default)]
struct Kept {
    text: String,
    color: bool,
    colored: bool,
}

impl Perform for Kept {
    fn print(&mut self, c: char) {
        if !obeyed(c) {
            self.text.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte == b'\t' {
            self.text.push('\t');
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        if !self.color || action != b'm' || ignore || !intermediates.is_empty() {
            return;
        }
        self.text.push_str("\u{1b}[");
        for (at, group) in params.iter().enumerate() {
            if at > 0 {
                self.text.push(';');
            }
            for (at, value) in group.iter().enumerate() {
                let colon = if at > 0 { ":" } else { "" };
                // Writing to a string does not fail.
                let _ = write!(self.text, "{colon}{value}");
            }
        }
        self.text.push('m');
        self.colored = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_end_with_the_line() {
        let line = b"\x1b[1;31mred\x1b[38:5:200m pink";
        assert_eq!(
            readable(line, true),
            "\u{1b}[1;31mred\u{1b}[38:5:200m pink\u{1b}[0m"
        );
        assert_eq!(readable(line, false), "red pink");
    }

    #[test]
    fn nothing_else_is_obeyed() {
        for line in [
            &b"a\x1b[2J\x1b[1;1Hb"[..],
            b"a\x1b]0;title\x07b",
            b"a\x1b]8;;http://x\x1b\\b",
            b"a\x1bP1$r\x1b\\b",
            b"a\x1b(B\x1b=b",
            b"a\x07\x08\x0b\x0cb",
            b"a\x1b[?1049h\x1b[?25lb",
            "a\u{9b}b".as_bytes(),
            "a\u{202e}b".as_bytes(),
            b"a\x1b[>4;1mb",
            b"ab\x1b[3",
            b"ab\x1b",
        ] {
            assert_eq!(readable(line, true), "ab", "{line:?}");
        }
    }

    #[test]
    fn the_last_state_of_a_bar_counts() {
        assert_eq!(readable(b" 10%\r 50%\r100%\r", true), "100%");
        assert_eq!(readable(b"\r\r", true), "");
        assert_eq!(readable(b"\xff\tx", true), "\u{fffd}\tx");
    }
}
