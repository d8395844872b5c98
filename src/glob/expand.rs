//! Which files of a folder a pattern selects, one path component after the other, as Go's `Glob`
//! does it, with two differences that are ours: a folder that cannot be read is an error (Go
//! leaves it out without a word), and a component that is a symbolic link is never descended
//! through (a link is stored as a link, so nothing below it can be part of a layer).

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

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

/// Returns the paths below `root`, relative to it and sorted by bytes, that `pattern` selects.
///
/// Empty components and `.` are skipped; a pattern of nothing else selects the root itself, as
/// one empty path. `..` selects nothing. `root` itself may be reached through links.
///
/// # Errors
/// A malformed pattern, or a folder that cannot be read.
pub fn expand(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, ExpandError> {
    let components: Vec<Pattern> = pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(Pattern::parse)
        .collect::<Result<_, _>>()?;
    let mut found = vec![PathBuf::new()];
    for component in &components {
        let mut next = Vec::new();
        for parent in &found {
            select(root, parent, component, &mut next)?;
        }
        found = next;
    }
    found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    Ok(found)
}

fn select(
    root: &Path,
    parent: &Path,
    component: &Pattern,
    found: &mut Vec<PathBuf>,
) -> Result<(), ExpandError> {
    let here = root.join(parent);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ExpandError::Io { path, source }
    };
    if !parent.as_os_str().is_empty() {
        let kind = here.symlink_metadata().map_err(failed(&here))?.file_type();
        if !kind.is_dir() {
            return Ok(());
        }
    }
    if let Some(name) = component.literal() {
        if name == ".." {
            return Ok(());
        }
        let path = here.join(OsStr::new(&name));
        return match path.symlink_metadata() {
            Ok(_) => {
                found.push(parent.join(name));
                Ok(())
            }
            Err(error) if is_absence(&error) => Ok(()),
            Err(source) => Err(ExpandError::Io { path, source }),
        };
    }
    for item in here.read_dir().map_err(failed(&here))? {
        let name = item.map_err(failed(&here))?.file_name();
        if component.matches(name.as_bytes()) {
            found.push(parent.join(std::ffi::OsString::from_vec(name.into_vec())));
        }
    }
    Ok(())
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
            .map(|p| p.to_str().unwrap().to_owned())
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
