//! Every command block of the documentation is run, page by page, as a reader would: in a project
//! of its own that is made for the page, the blocks in order.
//!
//! - ```` ```sh ````: a script; every command has to succeed.
//! - ```` ```console ````: commands behind `$ `, and what they print, which is compared. They may
//!   have findings (status 1). A line `…` stands for any number of lines.
//! - ```` ```sh no_run ````: not run; [`NOT_RUN`] says why.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::markdown::{self, Block, Page};
use crate::{common, updating};

/// Blocks that are not run: page, the beginning of the block, and why.
const NOT_RUN: &[(&str, &str, &str)] = &[
    (
        "README.md",
        "cargo run --release",
        "`.ci/run` runs these two, and they build holdall",
    ),
    (
        "CONTRIBUTING.md",
        "cargo xtask new-rule",
        "changes the tree, and what it writes is built",
    ),
    (
        "CONTRIBUTING.md",
        "cargo fmt",
        "builds and tests holdall, which is what runs this",
    ),
    ("docs/install.md", "cargo install", "builds holdall"),
    (
        "docs/install.md",
        "RUSTFLAGS=",
        "builds holdall; tests/install.rs does it",
    ),
    (
        "RELEASING.md",
        "cargo package",
        "publishes, which needs a release",
    ),
    ("docs/install.md", "pip install holdall", "wants a release"),
    (
        "docs/install.md",
        "pip wheel",
        "builds holdall; tests/install.rs does it",
    ),
    (
        "docs/install.md",
        "mkdir -p image",
        "wants a container engine; tests/install.rs has one",
    ),
    ("docs/install.md", "sha256sum --check", "wants a release"),
    (
        "docs/comparison.md",
        "cargo bench",
        "measures, which takes a quiet machine and minutes",
    ),
    (
        "docs/lint-in-ci.md",
        "pre-commit run",
        "installs the hooks from where holdall lives; their own test has a repository for that",
    ),
    (
        "docs/stores.md",
        "holdall persist --store s3:",
        "needs a bucket and a registry; tests/remote.rs has both",
    ),
];

/// Projects of the pages; the others get `examples/site`.
const PROJECTS: &[(&str, &str)] = &[
    ("README.md", "examples/tour"),
    ("docs/tutorial.md", "examples/tour"),
    ("docs/lint.md", "examples/orb"),
];

fn project(page: &str) -> tempfile::TempDir {
    let named = PROJECTS.iter().find(|(name, _)| *name == page);
    let from = common::root().join(named.map_or("examples/site", |(_, dir)| dir));
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("project");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(from)
        .arg(&to)
        .status()
        .unwrap();
    assert!(copied.success());
    std::fs::create_dir(dir.path().join("home")).unwrap();
    let git = "git init -q -b main && git add -A && git commit -qm first \
               && git remote add origin git@gitlab.com:group/project.git";
    let made = shell(dir.path(), git);
    assert!(made.status.success(), "{made:?}");
    dir
}

/// Runs a script in the project as a terminal of a newcomer would have it, with holdall on `PATH`.
fn shell(dir: &Path, script: &str) -> std::process::Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_holdall")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(dir.join("project"))
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("HOME", dir.join("home"))
        .env("LANG", "C.UTF-8")
        .env("NO_COLOR", "1")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "reader")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "reader@localhost")))
        .output()
        .unwrap()
}

/// Makes times, digests and the names of runs alike.
fn alike(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, word) in [
        (r"\b\d+(\.\d+)? ?(ms|s|min)\b", "TIME"),
        (r"\b[0-9a-f]{12,64}\b", "DIGEST"),
        (r"[ \t]+", " "),
        (r"(?m) $", ""),
    ] {
        let pattern = regex::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, word).into_owned();
    }
    text
}

