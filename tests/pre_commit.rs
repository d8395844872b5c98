//! The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit in a repository that uses them.
//! Those that build holdall from its source take minutes: they run where `HOLDALL_TEST_SLOW` is 1.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

const GOOD: &str = include_str!("places/good.yml");
const BAD: &str = include_str!("places/bad.yml");
const MENDABLE: &str = include_str!("places/mendable.yml");

const PAGE: &str = include_str!("../docs/lint-in-ci.md");

/// A repository that uses one hook of another repository.
struct Project {
    pre_commit: PathBuf,
    dir: tempfile::TempDir,
    hook: &'static str,
}

impl Project {
    /// Makes a project with a config, and the repository of the hooks beside it.
    fn new(pre_commit: PathBuf, hook: &'static str, config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hooks = dir.path().join("hooks");
        std::fs::create_dir(&hooks).unwrap();
        let file = ".pre-commit-hooks.yaml";
        std::fs::copy(common::root().join(file), hooks.join(file)).unwrap();
        common::commit(&hooks);
        Self::of(pre_commit, dir, &hooks, hook, config)
    }

    /// Makes a project that uses the hooks of a repository.
    fn of(
        pre_commit: PathBuf,
        dir: tempfile::TempDir,
        hooks: &Path,
        hook: &'static str,
        config: &str,
    ) -> Self {
        let project = dir.path().join("project");
        std::fs::create_dir_all(project.join(".circleci")).unwrap();
        std::fs::write(project.join(".circleci/config.yml"), config).unwrap();
        std::fs::write(project.join("other.yml"), "jobs: [not, circleci]\n").unwrap();
        let mut git = Command::new("git");
        git.arg("-C").arg(hooks).args(["rev-parse", "HEAD"]);
        let out = git.output().unwrap();
        let text = &PAGE[PAGE.find("# .pre-commit-config.yaml").unwrap()..];
        let text = &text[..text.find("```").unwrap()];
        let from = format!("file://{}", hooks.display());
        let revision = String::from_utf8(out.stdout).unwrap();
        let uses = text
            .replace("https://github.com/OWNER/holdall", &from)
            .replace("REVISION", revision.trim())
            .replace("id: holdall-lint", &format!("id: {hook}"));
        std::fs::write(project.join(".pre-commit-config.yaml"), uses).unwrap();
        common::commit(&project);
        Self {
            pre_commit,
            dir,
            hook,
        }
    }

    fn config(&self) -> String {
        let file = self.dir.path().join("project/.circleci/config.yml");
        std::fs::read_to_string(file).unwrap()
    }

    /// Runs the hook on all files; returns the exit status and what is printed.
    fn run(&self) -> (i32, String) {
        let mut command = Command::new(&self.pre_commit);
        command.args(["run", "--all-files", "--color", "never", self.hook]);
        command.current_dir(self.dir.path().join("project"));
        command.env("PRE_COMMIT_HOME", self.dir.path().join("home"));
        command.env("PATH", common::path_with_holdall());
        command.env("NO_COLOR", "1");
        // As on a desk: reports for GitHub are another test's.
        command.env_remove("GITHUB_ACTIONS");
        common::cheap_build(&mut command);
        let out = command.output().unwrap();
        let printed = String::from_utf8(out.stdout).unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        // What pre-commit says of itself has paths and times in it.
        let own = |line: &&str| !line.starts_with("[INFO]");
        let lines: Vec<&str> = printed.lines().filter(own).collect();
        assert!(!said.contains("Traceback"), "{said}");
        (out.status.code().unwrap(), lines.join("\n") + "\n")
    }
}

fn pre_commit(test: &str) -> Option<PathBuf> {
    common::cached_tool(test, "pre-commit", "pre-commit-tool")
}

