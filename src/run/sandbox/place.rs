//! Puts the folders of the machine into a new root, one after the other.
//!
//! `/` becomes one overlay where that is possible, else each folder in it. A folder is taken apart,
//! and its entries are placed one by one, where something below it must not be in the overlay: the
//! scratch folder (a job must not come upon its own writing side), a private folder, or a mount
//! that an unprivileged process may not separate from the folder it lies in.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Gid, Mode, Uid, access, chmod, chown};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive, mount_remount};

use super::ids::is_root_outside;
use super::mountinfo::Mounts;
use super::view::{PRIVATE, ViewSpec, below, make_dir};
use crate::run::agent::Refused;

/// Files up to this size are copied instead of being shown read-only: settings, mostly.
const SMALL: u64 = 256 * 1024;

/// Folders of the system that jobs write little to: what they write stays in memory.
const LITTLE: [&str; 13] = [
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/lost+found",
    "/media",
    "/mnt",
    "/run",
    "/sbin",
    "/srv",
];

/// The state of a view while it is built.
pub(super) struct Places<'a> {
    mounts: &'a Mounts,
    root: &'a Path,
    /// What the job writes goes below it.
    dir: &'a Path,
    /// Where an overlay can have its writing side in memory, if it can.
    memory: Option<&'a Path>,
    count: u32,
    private: Vec<PathBuf>,
    /// Where folders of the machine can be seen already, inside private ones.
    revealed: Vec<PathBuf>,
    /// Folders that must exist and be writable in the end, by their real paths.
    wanted: BTreeSet<PathBuf>,
    is_root: bool,
}

impl<'a> Places<'a> {
    pub(super) fn new(spec: &'a ViewSpec, mounts: &'a Mounts, root: &'a Path) -> Self {
        let private = PRIVATE.iter().filter_map(|dir| fs::canonicalize(dir).ok());
        let mut places = Self {
            mounts,
            root,
            dir: Path::new(&spec.dir),
            memory: Some(Path::new(&spec.memory)).filter(|dir| takes_attributes(dir)),
            count: 0,
            private: private.collect(),
            revealed: Vec::new(),
            wanted: BTreeSet::new(),
            is_root: is_root_outside(),
        };
        let visible = [&spec.project, &spec.home].map(PathBuf::from);
        for dir in [&spec.home, &spec.directory] {
            let real = places.real_path(Path::new(dir), &visible);
            places.wanted.insert(real);
        }
        places
    }

    /// Places everything that lies in `/`: as one overlay where the kernel lets this process part
    /// `/` from what is mounted below it, else entry by entry.
    pub(super) fn top(&mut self) -> Result<(), Refused> {
        let top = Path::new("/");
        // The job must not come upon its own writing side.
        if self.private.iter().any(|dir| self.dir.starts_with(dir)) {
            let meta = top.metadata().map_err(Refused::when("the folder /"))?;
            if self.overlay(top, self.root, &meta)?.is_ok() {
                for path in self.inner(top) {
                    self.submount(&path)?;
                }
                return self.hide_private(top);
            }
        }
        self.entries(top)
    }

    /// Returns the mounts below a folder that are to be repeated inside of its overlay.
    fn inner(&self, path: &Path) -> Vec<PathBuf> {
        let is_made_elsewhere = |at: &Path| {
            let of_the_kernel = ["/proc", "/sys", "/dev"].map(Path::new);
            let private = self.private.iter().map(PathBuf::as_path);
            private.chain(of_the_kernel).any(|dir| at.starts_with(dir))
        };
        let inner = self.mounts.below(path).map(|m| m.at.clone());
        inner.filter(|at| !is_made_elsewhere(at)).collect()
    }

