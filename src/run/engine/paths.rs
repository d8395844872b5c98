//! Paths as configs write them: absolute, below `~`, or relative to some folder. No variables
//! are expanded in them (circleci-semantics §1.2, §3).

use std::path::{Path, PathBuf};

/// Turns a path of a config into an absolute one.
pub(crate) fn resolve(text: &str, home: &Path, base: &Path) -> PathBuf {
    let path = match text.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => base.join(text),
    };
    // Drops `.` and doubled slashes; `..` stays, it may lead through a link.
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_finds_its_folder() {
        let (home, base) = (Path::new("/home/me"), Path::new("/work"));
        for (text, expected) in [
            ("~", "/home/me"),
            ("~/", "/home/me"),
            ("~/project", "/home/me/project"),
            ("~other", "/work/~other"),
            ("/tmp/./x//y", "/tmp/x/y"),
            (".", "/work"),
            ("a/../b", "/work/a/../b"),
            ("$HOME/x", "/work/$HOME/x"),
        ] {
            assert_eq!(resolve(text, home, base), Path::new(expected), "{text}");
        }
    }
}