#[test]
fn a_good_config_passes() {
    let Some(pre_commit) = pre_commit("a_good_config_passes") else {
        return;
    };
    for hook in ["holdall-lint-system", "holdall-fix-system"] {
        let project = Project::new(pre_commit.clone(), hook, GOOD);
        let (code, printed) = project.run();
        assert_eq!(code, 0, "{printed}");
        assert!(printed.contains("Passed"), "{printed}");
        assert_eq!(project.config(), GOOD);
    }
}

#[test]
fn a_bad_config_fails_with_its_findings() {
    let Some(pre_commit) = pre_commit("a_bad_config_fails_with_its_findings") else {
        return;
    };
    let project = Project::new(pre_commit, "holdall-lint-system", BAD);
    let (code, printed) = project.run();
    assert_eq!(code, 1, "{printed}");
    snapshot!("pre-commit-bad", printed);
}

#[test]
fn what_can_be_mended_is_mended_and_passes_the_second_time() {
    let test = "what_can_be_mended_is_mended_and_passes_the_second_time";
    let Some(pre_commit) = pre_commit(test) else {
        return;
    };
    let project = Project::new(pre_commit, "holdall-fix-system", MENDABLE);
    let (code, printed) = project.run();
    assert_eq!(code, 1, "{printed}");
    snapshot!("pre-commit-mended", printed);
    assert_eq!(project.config(), GOOD);
    let (code, printed) = project.run();
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn the_hooks_take_configs_and_orb_sources() {
    let Some(pre_commit) = pre_commit("the_hooks_take_configs_and_orb_sources") else {
        return;
    };
    let project = Project::new(pre_commit, "holdall-lint-system", GOOD);
    let dir = project.dir.path().join("project");
    // Each is wrong, so that each that is looked at is named.
    let orb = "version: 2.1\ndescription: x\ncommands: {a: {steps: [b]}}\n";
    let command = "steps: [nothing-of-that-name]\n";
    for (path, text) in [
        (".circleci/continue.yml", BAD),
        ("tools/orb.yml", orb),
        ("src/@orb.yml", "version: 2.1\ndescription: x\n"),
        ("src/commands/deep/hello.yml", command),
        ("circleci/config.yml", BAD),
        ("lib/commands/hello.yml", command),
    ] {
        let file = dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    common::commit(&dir);
    let (code, printed) = project.run();
    assert_eq!(code, 1, "{printed}");
    let named = |path: &str| printed.contains(&format!("[{path}:"));
    for path in [
        ".circleci/continue.yml",
        "tools/orb.yml",
        "src/commands/deep/hello.yml",
    ] {
        assert!(named(path), "{path}: {printed}");
    }
    for path in ["other.yml", "circleci/config.yml", "lib/commands/hello.yml"] {
        assert!(!named(path), "{path}: {printed}");
    }
}

#[test]
fn the_hooks_that_build_holdall_do_what_the_others_do() {
    let test = "the_hooks_that_build_holdall_do_what_the_others_do";
    if !common::slow(test) {
        return;
    }
    let Some(pre_commit) = pre_commit(test) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let hooks = dir.path().join("hooks");
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(common::root())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for path in listed.split_terminator('\0') {
        let (from, to) = (common::root().join(path), hooks.join(path));
        // A file that is deleted and not yet committed is still listed.
        if from.is_file() {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from, to).unwrap();
        }
    }
    common::commit(&hooks);
    let project = Project::of(pre_commit, dir, &hooks, "holdall-fix", MENDABLE);
    let (code, printed) = project.run();
    assert_eq!(code, 1, "{printed}");
    assert_eq!(project.config(), GOOD, "{printed}");
    let (code, printed) = project.run();
    assert_eq!(code, 0, "{printed}");
    let built = project.dir.path().join("home");
    let mut find = Command::new("find");
    find.arg(built)
        .args(["-name", "holdall", "-path", "*/bin/*"]);
    let found = find.output().unwrap();
    assert!(!found.stdout.is_empty(), "holdall was not built");
}
