//! A container engine for tests, and images that are made of nothing but busybox.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// An engine that answers, and what it needs in the environment.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// `podman` or `docker`.
    pub(crate) name: String,
    /// An image with bash and git.
    pub(crate) image: String,
    env: Vec<(String, String)>,
}

/// Returns an engine: the one that `HOLDALL_TEST_ENGINE` names (podman where it names none) with
/// the image of `HOLDALL_TEST_IMAGE`, or the one that the shared folder brings. Without any the
/// test is skipped, or fails where `HOLDALL_REQUIRE_ENGINE` is 1.
pub(crate) fn engine(test: &str) -> Option<Engine> {
    static FOUND: OnceLock<Result<Engine, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(engine) => Some(engine.clone()),
        Err(why) => {
            let required = std::env::var("HOLDALL_REQUIRE_ENGINE").is_ok_and(|v| v == "1");
            assert!(!required, "{test} needs a container engine: {why}");
            println!("skipped: {test} needs a container engine: {why}");
            None
        }
    }
}

fn find() -> Result<Engine, String> {
    if let Ok(image) = std::env::var("HOLDALL_TEST_IMAGE") {
        let name = std::env::var("HOLDALL_TEST_ENGINE").unwrap_or_else(|_| "podman".to_owned());
        let engine = Engine {
            name,
            image,
            env: Vec::new(),
        };
        let has = ["image", "inspect", engine.image.as_str()];
        return match engine.try_say(&has) {
            Ok(_) => Ok(engine),
            Err(why) => Err(format!("HOLDALL_TEST_IMAGE is not there: {why}")),
        };
    }
    let shared = std::env::var_os("HOLDALL_SHARED").ok_or("HOLDALL_SHARED names no folder")?;
    let script = PathBuf::from(shared).join("tools/podman-here");
    if !script.is_file() {
        return Err(format!("{} is not there", script.display()));
    }
    // What installs programs is no part of a test.
    if !is_installed("podman") {
        return Err("podman is not installed".to_owned());
    }
    let out = Command::new(&script)
        .output()
        .map_err(|e| format!("{}: {e}", script.display()))?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let words = text.trim().trim_start_matches("export ").split(' ');
    let pairs = words.filter_map(|word| word.split_once('='));
    Ok(Engine {
        name: "podman".to_owned(),
        image: "localhost/base:latest".to_owned(),
        env: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
    })
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(tool).is_file())
}

impl Engine {
    /// Lets a command find the engine.
    pub(crate) fn set(&self, command: &mut Command) {
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
    }

    /// Runs a command of the engine, and returns what it wrote.
    #[track_caller]
    pub(crate) fn say(&self, args: &[&str]) -> String {
        self.try_say(args)
            .unwrap_or_else(|e| panic!("{args:?}: {e}"))
    }

    /// Runs a command of the engine that may fail.
    pub(crate) fn try_say(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.name);
        self.set(&mut command);
        let out = command.args(args).output().map_err(|e| e.to_string())?;
        if out.status.success() {
            Ok(String::from_utf8_lossy(&out.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&out.stderr).into_owned())
        }
    }

    /// Makes an image of busybox alone, with these changes (`ENV A=B`, `USER app`); returns its
    /// name. It has no other C library than what busybox was linked with, and no bash.
    pub(crate) fn busybox(&self, name: &str, changes: &[&str]) -> String {
        self.import(name, changes, root())
    }

    /// Makes an image of a few of this machine's own programs, bash and the core utilities among
    /// them; returns its name. It is small, so that hundreds of containers take no time.
    pub(crate) fn small(&self) -> String {
        self.import("small", &["ENV PATH=/usr/bin"], &programs())
    }

    fn import(&self, name: &str, changes: &[&str], files: &[u8]) -> String {
        static ONE_BY_ONE: Mutex<()> = Mutex::new(());
        let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let image = format!("localhost/holdall-test-{name}:latest");
        let mut command = Command::new(&self.name);
        self.set(&mut command);
        command.arg("import");
        for change in changes {
            command.args(["--change", change]);
        }
        command.args(["-", &image]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(files).unwrap();
        drop(pipe);
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        image
    }
}

