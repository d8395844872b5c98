//! Writes entries below a target folder, relative to folder handles, and never through a link:
//! not one that a layer brings, and not one that the target holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, fchmod, futimens, linkat, mkdirat,
    openat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::archive::{Entry, EntryKind, ReadError};
use super::beneath::Beneath;
use super::digest::Hashing;
use super::name::{EntryPath, MARKER, printable};
use super::tree::Tree;
use super::{LayerError, LayerId, Transferred};

/// The mode of a folder that no entry names.
const IMPLIED_MODE: u32 = 0o755;

/// A target folder while layers are written to it.
pub(super) struct Target {
    path: PathBuf,
    beneath: Beneath,
    /// The folder that was used last: entries of one folder mostly come together.
    current: Option<(Vec<u8>, OwnedFd)>,
    /// Folders that entries name; their modes and times are set at the end.
    folders: BTreeMap<Vec<u8>, (u32, u64)>,
    /// Links of the current layer: made after its files.
    links: Vec<Entry>,
    pub(super) tree: Tree,
    pub(super) done: Transferred,
}

impl Target {
    /// Opens the target, which is made where it is missing, and puts the marker into it.
    pub(super) fn open(path: &Path) -> Result<Self, LayerError> {
        let failed = |action| move |error| LayerError::io(action, path, error);
        std::fs::create_dir_all(path).map_err(failed("create"))?;
        let beneath = Beneath::open(path).map_err(failed("open"))?;
        let target = Self {
            path: path.to_owned(),
            beneath,
            current: None,
            folders: BTreeMap::new(),
            links: Vec::new(),
            tree: Tree::default(),
            done: Transferred::default(),
        };
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(
            target.beneath.root(),
            MARKER,
            flags,
            Mode::from_raw_mode(0o644),
        ) {
            // One of an attach that failed before serves this one.
            Ok(_) | Err(Errno::EXIST) => Ok(target),
            Err(error) => Err(target.failed(MARKER.as_bytes(), error.into())),
        }
    }

    fn failed(&self, path: &[u8], error: io::Error) -> LayerError {
        let path = self
            .path
            .join(super::scan::os_path(&EntryPath::found(path)));
        LayerError::io("write", &path, error)
    }

    /// Writes one entry; `content` hands out a file's bytes until it returns 0.
    pub(super) fn apply(
        &mut self,
        layer: &LayerId,
        entry: &Entry,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize, ReadError>,
    ) -> Result<(), ApplyError> {
        let path = entry.path.as_bytes();
        match &entry.kind {
            EntryKind::Folder => {
                let handle = self.ensure_folder(path)?;
                // A folder that its owner may not enter could not be filled.
                fchmod(&handle, Mode::from_raw_mode(entry.mode | 0o700))
                    .map_err(|error| self.failed(path, error.into()))?;
                self.current = Some((path.to_vec(), handle));
                self.folders
                    .insert(path.to_vec(), (entry.mode, entry.mtime));
                self.tree.folder(path, entry.mode);
            }
            EntryKind::File { .. } => self.file(layer, entry, content)?,
            EntryKind::Hardlink { target } => self.hardlink(layer, entry, target)?,
            EntryKind::Symlink { target } => {
                self.tree.link(path, target);
                self.links.push(entry.clone());
            }
        }
        self.done.entries += 1;
        Ok(())
    }

