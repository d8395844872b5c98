//! Every way of installing holdall gives a program that works where nothing else is: a static
//! binary in a root that holds busybox alone, a wheel of the source distribution in a fresh venv and
//! in a hook of pre-commit, an image without a system.
//! What builds all of them is built once.
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

/// A good config ends with 0, and a bad one with 1 and what is wrong with it.
#[track_caller]
fn assert_found(out: &Output, code: i32) {
    let said = said(out);
    assert_eq!(out.status.code(), Some(code), "{said}");
    let is_told = said.contains("attach-without-upstream");
    assert_eq!(is_told, code == 1, "{said}");
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
    let Some(wheel) = wheel(test) else {
        return;
    };
    let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
    let starts = format!("holdall-{}-py3-none-", env!("CARGO_PKG_VERSION"));
    assert!(name.starts_with(&starts), "{name}");

    let dir = tempfile::tempdir().unwrap();
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
        .arg(wheel),
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

/// What the documentation says for whom has no Rust: pre-commit installs the wheel of a version.
#[test]
fn a_hook_of_the_wheel_needs_no_rust() {
    let test = "a_hook_of_the_wheel_needs_no_rust";
    let Some(pre_commit) = common::cached_tool(test, "pre-commit", "pre-commit-tool") else {
        return;
    };
    let Some(wheel) = wheel(test) else {
        return;
    };
    let page = fs::read_to_string(common::root().join("docs/lint-in-ci.md")).unwrap();
    let block = &page[page.find("  - repo: local").unwrap()..];
    let block = &block[..block.find("```").unwrap()];
    let version = env!("CARGO_PKG_VERSION");
    assert!(block.contains(&format!("holdall=={version}")), "{block}");

    for (config, code) in [(GOOD.to_owned(), 0), (bad(), 1)] {
        let project = project(&config);
        let uses = project.path().join(".pre-commit-config.yaml");
        fs::write(uses, format!("repos:\n{block}")).unwrap();
        common::commit(project.path());
        let home = tempfile::tempdir().unwrap();
        let mut hook = Command::new(&pre_commit);
        hook.args(["run", "--all-files", "--color", "never", "holdall-lint"]);
        hook.current_dir(project.path()).env_clear();
        // No Rust on the search path, and no registry: the wheel, and what pre-commit itself brings.
        let path = std::env::var_os("PATH").unwrap();
        let plain = std::env::split_paths(&path).filter(|dir| !dir.join("cargo").exists());
        hook.env("PATH", std::env::join_paths(plain).unwrap());
        hook.env("HOME", home.path()).env("NO_COLOR", "1");
        hook.env("PRE_COMMIT_HOME", home.path().join("hooks"));
        let places = format!(
            "{} {}",
            wheel.parent().unwrap().display(),
            seeds(&pre_commit)
        );
        hook.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", places);
        let out = hook.output().unwrap();
        assert_found(&out, code);
    }
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
        assert_found(&out, code);
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

/// Returns the wheel that pip makes of the source distribution, which is all that it gets.
fn wheel(test: &str) -> Option<&'static Path> {
    static WHEEL: OnceLock<PathBuf> = OnceLock::new();
    if !may_build(test) || !common::tool(test, "maturin") {
        return None;
    }
    let wheel = WHEEL.get_or_init(|| {
        // What builds the static binary has built all that the wheel depends on.
        installed(test);
        // In one place, so that what is built takes that of the last time.
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheel");
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).unwrap();
        let mut maturin = Command::new("maturin");
        maturin.args(["sdist", "--out"]).arg(&dir);
        succeed(maturin.current_dir(common::root()));
        let name = format!("holdall-{}", env!("CARGO_PKG_VERSION"));
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(dir.join(format!("{name}.tar.gz")));
        succeed(tar.arg("-C").arg(&dir));
        let wheels = dir.join("wheels");
        // As `pip install` does it, but with the maturin that is here.
        let mut pip = Command::new(python_of("maturin"));
        cheap(&mut pip);
        pip.args(["-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]);
        pip.arg("--no-build-isolation").arg("--wheel-dir");
        pip.arg(&wheels).arg(dir.join(name));
        pip.env("MATURIN_PEP517_ARGS", format!("--target {}", target()));
        succeed(&mut pip);
        let mut made = fs::read_dir(&wheels).unwrap();
        made.next().unwrap().unwrap().path()
    });
    Some(wheel)
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

/// Returns the folder with setuptools from which the venvs of pre-commit are made.
fn seeds(pre_commit: &Path) -> String {
    let asked = "import virtualenv.seed.wheels.embed as e; print(e.BUNDLE_FOLDER)";
    let mut python = Command::new(pre_commit.with_file_name("python"));
    let out = python.args(["-c", asked]).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn succeed(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", said(&out));
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}
