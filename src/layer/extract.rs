//! Writes entries below a target folder, relative to folder handles, and never through a link:
//! not one that a layer brings, and not one that the target holds. Several threads write at once,
//! each with a hand of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::beneath::{self, Beneath, Facts, FileKind, Folder};
use super::name::{EntryPath, MARKER, printable};
use super::parallel::Pieces;
use super::plan::{Item, ItemKind, Plan, Planned};
use super::tree::IMPLIED_MODE;
use super::{LayerError, LayerId, portable};

/// What a folder's owner has to be allowed while it is filled.
const OWNER: u32 = 0o700;
/// How many folders a thread finishes at a time.
const BATCH: usize = 128;

/// A target folder while layers are written to it.
pub(super) struct Target {
    path: PathBuf,
    pub(super) beneath: Beneath,
    /// Whether the marker is this attach's.
    new: bool,
}

impl Target {
    /// Opens the target, which is made where it is missing, and puts the marker into it.
    pub(super) fn open(path: &Path) -> Result<Self, LayerError> {
        let failed = |action| move |error| LayerError::io(action, path, error);
        std::fs::create_dir_all(path).map_err(failed("create"))?;
        let beneath = Beneath::open(path).map_err(failed("open"))?;
        let mut target = Self {
            path: path.to_owned(),
            beneath,
            new: false,
        };
        match target.beneath.root().create(MARKER.as_bytes(), 0o644) {
            Ok(_) => target.new = true,
            // One of an attach that failed before serves this one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(target.failed(MARKER.as_bytes(), error)),
        }
        Ok(target)
    }

    /// Refuses a plan whose names the target's system or file system cannot tell apart or keep.
    /// Nothing but the marker has been written then, and it goes as well.
    pub(super) fn takes(&self, plan: &Plan) -> Result<(), LayerError> {
        let mut judged = Ok(());
        if cfg!(windows) {
            judged = portable::check_names(plan);
        }
        // Whether case counts is the folder's to say, on Windows, macOS and Linux alike.
        let (root, shouted) = (self.beneath.root(), MARKER.to_ascii_uppercase());
        let is_marker = |facts: &Facts| {
            let marker = root.look(MARKER.as_bytes());
            marker.is_ok_and(|marker| {
                (marker.stamp.device, marker.stamp.inode) == (facts.stamp.device, facts.stamp.inode)
            })
        };
        if judged.is_ok() && root.look(shouted.as_bytes()).is_ok_and(|f| is_marker(&f)) {
            judged = portable::check_case(&plan.arena);
        }
        if judged.is_err() && self.new {
            self.finish()?;
        }
        judged
    }

    pub(super) fn failed(&self, path: &[u8], error: io::Error) -> LayerError {
        LayerError::io("write", &beneath::join(&self.path, path), error)
    }

    /// Makes every folder of a plan that is missing, so that files can be written in any order. A
    /// file or link in the way is replaced, as it would be by an entry of its own.
    pub(super) fn make_folders(&self, plan: &Plan) -> Result<(), LayerError> {
        let mut parent: (u32, Option<Folder>) = (0, None);
        let mut last: (u32, Option<Folder>) = (0, None);
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
            let made = make_folder(handle, plan.arena.name(node), slot.named.is_none());
            let made = made.map_err(|error| self.failed(&plan.arena.path_bytes(node), error))?;
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
            handle
                .seal(u32::from(item.mode), item.mtime)
                .map_err(|error| self.failed(&path, error))
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
        let root = self.beneath.root();
        match root.look(MARKER.as_bytes()) {
            // The shell twin uses a folder of this name, and one of its attaches failed here.
            Ok(facts) if facts.kind == FileKind::Folder => {
                std::fs::remove_dir_all(self.path.join(MARKER))
            }
            _ => root.remove(MARKER.as_bytes()),
        }
        .map_err(|error| self.failed(MARKER.as_bytes(), error))
    }
}

/// Makes a folder or takes the one that is there, and opens it.
fn make_folder(parent: &Folder, name: &[u8], implied: bool) -> io::Result<Folder> {
    let (handle, made) = match parent.make_folder(name, OWNER) {
        Ok(()) => (parent.folder(name)?, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match parent.folder(name) {
            Err(_) if parent.look(name)?.kind != FileKind::Folder => {
                parent.remove(name)?;
                parent.make_folder(name, OWNER)?;
                (parent.folder(name)?, true)
            }
            opened => (opened?, false),
        },
        Err(error) => return Err(error),
    };
    if made {
        if implied {
            // Whatever the umask is, as in an archive that names the folder.
            handle.set_mode(IMPLIED_MODE)?;
        }
    } else if !implied {
        // A folder that its owner may not enter could not be filled.
        let mode = handle.mode()?;
        if mode & OWNER != OWNER {
            handle.set_mode(mode | OWNER)?;
        }
    }
    Ok(handle)
}

/// Writes into a target from one thread.
pub(super) struct Hand<'a> {
    target: &'a Target,
    layer: &'a LayerId,
    /// The folder that was used last: entries of one folder mostly come together.
    folder: Option<(Vec<u8>, Folder)>,
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
        self.replacing(path, |folder, name| folder.create(name, 0o600))
    }

    /// Gives a file that is written its mode and time.
    pub(super) fn seal(
        &self,
        path: &EntryPath,
        file: &File,
        item: &Item,
    ) -> Result<(), LayerError> {
        beneath::seal(file, u32::from(item.mode), item.mtime)
            .map_err(|error| self.failed(path, error))
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
                self.replacing(&path, |folder, new| from.hard_link(name, folder, new))?;
            }
        }
        for (_, item) in lasting() {
            if let ItemKind::Symlink(number) = item.kind {
                let target = layer.list.target(number);
                let path = plan.arena.path(item.node);
                let beneath = &self.target.beneath;
                let leads_to_folder = || {
                    path.leads_to(target)
                        .is_some_and(|at| beneath.folder(&at).is_ok())
                };
                self.replacing(&path, |folder, name| {
                    folder.symlink(target, name, item.mtime, leads_to_folder)
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
        make: impl Fn(&Folder, &[u8]) -> io::Result<T>,
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
        let made = match make(&folder.1, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match folder.1.remove(name) {
                    Ok(()) => make(&folder.1, name),
                    Err(error) => {
                        let facts = folder.1.look(name);
                        if facts.is_ok_and(|facts| facts.kind == FileKind::Folder) {
                            return Err(LayerError::InTheWay {
                                path: printable(path.as_bytes()),
                                layer: self.layer.clone(),
                            });
                        }
                        Err(error)
                    }
                }
            }
            other => other,
        };
        self.folder = Some(folder);
        made.map_err(|error| self.failed(path, error))
    }
}
