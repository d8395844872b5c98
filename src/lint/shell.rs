//! The words of a shell script, as far as a linter may trust itself with them: commands, their
//! words, what is quoted, where each stands. No expansion, no functions; what is not understood
//! is a word like any other. Heredocs and comments are left out.

use std::ops::Range;

/// One simple command.
#[derive(Debug, Clone, Default)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    /// Whether its output goes into the next command.
    pub(super) piped: bool,
}

/// One word.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// What it says without its quotes.
    pub(super) text: String,
    /// Where it stands in the script, in bytes, quotes included.
    pub(super) range: Range<usize>,
    /// The variables that are expanded in it.
    pub(super) variables: Vec<Variable>,
    /// Whether a redirection brought it: `> file`.
    pub(super) redirected: bool,
}

/// A variable that a word expands.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    /// Whether quotes keep its value in one word.
    pub(super) quoted: bool,
}

impl Command {
    /// Returns the program's name, behind assignments and the words that run another program.
    pub(super) fn program(&self) -> Option<&str> {
        self.arguments_from(0).map(|(name, _)| name)
    }

    /// Returns the words behind the program's name.
    pub(super) fn arguments(&self) -> &[Word] {
        self.arguments_from(0).map_or(&[], |(_, rest)| rest)
    }

    fn arguments_from(&self, from: usize) -> Option<(&str, &[Word])> {
        let words = &self.words;
        let mut i = from;
        while let Some(word) = words.get(i) {
            let assigns = word
                .text
                .split_once('=')
                .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_name));
            let prefix = matches!(
                word.text.as_str(),
                "sudo"
                    | "exec"
                    | "command"
                    | "time"
                    | "env"
                    | "then"
                    | "do"
                    | "else"
                    | "if"
                    | "while"
                    | "!"
                    | "{"
                    | "("
            );
            let option = i > from && word.text.starts_with('-') && prefix_before(words, i);
            if word.redirected || assigns || prefix || option {
                i += 1;
            } else {
                return Some((&word.text, &words[i + 1..]));
            }
        }
        None
    }

    /// Says whether the words begin like this, program first.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        let Some((name, rest)) = self.arguments_from(0) else {
            return false;
        };
        let mut said = std::iter::once(name).chain(rest.iter().map(|w| w.text.as_str()));
        words.iter().all(|word| said.next() == Some(word))
    }
}

fn prefix_before(words: &[Word], i: usize) -> bool {
    words[..i].last().is_some_and(|w| {
        matches!(w.text.as_str(), "sudo" | "env" | "exec" | "command") || w.text.starts_with('-')
    })
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Cuts a script into commands.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let mut lexer = Lexer {
        bytes: script.as_bytes(),
        script,
        at: 0,
        out: Vec::new(),
        command: Command::default(),
        heredocs: Vec::new(),
    };
    lexer.run();
    lexer.out
}

