//! What tests of `transpile --to github` share: small configs, their workflows and their reports.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Writes the workflows of a config below a folder.
pub(crate) fn transpile(config: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = super::holdall();
    command
        .arg("transpile")
        .arg(config)
        .args(["--to", "github", "--output"]);
    command.arg(output).args(more).output().unwrap()
}

/// Returns the workflow files below a folder, sorted.
pub(crate) fn workflows(output: &Path) -> Vec<PathBuf> {
    super::yaml_files(&output.join(".github/workflows"))
}

/// Puts a config into a repository of its own, with a branch and no commit yet.
pub(crate) fn repository(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("repo/.circleci")).unwrap();
    std::fs::write(dir.path().join("repo/.circleci/config.yml"), config).unwrap();
    git(&dir, &["init", "-q", "-b", "main"]);
    dir
}

/// Runs git in a repository of [`repository`].
pub(crate) fn git(dir: &tempfile::TempDir, args: &[&str]) {
    let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    let mut command = Command::new("git");
    command
        .current_dir(dir.path().join("repo"))
        .args(who)
        .args(args);
    assert!(command.status().unwrap().success(), "git {args:?}");
}

/// Runs a workflow of a repository as GitHub would, and returns its exit code and what it said.
pub(crate) fn run(
    runner: &Path,
    dir: &tempfile::TempDir,
    name: &str,
    more: &[&str],
) -> (Option<i32>, String) {
    let out = Command::new(runner)
        .current_dir(dir.path().join("repo"))
        .arg("--isolated-home")
        .arg("--work")
        .arg(dir.path().join("work"))
        .args(more)
        .arg(format!(".github/workflows/{name}.yml"))
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code(), said)
}

/// Writes the workflows of a config into its repository and commits all of it.
pub(crate) fn migrated(config: &str) -> tempfile::TempDir {
    let dir = repository(config);
    let repo = dir.path().join("repo");
    let out = transpile(&repo.join(".circleci/config.yml"), &repo, &["--force"]);
    assert!(out.status.success(), "{out:?}");
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "-m", "all"]);
    dir
}

/// What became of one item: its key, its text, its outcome and what is said of it.
pub(crate) type Item = (String, String, String, String);

/// Returns the workflow of a small config, and what became of what it says.
pub(crate) fn small(config: &str) -> (String, Vec<Item>) {
    let dir = repository(config);
    let repo = dir.path().join("repo");
    let report = dir.path().join("report.md");
    let more = ["--force", "--report", report.to_str().unwrap()];
    let out = transpile(&repo.join(".circleci/config.yml"), &repo, &more);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    let files = workflows(&repo);
    let texts = files.iter().map(|f| std::fs::read_to_string(f).unwrap());
    let text = texts.collect::<Vec<_>>().join("---\n");
    let json = std::fs::read(report.with_extension("json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let part = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap_or("").to_owned();
    let items = json["items"].as_array().unwrap().iter().map(|item| {
        (
            part(item, "key"),
            part(item, "text"),
            part(item, "outcome"),
            part(item, "note"),
        )
    });
    (text, items.collect())
}

/// Returns the outcome of the first item with a key, and what is said of it.
pub(crate) fn outcome(items: &[Item], key: &str) -> (String, String) {
    let found = items.iter().find(|(k, ..)| k == key);
    let (_, _, outcome, note) = found.unwrap_or_else(|| panic!("no item has the key {key}"));
    (outcome.clone(), note.clone())
}
