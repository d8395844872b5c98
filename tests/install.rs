//! Every way of installing holdall gives a program that works where nothing else is: a static
//! binary in a root that holds busybox alone, a wheel in a fresh venv, an image without a system.
//! What builds all of them is built once. And the workflows of this repository are taken by the
//! judges of workflows.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Two jobs that hand a file on, in the shell that busybox has.
const GOOD: &str = "\
version: 2.1
jobs:
  build:
    docker: [{image: alpine:3.22}]
    shell: /bin/sh -e
    steps:
      - run: mkdir -p out && echo handed > out/word
      - persist_to_workspace: {root: out, paths: [word]}
  deploy:
    docker: [{image: alpine:3.22}]
    shell: /bin/sh -e
    steps:
      - attach_workspace: {at: in}
      - run: grep handed in/word
workflows:
  main:
    jobs:
      - build
      - deploy: {requires: [build]}
";

/// The same without the edge: `deploy` attaches what no one has persisted.
fn bad() -> String {
    GOOD.replace("deploy: {requires: [build]}", "deploy")
}

#[test]
fn the_workflows_of_the_repository_pass_the_judges() {
    let test = "the_workflows_of_the_repository_pass_the_judges";
    let workflows = common::yaml_files(&common::root().join(".github/workflows"));
    for file in &workflows {
        let text = fs::read_to_string(file).unwrap();
        let used = text.lines().filter_map(|line| line.split_once("uses: "));
        for (_, action) in used {
            let (_, pin) = action.split_once('@').unwrap();
            let (commit, version) = pin.split_once(" # v").unwrap_or((pin, ""));
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{action}");
        }
    }
    let Some(check) = common::judge(test, "check-github") else {
        return;
    };
    // One of the judges is older than the permission to write attestations. It must object to
    // nothing else, and everyone must take the rest.
    let told = Command::new(&check).args(&workflows).output().unwrap();
    for line in said(&told)
        .lines()
        .filter(|line| line.contains(".yml:") && !line.contains(" jobs: "))
    {
        assert!(
            line.contains("unknown permission scope \"attestations\""),
            "{line}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let mut copies = Vec::new();
    for file in &workflows {
        let text = fs::read_to_string(file).unwrap();
        let copy = dir.path().join(file.file_name().unwrap());
        fs::write(&copy, text.replace("      attestations: write\n", "")).unwrap();
        copies.push(copy);
    }
    let told = Command::new(&check).args(&copies).output().unwrap();
    assert!(told.status.success(), "{}", said(&told));
}

#[test]
fn a_static_binary_works_in_a_root_that_holds_busybox_alone() {
    let test = "a_static_binary_works_in_a_root_that_holds_busybox_alone";
    if !may_build(test) {
        return;
    }
    if ["busybox", "chroot", "unshare"]
        .iter()
        .any(|tool| !common::tool(test, tool))
    {
        return;
    }
    let root = bare_root(installed(test));
    // With the rights of root there only, and with the devices and processes that every root has.
    let enter = "mount --rbind /dev \"$0/dev\" && mount --rbind /proc \"$0/proc\" && \
        exec chroot \"$0\" /bin/env -i PATH=/bin HOME=/root sh -c 'cd \"$0\" && exec /holdall \"$@\"' \"$@\"";
    let within = |dir: &str, words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", enter]);
        command.arg(root.path()).arg(dir).args(words);
        command.output().unwrap()
    };

    let out = within("/good", &["lint"]);
    assert!(out.status.success(), "{}", said(&out));
    let out = within("/bad", &["lint"]);
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(
        said(&out).contains("attach-without-upstream"),
        "{}",
        said(&out)
    );

    let layers = ["--store", "/store", "--workspace", "w"];
    let persist = ["persist", "--job", "build", "--root", "files", "word"];
    let out = within("/", &[&persist[..], &layers].concat());
    assert!(out.status.success(), "{}", said(&out));
    let attach = ["attach", "--at", "/attached", "--upstream", "build"];
    let out = within("/", &[&attach[..], &layers].concat());
    assert!(out.status.success(), "{}", said(&out));
    let word = fs::read_to_string(root.path().join("attached/word")).unwrap();
    assert_eq!(word, "carried\n");

    let out = within("/good", &["run", "--no-isolation"]);
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn a_wheel_installs_the_program_without_rust() {
    let test = "a_wheel_installs_the_program_without_rust";
    if !may_build(test) || !common::tool(test, "maturin") {
        return;
    }
    // What builds the static binary has built all that the wheel needs.
    installed(test);
    let dir = tempfile::tempdir().unwrap();
    let wheels = dir.path().join("wheels");
    // As `pip install .` does it, but with the maturin that is here.
    let mut pip = Command::new(python_of("maturin"));
    cheap(&mut pip);
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]);
    pip.arg("--no-build-isolation")
        .arg("--wheel-dir")
        .arg(&wheels);
    pip.arg(common::root());
    pip.env("MATURIN_PEP517_ARGS", format!("--target {}", target()));
    succeed(&mut pip);
    let wheel = fs::read_dir(&wheels)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
    let starts = format!("holdall-{}-py3-none-", env!("CARGO_PKG_VERSION"));
    assert!(name.starts_with(&starts), "{name}");

    let venv = dir.path().join("venv");
    succeed(
        Command::new(python_of("maturin"))
            .args(["-m", "venv"])
            .arg(&venv),
    );
    let mut pip = Command::new(venv.join("bin/pip"));
    succeed(
        pip.args([
            "install",
            "--quiet",
            "--no-index",
            "--disable-pip-version-check",
        ])
        .arg(&wheel),
    );
    let project = project(&bad());
    let mut program = Command::new(venv.join("bin/holdall"));
    let out = program
        .arg("lint")
        .current_dir(project.path())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(
        said(&out).contains("attach-without-upstream"),
        "{}",
        said(&out)
    );
}