struct Lexer<'s> {
    bytes: &'s [u8],
    script: &'s str,
    at: usize,
    out: Vec<Command>,
    command: Command,
    /// The words that end the heredocs that were announced on this line.
    heredocs: Vec<String>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn end_command(&mut self, piped: bool) {
        let mut command = std::mem::take(&mut self.command);
        if !command.words.is_empty() {
            command.piped = piped;
            self.out.push(command);
        }
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\n' => {
                    self.end_command(false);
                    self.at += 1;
                    self.skip_heredocs();
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == b'\n' => self.at += 2,
                b';' | b'(' | b')' => {
                    self.end_command(false);
                    self.at += 1;
                }
                b'&' if self.peek(1) == b'>' => self.redirection(),
                b'&' => {
                    self.end_command(false);
                    self.at += 1;
                }
                b'|' => {
                    let or = self.peek(1) == b'|';
                    self.end_command(!or);
                    self.at += if or || self.peek(1) == b'&' { 2 } else { 1 };
                }
                b'#' => {
                    while self.at < self.bytes.len() && self.peek(0) != b'\n' {
                        self.at += 1;
                    }
                }
                b'<' | b'>' => self.redirection(),
                _ => {
                    let word = self.word();
                    // `2>file`: the digit belongs to the redirection.
                    let digit = word.text.bytes().all(|b| b.is_ascii_digit());
                    if !(digit && matches!(self.peek(0), b'<' | b'>') && !word.text.is_empty()) {
                        self.command.words.push(word);
                    }
                }
            }
        }
        self.end_command(false);
    }

    fn redirection(&mut self) {
        let start = self.at;
        while matches!(self.peek(0), b'<' | b'>' | b'&' | b'-') {
            self.at += 1;
        }
        let sign = &self.script[start..self.at];
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        if matches!(self.peek(0), b'\n' | b';' | 0) {
            return;
        }
        let mut word = self.word();
        if sign.starts_with("<<") && !sign.starts_with("<<<") {
            self.heredocs.push(word.text);
            return;
        }
        word.redirected = true;
        if sign.contains('>') && !sign.ends_with('&') {
            self.command.words.push(word);
        }
    }

    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while self.at < self.bytes.len() {
                let rest = &self.script[self.at..];
                let line = rest.split('\n').next().unwrap_or("");
                self.at = (self.at + line.len() + 1).min(self.bytes.len());
                if line.trim() == end {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Word {
        let start = self.at;
        let mut text = String::new();
        let mut variables = Vec::new();
        let mut quote = 0_u8;
        while self.at < self.bytes.len() {
            let b = self.peek(0);
            match (quote, b) {
                (
                    0,
                    b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')',
                ) => break,
                (0, b'\'' | b'"') => {
                    quote = b;
                    self.at += 1;
                }
                (q, b) if q == b && q != 0 => {
                    quote = 0;
                    self.at += 1;
                }
                (0 | b'"', b'\\') => {
                    self.at += 1;
                    if self.peek(0) != b'\n' {
                        self.copy(&mut text);
                    } else {
                        self.at += 1;
                    }
                }
                (0 | b'"', b'$') => self.dollar(quote == b'"', &mut text, &mut variables),
                (0 | b'"', b'`') => {
                    text.push('`');
                    self.at += 1;
                }
                _ => self.copy(&mut text),
            }
        }
        if self.at == start {
            self.at += 1;
        }
        Word {
            text,
            range: start..self.at.min(self.bytes.len()),
            variables,
            redirected: false,
        }
    }

    /// Takes one sign as it is.
    fn copy(&mut self, text: &mut String) {
        if let Some(sign) = self.script[self.at..].chars().next() {
            text.push(sign);
            self.at += sign.len_utf8();
        }
    }

    fn dollar(&mut self, quoted: bool, text: &mut String, variables: &mut Vec<Variable>) {
        let start = self.at;
        let braced = self.peek(1) == b'{';
        self.at += if braced { 2 } else { 1 };
        if self.peek(0) == b'(' {
            // A command inside: its words are read as words of their own.
            text.push_str("$(");
            self.at += 1;
            return;
        }
        let name = self.at;
        while self.at < self.bytes.len() && is_name(self.peek(0)) {
            self.at += 1;
        }
        let found = self.script[name..self.at].to_owned();
        if braced {
            while self.at < self.bytes.len() && !matches!(self.peek(0), b'}' | b'\n') {
                self.at += 1;
            }
            self.at = (self.at + 1).min(self.bytes.len());
        }
        while !self.script.is_char_boundary(self.at) {
            self.at += 1;
        }
        text.push_str(&self.script[start..self.at]);
        if !found.is_empty() && !found.starts_with(|c: char| c.is_ascii_digit()) {
            variables.push(Variable {
                name: found,
                range: start..self.at,
                quoted,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(script: &str) -> Vec<String> {
        commands(script)
            .iter()
            .map(|c| {
                let words: Vec<&str> = c.words.iter().map(|w| w.text.as_str()).collect();
                format!("{}{}", words.join("_"), if c.piped { "|" } else { "" })
            })
            .collect()
    }

    #[test]
    fn commands_are_cut_at_their_separators() {
        assert_eq!(
            show("a 'b c' \"d e\" && f | g; h # i\nj\\\nk"),
            ["a_b c_d e", "f|", "g", "h", "jk"]
        );
        assert_eq!(
            show("curl -sSL https://x | sudo bash -s -- a"),
            ["curl_-sSL_https://x|", "sudo_bash_-s_--_a"]
        );
    }

    #[test]
    fn a_heredoc_is_no_command() {
        assert_eq!(
            show("cat <<EOF > out\n a b; c\nEOF\nnext"),
            ["cat_out", "next"]
        );
        assert_eq!(show("cat <<-'END'\nx\n  END\nnext"), ["cat", "next"]);
    }

    #[test]
    fn variables_know_their_quotes() {
        let found = commands("echo $A \"x ${B:-c}\" '$C' \"$D\"");
        let all: Vec<(String, bool)> = found[0]
            .words
            .iter()
            .flat_map(|w| &w.variables)
            .map(|v| (v.name.clone(), v.quoted))
            .collect();
        assert_eq!(
            all,
            [
                ("A".to_owned(), false),
                ("B".to_owned(), true),
                ("D".to_owned(), true)
            ]
        );
    }

    #[test]
    fn programs_stand_behind_assignments_and_sudo() {
        assert_eq!(commands("A=1 sudo -E make x")[0].program(), Some("make"));
        assert!(commands("circleci-agent step halt")[0].is(&["circleci-agent", "step", "halt"]));
        assert!(
            commands("if [ x ]; then\n  circleci step halt\nfi")
                .iter()
                .any(|c| c.is(&["circleci", "step", "halt"]))
        );
    }

    #[test]
    fn any_text_ends() {
        for text in [
            "$",
            "${",
            "\"",
            "'",
            "\\",
            "<<",
            "a\u{e4}$\u{e4}",
            "${\u{e4}",
            ">",
            "&>",
            "$(",
            "`",
        ] {
            let _ = commands(text);
        }
    }
}
