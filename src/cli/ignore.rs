//! Keeps what holdall makes for itself in a project's `.holdall` out of version control. What
//! people put there, orb sources and written scripts, is theirs to commit.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// What git is told in `.holdall`; the file names itself, so that nobody has to commit it.
const IGNORED: &str = "\
# Written by holdall once: change it as you like.
/.gitignore
/caches/
/locks/
/runs/
/store/
";

/// Tells git to leave alone what lies beside a store in a project's `.holdall`, unless somebody has
/// told it something there already. Nothing depends on it: what goes wrong is not told.
pub(super) fn beside(store: &Path) {
    let folder = store.parent();
    let Some(folder) = folder.filter(|dir| dir.file_name().is_some_and(|n| n == ".holdall")) else {
        return;
    };
    let _ = fs::create_dir_all(folder);
    if let Ok(mut file) = File::create_new(folder.join(".gitignore")) {
        let _ = file.write_all(IGNORED.as_bytes());
    }
}
