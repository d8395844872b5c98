//! The shell twin and the binary on one store: each reads what the other writes, to the same
//! tree, under every shell and every tar that is here.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holdall::layer::twin::{Verb, carry_functions, functions, script};
use holdall::layer::{
    AttachRequest, Compression, Digest, LayerError, PersistRequest, Upstream, Workspace,
    tree_digest_of,
};

/// A shell and the tools that it finds.
#[derive(Clone, Copy, Debug)]
struct Setting {
    shell: &'static [&'static str],
    /// `busybox` for its applets only, `bsdtar` in place of tar, nothing for the system's tools.
    tools: &'static str,
}

const SETTINGS: [Setting; 6] = [
    Setting {
        shell: &["dash", "-e"],
        tools: "",
    },
    Setting {
        shell: &["sh"],
        tools: "",
    },
    Setting {
        shell: &["bash", "-eo", "pipefail"],
        tools: "",
    },
    Setting {
        shell: &["busybox", "sh", "-e"],
        tools: "",
    },
    Setting {
        shell: &["busybox", "sh"],
        tools: "busybox",
    },
    Setting {
        shell: &["dash"],
        tools: "bsdtar",
    },
];

fn found(tool: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).exists()))
}

/// The settings that can be tried here; what is missing is said, or fails where all is required.
fn settings() -> Vec<Setting> {
    SETTINGS
        .into_iter()
        .filter(|setting| {
            let missing: Vec<&str> = [setting.shell[0], setting.tools]
                .into_iter()
                .filter(|tool| !tool.is_empty() && !found(tool))
                .collect();
            if !missing.is_empty() {
                let required =
                    std::env::var("HOLDALL_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
                assert!(!required, "{missing:?} missing for {setting:?}");
                eprintln!("skipped {setting:?}: {missing:?} missing");
            }
            missing.is_empty()
        })
        .collect()
}

struct Lab {
    dir: tempfile::TempDir,
    setting: Setting,
}

impl Lab {
    fn new(setting: Setting) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["root", "tools", "home"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let lab = Self { dir, setting };
        fs::write(lab.path("holdall-layer.sh"), script()).unwrap();
        lab.install();
        lab
    }

    fn install(&self) {
        let which = |tool: &str| {
            std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|dir| dir.join(tool))
                .find(|path| path.exists())
                .unwrap()
        };
        match self.setting.tools {
            "busybox" => {
                let status = Command::new("busybox")
                    .args(["--install", "-s"])
                    .arg(self.path("tools"))
                    .status()
                    .unwrap();
                assert!(status.success());
            }
            "bsdtar" => symlink(which("bsdtar"), self.path("tools/tar")).unwrap(),
            _ => {}
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self) -> Command {
        let mut path = self.path("tools").into_os_string();
        if self.setting.tools != "busybox" {
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap());
        }
        let program = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|dir| dir.join(self.setting.shell[0]))
            .find(|path| path.exists())
            .unwrap();
        let mut command = Command::new(program);
        command
            .args(&self.setting.shell[1..])
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .current_dir(self.dir.path())
            .stdin(std::process::Stdio::null());
        command
    }

    fn sh(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.arg(self.path("holdall-layer.sh")).args(arguments);
        command.output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.sh(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{:?}: {arguments:?}: {text}{talk}",
            self.setting
        );
        text
    }

    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.sh(arguments);
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success(),
            "{:?}: {arguments:?} went well",
            self.setting
        );
        talk
    }

    fn workspace(&self) -> Workspace {
        Workspace::in_dir(&self.path("store"), "default")
    }

    fn persist(&self, job: &str, paths: &[&str]) -> holdall::layer::Persisted {
        self.workspace()
            .persist(
                &PersistRequest {
                    job: job.to_owned(),
                    attempt: 1,
                    node: 0,
                    nodes: 1,
                    seq: None,
                    workflow: None,
                    requires: Vec::new(),
                    root: self.path("root"),
                    root_text: "root".to_owned(),
                    paths: paths.iter().map(|path| (*path).to_owned()).collect(),
                    compression: Compression::Gzip,
                    durable: false,
                },
                &mut |_| {},
            )
            .unwrap()
    }

    fn attach(&self, at: &str, jobs: &[&str]) -> Result<Digest, LayerError> {
        let request = AttachRequest {
            at: self.path(at),
            upstream: jobs
                .iter()
                .enumerate()
                .map(|(at, job)| upstream(job, &jobs[..at]))
                .collect(),
        };
        self.workspace()
            .attach(&request, &mut |_| {})
            .map(|attached| attached.tree)
    }
}

