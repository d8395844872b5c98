//! The programs that scripts call by the service's names, where a job finds them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::shims::{Halt, programs};

/// Puts them into a folder; `step halt` makes the file that `$HOLDALL_HALT` names.
pub(super) fn install(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (name, text) in programs(Halt::File) {
        let path = dir.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
