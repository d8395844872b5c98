//! Values of the pipeline in what is generated. The compiler marks them in texts
//! ([`crate::circleci::text_parts`]); a script gets them as variables, so that what somebody wrote
//! into a branch's name is never read as a part of the script.

use std::collections::BTreeSet;

use crate::circleci::{TextPart, text_parts};
use crate::yaml::Tree;

/// What the full name of a pipeline parameter begins with.
pub(super) const PARAMETER: &str = "pipeline.parameters.";

/// A pipeline parameter, as the config declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: String,
    /// Its type as the config writes it.
    pub(super) kind: String,
    /// Its default, as text.
    pub(super) default: Option<String>,
    /// What an enum lists.
    pub(super) options: Vec<String>,
    /// What it is for.
    pub(super) description: Option<String>,
}

/// Returns the pipeline parameters of a config.
pub(super) fn parameters(tree: &Tree) -> Vec<Parameter> {
    let Some(declared) = tree.root().and_then(|root| root.get("parameters")) else {
        return Vec::new();
    };
    let text = |node: crate::yaml::Node<'_>, key: &str| {
        let found = node.get(key)?;
        found.value.text().map(str::to_owned)
    };
    let entries = declared.value.entries();
    let parameters = entries.filter_map(|entry| {
        Some(Parameter {
            name: entry.key.text()?.to_owned(),
            kind: text(entry.value, "type").unwrap_or_default(),
            default: text(entry.value, "default"),
            options: entry.value.get("enum").map_or_else(Vec::new, |list| {
                let items = list.value.items();
                items.filter_map(|i| i.text().map(str::to_owned)).collect()
            }),
            description: text(entry.value, "description"),
        })
    });
    parameters.collect()
}

/// Returns the name of the variable that carries a value into a script.
pub(super) fn variable(name: &str) -> String {
    let name = name.strip_prefix(PARAMETER).map_or_else(
        || name.to_owned(),
        |parameter| format!("pipeline.parameter.{parameter}"),
    );
    let upper = name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    upper.collect()
}

/// A script with its values as variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// The text.
    pub(super) text: String,
    /// The full names of the values that it uses.
    pub(super) values: BTreeSet<String>,
    /// The values that stand where no variable is read, between the quotes of a heredoc.
    pub(super) out_of_reach: BTreeSet<String>,
}

/// How a shell reads a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// POSIX shells.
    Posix,
    /// PowerShell.
    PowerShell,
    /// Anything else, which gets what the values are here.
    Other,
}

/// Puts variables in the place of the values in a script.
pub(super) fn script(text: &str, dialect: Dialect) -> Script {
    let mut out = Script::default();
    let mut scanner = Scanner::default();
    for part in text_parts(text) {
        match part {
            TextPart::Plain(plain) => {
                out.text.push_str(plain);
                plain.chars().for_each(|c| scanner.take(c));
            }
            TextPart::Value { name, here } => {
                let variable = variable(name);
                match (dialect, scanner.quoting()) {
                    (Dialect::Other, _) | (Dialect::Posix, Quoting::Raw) => {
                        out.text.push_str(here);
                        out.out_of_reach.insert(name.to_owned());
                        continue;
                    }
                    (Dialect::PowerShell, _) => out.text.push_str(&format!("${{env:{variable}}}")),
                    (Dialect::Posix, Quoting::Single) => {
                        out.text.push_str(&format!("'\"${{{variable}}}\"'"));
                    }
                    (Dialect::Posix, Quoting::Open) => {
                        out.text.push_str(&format!("${{{variable}}}"));
                    }
                }
                // What a value is here tells the scanner that a word stands here.
                scanner.take('v');
                out.values.insert(name.to_owned());
            }
        }
    }
    out
}

