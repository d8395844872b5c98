//! `--to shell`: all of the corpus is written without a panic and with nothing forgotten, every
//! shell can read every script, and scripts that three shells run do what the service does.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    common::root().join("tests/transpile-shell").join(name)
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Writes the scripts of a config below a folder, and returns the report.
fn migrated(config: &Path, folder: &Path) -> serde_json::Value {
    let report = folder.join("report.md");
    let out = common::holdall()
        .args(["transpile", "--to", "shell", "--force", "--output"])
        .arg(folder)
        .arg("--report")
        .arg(&report)
        .arg(config)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}: {}", config.display(), text(&out));
    let json = std::fs::read_to_string(report.with_extension("json")).unwrap();
    serde_json::from_str(&json).unwrap()
}

/// Returns all scripts below a folder.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let list = |dir: PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        let paths = entries.map(|e| e.unwrap().path());
        paths
            .filter(|p| p.extension().is_some_and(|e| e == "sh"))
            .collect()
    };
    let shell = folder.join(".holdall/shell");
    let mut all = list(shell.join("jobs"));
    all.extend(list(shell));
    all.sort();
    all
}

/// Returns a script without the functions in its middle.
fn own_part(folder: &Path, script: &str) -> String {
    let text = std::fs::read_to_string(folder.join(".holdall/shell").join(script)).unwrap();
    let head: Vec<&str> = text.lines().take_while(|l| l.starts_with('#')).collect();
    let (_, body) = text
        .split_once("\n# The steps of the job.\n")
        .or_else(|| text.split_once("\n# The jobs of the workflow.\n"))
        .unwrap();
    let set = text.lines().filter(|l| {
        [
            "holdall_default P",
            "export F",
            "export N",
            "holdall_context ",
            "CI=true",
        ]
        .iter()
        .any(|s| l.starts_with(s))
            || l.contains(") holdall_set ")
    });
    let set: Vec<&str> = set.collect();
    format!("{}\n[…]\n{}\n[…]\n{body}", head.join("\n"), set.join("\n"))
}

#[test]
fn filters_conditions_caches_and_values_are_written() {
    let folder = tempfile::tempdir().unwrap();
    migrated(&fixture("rules.yml"), folder.path());
    let names = ["main.sh", "nightly.sh", "jobs/build.sh", "jobs/use.sh"];
    let parts = names.map(|n| format!("=== {n}\n{}", own_part(folder.path(), n)));
    snapshot!("transpile_shell_rules", parts.join("\n"));
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    let (head, _) = report.split_once("\n## Every item").unwrap();
    let here = format!("{}/", fixture("").display());
    snapshot!(
        "transpile_shell_report",
        head.replace(&here, "")
            .replace(fixture("").to_str().unwrap(), "")
    );
}

#[test]
fn the_corpus_is_written_with_nothing_forgotten_and_every_shell_reads_it() {
    let test = "the_corpus_is_written_with_nothing_forgotten_and_every_shell_reads_it";
    let Some(shared) = common::shared(test) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut all, mut converted, mut count) = (0, 0, 0);
    for (i, config) in common::yaml_files(&shared.join("corpus/configs"))
        .iter()
        .enumerate()
    {
        let to = folder.path().join(i.to_string());
        std::fs::create_dir(&to).unwrap();
        let report = migrated(config, &to);
        for item in report["items"].as_array().unwrap() {
            let note = item["note"].as_str().unwrap_or_default();
            // What an orb does whose source is not at hand cannot be known.
            if note.contains("its source is not known here") {
                continue;
            }
            all += 1;
            converted += usize::from(item["outcome"] == "converted");
        }
        for script in scripts(&to) {
            count += 1;
            let written = std::fs::read_to_string(&script).unwrap();
            for mark in ['\u{F0001}', '\u{F0002}', '\u{F0003}'] {
                assert!(!written.contains(mark), "{}", script.display());
            }
            assert!(
                !written
                    .lines()
                    .any(|l| l.contains("@NOTES@") || l.contains("@JOBS@"))
            );
            let out = Command::new("sh").arg("-n").arg(&script).output().unwrap();
            assert!(out.status.success(), "{}: {}", config.display(), text(&out));
        }
    }
    println!("{count} scripts; {converted} of {all} items are converted");
    assert!(converted * 100 >= all * 75, "{converted} of {all}");
}

