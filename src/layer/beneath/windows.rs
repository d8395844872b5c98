//! Folders by path, held open. Every folder on the way is opened on its own, is refused where it
//! is a link, a junction or another reparse point, and stays open without a right to delete it as
//! long as something below is used: nobody can rename it or put something else in its place
//! meanwhile, so that its path keeps meaning it. Names are checked before Windows sees them: none
//! can be a path, a stream, a device or another name's alias.

use std::borrow::Cow;
use std::fs::{File, FileTimes, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Facts, FileKind, Special, Stamp};
use crate::layer::portable;

/// `FILE_SHARE_READ`, `FILE_SHARE_WRITE` and, in the second, `FILE_SHARE_DELETE`.
const SHARE_KEEP: u32 = 0x3;
const SHARE_ALL: u32 = 0x7;
/// `FILE_FLAG_BACKUP_SEMANTICS`, without which no folder opens.
const FOLDERS: u32 = 0x0200_0000;
/// `FILE_FLAG_OPEN_REPARSE_POINT`: the link itself.
const NO_FOLLOW: u32 = 0x0020_0000;
/// `FILE_READ_ATTRIBUTES` and `FILE_WRITE_ATTRIBUTES`.
const LOOK: u32 = 0x80;
const MARK: u32 = 0x100;
/// `FILE_ATTRIBUTE_READONLY` and `FILE_ATTRIBUTE_REPARSE_POINT`.
const READ_ONLY: u32 = 0x1;
const REPARSE: u32 = 0x400;
/// From the epoch of Windows, 1601, to that of Unix, in seconds; ticks are 100 nanoseconds long.
const EPOCHS: i64 = 11_644_473_600;
const TICKS: u64 = 10_000_000;

/// A folder below which paths are resolved.
#[derive(Debug)]
pub(in crate::layer) struct Beneath {
    root: Folder,
}

/// An open folder.
#[derive(Debug, Clone)]
pub(in crate::layer) struct Folder {
    pin: Arc<Pin>,
    path: PathBuf,
}

/// What keeps a path meaning the folder that was looked at.
#[derive(Debug)]
struct Pin {
    folder: File,
    _above: Option<Arc<Pin>>,
}

impl Beneath {
    /// Opens the folder; it may itself be reached through links.
    pub(in crate::layer) fn open(path: &Path) -> io::Result<Self> {
        // In the form that takes long paths, and in which no name means a device.
        let path = std::fs::canonicalize(path)?;
        let root = Folder::pin(path, None)?;
        Ok(Self { root })
    }

    pub(in crate::layer) fn root(&self) -> &Folder {
        &self.root
    }

    /// Opens a folder below the root; the empty path is the root itself.
    pub(in crate::layer) fn folder(&self, path: &[u8]) -> io::Result<Folder> {
        let mut here = self.root.clone();
        if !path.is_empty() {
            for component in path.split(|byte| *byte == b'/') {
                here = here.folder(component)?;
            }
        }
        Ok(here)
    }
}

impl Folder {
    fn pin(path: PathBuf, above: Option<Arc<Pin>>) -> io::Result<Self> {
        let folder = OpenOptions::new()
            .read(true)
            .share_mode(SHARE_KEEP)
            .custom_flags(FOLDERS | NO_FOLLOW)
            .open(&path)?;
        let meta = folder.metadata()?;
        if meta.file_attributes() & REPARSE != 0 || !meta.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let pin = Arc::new(Pin {
            folder,
            _above: above,
        });
        Ok(Self { pin, path })
    }

