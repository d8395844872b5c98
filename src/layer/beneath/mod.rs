//! A folder handle and nothing outside it: every path is resolved below the handle and through
//! folders only, never through a link. What the engine does with files it asks of such a folder,
//! by name; each system answers in a file of its own.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::NamedTempFile;

#[cfg(unix)]
pub(super) use unix::{Beneath, Folder, facts_of, os_path, seal};
#[cfg(windows)]
pub(super) use windows::{Beneath, Folder, facts_of, os_path, seal};

/// What tells that a file is still the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, u32),
    /// The time of the last change of content, mode, owner or number of names; no program sets it.
    /// Windows does not tell: there it is the time of the content, and nothing is remembered.
    pub(super) changed: (i64, u32),
}

impl Stamp {
    /// Appends all of it to a buffer.
    pub(super) fn push_bytes(&self, out: &mut Vec<u8>) {
        for value in [self.device, self.inode, self.size] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for (seconds, nanoseconds) in [self.modified, self.changed] {
            out.extend_from_slice(&seconds.to_le_bytes());
            out.extend_from_slice(&nanoseconds.to_le_bytes());
        }
    }
}

/// What is found under a name; a link is not followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) kind: FileKind,
    /// Type and permissions, as Unix has them.
    pub(super) mode: u32,
    /// Whether a file has other names.
    pub(super) linked: bool,
    pub(super) stamp: Stamp,
    /// When it was read: seconds and nanoseconds.
    pub(super) accessed: (i64, u32),
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Folder,
    File,
    Symlink,
    Special(Special),
}

/// What no layer can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    #[cfg(unix)]
    Socket,
    #[cfg(unix)]
    Fifo,
    #[cfg(unix)]
    Device,
    /// What another program's driver makes of a name.
    #[cfg(windows)]
    Reparse,
    #[cfg(unix)]
    Unknown,
}

impl Special {
    pub(super) fn name(self) -> &'static str {
        match self {
            #[cfg(unix)]
            Self::Socket => "socket",
            #[cfg(unix)]
            Self::Fifo => "FIFO",
            #[cfg(unix)]
            Self::Device => "device",
            #[cfg(windows)]
            Self::Reparse => "reparse point that is no link",
            #[cfg(unix)]
            Self::Unknown => "file of an unknown type",
        }
    }
}

/// Whether the system tells when a file last changed in any way, so that a look is enough to know
/// that it is still the one that was read.
pub(super) const CHANGES_SHOW: bool = cfg!(unix);

/// Makes a file in a folder that vanishes unless it is kept. Another user's job reads the store:
/// the umask alone says who may.
pub(crate) fn temp_in(folder: &Path, prefix: &str, suffix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix).rand_bytes(16);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Renames a file that is written to its place, over what is there.
pub(crate) fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    file.persist(path).map_err(|error| error.error)?;
    // Windows renames over a file that another process reads only by the way that the standard
    // library takes.
    #[cfg(windows)]
    {
        let (file, written) = file.keep().map_err(|error| error.error)?;
        drop(file);
        std::fs::rename(&written, path).inspect_err(|_| {
            let _ = std::fs::remove_file(&written);
        })?;
    }
    Ok(())
}

/// Sets the time of a file's content.
pub(super) fn set_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    // Windows takes a time from who may write, Unix from the owner.
    options.read(cfg!(unix)).write(cfg!(windows));
    options.open(path)?.set_modified(time)
}

/// Makes what happened to the names of a folder last; Windows does not know how to be asked.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(windows)]
    let _ = path;
    Ok(())
}

/// Reads at an offset until the buffer is full.
pub(super) fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, into, offset);
    #[cfg(windows)]
    windows::read_exact_at(file, into, offset)
}

/// Writes all of it at an offset.
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    windows::write_all_at(file, bytes, offset)
}

/// Returns what no two folders have in common: the numbers of the file and of its device.
pub(super) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let meta = std::fs::metadata(path)?;
        Ok((meta.dev(), meta.ino()))
    }
    #[cfg(windows)]
    windows::identity(path)
}

/// Returns when a file of a store was last changed in any way, in seconds since 1970; where
/// the system does not tell, when it was made or written.
pub(super) fn changed(meta: &std::fs::Metadata) -> Option<u64> {
    #[cfg(unix)]
    return u64::try_from(std::os::unix::fs::MetadataExt::ctime(meta)).ok();
    #[cfg(windows)]
    {
        let last = meta.created().ok().max(meta.modified().ok())?;
        let since = last.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs())
    }
}

/// Lets only the user into a folder, where the system has modes; elsewhere the folder of the
/// user's cache has that already.
pub(super) fn make_private(folder: &Path) {
    #[cfg(unix)]
    let _ = std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    #[cfg(windows)]
    let _ = folder;
}

/// Returns the path of an entry below a folder, as the system takes it.
pub(super) fn join(folder: &Path, path: &[u8]) -> PathBuf {
    folder.join(os_path(path))
}
