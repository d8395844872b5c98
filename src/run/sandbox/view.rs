//! The job's view of the file system: a root of its own in which every folder of the machine is
//! there to be changed, and nothing that changes reaches the machine.
//!
//! The new root is a folder on scratch disk. Links of `/` are repeated in it, folders become
//! overlays (what is written lands on scratch disk), temporary folders are empty, `/proc` and
//! `/dev` are fresh, `/sys` is read-only. Layers, caches and results are all that is really
//! shared.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Gid, Mode, Uid, chown, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, mount_remount, unmount,
};
use serde::{Deserialize, Serialize};

use super::ids::is_root_outside;
use super::mountinfo::Mounts;
use super::place::Places;
use crate::run::agent::Refused;

/// What a view is made for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ViewSpec {
    /// A folder for everything that the job writes.
    pub(super) dir: OsString,
    /// A folder over which every job mounts memory of its own.
    pub(super) memory: OsString,
    /// Whether `dir` cannot take the writing side of an overlay.
    pub(super) in_memory: bool,
    pub(super) home: OsString,
    pub(super) project: OsString,
    /// What is seen although it lies in a private folder, besides home and project.
    pub(super) revealed: Vec<OsString>,
    /// Folders that are really shared: layers, caches, results.
    pub(super) shared: Vec<OsString>,
    /// The job's working directory.
    pub(super) directory: OsString,
}

/// Folders that are empty and private in every job.
pub(super) const PRIVATE: [&str; 2] = ["/tmp", "/var/tmp"];

/// Devices that a program may take for granted.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Devices that belong to the job if they belong to the user. Disks are not among them: root
/// could write to them past every file system.
const OPTIONAL_DEVICES: [&str; 4] = ["fuse", "kvm", "net/tun", "dri"];

/// What in `/proc` changes the machine for whoever is called root there.
const PROC_OF_THE_MACHINE: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// Builds the view and moves this process into it.
pub(super) fn enter(spec: &ViewSpec) -> Result<(), Refused> {
    let dir = Path::new(&spec.dir);
    // Mounts made here stay here, and those of the machine no longer arrive.
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .map_err(Refused::when("private mounts"))?;
    let mounts = Mounts::read().map_err(Refused::when("the list of mounts"))?;
    if spec.in_memory {
        in_memory(dir)?;
    }
    // What only holds other mounts is made in memory: on some disks a new folder is dear.
    let memory = Path::new(&spec.memory);
    in_memory(memory)?;
    let root = memory.join("root");
    make_dir(&root, 0o755)?;
    mount_bind(&root, &root).map_err(Refused::when("a bind mount"))?;
    let mut places = Places::new(spec, &mounts, &root);
    places.top()?;
    places.reveal(&spec.project)?;
    places.reveal(&spec.home)?;
    for path in &spec.revealed {
        places.reveal(path)?;
    }
    places.finish()?;
    let is_root = is_root_outside();
    proc(&root, is_root)?;
    sys(&root, &mounts);
    dev(&root, is_root)?;
    for folder in &spec.shared {
        shared(&root, Path::new(folder))?;
    }
    move_into(&root)
}

/// Makes a folder, where it is missing, whose content is in memory.
fn in_memory(dir: &Path) -> Result<(), Refused> {
    make_dir(dir, 0o700)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", dir, "tmpfs", flags, c"mode=0700")
        .map_err(Refused::when("a tmpfs for what the job writes"))
}

fn move_into(root: &Path) -> Result<(), Refused> {
    let failed = Refused::when::<rustix::io::Errno>("the job's own root folder (pivot_root)");
    let moved = (|| {
        rustix::process::chdir(root)?;
        // Both at one place: the old root lies over the new one and is taken off at once, so
        // that no folder is needed to hold it.
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    })();
    moved.map_err(failed)
}

fn proc(root: &Path, is_root: bool) -> Result<(), Refused> {
    let target = root.join("proc");
    make_dir(&target, 0o555)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", &target, "proc", flags, None).map_err(Refused::when("a fresh /proc"))?;
    // Only who is root outside as well may change them; for others the kernel says no already.
    if is_root {
        for name in PROC_OF_THE_MACHINE {
            let path = target.join(name);
            if path.exists() {
                let done = mount_bind(&path, &path).and_then(|()| {
                    mount_remount(&path, flags | MountFlags::BIND | MountFlags::RDONLY, c"")
                });
                done.map_err(Refused::when(format!("a read-only /proc/{name}")))?;
            }
        }
    }
    Ok(())
}