    /// Shows a folder, or a file, that lies inside a private one.
    pub(super) fn reveal(&mut self, dir: &OsStr) -> Result<(), Refused> {
        let Ok(dir) = fs::canonicalize(dir) else {
            return Ok(());
        };
        let is_hidden = self.private.iter().any(|p| dir.starts_with(p) && dir != *p);
        if !is_hidden || self.revealed.iter().any(|seen| dir.starts_with(seen)) {
            return Ok(());
        }
        let target = below(self.root, &dir);
        if let Ok(meta) = dir.metadata()
            && meta.is_file()
        {
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)
                    .map_err(Refused::when(format!("a folder for {}", dir.display())))?;
            }
            self.file(&dir, &meta);
            return Ok(());
        }
        fs::create_dir_all(&target)
            .map_err(Refused::when(format!("the folder {}", dir.display())))?;
        self.revealed.push(dir.clone());
        self.folder(&dir)
    }

    /// Makes the wanted folders that are still missing.
    pub(super) fn finish(&self) -> Result<(), Refused> {
        for dir in &self.wanted {
            let target = below(self.root, dir);
            if target.is_dir() {
                continue;
            }
            let what = format!("the folder {} inside the job", dir.display());
            fs::create_dir_all(target).map_err(Refused::when(what))?;
        }
        Ok(())
    }

    fn entries(&mut self, dir: &Path) -> Result<(), Refused> {
        // What cannot be listed cannot be used either: it stays empty.
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let target = below(self.root, &path);
            if target.symlink_metadata().is_ok() {
                continue;
            }
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            if meta.is_symlink() {
                if let Ok(to) = fs::read_link(&path) {
                    let _ = symlink(to, &target);
                }
            } else if meta.is_dir() {
                self.folder(&path)?;
            } else if meta.is_file() {
                self.file(&path, &meta);
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> Result<(), Refused> {
        let target = below(self.root, path);
        let is_kernel = |at| self.mounts.at(at).is_some_and(|m| m.is_kernel_interface());
        if matches!(path.to_str(), Some("/proc" | "/sys" | "/dev")) {
            return Ok(());
        }
        if self.private.iter().any(|private| private == path) {
            return make_dir(&target, 0o1777);
        }
        let Ok(meta) = path.metadata() else {
            // Another user's mount, say. Its name is all that can be seen.
            return make_dir(&target, 0o000);
        };
        self.make_like(&target, &meta)?;
        if is_kernel(path) {
            self.read_only(path, &target);
            return Ok(());
        }
        if self.is_plain(path) {
            return Ok(());
        }
        // An overlay may not lie in itself.
        if !self.dir.starts_with(path) {
            let inner = self.inner(path);
            match self.overlay(path, &target, &meta)? {
                Ok(()) => {
                    for path in inner {
                        self.submount(&path)?;
                    }
                    return self.hide_private(path);
                }
                // The kernel's answer to mounts below that may not be left out.
                Err(Errno::INVAL) if self.mounts.below(path).next().is_some() => {}
                Err(_) => {
                    self.read_only(path, &target);
                    return self.hide_private(path);
                }
            }
        }
        self.entries(path)
    }

    /// Says whether nothing of the machine is in a folder of `/`, so that a folder is all it takes.
    fn is_plain(&self, path: &Path) -> bool {
        let is_top = path.parent() == Some(Path::new("/"));
        is_top
            && !self.wanted.iter().any(|dir| dir.starts_with(path))
            && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// Puts empty folders over the private ones inside a folder that was placed as a whole.
    fn hide_private(&self, path: &Path) -> Result<(), Refused> {
        let inside = |dir: &&PathBuf| dir.starts_with(path) && dir.as_path() != path;
        for (index, dir) in self.private.iter().filter(inside).enumerate() {
            let empty = self.dir.join(format!("private-{}-{index}", self.count));
            make_dir(&empty, 0o1777)?;
            mount_bind(&empty, below(self.root, dir))
                .map_err(Refused::when(format!("an empty {}", dir.display())))?;
        }
        Ok(())
    }

    /// Repeats a mount that lies inside an overlay.
    fn submount(&mut self, path: &Path) -> Result<(), Refused> {
        // Not there any more, or hidden by a mount further up.
        let Ok(meta) = path.symlink_metadata() else {
            return Ok(());
        };
        if !below(self.root, path).exists() {
            return Ok(());
        }
        // What the machine itself may not write to needs no writing side.
        let mount = self.mounts.at(path);
        if mount.is_some_and(|m| m.flags.contains(MountFlags::RDONLY)) {
            self.read_only(path, &below(self.root, path));
            return Ok(());
        }
        if meta.is_dir() {
            self.folder(path)
        } else {
            self.file(path, &meta);
            Ok(())
        }
    }

    /// Mounts an overlay; the inner result is the kernel's answer.
    fn overlay(
        &mut self,
        path: &Path,
        target: &Path,
        meta: &Metadata,
    ) -> Result<Result<(), Errno>, Refused> {
        self.count += 1;
        let is_little = LITTLE.iter().any(|little| Path::new(little) == path);
        let side = self.memory.filter(|_| is_little).unwrap_or(self.dir);
        let upper = side.join(format!("up-{}", self.count));
        let work = side.join(format!("work-{}", self.count));
        make_dir(&work, 0o700)?;
        self.make_like(&upper, meta)?;
        self.prepare_wanted(path, &upper)?;
        let mut options = b"volatile,userxattr,lowerdir=".to_vec();
        escape(path, &mut options);
        options.extend(b",upperdir=");
        escape(&upper, &mut options);
        options.extend(b",workdir=");
        escape(&work, &mut options);
        let Ok(options) = CString::new(options) else {
            return Ok(Err(Errno::INVAL));
        };
        let flags = MountFlags::empty();
        Ok(mount(
            "overlay",
            target,
            "overlay",
            flags,
            options.as_c_str(),
        ))
    }

    /// Makes wanted folders in the writing side of an overlay, before it is one: in the overlay
    /// itself a user without privilege could not make `/go/src/x` in a `/go` of root.
    fn prepare_wanted(&self, lower: &Path, upper: &Path) -> Result<(), Refused> {
        for dir in &self.wanted {
            let Ok(inside) = dir.strip_prefix(lower) else {
                continue;
            };
            if access(dir, Access::WRITE_OK).is_ok() {
                continue;
            }
            let (mut lower, mut upper) = (lower.to_owned(), upper.to_owned());
            for part in inside {
                lower.push(part);
                upper.push(part);
                match lower.metadata() {
                    Ok(meta) => self.make_like(&upper, &meta)?,
                    Err(_) => make_dir(&upper, 0o755)?,
                }
            }
            chmod(&upper, Mode::from_raw_mode(0o755))
                .map_err(Refused::when(format!("the folder {}", dir.display())))?;
        }
        Ok(())
    }

    /// Makes a folder with owner and mode of another one. Where the owner cannot be had, the
    /// mode says what this user may do there, so that what is forbidden stays forbidden.
    fn make_like(&self, target: &Path, meta: &Metadata) -> Result<(), Refused> {
        make_dir(target, 0o755)?;
        let what = || format!("the folder {}", target.display());
        let mut mode = meta.mode() & 0o7777;
        let is = target.metadata().map_err(Refused::when(what()))?;
        if self.is_root {
            // To set what is so already would copy a folder of an overlay to its writing side.
            if (is.uid(), is.gid()) != (meta.uid(), meta.gid()) {
                let owner = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
                chown(target, Some(owner.0), Some(owner.1)).map_err(Refused::when(what()))?;
            }
        } else if meta.uid() != rustix::process::geteuid().as_raw() && mode & 0o002 == 0 {
            mode &= !0o222;
        }
        if is.mode() & 0o7777 == mode {
            return Ok(());
        }
        chmod(target, Mode::from_raw_mode(mode)).map_err(Refused::when(what()))
    }

    fn file(&self, path: &Path, meta: &Metadata) {
        let target = below(self.root, path);
        if meta.len() <= SMALL && fs::copy(path, &target).is_ok() {
            if self.is_root {
                let owner = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
                let _ = chown(&target, Some(owner.0), Some(owner.1));
            }
            return;
        }
        if target.exists() || fs::File::create(&target).is_ok() {
            self.read_only(path, &target);
        }
    }

    /// Shows something as it is, without a way to change it. What cannot be shown so is left out.
    fn read_only(&self, path: &Path, target: &Path) {
        let bound = if path.is_dir() {
            mount_bind_recursive(path, target)
        } else {
            mount_bind(path, target)
        };
        if bound.is_err() {
            return;
        }
        let inner = self.mounts.below(path).map(|m| (m.at.as_path(), m.flags));
        let own = self.mounts.of(path).map(|m| (path, m.flags));
        for (at, flags) in inner.chain(own) {
            let target = below(self.root, at);
            let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
            if mount_remount(&target, flags, c"").is_err() {
                let _ = rustix::mount::unmount(&target, rustix::mount::UnmountFlags::DETACH);
            }
        }
    }

    /// Follows the links of a path as far as it exists. Inside a private folder nothing of the
    /// machine's exists, except what is revealed there.
    fn real_path(&self, path: &Path, visible: &[PathBuf]) -> PathBuf {
        let seen = |path: &Path| visible.iter().any(|dir| path.starts_with(dir));
        for dir in path.ancestors() {
            let Ok(real) = dir.canonicalize() else {
                continue;
            };
            let is_private = |p: &PathBuf| real.starts_with(p) && real != *p;
            if self.private.iter().any(is_private) && !seen(dir) && !seen(&real) {
                continue;
            }
            let rest = path.strip_prefix(dir).unwrap_or(Path::new(""));
            return real.join(rest);
        }
        path.to_owned()
    }
}

/// Says whether files in a folder can have the attributes that overlays use: memory cannot before
/// Linux 6.6.
fn takes_attributes(dir: &Path) -> bool {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(dir, c"user.holdall", b"x", flags).is_ok()
}

/// Writes a path for the options of an overlay, in which some characters separate.
fn escape(path: &Path, out: &mut Vec<u8>) {
    for &byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'\\' | b',' | b':') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
