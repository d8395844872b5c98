//! Files that commands write: each is there whole or not at all, under the name and with the mode
//! that people expect.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that takes its place when it is whole; dropped before, it leaves nothing behind.
pub(crate) struct Draft {
    file: NamedTempFile,
    target: PathBuf,
    /// The mode of the file that stands there already.
    had: Option<Permissions>,
}

impl Draft {
    /// Begins a file beside the place that it will take. A link stays one: what it points to is
    /// written. A file that is there keeps its mode, a new one gets what the umask leaves.
    pub(crate) fn of(path: &Path, executable: bool) -> io::Result<Self> {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let had = fs::metadata(&target).ok();
        // A name takes the place of a name: of a pipe or a device nothing would be left.
        if had.as_ref().is_some_and(|there| !there.is_file()) {
            return Err(io::Error::other("it is no regular file"));
        }
        let folder = target.parent().filter(|d| !d.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".holdall-");
        set_mode(&mut builder, executable);
        Ok(Self {
            file: builder.tempfile_in(folder.unwrap_or(Path::new(".")))?,
            had: had.map(|there| there.permissions()),
            target,
        })
    }

    /// Returns what its content is written to.
    pub(crate) fn file(&mut self) -> &mut fs::File {
        self.file.as_file_mut()
    }

    /// Puts it into its place.
    pub(crate) fn put(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        if let Some(had) = self.had {
            self.file.as_file().set_permissions(had)?;
        }
        crate::layer::place(self.file, &self.target)
    }
}

/// Writes a text.
pub(crate) fn text(path: &Path, text: &str) -> io::Result<()> {
    of_kind(path, text, false)
}

/// Writes a text that is a program where it is said to be.
pub(crate) fn of_kind(path: &Path, text: &str, executable: bool) -> io::Result<()> {
    let mut draft = Draft::of(path, executable)?;
    draft.file().write_all(text.as_bytes())?;
    draft.put()
}

#[cfg(unix)]
fn set_mode(builder: &mut tempfile::Builder<'_, '_>, executable: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if executable { 0o777 } else { 0o666 };
    builder.permissions(Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &mut tempfile::Builder<'_, '_>, _: bool) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_takes_its_place_with_the_mode_that_is_due() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        fs::write(path("any"), "").unwrap();
        text(&path("new"), "1").unwrap();
        assert_eq!(mode("new"), mode("any"));
        of_kind(&path("program"), "1", true).unwrap();
        assert_eq!(mode("program") & 0o700, 0o700);
        fs::set_permissions(path("new"), Permissions::from_mode(0o640)).unwrap();
        symlink("new", path("link")).unwrap();
        of_kind(&path("link"), "2", true).unwrap();
        assert_eq!(fs::read_to_string(path("new")).unwrap(), "2");
        assert_eq!(mode("new"), 0o640);
        assert!(path("link").is_symlink());
    }

    #[test]
    fn what_is_no_file_keeps_its_place() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/dev/null", dir.path().join("link")).unwrap();
        for path in [dir.path().to_path_buf(), dir.path().join("link")] {
            let error = text(&path, "x").unwrap_err();
            assert_eq!(error.to_string(), "it is no regular file");
        }
        assert!(!Path::new("/dev/null").is_file());
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        fs::write(&path, "old").unwrap();
        let mut draft = Draft::of(&path, false).unwrap();
        draft.file().write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