    /// Returns the path of a name in it; what Windows would take for something else is refused.
    fn at(&self, name: &[u8]) -> io::Result<PathBuf> {
        if let Some(reason) = portable::problem(name) {
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, reason));
        }
        Ok(self.path.join(text(name)?))
    }

    /// Opens a folder in this one.
    pub(in crate::layer) fn folder(&self, name: &[u8]) -> io::Result<Self> {
        Self::pin(self.at(name)?, Some(Arc::clone(&self.pin)))
    }

    /// Hands out the names in it, one after the other.
    pub(in crate::layer) fn each<E: From<io::Error>>(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for item in std::fs::read_dir(&self.path)? {
            let name = item?.file_name();
            let Some(name) = name.to_str() else {
                let what = format!("the name {name:?} is no Unicode");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what).into());
            };
            take(name.as_bytes())?;
        }
        Ok(())
    }

    /// Looks at what has a name, and follows no link.
    pub(in crate::layer) fn look(&self, name: &[u8]) -> io::Result<Facts> {
        facts_of(
            &OpenOptions::new()
                .access_mode(LOOK)
                .share_mode(SHARE_ALL)
                .custom_flags(FOLDERS | NO_FOLLOW)
                .open(self.at(name)?)?,
        )
    }

    /// Reads where a symbolic link leads, with `/` between names.
    pub(in crate::layer) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = std::fs::read_link(self.at(name)?)?;
        let Some(target) = target.to_str() else {
            let what = "where the link leads is no Unicode";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        };
        Ok(target.replace('\\', "/").into_bytes())
    }

    /// Opens a file for reading; nothing else.
    pub(in crate::layer) fn open(&self, name: &[u8]) -> io::Result<File> {
        self.opened(name, OpenOptions::new().read(true))
    }

    /// Opens a file for writing; nothing else.
    pub(in crate::layer) fn open_to_write(&self, name: &[u8]) -> io::Result<File> {
        self.opened(name, OpenOptions::new().write(true))
    }

    fn opened(&self, name: &[u8], options: &mut OpenOptions) -> io::Result<File> {
        let file = options.custom_flags(NO_FOLLOW).open(self.at(name)?)?;
        match file.metadata()?.file_attributes() & REPARSE {
            0 => Ok(file),
            _ => Err(io::Error::other("it is a link")),
        }
    }

    /// Creates a file; fails where the name is taken. Who may read it is the folder's to say.
    pub(in crate::layer) fn create(&self, name: &[u8], _mode: u32) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .custom_flags(NO_FOLLOW)
            .open(self.at(name)?)
    }

    /// Makes a folder; fails where the name is taken.
    pub(in crate::layer) fn make_folder(&self, name: &[u8], _mode: u32) -> io::Result<()> {
        std::fs::create_dir(self.at(name)?)
    }

    /// Removes a file or a link; fails where the name is a folder's.
    pub(in crate::layer) fn remove(&self, name: &[u8]) -> io::Result<()> {
        let path = self.at(name)?;
        let kind = std::fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Both remove the link and not what it leads to.
        if kind.is_symlink_dir() {
            return std::fs::remove_dir(path);
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // File systems without the newer way of deleting mind the attribute.
                let file = OpenOptions::new()
                    .access_mode(LOOK | MARK)
                    .custom_flags(NO_FOLLOW)
                    .open(&path)?;
                set_read_only(&file, false)?;
                drop(file);
                std::fs::remove_file(&path)
            }
            other => other,
        }
    }

    /// Gives a file of this folder another name elsewhere.
    pub(in crate::layer) fn hard_link(
        &self,
        name: &[u8],
        folder: &Self,
        new: &[u8],
    ) -> io::Result<()> {
        if self.look(name)?.kind != FileKind::File {
            return Err(io::Error::other("it is no regular file any more"));
        }
        std::fs::hard_link(self.at(name)?, folder.at(new)?)
    }

    /// Makes a symbolic link. Windows keeps whether it leads to a folder in the link.
    pub(in crate::layer) fn symlink(
        &self,
        target: &[u8],
        name: &[u8],
        mtime: u64,
        leads_to_folder: impl Fn() -> bool,
    ) -> io::Result<()> {
        let path = self.at(name)?;
        let target = text(target)?.replace('/', "\\");
        if leads_to_folder() {
            std::os::windows::fs::symlink_dir(target, &path)?;
        } else {
            std::os::windows::fs::symlink_file(target, &path)?;
        }
        set_time(&path, mtime)
    }

    /// Returns its permissions: Windows has none of these, and who owns a folder may fill it.
    pub(in crate::layer) fn mode(&self) -> io::Result<u32> {
        Ok(0o755)
    }

    /// Sets its permissions, which Windows does not have.
    pub(in crate::layer) fn set_mode(&self, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    /// Gives the folder its time; it has no mode.
    pub(in crate::layer) fn seal(&self, _mode: u32, mtime: u64) -> io::Result<()> {
        debug_assert!(self.pin.folder.metadata().is_ok());
        set_time(&self.path, mtime)
    }
}

/// Gives a file that is written its time, and of its mode whether it may be written to.
pub(in crate::layer) fn seal(file: &File, mode: u32, mtime: u64) -> io::Result<()> {
    file.set_times(times(mtime))?;
    if mode & 0o200 == 0 {
        set_read_only(file, true)?;
    }
    Ok(())
}

#[allow(
    clippy::permissions_set_readonly_false,
    reason = "on Windows it is one attribute, and lets nobody in"
)]
fn set_read_only(file: &File, read_only: bool) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(read_only);
    file.set_permissions(permissions)
}

fn set_time(path: &Path, mtime: u64) -> io::Result<()> {
    OpenOptions::new()
        .access_mode(LOOK | MARK)
        .share_mode(SHARE_ALL)
        .custom_flags(FOLDERS | NO_FOLLOW)
        .open(path)?
        .set_times(times(mtime))
}

fn times(mtime: u64) -> FileTimes {
    // Windows counts from 1601 in a number that ends in the year 30828.
    let time = SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(mtime))
        .unwrap_or(SystemTime::UNIX_EPOCH);
    FileTimes::new().set_accessed(time).set_modified(time)
}