fn upstream(job: &str, after: &[&str]) -> Upstream {
    Upstream {
        job: job.to_owned(),
        after: after.iter().map(|job| (*job).to_owned()).collect(),
    }
}

fn tree_of(output: &str) -> Digest {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("tree "))
        .unwrap();
    line.parse().unwrap()
}

fn furnish(root: &Path) {
    let put = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let chmod = |name: &str, mode| {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    put("bin/tool", "#!/bin/sh\n");
    chmod("bin/tool", 0o4755);
    put("a file with  spaces ", "1");
    put("-rf", "2");
    put("--checkpoint-action=exec=false", "2");
    put("quote'\"s$(id)`id`", "3");
    put("line\nbreak/tab\there", "4");
    put("ends in newline\n", "4");
    put("return\rhere", "4");
    put("back\\slash\\n", "5");
    put("näme/☺", "6");
    put(".hidden/.env", "7");
    put("@argument", "8");
    put("%s", "8");
    put("secret", "9");
    chmod("secret", 0o600);
    chmod(".hidden", 0o700);
    put(&format!("{0}/{0}", "long".repeat(30)), "10");
    put(&format!("{}file", "deep/".repeat(60)), "11");
    for name in [
        "-dash folder/-x",
        "new\nfolder/in\nside",
        "*?[a-z]",
        " ",
        "~",
        "#comment",
        "$HOME",
        "a;b&c|d<e>f(g)",
        "'",
        "\"",
        "ends in backslash\\",
        "a=b,c:d",
        "..three/...dots",
    ] {
        put(name, name);
    }
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = std::ffi::OsStr::from_bytes(b"no \xff\xfe text");
    fs::write(root.join(bytes), "15").unwrap();
    put(&"l".repeat(255), "16");
    for (name, mode) in [("read", 0o444), ("run", 0o711), ("group", 0o660)] {
        put(name, name);
        chmod(name, mode);
    }
    for (name, mode) in [("shared", 0o2775), ("sticky", 0o1777), ("narrow", 0o711)] {
        put(&format!("{name}/file"), name);
        chmod(name, mode);
    }
    symlink("-dash folder", root.join("-link")).unwrap();
    fs::hard_link(root.join("'"), root.join("-same")).unwrap();
    put(&"n".repeat(100), "12");
    put(&"m".repeat(101), "13");
    fs::create_dir_all(root.join("empty/inner")).unwrap();
    put("tight/file", "14");
    chmod("tight", 0o555);
    symlink("tool", root.join("bin/link")).unwrap();
    symlink("no\nwhere\\\t", root.join("dangling")).unwrap();
    symlink("x".repeat(150), root.join("far")).unwrap();
    fs::hard_link(root.join("bin/tool"), root.join("zz-same")).unwrap();
    fs::write(root.join("empty file"), "").unwrap();
    fs::write(root.join("big"), vec![7; 3_000_000]).unwrap();
}

#[test]
fn both_print_the_same_tree_digest() {
    for setting in settings() {
        let lab = Lab::new(setting);
        furnish(&lab.path("root"));
        let expected = tree_digest_of(&lab.path("root")).unwrap();
        assert_eq!(tree_of(&lab.ok(&["tree", "root"])), expected, "{setting:?}");
    }
}

#[test]
fn what_the_twin_writes_the_binary_reads() {
    for setting in settings() {
        let lab = Lab::new(setting);
        furnish(&lab.path("root"));
        let expected = tree_digest_of(&lab.path("root")).unwrap();
        assert_eq!(
            tree_of(&lab.ok(&["persist", "store", "build", "root", "."])),
            expected,
            "{setting:?}"
        );
        assert_eq!(
            lab.attach("out", &["build"]).unwrap(),
            expected,
            "{setting:?}"
        );
        assert_eq!(
            tree_digest_of(&lab.path("out")).unwrap(),
            expected,
            "{setting:?}"
        );
        assert!(
            lab.workspace()
                .verify(&mut |_| {})
                .unwrap()
                .iter()
                .all(|v| v.problem.is_none())
        );
        let inode = |name: &str| lab.path("out").join(name).metadata().unwrap().ino();
        assert_eq!(inode("bin/tool"), inode("zz-same"));
    }
}

#[test]
fn what_the_binary_writes_the_twin_reads() {
    for setting in settings() {
        let lab = Lab::new(setting);
        furnish(&lab.path("root"));
        if setting.shell[0] == "busybox" && !rustix::process::geteuid().is_root() {
            // Its tar closes a folder before it fills it; only root may go on then.
            let open = fs::Permissions::from_mode(0o755);
            fs::set_permissions(lab.path("root/tight"), open).unwrap();
        }
        let persisted = lab.persist("build", &["."]);
        for _ in 0..2 {
            let output = lab.ok(&["attach", "store", "out", "build:"]);
            assert_eq!(tree_of(&output), persisted.tree, "{setting:?}");
            assert_eq!(
                tree_digest_of(&lab.path("out")).unwrap(),
                persisted.tree,
                "{setting:?}"
            );
        }
    }
}

#[test]
fn implied_folders_are_the_same_for_both() {
    for setting in settings() {
        let lab = Lab::new(setting);
        lab.file("a/b/f", "1");
        lab.file("a/c/g", "2");
        fs::set_permissions(lab.path("root/a"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(lab.path("root/a/c"), fs::Permissions::from_mode(0o777)).unwrap();
        let binary = lab.persist("one", &["a/b/f", "a/c"]).tree;
        let twin = tree_of(&lab.ok(&["persist", "store", "two", "root", "a/b/f", "a/c"]));
        assert_eq!(binary, twin, "{setting:?}");
        for (at, job) in [("o1", "one"), ("o2", "two")] {
            assert_eq!(
                tree_of(&lab.ok(&["attach", "store", at, job])),
                twin,
                "{setting:?} {job}"
            );
            assert_eq!(
                tree_digest_of(&lab.path(at)).unwrap(),
                twin,
                "{setting:?} {job}"
            );
        }
        // What a layer names wins over what a later one only implies.
        lab.file("a/d", "3");
        lab.persist("first", &["a"]);
        fs::remove_dir_all(lab.path("root/a/b")).unwrap();
        lab.file("a/b/h", "4");
        lab.persist("second", &["a/b/h"]);
        let twin = tree_of(&lab.ok(&["attach", "store", "o3", "first:", "second:first"]));
        assert_eq!(
            twin,
            lab.attach("o4", &["first", "second"]).unwrap(),
            "{setting:?}"
        );
        assert_eq!(
            twin,
            tree_digest_of(&lab.path("o3")).unwrap(),
            "{setting:?}"
        );
    }
}

#[test]
fn patterns_select_the_same_for_both() {
    let patterns = [
        "*",
        "*.js",
        "*/*",
        "?",
        "??",
        "[^a]*",
        "[!a]*",
        "[a-c]*",
        "[\\]a]*",
        "\\*",
        "a\\*b",
        "x[-a]",
        "[é-ü]*",
        "?é",
        "*é",
        ".*",
        "*/.env",
        "**/c.js",
        "{a,b}",
        "dist/./*.js",
        "./dist//",
        "dist/../b*",
        "[[]*",
        "link/*",
        "link",
        "-*",
        "*\\\\*",
        "a*b*c",
        "[",
        "[]a]",
        "[a-",
        "x\\",
        "[^]",
        "[-a]",
        "no[",
        "missing/[",
        "a b",
        "line*",
        "*\n*",
        "$HOME",
        "*e*x*",
    ];
    for setting in settings() {
        let lab = Lab::new(setting);
        for name in [
            "a",
            "b",
            "é",
            "éé",
            "aé",
            "*",
            "a*b",
            "a b",
            "]x",
            "[x",
            "{a,b}",
            "-x",
            ".env",
            "dist/a.js",
            "dist/c.js",
            "dist/.env",
            "dist/deep/x.js",
            "back\\slash",
            "line\nbreak",
            "axbxc",
            "abcabc",
            "!bang",
            "über",
            "top.js",
            "a\tb",
            "eeex",
        ] {
            lab.file(name, name);
        }
        symlink("dist", lab.path("root/link")).unwrap();
        for pattern in patterns {
            let request = lab.workspace().persist(
                &PersistRequest {
                    job: "binary".to_owned(),
                    attempt: 1,
                    node: 0,
                    nodes: 1,
                    seq: None,
                    workflow: None,
                    requires: Vec::new(),
                    root: lab.path("root"),
                    root_text: "root".to_owned(),
                    paths: vec![pattern.to_owned()],
                    compression: Compression::None,
                    durable: false,
                },
                &mut |_| {},
            );
            match request {
                Ok(persisted) => {
                    let twin = lab.ok(&["persist", "store", "twin", "root", pattern]);
                    assert_eq!(tree_of(&twin), persisted.tree, "{setting:?} {pattern}");
                }
                Err(error) => {
                    let talk = lab.fails(&["persist", "store", "twin", "root", pattern]);
                    let expected = match error {
                        LayerError::NoMatch { .. } => error.to_string(),
                        _ => "syntax error in pattern".to_owned(),
                    };
                    assert!(talk.contains(&expected), "{setting:?} {pattern}: {talk}");
                }
            }
        }
    }
}

#[test]
fn errors_are_told_in_the_words_of_circleci() {
    for setting in settings() {
        let lab = Lab::new(setting);
        lab.file("a", "");
        let root = lab.path("root");
        let talk = lab.fails(&["persist", "store", "j", root.to_str().unwrap(), "b"]);
        let expected = format!(
            "The specified paths did not match any files in {}",
            root.display()
        );
        assert!(talk.contains(&expected), "{setting:?}: {talk}");
        let talk = lab.fails(&["persist", "store", "j", "/nowhere/at all", "b"]);
        let expected = "Error locating workspace root directory: stat /nowhere/at all: no such file or directory";
        assert!(talk.contains(expected), "{setting:?}: {talk}");
        for bad in ["/etc/passwd", "..", "a/../../x", ""] {
            lab.fails(&["persist", "store", "j", "root", bad]);
        }
        let status = Command::new("mkfifo")
            .arg(lab.path("root/pipe"))
            .status()
            .unwrap();
        assert!(status.success());
        let talk = lab.fails(&["persist", "store", "j", "root", "."]);
        assert!(talk.contains("pipe"), "{setting:?}: {talk}");
        assert_eq!(lab.workspace().layers().unwrap().len(), 0);
        assert_eq!(
            fs::read_dir(lab.path("store/default/tmp")).unwrap().count(),
            0,
            "{setting:?}"
        );
    }
}

#[test]
fn order_and_conflicts_are_the_same_for_both() {
    for setting in settings() {
        let lab = Lab::new(setting);
        lab.file("dir/shared", "a");
        lab.file("dir/same", "a");
        lab.ok(&["persist", "store", "a", "root", "dir"]);
        lab.file("dir/shared", "b");
        lab.ok(&["persist", "store", "b", "root", "dir"]);
        lab.file("other/c", "c");
        lab.ok(&["persist", "store", "c", "root", "other"]);
        let talk = lab.fails(&["attach", "store", "out", "a:", "b:", "c:"]);
        assert!(
            talk.contains("Concurrent upstream jobs persisted the same file(s)"),
            "{talk}"
        );
        assert!(
            talk.contains("dir/shared") && talk.contains("dir/same"),
            "{talk}"
        );
        assert_eq!(
            fs::read_dir(lab.path("out")).unwrap().count(),
            0,
            "{setting:?}"
        );
        let twin = tree_of(&lab.ok(&["attach", "store", "out", "a:", "b:a", "c:"]));
        assert_eq!(fs::read_to_string(lab.path("out/dir/shared")).unwrap(), "b");
        assert_eq!(twin, lab.attach("binary", &["a", "b", "c"]).unwrap());
        // By way of a job without layers, and by number within one node.
        lab.ok(&["attach", "store", "closure", "a:", "gap:a", "b:gap"]);
        lab.ok(&["persist", "store", "a", "root", "dir"]);
        lab.ok(&["attach", "store", "numbers", "a:"]);
        let mut node = lab.command();
        node.arg(lab.path("holdall-layer.sh"))
            .args(["persist", "store", "a", "root", "dir"]);
        node.env("CIRCLE_NODE_INDEX", "1")
            .env("CIRCLE_NODE_TOTAL", "2");
        assert!(node.output().unwrap().status.success());
        let talk = lab.fails(&["attach", "store", "nodes", "a:"]);
        assert!(
            talk.contains("Concurrent upstream jobs"),
            "{setting:?}: {talk}"
        );
        // A folder in one, a file in another.
        fs::remove_dir_all(lab.path("root/dir")).unwrap();
        lab.file("dir", "x");
        lab.ok(&["persist", "store", "d", "root", "dir"]);
        let talk = lab.fails(&["attach", "store", "clash", "b:", "d:b"]);
        assert!(
            talk.contains("a file meets a folder"),
            "{setting:?}: {talk}"
        );
    }
}

#[test]
fn the_twin_writes_through_no_link() {
    for setting in settings() {
        let lab = Lab::new(setting);
        fs::create_dir(lab.path("victim")).unwrap();
        fs::write(lab.path("victim/f"), "precious").unwrap();
        let before = tree_digest_of(&lab.path("victim")).unwrap();
        // One layer plants a link, the next one writes through it.
        symlink("../victim", lab.path("root/d")).unwrap();
        lab.persist("plant", &["d"]);
        fs::remove_file(lab.path("root/d")).unwrap();
        lab.file("d/f", "evil");
        lab.persist("write", &["d/f"]);
        let talk = lab.fails(&["attach", "store", "out", "plant:", "write:plant"]);
        assert!(talk.contains("leads out"), "{setting:?}: {talk}");
        let mut keep = lab.command();
        keep.env("HOLDALL_LINKS", "keep")
            .arg(lab.path("holdall-layer.sh"));
        keep.args(["attach", "store", "out", "plant:", "write:plant"]);
        let output = keep.output().unwrap();
        assert!(!output.status.success(), "{setting:?}");
        // The target holds links where the layer has a folder and a file.
        fs::create_dir_all(lab.path("out")).unwrap();
        symlink("../victim", lab.path("out/d")).unwrap();
        lab.file("f", "mine");
        lab.persist("file", &["f"]);
        symlink("../victim/f", lab.path("out/f")).unwrap();
        fs::write(lab.path("out/stays"), "").unwrap();
        lab.ok(&["attach", "store", "out", "write:", "file:"]);
        assert_eq!(fs::read_to_string(lab.path("out/d/f")).unwrap(), "evil");
        assert_eq!(fs::read_to_string(lab.path("out/f")).unwrap(), "mine");
        assert!(lab.path("out/d").symlink_metadata().unwrap().is_dir());
        assert!(lab.path("out/stays").exists());
        assert_eq!(
            tree_digest_of(&lab.path("victim")).unwrap(),
            before,
            "{setting:?}"
        );
        assert!(!lab.path("out/.holdall-attach-incomplete").exists());
    }
}

#[test]
fn damage_is_noticed_by_the_twin() {
    for setting in settings() {
        let lab = Lab::new(setting);
        furnish(&lab.path("root"));
        lab.persist("a", &["bin"]);
        for file in fs::read_dir(lab.path("store/default/blobs/sha256")).unwrap() {
            let file = file.unwrap().path();
            let good = fs::read(&file).unwrap();
            let mut bad = good.clone();
            bad[good.len() / 2] ^= 1;
            for spoilt in [&bad[..], &good[..good.len() - 1]] {
                fs::write(&file, spoilt).unwrap();
                let talk = lab.fails(&["attach", "store", "out", "a:"]);
                assert!(talk.contains("damaged"), "{setting:?}: {talk}");
            }
            fs::write(&file, &good).unwrap();
        }
        lab.ok(&["attach", "store", "out", "a:"]);
        // A ref without its LF is no layer.
        let reference = lab.path("store/default/refs/a/1.0.0");
        let line = fs::read(&reference).unwrap();
        fs::write(&reference, &line[..line.len() - 1]).unwrap();
        assert!(
            lab.ok(&["attach", "store", "none", "a:"])
                .starts_with("tree ")
        );
    }
}

#[test]
fn eight_twins_make_eight_layers() {
    for setting in settings() {
        let lab = Lab::new(setting);
        for writer in 0..8 {
            lab.file(&format!("f{writer}"), "x");
        }
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let lab = &lab;
                scope.spawn(move || {
                    lab.ok(&["persist", "store", "a", "root", &format!("f{writer}")])
                });
            }
        });
        assert_eq!(lab.workspace().layers().unwrap().len(), 8, "{setting:?}");
        lab.attach("out", &["a"]).unwrap();
        assert_eq!(fs::read_dir(lab.path("out")).unwrap().count(), 8);
    }
}

