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
        let target = followed(path)?;
        let had = fs::metadata(&target).ok();
        // A name takes the place of a name: of a pipe or a device nothing would be left.
        if had.as_ref().is_some_and(|there| !there.is_file()) {
            return Err(io::Error::other("it is no regular file"));
        }
        let folder = target.parent().filter(|d| !d.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".holdall-");
        // Nobody reads what is half written who may not read the whole.
        match &had {
            Some(there) => builder.permissions(there.permissions()),
            None => set_mode(&mut builder, executable),
        };
        let file = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
        Ok(Self {
            file: file.map_err(without_path)?,
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

/// How many links are followed, one after the other.
const LINKS: u32 = 40;

/// Returns the file that a path means, which need not be there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_path_buf();
    for _ in 0..LINKS {
        match fs::read_link(&at) {
            Ok(to) => at = at.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(at),
        }
    }
    Err(io::Error::other("its symbolic links lead in a circle"))
}

/// Takes the name out of the error of a temporary file, which nobody has asked for: tempfile puts
/// it behind what the system says.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((said, _)) => io::Error::new(error.kind(), said),
        None => error,
    }
}

#[cfg(unix)]
fn set_mode<'b, 'p, 's>(
    builder: &'b mut tempfile::Builder<'p, 's>,
    executable: bool,
) -> &'b mut tempfile::Builder<'p, 's> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if executable { 0o777 } else { 0o666 };
    builder.permissions(Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode<'b, 'p, 's>(
    builder: &'b mut tempfile::Builder<'p, 's>,
    _: bool,
) -> &'b mut tempfile::Builder<'p, 's> {
    builder
}

#[cfg(test)]
#[cfg(unix)]
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
    fn what_is_half_written_is_no_more_open_than_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let mut draft = Draft::of(&path, true).unwrap();
        let mode = draft.file().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_link_to_nothing_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        symlink("then", path("first")).unwrap();
        symlink(path("file"), path("then")).unwrap();
        text(&path("first"), "x").unwrap();
        assert!(path("first").is_symlink() && path("then").is_symlink());
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "x");
        symlink("circle", path("circle")).unwrap();
        let error = text(&path("circle"), "x").unwrap_err();
        assert_eq!(error.to_string(), "its symbolic links lead in a circle");
    }

    #[test]
    fn an_error_names_no_file_that_nobody_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let error = text(&dir.path().join("missing/new"), "x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!error.to_string().contains(".holdall-"), "{error}");
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