/// Looks at an open file.
pub(in crate::layer) fn facts_of(file: &File) -> io::Result<Facts> {
    let meta = file.metadata()?;
    let more = winapi_util::file::information(file)?;
    let kind = kind_of(&meta);
    let (modified, accessed) = (
        seconds(meta.last_write_time()),
        seconds(meta.last_access_time()),
    );
    Ok(Facts {
        kind,
        mode: mode_of(kind, meta.file_attributes() & READ_ONLY != 0),
        linked: kind == FileKind::File && more.number_of_links() > 1,
        stamp: Stamp {
            device: more.volume_serial_number(),
            inode: more.file_index(),
            size: more.file_size(),
            modified,
            changed: modified,
        },
        accessed,
    })
}

pub(super) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let folder = OpenOptions::new()
        .access_mode(LOOK)
        .share_mode(SHARE_ALL)
        .custom_flags(FOLDERS)
        .open(path)?;
    let stamp = facts_of(&folder)?.stamp;
    Ok((stamp.device, stamp.inode))
}

fn kind_of(meta: &Metadata) -> FileKind {
    if meta.is_symlink() {
        FileKind::Symlink
    } else if meta.file_attributes() & REPARSE != 0 {
        FileKind::Special(Special::Reparse)
    } else if meta.is_dir() {
        FileKind::Folder
    } else {
        FileKind::File
    }
}

/// Type and permissions that a file has where there are some.
fn mode_of(kind: FileKind, read_only: bool) -> u32 {
    match kind {
        FileKind::Folder => 0o040_755,
        FileKind::Symlink => 0o120_777,
        FileKind::File | FileKind::Special(_) if read_only => 0o100_444,
        FileKind::File | FileKind::Special(_) => 0o100_644,
    }
}

fn seconds(ticks: u64) -> (i64, u32) {
    let whole = i64::try_from(ticks / TICKS).unwrap_or(i64::MAX);
    (whole - EPOCHS, (ticks % TICKS * 100) as u32)
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidFilename, portable::NO_UNICODE))
}

/// Returns the path of an entry as the system shows it.
pub(in crate::layer) fn os_path(path: &[u8]) -> Cow<'_, Path> {
    Cow::Owned(PathBuf::from(
        String::from_utf8_lossy(path).replace('/', "\\"),
    ))
}

pub(super) fn read_exact_at(file: &File, mut into: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !into.is_empty() {
        match file.seek_read(into, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                into = &mut into[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Links need a right that not every user has; junctions need none, and mklink makes them.
    fn junction(target: &Path, at: &Path) -> bool {
        let made = std::process::Command::new("cmd")
            .args(["/c", "mklink", "/J"])
            .args([at, target])
            .output();
        made.is_ok_and(|made| made.status.success()) && fs::symlink_metadata(at).is_ok()
    }

    #[test]
    fn no_path_leaves_the_root_or_goes_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/a/b")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/secret"), "").unwrap();
        fs::write(dir.path().join("root/a/f"), "").unwrap();
        let beneath = Beneath::open(&dir.path().join("root")).unwrap();
        assert!(beneath.folder(b"a/b").is_ok());
        for bad in [
            "..",
            "a/..",
            "a/../../outside",
            "../outside",
            "a\\..\\..\\outside",
            "/outside",
            "C:",
            "C:/",
            "a/f",
            "a//b",
            "nul",
            "a:b",
            "a.",
            "a ",
        ] {
            assert!(beneath.folder(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in ["..\\outside\\secret", "f:stream", "NUL", "con.txt", "f."] {
            assert!(
                beneath.root().create(bad.as_bytes(), 0o600).is_err(),
                "{bad}"
            );
        }
        let link = dir.path().join("root/link");
        if junction(&dir.path().join("outside"), &link) {
            assert!(beneath.folder(b"link").is_err());
            assert_eq!(
                beneath.root().look(b"link").unwrap().kind,
                FileKind::Symlink
            );
            beneath.root().remove(b"link").unwrap();
            assert!(dir.path().join("outside/secret").exists());
        }
    }

    #[test]
    fn a_folder_in_use_stays_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let beneath = Beneath::open(dir.path()).unwrap();
        let held = beneath.folder(b"a/b").unwrap();
        assert!(fs::rename(dir.path().join("a"), dir.path().join("c")).is_err());
        assert!(fs::remove_dir(dir.path().join("a/b")).is_err());
        drop(held);
        fs::rename(dir.path().join("a"), dir.path().join("c")).unwrap();
    }

    #[test]
    fn times_are_those_of_unix() {
        assert_eq!(seconds(116_444_736_000_000_000), (0, 0));
        assert_eq!(
            seconds(116_444_736_000_000_000 + 15_000_000),
            (1, 500_000_000)
        );
    }
}