#[test]
fn the_store_is_never_part_of_a_layer() {
    for setting in settings() {
        let lab = Lab::new(setting);
        lab.file("a", "1");
        lab.file("keep/b", "2");
        for _ in 0..2 {
            lab.ok(&["persist", "root/keep/store", "a", "root", "."]);
        }
        let workspace = Workspace::in_dir(&lab.path("root/keep/store"), "default");
        for layer in workspace.layers().unwrap() {
            let files = workspace.files(&layer.id).unwrap();
            let names: Vec<String> = files.iter().map(|entry| entry.path.to_string()).collect();
            assert_eq!(names, ["a", "keep/b"], "{setting:?}");
        }
    }
}

#[test]
fn functions_stand_in_a_step() {
    for setting in settings() {
        let lab = Lab::new(setting);
        fs::create_dir(lab.path("home/project")).unwrap();
        fs::write(lab.path("home/project/it's"), "1").unwrap();
        let persist = r"hl_persist '~/layers' '' '~/project' 'it'\''s' 'none<<'";
        let persist = format!("{}{persist}\n", functions(Verb::Persist));
        let attach = "hl_attach '~/layers' '~/out' build%20all:";
        let attach = format!("{}{attach}\n", functions(Verb::Attach));
        for (job, script) in [("build all", &persist), ("ship it", &attach)] {
            let mut command = lab.command();
            command.arg("-c").arg(script).env("CIRCLE_JOB", job);
            command.env("CIRCLE_WORKFLOW_WORKSPACE_ID", "11/22");
            let output = command.output().unwrap();
            let talk = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{setting:?} {job}: {talk}");
        }
        assert_eq!(fs::read_to_string(lab.path("home/out/it's")).unwrap(), "1");
        let workspace = Workspace::in_dir(&lab.path("home/layers"), "11/22");
        assert_eq!(workspace.layers().unwrap()[0].id.job, "build all");
    }
}

