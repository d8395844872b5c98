//! In what two layers differ: path by path, by what the tree digest compares, and no times.

use std::collections::BTreeMap;
use std::io::Read;

use super::archive::{Entry, EntryKind, ReadError, Reader};
use super::plan::{Ground, read_layer, walk};
use super::tally::Tally;
use super::{Digest, LayerError, LayerId, Progress, Workspace};

/// What became of a path from one layer to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path, as the archive has it.
    pub path: Vec<u8>,
    /// What the first layer holds there.
    pub before: Option<State>,
    /// What the second layer holds there.
    pub after: Option<State>,
}

/// What a layer holds at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A regular file, by whatever name: hard links are files.
    File {
        /// At most 0777.
        mode: u32,
        /// Bytes.
        size: u64,
        /// The digest of its content.
        content: Digest,
    },
    /// A folder that an entry names.
    Folder {
        /// At most 0777.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: Vec<u8>,
    },
}

impl Workspace {
    /// Returns in what two layers differ, sorted by path.
    ///
    /// # Errors
    /// One of them is missing, damaged or refused.
    pub fn diff(
        &self,
        first: &LayerId,
        second: &LayerId,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<Change>, LayerError> {
        let tally = &mut Tally::new(progress);
        let mut before = self.states(first, tally)?;
        let mut changes = BTreeMap::new();
        for (path, after) in self.states(second, tally)? {
            let old = before.remove(&path);
            if old.as_ref() != Some(&after) {
                changes.insert(path, (old, Some(after)));
            }
        }
        changes.extend(
            before
                .into_iter()
                .map(|(path, old)| (path, (Some(old), None))),
        );
        let change = |(path, (before, after))| Change {
            path,
            before,
            after,
        };
        Ok(changes.into_iter().map(change).collect())
    }

    fn states(
        &self,
        id: &LayerId,
        tally: &mut Tally<'_>,
    ) -> Result<BTreeMap<Vec<u8>, State>, LayerError> {
        let info = self.layer(id)?;
        // The first pass checks all of it, so that no content is taken from a layer that is bad.
        let mut planned = read_layer(self, info, self.budget, &mut Ground::default(), tally)?;
        let mut states = BTreeMap::new();
        walk(
            &planned.info,
            &mut planned.blob,
            self.budget,
            tally,
            |entry, reader| {
                let state = state(&entry, reader, &states)?;
                states.insert(entry.path.as_bytes().to_vec(), state);
                Ok(())
            },
        )?;
        Ok(states)
    }
}

fn state<R: Read>(
    entry: &Entry,
    reader: &mut Reader<R>,
    earlier: &BTreeMap<Vec<u8>, State>,
) -> Result<State, ReadError> {
    let mode = entry.mode;
    Ok(match &entry.kind {
        EntryKind::Folder => State::Folder { mode },
        EntryKind::Symlink { target } => State::Symlink {
            target: target.clone(),
        },
        EntryKind::Hardlink { target } => match earlier.get(target.as_bytes()) {
            Some(state) => state.clone(),
            None => {
                return Err(ReadError::Io(std::io::Error::other(
                    "a hard link to nothing",
                )));
            }
        },
        EntryKind::File { size } => {
            let mut content = super::digest::Hashing::new(std::io::sink());
            let mut buffer = vec![0; 1 << 16];
            loop {
                let count = reader.read_content(&mut buffer)?;
                if count == 0 {
                    break;
                }
                std::io::Write::write_all(&mut content, &buffer[..count])?;
            }
            State::File {
                mode,
                size: *size,
                content: content.finish().1,
            }
        }
    })
}
