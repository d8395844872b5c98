//! The tree digest: what two trees have in common when they are equal but for their times. Made
//! of lines that a POSIX shell can produce as well:
//!
//! ```text
//! <path> TAB <type> TAB <mode> TAB <value> LF
//! ```
//!
//! Type `f` has the hex SHA-256 of the content as its value, `d` has `-`, `l` has the target.
//! The mode has three octal digits; that of a link is `777`. In path and target `\` is written
//! `\\`, TAB `\t` and LF `\n`; every other byte stands as it is. The lines are sorted by bytes
//! (`LC_ALL=C sort`). The root itself has no line; a folder that is only implied by what lies
//! below it has the mode `755`. A hard link is a file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::digest::Hashing;
use super::name::printable;
use super::{Digest, LayerError};

/// Collects what a tree holds, in any order; a later entry of a path replaces an earlier one.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    lines: BTreeMap<Vec<u8>, Line>,
}

#[derive(Debug, Clone)]
enum Line {
    Folder(u32),
    File(u32, Digest),
    Link(Vec<u8>),
}

impl Tree {
    pub(crate) fn folder(&mut self, path: &[u8], mode: u32) {
        self.lines.insert(path.to_vec(), Line::Folder(mode));
    }

    pub(crate) fn file(&mut self, path: &[u8], mode: u32, content: Digest) {
        self.lines.insert(path.to_vec(), Line::File(mode, content));
    }

    pub(crate) fn link(&mut self, path: &[u8], target: &[u8]) {
        self.lines
            .insert(path.to_vec(), Line::Link(target.to_vec()));
    }

    /// Adds another name of a file that is there already.
    pub(crate) fn same(&mut self, path: &[u8], target: &[u8]) {
        if let Some(line) = self.lines.get(target).cloned() {
            self.lines.insert(path.to_vec(), line);
        }
    }

    /// Returns the digest of the sorted lines.
    pub(crate) fn digest(&self) -> Digest {
        let mut lines: Vec<Vec<u8>> = Vec::with_capacity(self.lines.len());
        let mut last_parent: &[u8] = b"";
        let mut implied: BTreeMap<&[u8], ()> = BTreeMap::new();
        for (path, line) in &self.lines {
            let mut end = path.len();
            while let Some(slash) = path[..end].iter().rposition(|byte| *byte == b'/') {
                let parent = &path[..slash];
                if parent == last_parent || self.lines.contains_key(parent) {
                    break;
                }
                implied.insert(parent, ());
                end = slash;
            }
            if let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
                last_parent = &path[..slash];
            }
            lines.push(encode(path, line));
        }
        for parent in implied.keys() {
            lines.push(encode(parent, &Line::Folder(0o755)));
        }
        lines.sort();
        Digest::of(&lines.concat())
    }
}

fn encode(path: &[u8], line: &Line) -> Vec<u8> {
    let mut text = Vec::with_capacity(path.len() + 80);
    escape(path, &mut text);
    let (kind, mode) = match line {
        Line::Folder(mode) => ('d', *mode),
        Line::File(mode, _) => ('f', *mode),
        Line::Link(_) => ('l', 0o777),
    };
    text.extend_from_slice(format!("\t{kind}\t{:03o}\t", mode & 0o777).as_bytes());
    match line {
        Line::Folder(_) => text.push(b'-'),
        Line::File(_, digest) => text.extend_from_slice(digest.hex().as_bytes()),
        Line::Link(target) => escape(target, &mut text),
    }
    text.push(b'\n');
    text
}

fn escape(bytes: &[u8], text: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\t' => text.extend_from_slice(b"\\t"),
            b'\n' => text.extend_from_slice(b"\\n"),
            other => text.push(*other),
        }
    }
}

/// Returns the tree digest of a folder on disk. Links inside are not followed; `dir` itself may
/// be one.
///
/// # Errors
/// A file that cannot be read, or a socket, device or FIFO.
pub fn tree_digest_of(dir: &Path) -> Result<Digest, LayerError> {
    let mut tree = Tree::default();
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        let path = dir.join(std::ffi::OsStr::from_bytes(&folder));
        let failed = |error| LayerError::io("read", &path, error);
        for item in fs::read_dir(&path).map_err(failed)? {
            let item = item.map_err(failed)?;
            let mut name = folder.clone();
            if !name.is_empty() {
                name.push(b'/');
            }
            name.extend_from_slice(item.file_name().as_bytes());
            let here = item.path();
            let read = |error: io::Error| LayerError::io("read", &here, error);
            let meta = here.symlink_metadata().map_err(read)?;
            let kind = meta.file_type();
            if kind.is_dir() {
                tree.folder(&name, meta.mode());
                folders.push(name);
            } else if kind.is_symlink() {
                let target = fs::read_link(&here).map_err(read)?;
                tree.link(&name, target.as_os_str().as_bytes());
            } else if let Some(what) = special(&kind) {
                return Err(LayerError::Special {
                    path: printable(&name),
                    what,
                });
            } else {
                let digest = File::open(&here).and_then(digest_of).map_err(read)?;
                tree.file(&name, meta.mode(), digest);
            }
        }
    }
    Ok(tree.digest())
}

/// Returns the word for a file type that no layer can hold.
pub(crate) fn special(kind: &fs::FileType) -> Option<&'static str> {
    if kind.is_socket() {
        Some("socket")
    } else if kind.is_fifo() {
        Some("FIFO")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("device")
    } else {
        None
    }
}

fn digest_of(file: impl Read) -> io::Result<Digest> {
    let mut hashing = Hashing::new(file);
    let mut buffer = vec![0; 1 << 16];
    while hashing.read(&mut buffer)? > 0 {}
    Ok(hashing.finish().1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_as_documented() {
        let mut tree = Tree::default();
        tree.link(b"b\nc", b"t\ta\\");
        tree.file(b"a/x/f", 0o100_644, Digest::of(b""));
        tree.folder(b"a", 0o40_700);
        let empty = Digest::of(b"").hex();
        let text = format!(
            "a\td\t700\t-\na/x\td\t755\t-\na/x/f\tf\t644\t{empty}\nb\\nc\tl\t777\tt\\ta\\\\\n"
        );
        assert_eq!(tree.digest(), Digest::of(text.as_bytes()));
    }

    #[test]
    fn an_empty_tree_is_the_digest_of_nothing() {
        assert_eq!(Tree::default().digest(), Digest::of(b""));
    }

    #[test]
    fn every_implied_folder_has_a_line() {
        let mut tree = Tree::default();
        for path in ["a/b/f", "a/b/c/g", "a/b!", "a/z"] {
            tree.link(path.as_bytes(), b"t");
        }
        let mut explicit = Tree::default();
        for path in ["a/b/f", "a/b/c/g", "a/b!", "a/z"] {
            explicit.link(path.as_bytes(), b"t");
        }
        for path in ["a", "a/b", "a/b/c"] {
            explicit.folder(path.as_bytes(), 0o755);
        }
        assert_eq!(tree.digest(), explicit.digest());
    }
}