#[test]
fn layers_travel_as_one_tar_each() {
    for setting in settings() {
        let lab = Lab::new(setting);
        lab.file("a", "1");
        lab.file("b", "2");
        let run = |text: &str| {
            let script = format!("{}{}\n{text}", functions(Verb::Both), carry_functions());
            let mut command = lab.command();
            command.arg("-c").arg(script);
            command.output().unwrap()
        };
        let ok = |text: &str| {
            let output = run(text);
            let talk = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{setting:?} {text}: {talk}");
        };
        // Two layers of one job: each tar holds its own alone, and the second has its number.
        ok("hl_list there >list0; hl_persist there 'job a' root a; hl_pack there list0 0.tar");
        ok("hl_list there >list1; hl_persist there 'job a' root b; hl_pack there list1 1.tar");
        ok("hl_take here 1.tar; hl_take here 0.tar 1.tar; hl_attach here out 'job%20a:'");
        assert_eq!(fs::read_to_string(lab.path("out/b")).unwrap(), "2");
        let layers = Workspace::in_dir(&lab.path("here"), "default")
            .layers()
            .unwrap();
        let seqs: Vec<_> = layers.iter().map(|l| l.id.to_string()).collect();
        assert_eq!(seqs.len(), 2, "{setting:?} {seqs:?}");
        ok("hl_take first 0.tar");
        let first = Workspace::in_dir(&lab.path("first"), "default")
            .layers()
            .unwrap();
        assert_eq!(first.len(), 1, "{setting:?}");
        // Nothing gained, nothing there, and a tar of something else.
        for text in [
            "hl_list there >list2; hl_pack there list2 2.tar",
            "hl_take here 9.tar",
            "echo x >list2; hl_take here list2",
            "mkdir -p up; echo x >'up/a b'; tar -cf odd.tar up; hl_take here odd.tar",
        ] {
            assert!(!run(text).status.success(), "{setting:?} {text}");
        }
    }
}

#[test]
fn shellcheck_has_nothing_to_say() {
    if !found("shellcheck") {
        let required = std::env::var("HOLDALL_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "shellcheck is missing");
        eprintln!("skipped: shellcheck is missing");
        return;
    }
    let lab = Lab::new(SETTINGS[0]);
    // Splitting of options is meant, programs of awk and sh are quoted once, `~` is compared as
    // text, and `a && b || die` is meant to die of either.
    let output = Command::new("shellcheck")
        .args([
            "-s",
            "sh",
            "-e",
            "SC2086,SC2046,SC2016,SC2088,SC2015,SC2012",
        ])
        .arg(lab.path("holdall-layer.sh"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
