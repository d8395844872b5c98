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

    /// Makes an image of busybox alone, with these changes (`ENV A=B`, `USER app`), once; returns
    /// its name. It has no other C library than what busybox was linked with, and no bash.
    pub(crate) fn busybox(&self, name: &str, changes: &[&str]) -> String {
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
        pipe.write_all(root()).unwrap();
        drop(pipe);
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        image
    }
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
