//! Reads `/proc/self/mountinfo`: what is mounted where, and with which flags.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;

/// One mount, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) at: PathBuf,
    pub(super) kind: String,
    /// The flags that a remount has to repeat, because it may not drop them.
    pub(super) flags: MountFlags,
}

impl Mount {
    /// Says whether files of this mount are the kernel speaking, so that no copy of it is one.
    pub(super) fn is_kernel_interface(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "proc"
                | "sysfs"
                | "cgroup"
                | "cgroup2"
                | "devtmpfs"
                | "devpts"
                | "mqueue"
                | "debugfs"
                | "tracefs"
                | "securityfs"
                | "selinuxfs"
                | "binfmt_misc"
                | "bpf"
                | "fusectl"
                | "configfs"
                | "hugetlbfs"
                | "autofs"
                | "nsfs"
                | "pstore"
                | "efivarfs"
                | "rpc_pipefs"
                | "nfsd"
        )
    }
}

/// All mounts that can be seen, in the order of mounting.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    list: Vec<Mount>,
}

impl Mounts {
    /// Reads those of this process.
    pub(super) fn read() -> std::io::Result<Self> {
        Ok(Self::parse(&std::fs::read("/proc/self/mountinfo")?))
    }

    fn parse(text: &[u8]) -> Self {
        let mut list: Vec<Mount> = Vec::new();
        for mount in text.split(|&b| b == b'\n').filter_map(parse_line) {
            // A later mount on the same folder hides the earlier one.
            list.retain(|earlier| earlier.at != mount.at);
            list.push(mount);
        }
        Self { list }
    }

    /// Returns the mount that stands exactly there.
    pub(super) fn at(&self, path: &Path) -> Option<&Mount> {
        self.list.iter().find(|mount| mount.at == path)
    }

    /// Returns the mounts below a folder, the folder's own not included.
    pub(super) fn below(&self, path: &Path) -> impl Iterator<Item = &Mount> {
        let inside = move |at: &Path| at != path && at.starts_with(path);
        self.list.iter().filter(move |mount| inside(&mount.at))
    }

    /// Returns the mount that a path lies on.
    pub(super) fn of(&self, path: &Path) -> Option<&Mount> {
        path.ancestors().find_map(|dir| self.at(dir))
    }
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&b| b == b' ');
    let at = fields.nth(4)?;
    let options = fields.next()?;
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let mut flags = MountFlags::empty();
    for option in options.split(|&b| b == b',') {
        flags |= match option {
            b"ro" => MountFlags::RDONLY,
            b"nosuid" => MountFlags::NOSUID,
            b"nodev" => MountFlags::NODEV,
            b"noexec" => MountFlags::NOEXEC,
            b"noatime" => MountFlags::NOATIME,
            b"nodiratime" => MountFlags::NODIRATIME,
            b"relatime" => MountFlags::RELATIME,
            b"nosymfollow" => MountFlags::NOSYMFOLLOW,
            _ => continue,
        };
    }
    Some(Mount {
        at: PathBuf::from(unescape(at)),
        kind: String::from_utf8_lossy(kind).into_owned(),
        flags,
    })
}

/// Undoes the kernel's octal escapes: `\040` is a space.
fn unescape(text: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| byte == b'\\');
        let code = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                out.push(code);
                rest = &tail[3..];
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_give_place_kind_and_flags() {
        let text = b"23 27 0:22 / /sys rw,nosuid,relatime shared:7 - sysfs sysfs rw\n\
                     31 23 0:28 / /mnt/a\\040b\\134c ro,nodev master:1 propagate_from:2 - ext4 /dev/x rw\n\
                     broken line\n\
                     40 23 0:28 / /sys rw - tmpfs none rw\n";
        let mounts = Mounts::parse(text);
        let sys = mounts.at(Path::new("/sys")).expect("the later /sys");
        assert_eq!(
            (sys.kind.as_str(), sys.flags),
            ("tmpfs", MountFlags::empty())
        );
        let odd = mounts
            .of(Path::new("/mnt/a b\\c/deep"))
            .expect("the odd one");
        assert_eq!(odd.flags, MountFlags::RDONLY | MountFlags::NODEV);
        assert_eq!(mounts.below(Path::new("/mnt")).count(), 1);
        assert_eq!(mounts.below(Path::new("/sys")).count(), 0);
    }
}