#[test]
fn shellcheck_has_nothing_to_say() {
    if !common::tool("shellcheck_has_nothing_to_say", "shellcheck") {
        return;
    }
    for config in ["rules.yml", "whole.yml", "conflict.yml"] {
        let folder = tempfile::tempdir().unwrap();
        migrated(&fixture(config), folder.path());
        let out = Command::new("shellcheck")
            .args(scripts(folder.path()))
            .output()
            .unwrap();
        assert!(out.status.success(), "{config}: {}", text(&out));
    }
}

/// A project with a config and its scripts.
struct Project {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
    /// Where the scripts find the same shell as `sh`.
    path: std::ffi::OsString,
}

impl Project {
    fn new(config: &str, shell: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        std::fs::create_dir(dir.join(".circleci")).unwrap();
        std::fs::copy(fixture(config), dir.join(".circleci/config.yml")).unwrap();
        std::fs::write(dir.join("in-the-repository"), "").unwrap();
        let git = |args: &[&str]| {
            let out = Command::new("git")
                .current_dir(dir)
                .args(args)
                .output()
                .unwrap();
            assert!(out.status.success(), "{}", text(&out));
        };
        git(&["init", "-q", "-b", "main"]);
        git(&["add", "-A"]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@t.invalid"];
        git(&[&who[..], &["commit", "-qm", "t"]].concat());
        migrated(&dir.join(".circleci/config.yml"), dir);
        let path = common::path_with_sh("a project", shell).unwrap();
        Self {
            folder,
            shell,
            path,
        }
    }

    fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a script.
    fn run(&self, script: &str, args: &[&str]) -> (Option<i32>, String) {
        let out = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg(self.dir().join(".holdall/shell").join(script))
            .args(args)
            .current_dir(self.dir())
            .env("HOLDALL_LAB", self.dir())
            .env("PATH", &self.path)
            .env_remove("HOLDALL_STORE")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (out.status.code(), text(&out))
    }
}

/// Runs a test under each shell that is here.
fn under_each_shell(test: &str, check: impl Fn(&'static [&'static str])) {
    for shell in common::SHELLS {
        if common::tool(test, shell[0]) {
            check(shell);
        }
    }
}

/// Returns what the steps told.
fn told(said: &str) -> Vec<&str> {
    said.lines()
        .filter_map(|l| l.strip_prefix("TOLD "))
        .collect()
}