/// The programs of the small image.
const PROGRAMS: &str = "bash sh awk sed grep find xargs tar gzip zstd basename cat chmod cp cut date \
    dirname echo env expr false head id ln ls mkdir mkfifo mktemp mv od printf pwd readlink \
    realpath rm rmdir seq sha256sum sleep sort stat tail tee test touch tr true uname uniq wc";

/// Returns programs of this machine, with their libraries, as a tar archive.
fn programs() -> Vec<u8> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |name: &str| {
        let mut all = std::env::split_paths(&path).map(|dir| dir.join(name));
        let found = all.find(|file| file.is_file());
        found.unwrap_or_else(|| panic!("{name} is not installed"))
    };
    let mut files = std::collections::BTreeMap::new();
    for name in PROGRAMS.split_whitespace() {
        let program = find(name);
        let listed = Command::new("ldd").arg(&program).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let libraries = listed.split_whitespace().filter(|w| w.starts_with('/'));
        for library in libraries {
            let inside = library.strip_prefix("/usr").unwrap_or(library);
            files.insert(format!("usr{inside}"), PathBuf::from(library));
        }
        files.insert(format!("usr/bin/{name}"), program);
    }
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, kind: tar::EntryType, mode: u32, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    for name in [
        "usr",
        "usr/bin",
        "usr/lib",
        "usr/lib64",
        "root",
        "etc",
        "var",
        "dev",
        "proc",
    ] {
        add(name, tar::EntryType::Directory, 0o755, b"");
    }
    for name in ["tmp", "var/tmp"] {
        add(name, tar::EntryType::Directory, 0o1777, b"");
    }
    let users = b"root:x:0:0:root:/root:/bin/bash\n";
    add("etc/passwd", tar::EntryType::Regular, 0o644, users);
    for (name, from) in &files {
        let bytes = std::fs::read(from).unwrap();
        add(name, tar::EntryType::Regular, 0o755, &bytes);
    }
    for name in ["bin", "lib", "lib64"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        let target = format!("usr/{name}");
        tar.append_link(&mut header, name, target).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Returns the files of an image as a tar archive.
fn root() -> &'static [u8] {
    static ROOT: OnceLock<Vec<u8>> = OnceLock::new();
    ROOT.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut dirs = std::env::split_paths(&path);
        let busybox = dirs.find_map(|dir| Some(dir.join("busybox")).filter(|f| f.is_file()));
        assert!(
            busybox.is_some(),
            "busybox (of busybox-static) is not installed"
        );
        let busybox = std::fs::read(busybox.unwrap()).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        let mut add = |name: &str, kind: tar::EntryType, mode: u32, owner: u64, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_uid(owner);
            header.set_gid(owner);
            header.set_mtime(1_600_000_000);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, Path::new(name), bytes)
                .unwrap();
        };
        let dir = tar::EntryType::Directory;
        for name in ["bin", "etc", "home", "root", "www"] {
            let mode = if name == "www" { 0o777 } else { 0o755 };
            add(name, dir, mode, 0, b"");
        }
        add("tmp", dir, 0o1777, 0, b"");
        add("home/app", dir, 0o755, 1000, b"");
        let file = tar::EntryType::Regular;
        let users = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n";
        add("etc/passwd", file, 0o644, 0, users);
        add("etc/group", file, 0o644, 0, b"root:x:0:\napp:x:1000:\n");
        add("bin/busybox", file, 0o755, 0, &busybox);
        for tool in [
            "sh", "cat", "ls", "id", "env", "sleep", "echo", "mkdir", "wget", "httpd", "grep",
            "test", "true", "false", "rm", "chmod", "pwd", "kill", "touch", "stat", "ps",
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            let name = format!("bin/{tool}");
            tar.append_link(&mut header, name, "busybox").unwrap();
        }
        tar.into_inner().unwrap()
    })
}
