//! Unpacked orbs on disk: which folder a file belongs to, the other files of it, and the scripts
//! that it includes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::input;
use crate::circleci::{OrbPart, OrbSource};
use crate::yaml::Source;

/// The file whose folder is that of an orb.
const ROOT: &str = "@orb.yml";

/// Deepest folders below it that are looked into.
const DEPTH: usize = 6;

/// Most files of one orb.
const MOST_FILES: usize = 5_000;

/// The files of an orb.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    files: Vec<(PathBuf, OrbPart)>,
    sources: Vec<(OrbPart, Source)>,
    broken: bool,
}

/// Returns the files of an orb that is unpacked in a folder; none where there is no orb.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let files = parts(dir).into_iter().map(|(path, _)| path);
    files.collect()
}

fn parts(root: &Path) -> Vec<(PathBuf, OrbPart)> {
    if !root.join(ROOT).is_file() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut open = vec![(root.to_path_buf(), 0)];
    while let Some((dir, depth)) = open.pop() {
        // The current folder has an empty name where paths are relative to it.
        let named = match dir.as_os_str().is_empty() {
            true => Path::new("."),
            false => &dir,
        };
        let entries = std::fs::read_dir(named).into_iter().flatten().flatten();
        for path in entries.map(|e| dir.join(e.file_name())) {
            if path.is_dir() {
                // A link may lead back to where it stands.
                if depth < DEPTH && !path.is_symlink() {
                    open.push((path, depth + 1));
                }
            } else if let Ok(below) = path.strip_prefix(root)
                && let Some(part) = OrbPart::of(below)
                && out.len() < MOST_FILES
            {
                out.push((path, part));
            }
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

impl Folder {
    fn read(root: &Path) -> Self {
        let files = parts(root);
        let mut sources = Vec::with_capacity(files.len());
        let mut broken = false;
        for (path, part) in &files {
            match input::read(path) {
                Ok(source) => sources.push((part.clone(), source)),
                Err(_) => broken = true,
            }
        }
        Self {
            root: root.to_path_buf(),
            files,
            sources,
            broken,
        }
    }

    /// Returns what a file of the orb is.
    pub(crate) fn part(&self, path: &Path) -> Option<&OrbPart> {
        let found = self.files.iter().find(|(file, _)| same(file, path));
        found.map(|(_, part)| part)
    }

    /// Returns the other files.
    pub(crate) fn others(&self, path: &Path) -> Vec<(OrbPart, Source)> {
        let others = self.sources.iter().filter(|(_, s)| !same(s.path(), path));
        others.cloned().collect()
    }

    /// Says whether a file could not be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Returns the text of a script.
    pub(crate) fn include(&self, path: &str) -> Option<Source> {
        include(&self.root, path)
    }
}

/// Says whether a file of the orb is one that was named, maybe from a folder inside of the orb's.
fn same(file: &Path, named: &Path) -> bool {
    let whole = |path: &Path| std::path::absolute(path).ok();
    file == named || (file.is_absolute() != named.is_absolute() && whole(file) == whole(named))
}

/// Reads an included file. It lies in the repository: what a text of somebody else's names
/// elsewhere is not shown.
fn include(root: &Path, path: &str) -> Option<Source> {
    let file = root.join(path.trim_start_matches('/'));
    let real = file.canonicalize().ok()?;
    let home = root.canonicalize().ok()?;
    let repository = home.ancestors().find(|a| a.join(".git").exists());
    if !real.starts_with(repository.unwrap_or(&home)) || !real.is_file() {
        return None;
    }
    let source = input::read(&file).ok()?;
    Some(Source::plain(file, source.text_arc()))
}

/// Returns the source of an orb that is unpacked in a folder.
pub(crate) fn source(root: &Path) -> Option<OrbSource> {
    let main = root.join(ROOT);
    let folder = Folder::read(root);
    let root = root.to_path_buf();
    Some(OrbSource {
        others: folder.others(&main),
        main: input::read(&main).ok()?,
        include: Box::new(move |path| include(&root, path)),
    })
}

/// The orbs that were met, each read once.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    known: Mutex<HashMap<PathBuf, Arc<Folder>>>,
}

impl Folders {
    /// Returns the orb that a file is a part of.
    pub(crate) fn of(&self, file: &Path) -> Option<Arc<Folder>> {
        self.around(file).or_else(|| {
            // The orb's folder may be above the current one.
            let here = std::env::current_dir().ok()?;
            file.is_relative().then_some(())?;
            self.around(&here.join(file))
        })
    }

    fn around(&self, file: &Path) -> Option<Arc<Folder>> {
        let root = file
            .ancestors()
            .skip(1)
            .take(DEPTH + 1)
            .find(|dir| dir.join(ROOT).is_file())?;
        OrbPart::of(file.strip_prefix(root).ok()?)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = known
            .entry(root.to_path_buf())
            .or_insert_with(|| Arc::new(Folder::read(root)));
        Some(Arc::clone(folder))
    }
}
