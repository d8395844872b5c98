//! The id maps of user namespaces: which users exist inside, and who they are outside.

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{getegid, geteuid};

/// The user and group of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Ids {
    /// Returns those that this process acts as.
    pub(super) fn effective() -> Self {
        Self {
            user: geteuid().as_raw(),
            group: getegid().as_raw(),
        }
    }
}

/// Maps root of this process's fresh user namespace to who it was before: as root it keeps its
/// powers in there when it starts another program.
pub(super) fn become_root(was: Ids) -> io::Result<()> {
    // Without it the group map is refused to processes without privilege.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {} 1\n", was.user))?;
    fs::write("/proc/self/gid_map", format!("0 {} 1\n", was.group))
}

/// Maps the inner user namespace of another process back to one single user.
pub(super) fn map_back(process: u32, was: Ids) -> io::Result<()> {
    let dir = Path::new("/proc").join(process.to_string());
    fs::write(dir.join("uid_map"), format!("{} 0 1\n", was.user))?;
    fs::write(dir.join("gid_map"), format!("{} 0 1\n", was.group))
}

/// Gives the inner user namespace of another process everybody whom this process knows.
pub(super) fn map_everybody(process: u32) -> io::Result<()> {
    let dir = Path::new("/proc").join(process.to_string());
    for name in ["uid_map", "gid_map"] {
        let own = fs::read_to_string(Path::new("/proc/self").join(name))?;
        fs::write(dir.join(name), same_names(&own))?;
    }
    Ok(())
}

/// Says whether this process is root of the machine, or of the container that it is: root by a
/// map of one single user is what `become_root` makes.
pub(super) fn is_root_outside() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    geteuid().is_root() && map.split_whitespace().nth(2) != Some("1")
}

/// Turns a map into one that gives each inner id of it the same number one level down.
fn same_names(map: &str) -> String {
    let mut out = String::new();
    for line in map.lines() {
        let mut fields = line.split_whitespace();
        if let (Some(inside), Some(count)) = (fields.next(), fields.nth(1)) {
            out.push_str(&format!("{inside} {inside} {count}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_keep_the_numbers_of_the_level_above() {
        assert_eq!(
            same_names("         0          0 4294967295\n"),
            "0 0 4294967295\n"
        );
        assert_eq!(
            same_names("0 1000 1\n1 100000 65536\n"),
            "0 0 1\n1 1 65536\n"
        );
        assert_eq!(same_names("garbage\n"), "");
    }
}
