//! What a person sees when the input is wrong: words, a hint, an exit status, never a panic.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::path::Path;

/// Runs the binary in a folder and returns everything that a person would see.
fn see(dir: &Path, args: &[&str], stdin: Option<&[u8]>) -> String {
    use std::io::Write as _;
    let mut command = common::holdall();
    command.args(args).current_dir(dir);
    command.stdin(std::process::Stdio::piped());
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.unwrap_or_default())
        .unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec())
            .unwrap()
            .replace(dir.to_str().unwrap(), "[DIR]")
    };
    let mut seen = format!(
        "$ holdall {}\nexit status {}\n",
        args.join(" "),
        out.status.code().unwrap()
    );
    for (name, bytes) in [("stdout", &out.stdout), ("stderr", &out.stderr)] {
        if !bytes.is_empty() {
            seen.push_str(&format!("--- {name}\n{}", text(bytes)));
        }
    }
    seen
}

fn config(dir: &Path, text: &str) {
    std::fs::create_dir_all(dir.join(".circleci")).unwrap();
    std::fs::write(dir.join(".circleci/config.yml"), text).unwrap();
}

fn lint(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), text);
    see(dir.path(), &["lint"], None)
}

#[test]
fn configs_that_are_none() {
    let all = [
        ("not YAML", "jobs: [build\nworkflows: {}\n"),
        ("empty", ""),
        ("a comment", "# soon\n"),
        ("a list", "- build\n- test\n"),
        ("a word", "build\n"),
        (
            "no workflows",
            "version: 2.1\njobs:\n  test:\n    docker: [{image: a}]\n    steps: [checkout]\n",
        ),
        ("no workflow", "version: 2.1\nworkflows: {}\n"),
    ]
    .map(|(what, text)| format!("# {what}\n{}", lint(text)))
    .join("\n");
    snapshot!("cli-configs-that-are-none", all);
}

#[test]
fn inputs_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = see(dir.path(), &["lint"], None);
    let missing = see(dir.path(), &["lint", "nowhere.yml"], None);
    std::fs::write(dir.path().join("bytes.yml"), b"a: \xff\xfe\n").unwrap();
    let bytes = see(dir.path(), &["lint", "bytes.yml"], None);
    // One bad file does not stop the others.
    let both = see(
        dir.path(),
        &["lint", "nowhere.yml", "-", "--format", "concise"],
        Some(b"- a\n"),
    );
    let big = vec![b' '; 17 * 1024 * 1024];
    let large = see(dir.path(), &["lint", "-"], Some(&big));
    snapshot!(
        "cli-inputs-that-cannot-be-read",
        [nothing, missing, bytes, both, large].join("\n")
    );
}

#[test]
fn wrong_usage_is_told_what_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    let all = [
        vec!["lnt"],
        vec!["lint", "--format", "jsn"],
        vec!["explain", "path-globstr"],
        vec!["explain", "x"],
        vec!["schema", "nothing"],
        vec!["transpile", "--to", "circleci"],
    ]
    .map(|args| see(dir.path(), &args, None))
    .join("\n");
    snapshot!("cli-wrong-usage", all);
}

#[test]
fn help_fits_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        vec!["--help"],
        vec!["lint", "--help"],
        vec!["transpile", "--help"],
        vec!["run", "--help"],
        vec!["explain", "-h"],
    ] {
        let text = see(dir.path(), &args, None);
        assert!(text.lines().count() <= 60, "{text}");
        assert!(text.contains("Example:"), "{text}");
    }
}

#[test]
fn a_rule_explains_itself() {
    let dir = tempfile::tempdir().unwrap();
    snapshot!(
        "cli-explain",
        see(dir.path(), &["explain", "path-globstar"], None)
    );
    snapshot!("cli-rules", see(dir.path(), &["rules"], None));
    let json: serde_json::Value = serde_json::from_slice(
        &common::holdall()
            .args(["rules", "--format", "json"])
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();
    assert_eq!(
        json["rules"].as_array().unwrap().len(),
        holdall::lint::rules().len()
    );
}

#[test]
fn formats_levels_and_the_exit_status() {
    let dir = tempfile::tempdir().unwrap();
    let bad =
        std::fs::read_to_string(common::root().join("tests/fixtures/rules/path-redundant/bad.yml"))
            .unwrap();
    config(dir.path(), &bad);
    let run = |args: &[&str]| see(dir.path(), args, None);
    assert!(run(&["lint"]).contains("exit status 0\n--- stdout\n1 file checked: nothing to say"));
    let pedantic = run(&["lint", "--level", "pedantic", "--format", "concise"]);
    assert!(
        pedantic.contains("exit status 0") && pedantic.contains("info[path-redundant]"),
        "{pedantic}"
    );
    assert!(run(&["lint", "--level", "pedantic", "--fail-on", "info"]).contains("exit status 1"));
    let globstar =
        std::fs::read_to_string(common::root().join("tests/fixtures/rules/path-globstar/bad.yml"))
            .unwrap();
    config(dir.path(), &globstar);
    assert!(run(&["lint"]).contains("exit status 0"));
    assert!(run(&["lint", "--fail-on", "warning"]).contains("exit status 1"));
    assert!(run(&["lint", "--fail-on", "never"]).contains("exit status 0"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let script = format!(
        "'{}' rules --format json | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_holdall")
    );
    let test = "a_closed_pipe_is_no_error";
    if !common::tool(test, "bash") {
        return;
    }
    let out = std::process::Command::new("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&out.stdout).trim(),
        "0",
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn an_orb_with_source_is_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    config(
        dir.path(),
        "version: 2.1
orbs: {tools: acme/tools@1}
jobs:
  use:
    docker: [{image: x}]
    steps: [attach_workspace: {at: .}]
workflows:
  main:
    jobs:
      - tools/build
      - use: {requires: [tools/build]}
",
    );
    let opaque = see(dir.path(), &["lint"], None);
    let orbs = dir.path().join(".holdall/orbs/acme");
    std::fs::create_dir_all(&orbs).unwrap();
    std::fs::write(
        orbs.join("tools@1.4.0.yml"),
        "version: 2.1
jobs:
  build:
    docker: [{image: y}]
    steps:
      - persist_to_workspace:
          root: .
          paths: [/abs]
",
    )
    .unwrap();
    let known = see(dir.path(), &["lint"], None);
    let rewritten = see(
        dir.path(),
        &[
            "transpile",
            "--to",
            "circleci",
            "--store",
            "/mnt/ws",
            "--force",
        ],
        None,
    );
    snapshot!("cli-orbs", [opaque, known, rewritten].join("\n"));
}

#[test]
fn a_report_is_written_as_markdown_and_as_json_whichever_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = common::root().join("tests/equivalence/conflict.yml");
    for named in ["a.md", "b.json", "c"] {
        let out = common::holdall()
            .args(["transpile", "--to", "github", "--force", "--output"])
            .arg(dir.path())
            .arg("--report")
            .arg(dir.path().join(named))
            .arg(&config)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    for markdown in ["a.md", "b.md", "c"] {
        assert!(read(markdown).starts_with('#'), "{markdown}");
    }
    for json in ["a.json", "b.json", "c.json"] {
        assert!(read(json).starts_with('{'), "{json}");
    }
}