    fn file(
        &mut self,
        layer: &LayerId,
        entry: &Entry,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize, ReadError>,
    ) -> Result<(), ApplyError> {
        let path = entry.path.as_bytes();
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = self.replacing(layer, &entry.path, |folder, name| {
            openat(folder, name, flags, Mode::from_raw_mode(0o600))
        })?;
        let mut file = Hashing::new(File::from(handle));
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = content(&mut buffer).map_err(ApplyError::Read)?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count])
                .map_err(|error| self.failed(path, error))?;
            self.done.bytes += count as u64;
        }
        let (file, digest, _) = file.finish();
        fchmod(&file, Mode::from_raw_mode(entry.mode))
            .and_then(|()| futimens(&file, &times(entry.mtime)))
            .map_err(|error| self.failed(path, error.into()))?;
        self.tree.file(path, entry.mode, digest);
        Ok(())
    }

    fn hardlink(
        &mut self,
        layer: &LayerId,
        entry: &Entry,
        target: &EntryPath,
    ) -> Result<(), LayerError> {
        let (folder, name) = target.split();
        let from = self
            .beneath
            .folder(folder.unwrap_or_default())
            .map_err(|error| self.failed(target.as_bytes(), error))?;
        self.replacing(layer, &entry.path, |folder, new| {
            linkat(&from, name, folder, new, AtFlags::empty())
        })?;
        self.tree.same(entry.path.as_bytes(), target.as_bytes());
        Ok(())
    }

    /// Makes the links of the layer that has just been written.
    pub(super) fn finish_layer(&mut self, layer: &LayerId) -> Result<(), LayerError> {
        for entry in std::mem::take(&mut self.links) {
            let EntryKind::Symlink { target } = &entry.kind else {
                continue;
            };
            self.replacing(layer, &entry.path, |folder, name| {
                symlinkat(target.as_slice(), folder, name)?;
                utimensat(folder, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)
            })?;
        }
        Ok(())
    }

    /// Makes something new under a name; a file or link of that name is removed first, never
    /// written to.
    fn replacing<T>(
        &mut self,
        layer: &LayerId,
        path: &EntryPath,
        make: impl Fn(BorrowedFd<'_>, &[u8]) -> rustix::io::Result<T>,
    ) -> Result<T, LayerError> {
        let (parent, name) = path.split();
        let parent = parent.unwrap_or_default();
        let folder = match self.current.take() {
            Some((known, handle)) if known == parent => handle,
            _ => self.ensure_folder(parent)?,
        };
        let made = match make(folder.as_fd(), name) {
            Err(Errno::EXIST) => match unlinkat(&folder, name, AtFlags::empty()) {
                Ok(()) => make(folder.as_fd(), name),
                Err(error) => {
                    let is_folder = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
                        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
                    if is_folder {
                        return Err(LayerError::InTheWay {
                            path: printable(path.as_bytes()),
                            layer: layer.clone(),
                        });
                    }
                    Err(error)
                }
            },
            other => other,
        };
        self.current = Some((parent.to_vec(), folder));
        made.map_err(|error| self.failed(path.as_bytes(), error.into()))
    }

    /// Opens a folder below the target. What is missing is made; a file or link in the way is
    /// replaced, as it would be by an entry of its own.
    fn ensure_folder(&mut self, path: &[u8]) -> Result<OwnedFd, LayerError> {
        match self.beneath.folder(path) {
            Ok(handle) => return Ok(handle),
            Err(error) if path.is_empty() => return Err(self.failed(path, error)),
            Err(_) => {}
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut here = self
            .beneath
            .folder(b"")
            .map_err(|error| self.failed(b"", error))?;
        let ends = path
            .iter()
            .enumerate()
            .filter_map(|(at, byte)| (*byte == b'/').then_some(at))
            .chain([path.len()]);
        let mut start = 0;
        for end in ends {
            let (name, so_far) = (&path[start..end], &path[..end]);
            start = end + 1;
            let open = || openat(&here, name, flags, Mode::empty());
            let next = match open() {
                Err(error @ (Errno::NOENT | Errno::NOTDIR | Errno::LOOP)) => {
                    let cleared = match error {
                        Errno::NOENT => Ok(()),
                        _ => unlinkat(&here, name, AtFlags::empty()),
                    };
                    // Whatever the umask is, as in an archive that names the folder.
                    cleared
                        .and_then(|()| mkdirat(&here, name, Mode::from_raw_mode(0o700)))
                        .and_then(|()| open())
                        .and_then(|made| {
                            fchmod(&made, Mode::from_raw_mode(IMPLIED_MODE)).map(|()| made)
                        })
                }
                other => other,
            };
            here = next.map_err(|error| self.failed(so_far, error.into()))?;
        }
        Ok(here)
    }

    /// Sets modes and times of folders, the deepest first, and removes the marker.
    pub(super) fn finish(&mut self) -> Result<(), LayerError> {
        self.current = None;
        for (path, (mode, mtime)) in std::mem::take(&mut self.folders).into_iter().rev() {
            let handle = self
                .beneath
                .folder(&path)
                .map_err(|error| self.failed(&path, error))?;
            fchmod(&handle, Mode::from_raw_mode(mode))
                .and_then(|()| futimens(&handle, &times(mtime)))
                .map_err(|error| self.failed(&path, error.into()))?;
        }
        match unlinkat(self.beneath.root(), MARKER, AtFlags::empty()) {
            // The shell twin uses a folder of this name, and one of its attaches failed here.
            Err(Errno::ISDIR | Errno::PERM) => std::fs::remove_dir_all(self.path.join(MARKER)),
            other => other.map_err(io::Error::from),
        }
        .map_err(|error| self.failed(MARKER.as_bytes(), error))
    }
}

/// Why an entry could not be applied.
pub(super) enum ApplyError {
    Read(ReadError),
    Layer(LayerError),
}

impl From<LayerError> for ApplyError {
    fn from(error: LayerError) -> Self {
        Self::Layer(error)
    }
}

fn times(mtime: u64) -> Timestamps {
    let time = Timespec {
        tv_sec: i64::try_from(mtime).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
