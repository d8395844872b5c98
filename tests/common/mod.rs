//! What several test files need: the snapshot folder, the shared corpus, the built binary.
#![allow(
    dead_code,
    unused_macros,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test file uses its own part, and says what it skips"
)]

pub(crate) mod engine;
pub(crate) mod github;
pub(crate) mod releases;

use std::path::{Path, PathBuf};

/// Runs a snapshot assertion with its file in the repository's top-level `snapshots/`.
#[macro_export]
macro_rules! snapshot {
    ($name:expr, $value:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $value));
    }};
}

/// Returns the shared folder that `HOLDALL_SHARED` names, or says that the test is skipped.
pub(crate) fn shared(test: &str) -> Option<PathBuf> {
    let Some(named) = std::env::var_os("HOLDALL_SHARED").map(PathBuf::from) else {
        println!("skipped: {test} needs HOLDALL_SHARED to name a folder with corpus/configs");
        return None;
    };
    assert!(
        named.join("corpus/configs").is_dir(),
        "HOLDALL_SHARED names {}, which has no corpus/configs",
        named.display()
    );
    Some(named)
}

/// Returns the YAML files of a corpus folder, sorted.
pub(crate) fn yaml_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "yml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no .yml file", dir.display());
    files
}

/// Returns the real configs of the shared corpus: those of today, and older ones of them.
pub(crate) fn real_configs(shared: &Path) -> Vec<PathBuf> {
    let folders = ["corpus/configs", "corpus/history"];
    let files = folders.iter().flat_map(|f| yaml_files(&shared.join(f)));
    files.collect()
}

/// Returns the repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the binary under test.
pub(crate) fn holdall() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_holdall"));
    for name in [
        "HOLDALL_STORE",
        "HOLDALL_WORKSPACE",
        "GITHUB_ACTIONS",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1");
    command
}

/// Says whether a tool is there; where it is not, the test is skipped, or fails where
/// `HOLDALL_REQUIRE_TOOLS` is set.
pub(crate) fn tool(test: &str, tool: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()));
    let required = std::env::var("HOLDALL_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(found || !required, "{test} needs {tool}");
    if !found {
        println!("skipped: {test} needs {tool}");
    }
    found
}

/// Returns a program on the search path, or in a folder of `~/.cache` where `.ci/run` installs it;
/// where it is in neither, the test is skipped, or fails where `HOLDALL_REQUIRE_TOOLS` is set.
pub(crate) fn cached_tool(test: &str, tool: &str, folder: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache").join(folder));
    let mut dirs = std::env::split_paths(&path).chain(home.map(|h| h.join("bin")));
    let found = dirs.find_map(|dir| Some(dir.join(tool)).filter(|file| file.is_file()));
    let required = std::env::var("HOLDALL_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(found.is_some() || !required, "{test} needs {tool}");
    if found.is_none() {
        println!("skipped: {test} needs {tool}");
    }
    found
}

/// Makes a repository with one commit of all that is in a folder.
pub(crate) fn commit(dir: &Path) {
    let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    for words in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A", "-f"],
        &["commit", "-qm", "test"],
    ] {
        let mut git = std::process::Command::new("git");
        let status = git.current_dir(dir).args(who).args(words).status();
        assert!(status.unwrap().success(), "git {words:?}");
    }
}

/// Returns a search path that begins with the folder of the binary under test.
pub(crate) fn path_with_holdall() -> std::ffi::OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_holdall")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(own.to_path_buf()).chain(std::env::split_paths(&path));
    std::env::join_paths(dirs).unwrap()
}

/// Says whether tests that take minutes run: where `HOLDALL_TEST_SLOW` is 1.
pub(crate) fn slow(test: &str) -> bool {
    let asked = std::env::var("HOLDALL_TEST_SLOW").is_ok_and(|value| value == "1");
    if !asked {
        println!("skipped: {test} builds holdall and needs HOLDALL_TEST_SLOW=1");
    }
    asked
}

/// Has a command that builds a release do it quickly, in a folder that such builds share.
pub(crate) fn cheap_build(command: &mut std::process::Command) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slow-target");
    command.env("CARGO_TARGET_DIR", target);
    for (name, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "0")] {
        command.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
}

/// Returns a judge of the shared folder whose programs are installed; where they are not, the test
/// is skipped, or fails where `HOLDALL_REQUIRE_JUDGES` is 1.
#[allow(dead_code, reason = "not every test has a judge")]
pub(crate) fn judge(test: &str, name: &str) -> Option<PathBuf> {
    let script = shared(test)?.join("tools/oracles").join(name);
    let home = std::env::var_os("ORACLES").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cache/oracles"))
    });
    let there = script.is_file() && home.is_some_and(|h| h.join("stamp").is_file());
    let required = std::env::var("HOLDALL_REQUIRE_JUDGES").is_ok_and(|value| value == "1");
    assert!(there || !required, "{test} needs {name}");
    if !there {
        println!("skipped: {test} needs the judge {name}, installed");
    }
    there.then_some(script)
}

/// Puts a config into a repository of its own with a commit, and a tracked file beside it.
pub(crate) fn repository(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    std::fs::write(dir.path().join("tracked"), "tracked").unwrap();
    commit(dir.path());
    dir
}

/// The shells that a script for `sh` has to run under, with what is in front of the script.
pub(crate) const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Returns a search path on which `sh` is another shell; nothing where that is not installed.
pub(crate) fn path_with_sh(test: &str, shell: &[&str]) -> Option<std::ffi::OsString> {
    if !tool(test, shell[0]) {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|dir| dir.join(shell[0]));
    let program = found.find(|program| program.is_file()).unwrap();
    // Each of them is a POSIX shell where it is called by that name.
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sh-is-{}", shell[0]));
    std::fs::create_dir_all(&dir).unwrap();
    #[cfg(windows)]
    std::fs::copy(&program, dir.join("sh.exe")).unwrap();
    #[cfg(unix)]
    match std::os::unix::fs::symlink(program, dir.join("sh")) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => panic!("{error}"),
        _ => {}
    }
    let dirs = std::iter::once(dir).chain(std::env::split_paths(&path));
    Some(std::env::join_paths(dirs).unwrap())
}