/// Says whether what was printed is what is shown, in which `…` stands for any number of lines.
fn fits(shown: &str, printed: &str) -> bool {
    let printed = alike(printed.trim_end());
    let mut parts = vec![String::new()];
    for line in alike(shown.trim_end()).lines() {
        match line.trim() {
            "…" => parts.push(String::new()),
            _ => {
                let part = parts.last_mut().unwrap();
                part.push_str(line);
                part.push('\n');
            }
        }
    }
    let printed = if printed.is_empty() {
        printed
    } else {
        printed + "\n"
    };
    let (first, rest) = parts.split_first().unwrap();
    let Some(mut left) = printed.strip_prefix(first.as_str()) else {
        return false;
    };
    for (i, part) in rest.iter().enumerate() {
        let last = i + 1 == rest.len();
        if last {
            return left.ends_with(part.as_str());
        }
        match left.find(part.as_str()) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.is_empty()
}

/// Runs the commands of a console block. Returns what is wrong, and the block as it should be.
fn console(dir: &Path, block: &Block) -> (Vec<String>, String) {
    let (mut wrong, mut renewed) = (Vec::new(), String::new());
    let mut parts: Vec<(&str, String)> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), parts.last_mut()) {
            (Some(command), _) => parts.push((command, String::new())),
            (None, Some((_, shown))) => shown.extend([line, "\n"]),
            (None, None) => wrong.push("the block does not begin with `$ `".to_owned()),
        }
    }
    for (command, shown) in parts {
        let out = shell(dir, &format!("{{ {command}\n}} 2>&1"));
        let printed = String::from_utf8_lossy(&out.stdout).into_owned();
        if !matches!(out.status.code(), Some(0 | 1)) {
            wrong.push(format!("$ {command}: {}\n{printed}", out.status));
        }
        let same = fits(&shown, &printed);
        let keep = same || shown.lines().any(|l| l.trim() == "…");
        if !same && (keep || !updating()) {
            wrong.push(format!("$ {command} prints\n{printed}instead of\n{shown}"));
        }
        let text = if keep { shown } else { printed };
        renewed.push_str(&format!("$ {command}\n"));
        for line in text.lines() {
            renewed.push_str(&format!("{}\n", line.trim_end()));
        }
    }
    (wrong, renewed)
}

fn why_not_run(page: &str, block: &Block) -> Option<usize> {
    NOT_RUN
        .iter()
        .position(|(name, begin, _)| *name == page && block.text.starts_with(begin))
}

/// Runs a page; returns what is wrong with it, and writes what is shown anew where that is asked.
fn run(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    let dir = project(&page.name);
    let path = common::root().join(&page.name);
    for block in &page.blocks {
        let said: Vec<String> = match block.info.as_str() {
            "sh" if why_not_run(&page.name, block).is_none() => {
                let out = shell(dir.path(), &block.text);
                let text = String::from_utf8_lossy(&out.stderr).into_owned()
                    + &String::from_utf8_lossy(&out.stdout);
                let failed = !out.status.success();
                failed
                    .then(|| format!("{}\n{text}", out.status))
                    .into_iter()
                    .collect()
            }
            "console" => {
                let (said, renewed) = console(dir.path(), block);
                if updating() && renewed != block.text {
                    let text = std::fs::read_to_string(&path).unwrap();
                    std::fs::write(&path, text.replacen(&block.text, &renewed, 1)).unwrap();
                }
                said
            }
            _ => Vec::new(),
        };
        wrong.extend(
            said.into_iter()
                .map(|w| format!("{}:{}: {w}", page.name, block.line)),
        );
    }
    wrong
}

#[test]
fn every_command_block_works_and_prints_what_is_shown() {
    let mut wrong = Vec::new();
    let mut blocks = 0;
    for page in markdown::with_commands() {
        blocks += page
            .blocks
            .iter()
            .filter(|b| ["sh", "console"].contains(&b.info.as_str()))
            .count();
        wrong.extend(run(&page));
    }
    assert!(blocks > 20, "only {blocks} blocks of commands were found");
    assert!(
        wrong.is_empty(),
        "{} blocks:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_block_says_what_it_is_and_what_is_not_run_has_a_reason() {
    let mut used = vec![false; NOT_RUN.len()];
    for page in markdown::with_commands() {
        for block in &page.blocks {
            let at = format!("{}:{}: {:?}", page.name, block.line, block.info);
            let reason = why_not_run(&page.name, block);
            match block.info.as_str() {
                "sh no_run" => assert!(reason.is_some(), "{at} is not run, for no reason"),
                "sh" | "console" | "text" | "yaml" | "json" | "toml" | "rust" => {}
                _ => panic!("{at}: commands are `sh` or `console`; nothing else is known"),
            }
            if let Some(i) = reason {
                used[i] = true;
            }
        }
    }
    for ((page, begin, _), used) in NOT_RUN.iter().zip(used) {
        assert!(used, "{page} has no block that begins with `{begin}`");
    }
}

#[test]
fn what_is_printed_is_compared_and_not_waved_through() {
    assert!(fits("a\n…\nz\n", "a\nb\nc\nz\n"));
    assert!(fits("took 3 s\n", "took 12 s\n"));
    assert!(fits("", ""));
    assert!(!fits("a\n", "a\nb\n"));
    assert!(!fits("", "a\n"));
    assert!(!fits("a\n…\ny\n", "a\nb\nz\n"));
}
