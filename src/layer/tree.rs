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

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::beneath::{Beneath, FileKind, join};
use super::digest::Hashing;
use super::name::printable;
use super::{Digest, LayerError};

/// What a line says beside the path.
#[derive(Debug, Clone)]
pub(crate) enum Line<'a> {
    Folder(u32),
    File(u32, Digest),
    Link(Cow<'a, [u8]>),
}

/// The mode of a folder that no entry names.
pub(crate) const IMPLIED_MODE: u32 = 0o755;

/// Returns the digest of the sorted lines of `count` paths, none of which comes twice. `path`
/// appends one to a buffer. Paths that come in order already cost no memory.
pub(crate) fn digest<'a>(
    count: usize,
    path: impl Fn(usize, &mut Vec<u8>),
    line: impl Fn(usize) -> Line<'a>,
) -> Digest {
    let mut raw = Vec::new();
    let mut push_key = |number: usize, out: &mut Vec<u8>| {
        raw.clear();
        path(number, &mut raw);
        escape(&raw, out);
        // With its end, so that the order of keys is that of the lines.
        out.push(b'\t');
    };
    let mut state = Sha256::new();
    let (mut last, mut key) = (Vec::new(), Vec::new());
    let mut in_order = true;
    for number in 0..count {
        key.clear();
        push_key(number, &mut key);
        if key <= last {
            in_order = false;
            break;
        }
        std::mem::swap(&mut key, &mut last);
        update(&mut state, &last, &line(number));
    }
    if !in_order {
        let mut keys = Vec::new();
        let mut lines: Vec<(usize, usize)> = Vec::with_capacity(count);
        for number in 0..count {
            lines.push((keys.len(), number));
            push_key(number, &mut keys);
        }
        let key = |at: usize| {
            let rest = &keys[at..];
            let end = rest.iter().position(|byte| *byte == b'\t');
            &rest[..end.map_or(rest.len(), |end| end + 1)]
        };
        lines.sort_unstable_by(|a, b| key(a.0).cmp(key(b.0)));
        state = Sha256::new();
        for (at, number) in lines {
            update(&mut state, key(at), &line(number));
        }
    }
    Digest(state.finalize().into())
}

fn update(state: &mut Sha256, key: &[u8], line: &Line<'_>) {
    let mut text = Vec::with_capacity(80);
    let (kind, mode) = match line {
        Line::Folder(mode) => (b'd', *mode),
        Line::File(mode, _) => (b'f', *mode),
        Line::Link(_) => (b'l', 0o777),
    };
    text.extend_from_slice(&[kind, b'\t']);
    for shift in [6, 3, 0] {
        text.push(b'0' + (mode >> shift & 7) as u8);
    }
    text.push(b'\t');
    match line {
        Line::Folder(_) => text.push(b'-'),
        Line::File(_, digest) => digest.push_hex(&mut text),
        Line::Link(target) => escape(target, &mut text),
    }
    text.push(b'\n');
    state.update(key);
    state.update(&text);
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
    let mut lines: Vec<(Vec<u8>, Line<'static>)> = Vec::new();
    let failed = |path: &[u8]| {
        let path = join(dir, path);
        move |error| LayerError::io("read", &path, error)
    };
    let beneath = Beneath::open(dir).map_err(failed(b""))?;
    let mut folders = vec![Vec::new()];
    while let Some(path) = folders.pop() {
        let folder = beneath.folder(&path).map_err(failed(&path))?;
        let mut names = Vec::new();
        folder
            .each::<io::Error>(|name| {
                names.push(name.to_vec());
                Ok(())
            })
            .map_err(failed(&path))?;
        for name in names {
            let whole = match path.as_slice() {
                b"" => name.clone(),
                path => [path, &name].join(&b'/'),
            };
            let read = failed(&whole);
            let facts = folder.look(&name).map_err(&read)?;
            let line = match facts.kind {
                FileKind::Folder => {
                    folders.push(whole.clone());
                    Line::Folder(facts.mode)
                }
                FileKind::Symlink => {
                    Line::Link(Cow::Owned(folder.read_link(&name).map_err(&read)?))
                }
                FileKind::Special(what) => {
                    return Err(LayerError::Special {
                        path: printable(&whole),
                        what: what.name(),
                    });
                }
                FileKind::File => {
                    let digest = folder.open(&name).and_then(digest_of).map_err(&read)?;
                    Line::File(facts.mode, digest)
                }
            };
            lines.push((whole, line));
        }
    }
    Ok(digest_of_lines(&lines))
}

fn digest_of_lines(lines: &[(Vec<u8>, Line<'_>)]) -> Digest {
    digest(
        lines.len(),
        |number, out| out.extend_from_slice(&lines[number].0),
        |number| lines[number].1.clone(),
    )
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
        let lines = [
            (b"b\nc".to_vec(), Line::Link(Cow::Borrowed(b"t\ta\\"))),
            (b"a/x/f".to_vec(), Line::File(0o100_644, Digest::of(b""))),
            (b"a/x".to_vec(), Line::Folder(IMPLIED_MODE)),
            (b"a\x01".to_vec(), Line::Folder(0o40_000)),
            (b"a".to_vec(), Line::Folder(0o40_700)),
        ];
        let empty = Digest::of(b"").hex();
        let text = format!(
            "a\x01\td\t000\t-\na\td\t700\t-\na/x\td\t755\t-\na/x/f\tf\t644\t{empty}\nb\\nc\tl\t777\tt\\ta\\\\\n"
        );
        let expected = Digest::of(text.as_bytes());
        assert_eq!(digest_of_lines(&lines), expected);
        let sorted = [3, 4, 2, 1, 0].map(|at: usize| lines[at].clone());
        assert_eq!(digest_of_lines(&sorted), expected);
    }

    #[test]
    fn an_empty_tree_is_the_digest_of_nothing() {
        assert_eq!(digest_of_lines(&[]), Digest::of(b""));
    }
}
