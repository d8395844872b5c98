//! The lines in which a run tells what its attaches brought. Each stands for itself, so that lines
//! of jobs that run at once, and whatever a runner writes around them, do no harm:
//!
//! ```text
//! holdall-verify:NONCE:KEY:begin
//! holdall-verify:NONCE:KEY:entry:PATH:TYPE:MODE:VALUE
//! holdall-verify:NONCE:KEY:end:COUNT
//! ```

use std::collections::BTreeMap;

const MARK: &str = "holdall-verify:";

/// An attach on a node of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The position of the workflow.
    pub workflow: usize,
    /// The position of the job in it.
    pub job: usize,
    /// Which attach of the job, from 0.
    pub attach: usize,
    /// The node of the job, from 0.
    pub node: u32,
}

impl Key {
    /// Reads a key as steps are given it, without the node: `0.3.1`.
    #[must_use]
    pub fn of_step(text: &str, node: u32) -> Option<Self> {
        let mut parts = text.split('.').map(str::parse::<usize>);
        let mut next = || parts.next()?.ok();
        let key = Self {
            workflow: next()?,
            job: next()?,
            attach: next()?,
            node,
        };
        parts.next().is_none().then_some(key)
    }

    pub(super) fn step(self) -> String {
        format!("{}.{}.{}", self.workflow, self.job, self.attach)
    }

    fn read(text: &str) -> Option<Self> {
        let (step, node) = text.rsplit_once('.')?;
        Self::of_step(step, node.parse().ok()?)
    }

    pub(super) fn line(self, nonce: &str, rest: &str) -> String {
        format!("{MARK}{nonce}:{}.{}:{rest}\n", self.step(), self.node)
    }
}

/// What was seen of an attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It was begun, and did not end well.
    Begun,
    /// What it brought: what each path is now, as type, mode and value.
    Tree(BTreeMap<String, String>),
}

/// What a run told of its attaches.
#[derive(Debug, Default)]
pub struct Trees {
    nonce: String,
    under_way: BTreeMap<Key, BTreeMap<String, String>>,
    seen: BTreeMap<Key, Seen>,
}

impl Trees {
    /// Listens for the lines of a nonce.
    #[must_use]
    pub fn new(nonce: &str) -> Self {
        Self {
            nonce: nonce.to_owned(),
            ..Self::default()
        }
    }

    /// Takes a line of output. A job that is run again tells again: the last word counts.
    pub fn line(&mut self, line: &str) {
        let mark = format!("{MARK}{}:", self.nonce);
        let Some((_, rest)) = line.split_once(&mark) else {
            return;
        };
        let rest = rest
            .split(|c: char| c.is_whitespace() || c.is_control())
            .next()
            .unwrap_or_default();
        let Some((key, rest)) = rest.split_once(':') else {
            return;
        };
        let Some(key) = Key::read(key) else {
            return;
        };
        let (word, rest) = rest.split_once(':').unwrap_or((rest, ""));
        match word {
            "begin" => {
                self.under_way.insert(key, BTreeMap::new());
                self.seen.insert(key, Seen::Begun);
            }
            "entry" => {
                let entries = self.under_way.entry(key).or_default();
                if let Some((path, what)) = rest.split_once(':') {
                    entries.insert(path.to_owned(), what.to_owned());
                }
            }
            "end" => {
                let entries = self.under_way.remove(&key).unwrap_or_default();
                // Lines that a runner lost leave it unfinished.
                if rest.parse() == Ok(entries.len()) {
                    self.seen.insert(key, Seen::Tree(entries));
                }
            }
            _ => {}
        }
    }

    /// Returns what was seen of an attach.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Seen> {
        self.seen.get(&key)
    }

    /// Returns the nodes of an attach of which something was seen.
    pub(super) fn nodes(&self, of: Key) -> impl Iterator<Item = u32> + '_ {
        let same =
            move |k: &&Key| (k.workflow, k.job, k.attach) == (of.workflow, of.job, of.attach);
        self.seen.keys().filter(same).map(|k| k.node)
    }

    /// Says whether nothing was seen at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// Writes bytes as one word without a colon.
pub(super) fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b if b.is_ascii_alphanumeric() || b"/._-+@=,".contains(b) => out.push(char::from(*b)),
            b => out.push_str(&format!("%{b:02x}")),
        }
    }
    out
}

/// Reads such a word as a person does.
pub(super) fn decoded(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_whatever_a_runner_writes_around_them() {
        let key = Key {
            workflow: 0,
            job: 2,
            attach: 1,
            node: 3,
        };
        let mut trees = Trees::new("n1");
        let path = encoded(b"a b:c\xff");
        for rest in ["begin", &format!("entry:{path}:f:755:abc"), "end:1"] {
            let line = key.line("n1", rest);
            trees.line(&format!("[main/b] use  | > {}\r", line.trim_end()));
            trees.line(&key.line("other", "begin"));
        }
        let tree = BTreeMap::from([(path.clone(), "f:755:abc".to_owned())]);
        assert_eq!(trees.get(key), Some(&Seen::Tree(tree)));
        assert_eq!(decoded(&path), "a b:c\u{fffd}");
        trees.line(&key.line("n1", "begin"));
        trees.line(&key.line("n1", "end:1"));
        assert_eq!(trees.get(key), Some(&Seen::Begun), "a line is lost");
    }
}
