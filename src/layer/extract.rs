//! Writes entries below a target folder, relative to folder handles, and never through a link:
//! not one that a layer brings, and not one that the target holds. Several threads write at once,
//! each with a hand of its own.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, fchmod, fstat, futimens, linkat,
    mkdirat, openat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::beneath::Beneath;
use super::name::{EntryPath, MARKER, printable};
use super::parallel::Pieces;
use super::plan::{Item, ItemKind, Plan, Planned};
use super::tree::IMPLIED_MODE;
use super::{LayerError, LayerId};

/// What a folder's owner has to be allowed while it is filled.
const OWNER: u32 = 0o700;
/// How many folders a thread finishes at a time.
const BATCH: usize = 128;

/// A target folder while layers are written to it.
pub(super) struct Target {
    path: PathBuf,
    pub(super) beneath: Beneath,
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

    pub(super) fn failed(&self, path: &[u8], error: io::Error) -> LayerError {
        let path = self
            .path
            .join(super::scan::os_path(&EntryPath::found(path)));
        LayerError::io("write", &path, error)
    }

    /// Makes every folder of a plan that is missing, so that files can be written in any order. A
    /// file or link in the way is replaced, as it would be by an entry of its own.
    pub(super) fn make_folders(&self, plan: &Plan) -> Result<(), LayerError> {
        let mut parent: (u32, Option<OwnedFd>) = (0, None);
        let mut last: (u32, Option<OwnedFd>) = (0, None);
        // Parents have smaller numbers than what lies below them.
        for node in 1..=plan.arena.len() as u32 {
            let slot = plan.world.slot(node);
            if !slot.folder {
                continue;
            }
            let above = plan.arena.parent(node);
            if parent.0 != above || parent.1.is_none() {
                parent = if last.0 == above && last.1.is_some() {
                    std::mem::take(&mut last)
                } else {
                    let path = plan.arena.path_bytes(above);
                    let handle = self.beneath.folder(&path);
                    (
                        above,
                        Some(handle.map_err(|error| self.failed(&path, error))?),
                    )
                };
            }
            let Some(handle) = &parent.1 else { continue };
            let made = make_folder(handle.as_fd(), plan.arena.name(node), slot.named.is_none());
            let made =
                made.map_err(|error| self.failed(&plan.arena.path_bytes(node), error.into()))?;
            last = (node, Some(made));
        }
        Ok(())
    }

    /// Sets modes and times of the folders that entries name.
    pub(super) fn finish_folders(&self, plan: &Plan, threads: usize) -> Result<(), LayerError> {
        let (mut open, mut tight) = (Vec::new(), Vec::new());
        for node in 1..=plan.arena.len() as u32 {
            if let Some(item) = plan.item(node).filter(|item| item.kind == ItemKind::Folder) {
                if u32::from(item.mode) & OWNER == OWNER {
                    open.push(item);
                } else {
                    tight.push(item);
                }
            }
        }
        let finish = |item: &Item| {
            let path = plan.arena.path_bytes(item.node);
            let handle = self
                .beneath
                .folder(&path)
                .map_err(|error| self.failed(&path, error))?;
            seal(&handle, item).map_err(|error| self.failed(&path, error.into()))
        };
        let pieces = Pieces {
            threads,
            count: open.len().div_ceil(BATCH),
            ahead: usize::MAX / 2,
            stop: &AtomicBool::new(false),
        };
        pieces.run(
            || Ok(()),
            |(), batch| {
                let batch = open[batch * BATCH..].iter().take(BATCH);
                batch.copied().try_for_each(finish)
            },
            |()| Ok(()),
        )?;
        // What its owner may not enter comes last, the deepest first.
        tight.into_iter().rev().try_for_each(finish)
    }

    /// Removes the marker: the tree is whole.
    pub(super) fn finish(&self) -> Result<(), LayerError> {
        match unlinkat(self.beneath.root(), MARKER, AtFlags::empty()) {
            // The shell twin uses a folder of this name, and one of its attaches failed here.
            Err(Errno::ISDIR | Errno::PERM) => std::fs::remove_dir_all(self.path.join(MARKER)),
            other => other.map_err(io::Error::from),
        }
        .map_err(|error| self.failed(MARKER.as_bytes(), error))
    }
}

