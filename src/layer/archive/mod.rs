//! The archive of a layer: a strict subset of tar. `write` emits it, `read` takes it and refuses
//! everything else, `profile` holds the rules that span several entries.

mod profile;
mod read;
mod write;

pub(crate) use profile::{Added, Arena, Shape};
pub use read::Budget;
pub(crate) use read::{ReadError, Reader};
pub(crate) use write::{END, headers_length, padding, push_headers};

use super::name::EntryPath;

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies below the root.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
    /// The permission bits, at most 0777.
    pub mode: u32,
    /// Seconds since 1970, never negative.
    pub mtime: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file of this many bytes.
    File {
        /// Bytes.
        size: u64,
    },
    /// A folder.
    Folder,
    /// A symbolic link with its target as it is written.
    Symlink {
        /// The target, verbatim.
        target: Vec<u8>,
    },
    /// Another name of an earlier regular file of the same layer.
    Hardlink {
        /// The earlier file.
        target: EntryPath,
    },
}

/// The size of a tar block.
const BLOCK: usize = 512;
/// The first size that the octal field of a header cannot hold: 8 GiB.
const OCTAL_LIMIT: u64 = 1 << 33;