fn sys(root: &Path, mounts: &Mounts) {
    let (source, target) = (Path::new("/sys"), root.join("sys"));
    if !source.is_dir() || make_dir(&target, 0o555).is_err() {
        return;
    }
    if mount_bind_recursive(source, &target).is_err() {
        return;
    }
    for mount in mounts.below(source).chain(mounts.of(source)) {
        let inner = below(
            root,
            if mount.at.starts_with(source) {
                &mount.at
            } else {
                source
            },
        );
        let flags = mount.flags | MountFlags::BIND | MountFlags::RDONLY;
        if mount_remount(&inner, flags, c"").is_err() {
            // Better absent than writable.
            let _ = unmount(&inner, UnmountFlags::DETACH);
        }
    }
}

fn dev(root: &Path, is_root: bool) -> Result<(), Refused> {
    let source = Path::new("/dev");
    let target = root.join("dev");
    make_dir(&target, 0o755)?;
    // The disk may hold devices of its own below the machine's.
    mount("tmpfs", &target, "tmpfs", MountFlags::NOSUID, c"mode=0755")
        .map_err(Refused::when("a tmpfs on /dev"))?;
    // Root may make devices, which spares mounts: until one cannot be made.
    let mut alike = is_root;
    for name in DEVICES {
        device(source, &target, name, &mut alike).map_err(Refused::when(format!("/dev/{name}")))?;
    }
    let names = fs::read_dir(source).into_iter().flatten().flatten();
    let graphics = names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("nvidia"));
    for name in OPTIONAL_DEVICES
        .map(str::to_owned)
        .into_iter()
        .chain(graphics)
    {
        if source.join(&name).exists() {
            // What the machine has and does not let go of is as good as absent.
            let _ = device(source, &target, &name, &mut alike);
        }
    }
    for (link, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(to, target.join(link)).map_err(Refused::when(format!("/dev/{link}")))?;
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    make_dir(&target.join("shm"), 0o1777)?;
    mount("tmpfs", target.join("shm"), "tmpfs", flags, c"mode=1777")
        .map_err(Refused::when("a tmpfs on /dev/shm"))?;
    make_dir(&target.join("pts"), 0o755)?;
    let options = c"newinstance,ptmxmode=0666,mode=0620";
    mount(
        "devpts",
        target.join("pts"),
        "devpts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        options,
    )
    .map_err(Refused::when("terminals of its own (devpts)"))?;
    // A kernel without it has programs that do without it.
    make_dir(&target.join("mqueue"), 0o1777)?;
    let _ = mount("mqueue", target.join("mqueue"), "mqueue", flags, None);
    Ok(())
}

fn device(source: &Path, target: &Path, name: &str, alike: &mut bool) -> std::io::Result<()> {
    let (from, to) = (source.join(name), target.join(name));
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if from.is_dir() {
        fs::create_dir_all(&to)?;
        Ok(mount_bind_recursive(from, to)?)
    } else {
        if *alike && made_alike(&from, &to).is_ok() {
            return Ok(());
        }
        *alike = false;
        fs::File::create(&to)?;
        Ok(mount_bind(from, to)?)
    }
}

/// Makes a device like another one.
fn made_alike(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = from.metadata()?;
    if !meta.file_type().is_char_device() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mode = Mode::from_raw_mode(meta.mode() & 0o7777);
    mknodat(CWD, to, FileType::CharacterDevice, mode, meta.rdev())?;
    let owner = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
    let done = chown(to, Some(owner.0), Some(owner.1)).and_then(|()| rustix::fs::chmod(to, mode));
    // Some systems let devices be made that nobody can open: a mount always can.
    let done = match done {
        Ok(()) if to.ends_with("null") => fs::File::open(to).map(drop),
        other => other.map_err(Into::into),
    };
    done.inspect_err(|_: &std::io::Error| {
        let _ = fs::remove_file(to);
    })
}

/// Shows a shared folder at its own path: only there does writing reach the machine.
fn shared(root: &Path, folder: &Path) -> Result<(), Refused> {
    let target = below(root, folder);
    let what = || format!("the folder {} inside the job", folder.display());
    fs::create_dir_all(&target).map_err(Refused::when(what()))?;
    mount_bind_recursive(folder, &target).map_err(Refused::when(what()))
}

/// Returns where a path of the machine lies in a new root.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Makes a folder with exactly this mode; one that is there already is fine.
pub(super) fn make_dir(path: &Path, mode: u32) -> Result<(), Refused> {
    let made = fs::DirBuilder::new().mode(mode).create(path);
    let done = match made {
        // The sticky bit is not part of what mkdir sets everywhere.
        Ok(()) if mode > 0o777 => {
            rustix::fs::chmod(path, Mode::from_raw_mode(mode)).map_err(Into::into)
        }
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    done.map_err(Refused::when(format!("the folder {}", path.display())))
}
