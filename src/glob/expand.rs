//! Which files of a folder a pattern selects, one path component after the other, as Go's `Glob`
//! does it, with two differences that are ours: a folder that cannot be read is an error (Go
//! leaves it out without a word), and a component that is a symbolic link is never descended
//! through (a link is stored as a link, so nothing below it can be part of a layer).

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use super::pattern::{Pattern, PatternError};

/// Why a pattern could not be expanded.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// The pattern, or one of its components, is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A folder on the way could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Returns the paths below `root`, relative to it, with `/` between names and sorted by bytes,
/// that `pattern` selects.
///
/// Empty components and `.` are skipped; a pattern of nothing else selects the root itself, as
/// one empty path. `..` selects nothing. `root` itself may be reached through links.
///
/// # Errors
/// A malformed pattern, or a folder that cannot be read.
pub fn expand(root: &Path, pattern: &str) -> Result<Vec<Vec<u8>>, ExpandError> {
    let components: Vec<Pattern> = pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(Pattern::parse)
        .collect::<Result<_, _>>()?;
    let mut found = vec![Vec::new()];
    for component in &components {
        let mut next = Vec::new();
        for parent in &found {
            select(root, parent, component, &mut next)?;
        }
        found = next;
    }
    found.sort();
    Ok(found)
}

fn select(
    root: &Path,
    parent: &[u8],
    component: &Pattern,
    found: &mut Vec<Vec<u8>>,
) -> Result<(), ExpandError> {
    let here = root.join(os_path(parent));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ExpandError::Io { path, source }
    };
    if !parent.is_empty() {
        let kind = here.symlink_metadata().map_err(failed(&here))?.file_type();
        if !kind.is_dir() {
            return Ok(());
        }
    }
    let below = |name: &[u8]| match parent {
        b"" => name.to_vec(),
        parent => [parent, name].join(&b'/'),
    };
    if let Some(name) = component.literal() {
        // On Windows a name of this dialect may be a drive, or a path of its own.
        if !is_name(&name) {
            return Ok(());
        }
        let path = here.join(&name);
        return match path.symlink_metadata() {
            Ok(_) => {
                found.push(below(name.as_bytes()));
                Ok(())
            }
            Err(error) if is_absence(&error) => Ok(()),
            Err(source) => Err(ExpandError::Io { path, source }),
        };
    }
    for item in here.read_dir().map_err(failed(&here))? {
        let name = item.map_err(failed(&here))?.file_name();
        let name = name.as_encoded_bytes();
        if component.matches(name) {
            found.push(below(name));
        }
    }
    Ok(())
}

/// Says whether a text is the name of something in a folder, and nothing more.
fn is_name(text: &str) -> bool {
    let mut components = Path::new(text).components();
    let first = components.next();
    matches!(first, Some(Component::Normal(name)) if name == text) && components.next().is_none()
}

/// Returns a path as the system takes it.
fn os_path(path: &[u8]) -> Cow<'_, Path> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Cow::Borrowed(Path::new(std::ffi::OsStr::from_bytes(path)))
    }
    // A name that is no Unicode is found, and cannot be asked for.
    #[cfg(not(unix))]
    Cow::Owned(String::from_utf8_lossy(path).into_owned().into())
}

fn is_absence(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound
            | std::io::ErrorKind::NotADirectory
            | std::io::ErrorKind::InvalidFilename
            | std::io::ErrorKind::InvalidInput
    )
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dist/js/deep")).unwrap();
        fs::create_dir_all(dir.path().join(".hidden")).unwrap();
        for file in [
            "dist/a.js",
            "dist/b.css",
            "dist/js/c.js",
            "dist/js/deep/d.js",
            ".env",
            "a b",
        ] {
            fs::write(dir.path().join(file), file).unwrap();
        }
        std::os::unix::fs::symlink("dist", dir.path().join("link")).unwrap();
        dir
    }

    fn names(root: &Path, pattern: &str) -> Vec<String> {
        expand(root, pattern)
            .unwrap()
            .into_iter()
            .map(|path| String::from_utf8(path).unwrap())
            .collect()
    }

    #[test]
    fn expands_one_component_at_a_time() {
        let dir = tree();
        assert_eq!(names(dir.path(), "dist/*.js"), ["dist/a.js"]);
        assert_eq!(names(dir.path(), "dist/*/*.js"), ["dist/js/c.js"]);
        assert_eq!(names(dir.path(), "./dist//js/"), ["dist/js"]);
        assert_eq!(names(dir.path(), "**/*.js"), ["dist/a.js"]);
        assert_eq!(names(dir.path(), "nothing/*"), Vec::<String>::new());
        assert_eq!(names(dir.path(), "../*"), Vec::<String>::new());
        assert_eq!(names(dir.path(), "."), [""]);
    }

    #[test]
    fn a_star_takes_dotfiles_and_a_link_but_not_what_is_below_the_link() {
        let dir = tree();
        assert_eq!(
            names(dir.path(), "*"),
            [".env", ".hidden", "a b", "dist", "link"]
        );
        assert_eq!(names(dir.path(), "link"), ["link"]);
        assert_eq!(names(dir.path(), "link/*"), Vec::<String>::new());
        assert_eq!(names(dir.path(), "l*/a.js"), Vec::<String>::new());
        assert_eq!(names(dir.path(), "dist/a.js/x"), Vec::<String>::new());
    }

    #[test]
    fn a_root_may_be_a_link() {
        let dir = tree();
        assert_eq!(names(&dir.path().join("link"), "*.js"), ["a.js"]);
    }

    #[test]
    fn a_malformed_component_is_an_error_even_where_nothing_is_there() {
        let dir = tree();
        assert!(matches!(
            expand(dir.path(), "nowhere/[a"),
            Err(ExpandError::Pattern(_))
        ));
    }
}