/// Returns how the jobs ended.
fn ended(said: &str) -> Vec<String> {
    let (_, end) = said.rsplit_once("== workspace").unwrap();
    let lines = end.lines().skip(1);
    lines
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn a_workflow_runs_as_on_the_service() {
    let test = "a_workflow_runs_as_on_the_service";
    under_each_shell(test, |shell| {
        let project = Project::new("whole.yml", shell);
        let contexts = project.dir().join(".holdall/contexts");
        std::fs::create_dir_all(&contexts).unwrap();
        std::fs::write(
            contexts.join("my%20keys.env"),
            "# of mine\nTOKEN=a $b 'c'\nBOTH=context\n",
        )
        .unwrap();
        let (code, said) = project.run("main.sh", &["--approve", "hold"]);
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(
            told(&said),
            [
                "hello the world's on main from step",
                "A-B=odd",
                "from job",
                "three tries",
                "kept back",
                "node 2 has c.txt",
                "node 1 has b.txt",
                "node 0 has a.txt",
                "shipped by 0",
                "on_fail",
                "always",
                "of the failure",
                "no cache",
                "a $b 'c', job",
            ],
            "{shell:?}: {said}"
        );
        assert_eq!(
            ended(&said),
            [
                "success build",
                "success nodes",
                "failed fails",
                "failed silent",
                "success halts",
                "success told",
                "not_run stays",
                "success whatever",
                "success hold",
                "success after",
                "success secrets",
                "success only-main",
                "filtered not-main",
                "filtered behind",
                "success either",
            ],
            "{said}"
        );
        assert!(
            said.contains("the step said nothing for 1 seconds and was stopped"),
            "{said}"
        );
        let tree: Vec<&str> = said
            .lines()
            .filter_map(|l| l.strip_prefix("TREE "))
            .collect();
        assert_eq!(
            tree,
            [
                ". d",
                "./.hidden d",
                "./.hidden/g f 644 g",
                "./0 f 644 3",
                "./1 f 644 3",
                "./2 f 644 3",
                "./dangling l nowhere",
                "./empty d",
                "./f f 700 v",
            ]
        );
        // What ran in the background ended with its job, what it had started too.
        for process in ["server", "child"] {
            let pid = std::fs::read_to_string(project.dir().join(process)).unwrap();
            assert!(
                !Path::new("/proc").join(pid.trim()).exists(),
                "{process}: {said}"
            );
        }
        // What is kept for people lies in the run's folder.
        let runs: Vec<PathBuf> = std::fs::read_dir(project.dir().join(".holdall/work"))
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        let [run] = runs.as_slice() else {
            panic!("one run: {runs:?}")
        };
        for kept in [
            "artifacts/fails/kept/late.txt",
            "logs/nodes@2.log",
            "tests/fails/7",
        ] {
            assert!(run.join(kept).is_file(), "{kept}");
        }
        // A second run finds what the first one kept, and is told of another value.
        let (_, said) = project.run("main.sh", &["--approve-all", "--parameter", "deploy=true"]);
        assert!(told(&said).contains(&"from the cache"), "{said}");
        assert!(told(&said).contains(&"deployed"), "{said}");
    });
}

#[test]
fn what_was_pushed_decides_when_the_script_runs() {
    let test = "what_was_pushed_decides_when_the_script_runs";
    under_each_shell(test, |shell| {
        let project = Project::new("whole.yml", shell);
        let (code, said) = project.run("main.sh", &["--tag", "v12"]);
        assert_eq!(code, Some(0), "{said}");
        let ran: Vec<String> = ended(&said)
            .into_iter()
            .filter(|l| !l.starts_with("filtered"))
            .collect();
        assert_eq!(ran, ["success only-main"], "{said}");
        let (_, said) = project.run("main.sh", &["--tag", "v12x"]);
        assert!(
            ended(&said).iter().all(|l| l.starts_with("filtered")),
            "{said}"
        );
        let (code, said) = project.run("quiet.sh", &[]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("nothing runs"), "{said}");
        let (code, said) = project.run("quiet.sh", &["--parameter", "deploy=true"]);
        assert_eq!(
            (code, ended(&said)),
            (Some(0), vec!["success quietly".to_owned()])
        );
        for wrong in [
            &["--parameter", "deploy=maybe"][..],
            &["--parameter", "deplyo=true"],
            &["--branch"],
            &["--what"],
        ] {
            let (code, said) = project.run("quiet.sh", wrong);
            assert_eq!(code, Some(2), "{wrong:?}: {said}");
        }
    });
}

#[test]
fn an_approval_holds_what_is_behind_it_until_a_later_run() {
    let test = "an_approval_holds_what_is_behind_it_until_a_later_run";
    under_each_shell(test, |shell| {
        let project = Project::new("whole.yml", shell);
        let (_, said) = project.run("main.sh", &[]);
        assert!(ended(&said).contains(&"on_hold hold".to_owned()), "{said}");
        assert!(ended(&said).contains(&"blocked after".to_owned()), "{said}");
        let (_, rest) = said.rsplit_once("== workspace ").unwrap();
        let id = rest.split(' ').next().unwrap();
        let (_, said) = project.run("main.sh", &["--rerun-from-failed", id, "--approve", "hold"]);
        assert!(ended(&said).contains(&"success after".to_owned()), "{said}");
        assert!(!said.contains("== build, node"), "{said}");
        assert!(said.contains("== fails, node"), "{said}");
    });
}

#[test]
fn a_conflict_of_layers_fails_the_job() {
    under_each_shell("a_conflict_of_layers_fails_the_job", |shell| {
        let project = Project::new("conflict.yml", shell);
        let (code, said) = project.run("main.sh", &[]);
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(ended(&said), ["success a", "success b", "failed c"]);
        assert!(
            said.contains("Concurrent upstream jobs persisted the same file(s)"),
            "{said}"
        );
    });
}

#[test]
fn comments_stand_where_what_they_are_about_stands() {
    let config = common::root().join("tests/transpile-gitlab/comments.yml");
    let folder = tempfile::tempdir().unwrap();
    migrated(&config, folder.path());
    let shell = folder.path().join(".holdall/shell");
    let read = |name: &str| std::fs::read_to_string(shell.join(name)).unwrap();
    let behind = |text: String, line: &str| text.split_once(line).unwrap().1.to_owned();
    snapshot!(
        "transpile_shell_comments",
        format!(
            "[jobs/build.sh]{}\n[main.sh]{}",
            behind(read("jobs/build.sh"), "# The steps of the job."),
            behind(read("main.sh"), "# The jobs of the workflow.")
        )
    );
}