/// Quotes a text with values in it as one word of a POSIX shell.
pub(super) fn word(text: &str) -> Script {
    let mut out = Script::default();
    let mut parts = text_parts(text);
    if parts.is_empty() {
        parts.push(TextPart::Plain(""));
    }
    for part in parts {
        match part {
            TextPart::Plain(plain) => out.text.push_str(&crate::words::quoted(plain)),
            TextPart::Value { name, .. } => {
                out.text.push_str(&format!("\"${{{}}}\"", variable(name)));
                out.values.insert(name.to_owned());
            }
        }
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// A variable is read here, within double quotes or without any.
    Open,
    /// Between single quotes.
    Single,
    /// Where nothing is read at all.
    Raw,
}

/// Follows the quotes of a shell script, as far as a variable's fate depends on them.
#[derive(Debug, Default)]
struct Scanner {
    /// What is open: `"`, `'`, `(` of a substitution, `#`; innermost last.
    open: Vec<char>,
    escaped: bool,
    before: Option<char>,
    /// The heredoc that is announced on this line, or read now: its end, and whether it is quoted.
    heredoc: Heredoc,
    line: String,
}

#[derive(Debug, Default)]
enum Heredoc {
    #[default]
    None,
    /// Behind `<<`, the word so far.
    Word(String),
    /// The line goes on until the text begins.
    Announced(String, bool),
    Text(String, bool),
}

impl Scanner {
    fn quoting(&self) -> Quoting {
        if let Heredoc::Text(_, quoted) = &self.heredoc {
            return if *quoted { Quoting::Raw } else { Quoting::Open };
        }
        match self.open.last() {
            Some('\'') => Quoting::Single,
            _ => Quoting::Open,
        }
    }

    fn take(&mut self, c: char) {
        let before = self.before.replace(c);
        if let Heredoc::Text(end, _) = &self.heredoc {
            if c == '\n' {
                let over = self.line.trim_start_matches('\t') == end;
                self.line.clear();
                if over {
                    self.heredoc = Heredoc::None;
                }
            } else {
                self.line.push(c);
            }
            return;
        }
        if let Heredoc::Word(word) = &mut self.heredoc {
            let ends = c.is_whitespace() || matches!(c, ';' | '|' | '&' | ')' | '>' | '<');
            let nothing = word.is_empty() || word == "-";
            if c == '<' && word.is_empty() {
                // `<<<` is a text, no heredoc.
                self.heredoc = Heredoc::None;
                return;
            }
            if nothing && (c == ' ' || c == '\t') {
                return;
            }
            if !ends {
                word.push(c);
                return;
            }
            let quoted = word.contains(['\'', '"', '\\']);
            let end = word.trim_start_matches('-').replace(['\'', '"', '\\'], "");
            self.heredoc = match end.is_empty() {
                true => Heredoc::None,
                false => Heredoc::Announced(end, quoted),
            };
        }
        if c == '\n'
            && let Heredoc::Announced(end, quoted) = std::mem::take(&mut self.heredoc)
        {
            self.heredoc = Heredoc::Text(end, quoted);
            self.line.clear();
            return;
        }
        if std::mem::take(&mut self.escaped) {
            return;
        }
        match (self.open.last().copied(), c) {
            (Some('\''), '\'') => drop(self.open.pop()),
            (Some('\''), _) => {}
            (Some('#'), '\n') => drop(self.open.pop()),
            (Some('#'), _) => {}
            (_, '\\') => self.escaped = true,
            (Some('"'), '"') => drop(self.open.pop()),
            (_, '(') if before == Some('$') || self.open.last() != Some(&'"') => {
                self.open.push('(');
            }
            (Some('('), ')') => drop(self.open.pop()),
            (Some('"'), _) => {}
            (_, '"' | '\'') => self.open.push(c),
            (_, '#') if before.is_none_or(char::is_whitespace) => self.open.push('#'),
            (_, '<') if before == Some('<') => self.heredoc = Heredoc::Word(String::new()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str) -> String {
        text.replace("@@", "\u{F0001}pipeline.git.branch\u{F0002}main\u{F0003}")
    }

    fn posix(text: &str) -> Script {
        script(&marked(text), Dialect::Posix)
    }

    #[test]
    fn a_value_reaches_the_script_as_a_variable_whatever_quotes_are_around_it() {
        for (from, to) in [
            ("echo @@", "echo ${PIPELINE_GIT_BRANCH}"),
            ("echo \"x @@\"", "echo \"x ${PIPELINE_GIT_BRANCH}\""),
            ("echo 'x @@'", "echo 'x '\"${PIPELINE_GIT_BRANCH}\"''"),
            ("# it's\necho @@", "# it's\necho ${PIPELINE_GIT_BRANCH}"),
            (
                "a=\"$(b 'c' '@@')\"",
                "a=\"$(b 'c' ''\"${PIPELINE_GIT_BRANCH}\"'')\"",
            ),
            ("cat <<E\n'@@\nE\n", "cat <<E\n'${PIPELINE_GIT_BRANCH}\nE\n"),
            ("cat <<< 'a'; b @@", "cat <<< 'a'; b ${PIPELINE_GIT_BRANCH}"),
        ] {
            assert_eq!(posix(from).text, to);
        }
    }

    #[test]
    fn a_quoted_heredoc_is_out_of_reach_of_variables() {
        let script = posix("cat <<'E'\n@@\nE\necho @@\n");
        assert_eq!(
            script.text,
            "cat <<'E'\nmain\nE\necho ${PIPELINE_GIT_BRANCH}\n"
        );
        assert!(script.out_of_reach.contains("pipeline.git.branch"));
    }

    #[test]
    fn a_word_is_one_word() {
        assert_eq!(
            word(&marked("a b/@@")).text,
            "'a b/'\"${PIPELINE_GIT_BRANCH}\""
        );
        assert_eq!(word("").text, "''");
    }
}
