//! Names: of layers (how a job's name becomes a folder's name) and of entries (what a path inside
//! a layer may look like, and how it is printed).

use std::fmt;

use super::LayerId;

/// The longest path of an entry, in bytes.
pub(crate) const MAX_PATH: usize = 4096;

/// The file that says that an attach is under way; reserved at the top of every layer.
pub(crate) const MARKER: &str = ".holdall-attach-incomplete";

/// A path inside a layer: relative, without `.`, `..` and empty components.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(Vec<u8>);

impl EntryPath {
    /// Checks a name as an archive has it. One leading `./` and the trailing `/` of a folder are
    /// dropped first; `None` is the root itself (`.` or `./`).
    pub(crate) fn from_archive(name: &[u8], folder: bool) -> Result<Option<Self>, &'static str> {
        Ok(normal(name, folder)?.map(|path| Self(path.to_vec())))
    }

    /// Checks a path as it was found below a root: nothing in it is dropped first.
    pub(crate) fn check(path: &[u8]) -> Result<(), &'static str> {
        match normal(path, false)? {
            Some(same) if same.len() == path.len() => Ok(()),
            Some(_) => Err("its name has a `.` component"),
            None => Err("it is the root"),
        }
    }

    /// Wraps a path that was found below a root on disk.
    pub(crate) fn found(path: &[u8]) -> Self {
        Self(path.to_vec())
    }

    /// Returns the bytes of the path.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns where a symbolic link at this path leads by its text; `None` where that is out of
    /// the root.
    pub(crate) fn leads_to(&self, target: &[u8]) -> Option<Vec<u8>> {
        if target.first() == Some(&b'/') {
            return None;
        }
        let slash = |byte: &u8| *byte == b'/';
        let mut parts: Vec<&[u8]> = Vec::new();
        let folder = self.split().0.unwrap_or_default();
        for component in folder.split(slash).chain(target.split(slash)) {
            match component {
                b"" | b"." => {}
                b".." => drop(parts.pop()?),
                other => parts.push(other),
            }
        }
        Some(parts.join(&b'/'))
    }

    /// Returns the folder's path (none at the top) and the last component.
    pub(crate) fn split(&self) -> (Option<&[u8]>, &[u8]) {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (Some(&self.0[..at]), &self.0[at + 1..]),
            None => (None, &self.0),
        }
    }
}

/// Returns an entry's name without a leading `./` and the trailing `/` of a folder; `None` for the
/// root itself.
fn normal(name: &[u8], folder: bool) -> Result<Option<&[u8]>, &'static str> {
    if name.is_empty() {
        return Err("its name is empty");
    }
    if name.contains(&0) {
        return Err("its name holds a NUL byte");
    }
    if name.len() > MAX_PATH {
        return Err("its name is longer than 4,096 bytes");
    }
    if name[0] == b'/' {
        return Err("its name is absolute");
    }
    let mut rest = name;
    if rest.ends_with(b"/") {
        if !folder {
            return Err("its name ends in `/`, and it is no folder");
        }
        rest = &rest[..rest.len() - 1];
    }
    if rest == b"." {
        return if folder {
            Ok(None)
        } else {
            Err("it replaces the root by something that is no folder")
        };
    }
    rest = rest.strip_prefix(b"./").unwrap_or(rest);
    for component in rest.split(|byte| *byte == b'/') {
        match component {
            b"" => return Err("its name has an empty component"),
            b"." => return Err("its name has a `.` component"),
            b".." => return Err("its name has a `..` component"),
            _ if component.len() > 255 => {
                return Err("a component of its name is longer than 255 bytes");
            }
            _ => {}
        }
    }
    if rest == MARKER.as_bytes() {
        return Err("its name is reserved for an attach under way");
    }
    Ok(Some(rest))
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// Returns a name as it may be shown on a terminal: control characters, text-direction overrides
/// and bytes that are no UTF-8 are escaped.
#[must_use]
pub fn printable(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            let hides = c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            if c == '\\' || hides {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Returns the name of the job's folder below `refs/`: bytes outside `[A-Za-z0-9._-]`, and a dot
/// at the start, are percent-encoded.
#[must_use]
pub fn encode_job(job: &str) -> String {
    let mut text = String::new();
    for (at, byte) in job.bytes().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && at > 0);
        if plain {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Reads a folder's name back; `None` where it is none that [`encode_job`] writes.
#[must_use]
pub fn decode_job(name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    let job = String::from_utf8(bytes).ok()?;
    (!job.is_empty() && encode_job(&job) == name).then_some(job)
}

impl LayerId {
    /// Returns the name of the ref's file inside the job's folder.
    pub(crate) fn ref_name(&self) -> String {
        format!("{}.{}.{}", self.attempt, self.node, self.seq)
    }

    /// Reads the path of a ref below `refs/`: the job's encoded name, a slash, and the file's.
    pub(crate) fn from_listed(path: &str) -> Option<Self> {
        let (job, name) = path.split_once('/')?;
        Self::from_ref_name(&decode_job(job)?, name)
    }

    /// Reads the name of a ref's file; `None` where it is none.
    pub(crate) fn from_ref_name(job: &str, name: &str) -> Option<Self> {
        let mut parts = name.split('.').map(|part| part.parse::<u32>().ok());
        let id = Self {
            job: job.to_owned(),
            attempt: parts.next()??,
            node: parts.next()??,
            seq: parts.next()??,
        };
        (parts.next().is_none() && id.ref_name() == name && id.attempt > 0).then_some(id)
    }
}

impl fmt::Display for LayerId {
    /// Writes the layer as its ref is stored: `build/1.0.0` is job, attempt, node and number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", printable(self.job.as_bytes()), self.ref_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_relative_names_only() {
        let path = |name: &str| EntryPath::from_archive(name.as_bytes(), false);
        assert_eq!(path("a/b").unwrap().unwrap().as_bytes(), b"a/b");
        assert_eq!(path("./a").unwrap().unwrap().as_bytes(), b"a");
        assert_eq!(
            EntryPath::from_archive(b"a/", true)
                .unwrap()
                .unwrap()
                .as_bytes(),
            b"a"
        );
        assert!(EntryPath::from_archive(b"./", true).unwrap().is_none());
        for bad in [
            "", "/a", "../a", "a/..", "a/../b", "a//b", "a/./b", "././a", "a/", ".", "a\0b", MARKER,
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(path(&"a/".repeat(2047)).is_err());
        assert!(path(&format!("{}a", "a/".repeat(2047))).is_ok());
        assert!(path(&"a".repeat(256)).is_err());
        assert!(EntryPath::from_archive(b"..", true).is_err());
    }

    #[test]
    fn prints_no_control_characters() {
        assert_eq!(printable(b"a\n\x1b[2J\xffz"), "a\\n\\u{1b}[2J\\xffz");
        assert_eq!(printable("é\u{202e}".as_bytes()), "é\\u{202e}");
    }

    #[test]
    fn a_job_is_a_safe_folder_name() {
        assert_eq!(encode_job("build"), "build");
        assert_eq!(encode_job("test 1/2"), "test%201%2F2");
        assert_eq!(encode_job("..a"), "%2E.a");
        assert_eq!(decode_job("%2e"), None);
        assert_eq!(decode_job("a%2"), None);
        assert_eq!(decode_job(".tmp"), None);
    }

    proptest! {
        #[test]
        fn any_job_survives_the_encoding(job in "\\PC{1,20}") {
            prop_assert_eq!(decode_job(&encode_job(&job)), Some(job));
        }
    }
}