/// Makes a folder or takes the one that is there, and opens it.
fn make_folder(parent: BorrowedFd<'_>, name: &[u8], implied: bool) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(parent, name, flags, Mode::empty());
    let mut made = mkdirat(parent, name, Mode::from_raw_mode(OWNER));
    let handle = match (made, open()) {
        (Err(Errno::EXIST), Err(Errno::NOTDIR | Errno::LOOP)) => {
            unlinkat(parent, name, AtFlags::empty())?;
            made = mkdirat(parent, name, Mode::from_raw_mode(OWNER));
            made?;
            open()?
        }
        (Ok(()) | Err(Errno::EXIST), opened) => opened?,
        (Err(error), _) => return Err(error),
    };
    if made.is_ok() {
        if implied {
            // Whatever the umask is, as in an archive that names the folder.
            fchmod(&handle, Mode::from_raw_mode(IMPLIED_MODE))?;
        }
    } else if !implied {
        // A folder that its owner may not enter could not be filled.
        let mode = fstat(&handle)?.st_mode & 0o7777;
        if mode & OWNER != OWNER {
            fchmod(&handle, Mode::from_raw_mode(mode | OWNER))?;
        }
    }
    Ok(handle)
}

/// Gives a folder or file its mode and time.
fn seal(handle: impl AsFd, item: &Item) -> rustix::io::Result<()> {
    fchmod(&handle, Mode::from_raw_mode(u32::from(item.mode)))?;
    futimens(&handle, &times(item.mtime))
}

/// Writes into a target from one thread.
pub(super) struct Hand<'a> {
    target: &'a Target,
    layer: &'a LayerId,
    /// The folder that was used last: entries of one folder mostly come together.
    folder: Option<(Vec<u8>, OwnedFd)>,
}

impl<'a> Hand<'a> {
    pub(super) fn new(target: &'a Target, layer: &'a LayerId) -> Self {
        Self {
            target,
            layer,
            folder: None,
        }
    }

    pub(super) fn failed(&self, path: &EntryPath, error: io::Error) -> LayerError {
        self.target.failed(path.as_bytes(), error)
    }

    /// Creates a file, which nobody but the owner can read yet.
    pub(super) fn create(&mut self, path: &EntryPath) -> Result<File, LayerError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = self.replacing(path, |folder, name| {
            openat(folder, name, flags, Mode::from_raw_mode(0o600))
        })?;
        Ok(handle.into())
    }

    /// Gives a file that is written its mode and time.
    pub(super) fn seal(
        &self,
        path: &EntryPath,
        file: &File,
        item: &Item,
    ) -> Result<(), LayerError> {
        seal(file, item).map_err(|error| self.failed(path, error.into()))
    }

    /// Makes the links of a layer whose files are written: hard ones, then symbolic ones.
    pub(super) fn link(&mut self, plan: &Plan, layer: &Planned) -> Result<(), LayerError> {
        let lasting = || {
            let items = layer.list.items.iter().enumerate();
            items.filter(|(number, _)| layer.list.lasts(*number))
        };
        for (_, item) in lasting() {
            if let ItemKind::Hardlink(file) = item.kind {
                let path = plan.arena.path(item.node);
                let target = plan.arena.path(layer.list.items[file as usize].node);
                let (folder, name) = target.split();
                let from = self
                    .target
                    .beneath
                    .folder(folder.unwrap_or_default())
                    .map_err(|error| self.failed(&target, error))?;
                self.replacing(&path, |folder, new| {
                    linkat(&from, name, folder, new, AtFlags::empty())
                })?;
            }
        }
        for (_, item) in lasting() {
            if let ItemKind::Symlink(number) = item.kind {
                let target = layer.list.target(number);
                self.replacing(&plan.arena.path(item.node), |folder, name| {
                    symlinkat(target, folder, name)?;
                    utimensat(folder, name, &times(item.mtime), AtFlags::SYMLINK_NOFOLLOW)
                })?;
            }
        }
        Ok(())
    }

    /// Makes something new under a name; a file or link of that name is removed first, never
    /// written to.
    fn replacing<T>(
        &mut self,
        path: &EntryPath,
        make: impl Fn(BorrowedFd<'_>, &[u8]) -> rustix::io::Result<T>,
    ) -> Result<T, LayerError> {
        let (parent, name) = path.split();
        let parent = parent.unwrap_or_default();
        let folder = match self.folder.take() {
            Some((known, handle)) if known == parent => (known, handle),
            _ => {
                let opened = self.target.beneath.folder(parent);
                let handle = opened.map_err(|error| self.target.failed(parent, error))?;
                (parent.to_vec(), handle)
            }
        };
        let made = match make(folder.1.as_fd(), name) {
            Err(Errno::EXIST) => match unlinkat(&folder.1, name, AtFlags::empty()) {
                Ok(()) => make(folder.1.as_fd(), name),
                Err(error) => {
                    let is_folder = statat(&folder.1, name, AtFlags::SYMLINK_NOFOLLOW)
                        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
                    if is_folder {
                        return Err(LayerError::InTheWay {
                            path: printable(path.as_bytes()),
                            layer: self.layer.clone(),
                        });
                    }
                    Err(error)
                }
            },
            other => other,
        };
        self.folder = Some(folder);
        made.map_err(|error| self.failed(path, error.into()))
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