#[test]
fn an_image_of_the_binary_alone_lints_a_mounted_folder() {
    let test = "an_image_of_the_binary_alone_lints_a_mounted_folder";
    if !may_build(test) {
        return;
    }
    let Some(engine) = common::engine::engine(test) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    fs::copy(installed(test), dir.path().join("holdall")).unwrap();
    let image = "localhost/holdall-test-install:latest";
    let context = format!("bin={}", dir.path().display());
    let root = common::root().to_str().unwrap();
    let file = common::root().join("Containerfile");
    engine.say(&[
        "build",
        "--quiet",
        "--build-context",
        &context,
        "--build-arg",
        "VERSION=1.2.3",
        "--tag",
        image,
        "--file",
        file.to_str().unwrap(),
        root,
    ]);
    let asked = [
        "--format",
        "{{.Config.User}} {{index .Config.Labels \"org.opencontainers.image.version\"}}",
    ];
    let told = engine.say(&[&["image", "inspect"], &asked[..], &[image]].concat());
    assert_eq!(told.trim(), "65532:65532 1.2.3");

    for (config, code) in [(GOOD.to_owned(), 0), (bad(), 1)] {
        let project = project(&config);
        let mount = format!("{}:/work:ro", project.path().display());
        let mut command = Command::new(&engine.name);
        engine.set(&mut command);
        let out = command
            .args(["run", "--rm", "--volume", &mount, image])
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(code), "{}", said(&out));
        assert_eq!(
            said(&out).contains("attach-without-upstream"),
            code == 1,
            "{}",
            said(&out)
        );
    }
    engine.say(&["image", "rm", "--force", image]);
}

/// Says whether holdall may be built once more, which takes minutes of processor time where
/// nothing of it is there: where `HOLDALL_TEST_INSTALL` is 1. Otherwise the test is skipped.
fn may_build(test: &str) -> bool {
    let asked = std::env::var("HOLDALL_TEST_INSTALL").is_ok_and(|value| value == "1");
    if !asked {
        println!("skipped: {test} builds holdall once more: it needs HOLDALL_TEST_INSTALL=1");
    }
    asked
}

/// Returns the static binary that `cargo install` puts below a folder.
fn installed(test: &str) -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        println!("{test} builds holdall once more, statically");
        let root = target_dir().join("installed");
        let mut cargo = Command::new(env!("CARGO"));
        cheap(&mut cargo);
        cargo.args(["install", "--quiet", "--locked", "--force", "--path", "."]);
        cargo.args(["--target", &target(), "--root"]).arg(&root);
        succeed(&mut cargo);
        root.join("bin/holdall")
    })
}

/// Builds as a release is built, statically, but sooner: what is tested is no speed.
fn cheap(command: &mut Command) {
    command
        .current_dir(common::root())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", target_dir())
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
}

/// The target folder that this test was built in: a target that is named has a room of its own there,
/// and shares what runs during the build.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// With a target that is named, what runs during the build is not static.
fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// Makes a root with busybox, holdall, two projects and a file to carry.
fn bare_root(holdall: &Path) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in [
        "bin",
        "tmp",
        "root",
        "dev",
        "proc",
        "good/.circleci",
        "bad/.circleci",
        "files",
    ] {
        fs::create_dir_all(at(name)).unwrap();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|dir| dir.join("busybox"));
    fs::copy(
        places.find(|file| file.is_file()).unwrap(),
        at("bin/busybox"),
    )
    .unwrap();
    for tool in ["sh", "cat", "echo", "mkdir", "grep", "env"] {
        symlink("busybox", at("bin").join(tool)).unwrap();
    }
    fs::copy(holdall, at("holdall")).unwrap();
    fs::write(at("good/.circleci/config.yml"), GOOD).unwrap();
    fs::write(at("bad/.circleci/config.yml"), bad()).unwrap();
    fs::write(at("files/word"), "carried\n").unwrap();
    root
}

/// Makes a folder with a config that everyone can read.
fn project(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(".circleci")).unwrap();
    fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Returns the interpreter that a tool on the search path was installed beside.
fn python_of(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = std::env::split_paths(&path).filter(|dir| dir.join(tool).is_file());
    let python = dirs.next().unwrap().join("python");
    assert!(
        python.is_file(),
        "{tool} is in no venv: {} is not there",
        python.display()
    );
    python
}

#[track_caller]
fn succeed(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", said(&out));
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}
