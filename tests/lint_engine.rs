//! The engine around the rules: comments that silence, choices of rules, formats for machines.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::Path;

const CONFIG: &str = "\
version: 2.1
jobs:
  build:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - persist_to_workspace: {root: ., paths: [\"a/**\"]} # holdall: ignore[path-globstar] one level is meant
      # holdall: ignore[path-globstar]
      - persist_to_workspace:
          root: .
          paths:
            - \"b/**\"
      - persist_to_workspace: {root: ., paths: [\"c/**\"]} # cci-ignore it runs
      # cci-ignore-next-line
      - persist_to_workspace: {root: ., paths: [\"d/**\"]}
      # cci-ignore-start
      - persist_to_workspace: {root: ., paths: [\"e/**\"]}
      # cci-ignore-end
      - persist_to_workspace: {root: ., paths: [\"f/**\"]}
      - run: make # holdall: ignore[path-globstar] nothing here
      # holdall: ignore[path-globstars]
      - run: make
  use:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - attach_workspace: {at: .}
workflows:
  main:
    jobs: [build, use: {requires: [build]}]
";

/// Lints a config and returns what is printed, with the exit status.
fn lint(config: &str, args: &[&str]) -> (String, Option<i32>) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.yml");
    std::fs::write(&file, config).unwrap();
    run(dir.path(), args)
}

fn run(dir: &Path, args: &[&str]) -> (String, Option<i32>) {
    let out = common::holdall()
        .current_dir(dir)
        .args(["lint", "config.yml"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (text, out.status.code())
}

#[test]
fn comments_silence_what_they_stand_at_and_say_when_they_do_not() {
    let (text, status) = lint(CONFIG, &["--format", "concise"]);
    snapshot!("lint-suppressions", text);
    assert_eq!(status, Some(0));
}

#[test]
fn what_is_silenced_can_be_seen_with_its_reason() {
    let (text, _) = lint(CONFIG, &["--format", "json", "--show-suppressed"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let reasons: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|f| f["suppressed"]["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["one level is meant", "", "it runs", "", ""]);
    // Silenced findings are not counted.
    assert_eq!(report["summary"]["warnings"], 3);
}

#[test]
fn a_whole_file_is_silenced() {
    let config = format!(
        "# holdall: ignore-file[path-globstar, unused-suppression, unknown-rule-in-suppression] all known\n{CONFIG}"
    );
    let (text, _) = lint(&config, &["--format", "concise"]);
    // Nothing is left of it, not even a word about the comment that silences words about comments.
    assert_eq!(
        text.lines().filter(|l| l.contains('[')).count(),
        0,
        "{text}"
    );
}

#[test]
fn a_comment_that_cannot_be_read_silences_nothing() {
    for comment in [
        "ignore [path-globstar] x",
        "ignore-next-line[path-globstar]",
        "ignore[path-globstar",
        "ignored things are elsewhere",
        "ignore-file[unpinned-image",
        "ignore-files",
        "ignore[]",
    ] {
        let plain = CONFIG.replace("# holdall: ignore[path-globstar]\n", "# was\n");
        let config = CONFIG.replace(
            "# holdall: ignore[path-globstar]\n",
            &format!("# holdall: {comment}\n"),
        );
        let found = |config: &str| lint(config, &["--format", "concise"]).0;
        let (plain, now) = (found(&plain), found(&config));
        let count = |text: &str, rule: &str| text.matches(&format!("[{rule}]")).count();
        for (rule, more) in [("path-globstar", 0), ("unused-suppression", 1)] {
            assert_eq!(
                count(&now, rule),
                count(&plain, rule) + more,
                "{comment}: {now}"
            );
        }
    }
    // A reason alone is for every rule.
    let all = CONFIG.replace("ignore[path-globstar]\n", "ignore it is known\n");
    let (text, _) = lint(&all, &["--format", "concise"]);
    assert_eq!(text.matches("[path-globstar]").count(), 1, "{text}");
}

#[test]
fn rules_are_chosen_and_given_levels() {
    let plain = CONFIG.replace("# holdall", "# was");
    let (text, status) = lint(
        &plain,
        &["--format", "concise", "--severity", "path-globstar=error"],
    );
    assert!(text.contains("error[path-globstar]"), "{text}");
    assert_eq!(status, Some(1));
    let (text, _) = lint(&plain, &["--format", "concise", "--select", "graph"]);
    assert!(!text.contains("path-globstar"), "{text}");
    let (text, _) = lint(
        &plain,
        &["--format", "concise", "--ignore", "path-globstar"],
    );
    assert!(!text.contains("path-globstar"), "{text}");
    let (text, status) = lint(&plain, &["--ignore", "path-globstr"]);
    assert!(text.contains("did you mean `path-globstar`?"), "{text}");
    assert_eq!(status, Some(2));
    let (text, status) = lint(&plain, &["--severity", "path-globstar=fatal"]);
    assert!(text.contains("fatal"), "{text}");
    assert_eq!(status, Some(2));
}

#[test]
fn every_format_says_the_same() {
    let config = "\
version: 2.1
jobs:
  build:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - persist_to_workspace: {root: ., paths: [\"a/**\", /b & <c>]}
  use:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - attach_workspace: {at: .}
workflows:
  main:
    jobs: [build, use: {requires: [build]}]
";
    for format in ["jsonl", "github", "gitlab", "junit", "checkstyle"] {
        let (text, status) = lint(config, &["--format", format]);
        snapshot!(format!("lint-format-{format}"), text);
        assert_eq!(status, Some(1), "{format}");
    }
    let (text, _) = lint(config, &["--format", "sarif", "--select", "path-absolute"]);
    snapshot!("lint-format-sarif", text);
}

#[test]
fn github_actions_get_their_own_format() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.yml"), CONFIG).unwrap();
    let out = common::holdall()
        .current_dir(dir.path())
        .env("GITHUB_ACTIONS", "true")
        .args(["lint", "config.yml"])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.starts_with("::warning file=config.yml,line="),
        "{text}"
    );
}

/// A repository with a config, and settings beside it.
fn project(settings: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join(".circleci")).unwrap();
    std::fs::create_dir_all(dir.path().join(".git")).unwrap();
    let config = CONFIG.replace("# holdall", "# was");
    std::fs::write(dir.path().join(".circleci/config.yml"), &config).unwrap();
    std::fs::write(dir.path().join(".circleci/other.yml"), &config).unwrap();
    std::fs::write(dir.path().join("holdall.toml"), settings).unwrap();
    dir
}

fn in_project(dir: &Path, args: &[&str]) -> (String, Option<i32>) {
    let out = common::holdall()
        .current_dir(dir)
        .args(["lint", "--format", "concise"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    // The folder is another one each time.
    let here = dir.canonicalize().unwrap();
    (
        text.replace(&*here.to_string_lossy(), "."),
        out.status.code(),
    )
}

#[test]
fn settings_give_levels_and_leave_configs_out() {
    let dir = project(
        "[lint]\nfail-on = \"warning\"\nexclude = [\".circleci/o*.yml\"]\n\n[lint.rules]\npath-globstar = { level = \"error\", reason = \"we fell for it\" }\nattach-before-checkout = \"off\"\n",
    );
    let (text, status) = in_project(dir.path(), &[]);
    assert!(text.contains("error[path-globstar]"), "{text}");
    assert!(!text.contains("other.yml"), "{text}");
    assert_eq!(status, Some(1));
    // The command line goes before the settings.
    let (text, status) = in_project(
        dir.path(),
        &["--severity", "path-globstar=info", "--fail-on", "never"],
    );
    assert!(!text.contains("path-globstar"), "{text}");
    assert_eq!(status, Some(0));
}

#[test]
fn wrong_settings_are_named_with_their_place() {
    let mut all = String::new();
    for settings in [
        "[lnt]\n",
        "[lint]\nfail_on = \"error\"\n",
        "[lint]\nfail-on = \"eror\"\n",
        "[lint]\nselect = \"workspace\"\n",
        "[lint]\nselect = [\"workspac\"]\n",
        "[lint.rules]\npath-globstr = \"off\"\n",
        "[lint.rules]\npath-globstar = \"of\"\n",
        "[lint.rules]\npath-globstar = { reason = \"x\" }\n",
        "[lint.rules]\npath-globstar = 3\n",
        "lint = \"all\"\n",
        "[lint\n",
    ] {
        let dir = project(settings);
        let (text, status) = in_project(dir.path(), &[]);
        assert_eq!(status, Some(2), "{settings}{text}");
        all.push_str(&format!("{settings}{text}\n"));
    }
    snapshot!("lint-wrong-settings", all);
}

#[test]
fn known_findings_are_not_reported_again_while_lines_move() {
    let dir = project("");
    let baseline = dir.path().join("known.json");
    let args = ["--baseline", "known.json"];
    let (text, status) = in_project(dir.path(), &args);
    assert!(text.contains("--update-baseline"), "{text}");
    assert_eq!(status, Some(3));
    let (_, status) = in_project(dir.path(), &[args[0], args[1], "--update-baseline"]);
    assert_eq!(status, Some(0));
    assert!(baseline.is_file());
    let (text, _) = in_project(dir.path(), &args);
    assert_eq!(text, "");
    let config = dir.path().join(".circleci/config.yml");
    let moved = std::fs::read_to_string(&config)
        .unwrap()
        .replace("jobs:\n  build:", "# a line more\n\njobs:\n  build:")
        .replace("[\"a/**\"]", "[\"a/**\", \"z/**\"]");
    std::fs::write(&config, moved).unwrap();
    let (text, _) = in_project(dir.path(), &args);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(":8:60: warning[path-globstar]"), "{text}");
    std::fs::write(&baseline, "{}").unwrap();
    let (text, status) = in_project(dir.path(), &args);
    assert!(text.contains("is no baseline"), "{text}");
    assert_eq!(status, Some(2));
}

/// It is for everybody who works on the project, as any other file of theirs.
#[test]
#[cfg(unix)]
fn a_baseline_is_as_readable_as_other_files_and_a_link_to_one_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = project("");
    let path = |name: &str| dir.path().join(name);
    let mode = |name: &str| path(name).metadata().unwrap().permissions().mode();
    std::fs::write(path("other"), "").unwrap();
    let update = |name| in_project(dir.path(), &["--baseline", name, "--update-baseline"]);
    assert_eq!(update("known.json").1, Some(0));
    assert_eq!(mode("known.json"), mode("other"));
    std::os::unix::fs::symlink("known.json", path("link.json")).unwrap();
    std::fs::write(path("known.json"), "{}").unwrap();
    assert_eq!(update("link.json").1, Some(0));
    assert!(path("link.json").is_symlink());
    assert_ne!(std::fs::read_to_string(path("known.json")).unwrap(), "{}");
}

/// What other files are joined with lacks what they hold: only `config.yml` is read by itself.
#[test]
fn a_part_of_a_config_lacks_what_the_other_files_hold() {
    let part = |config: &str, name: &str| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(name), config).unwrap();
        let out = common::holdall()
            .current_dir(dir.path())
            .args(["lint", name, "--format", "concise"])
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let workflows = "version: 2.1\nworkflows: {main: {jobs: [build, test, lint]}}\n";
    let jobs = "version: 2.1\njobs: {test: {docker: [{image: \"cimg/base:2024.01\"}], steps: [checkout]}}\n";
    for (config, rule, alone) in [(workflows, "undefined-job", 3), (jobs, "missing-key", 1)] {
        let errors = part(config, "config.yml");
        assert_eq!(errors.matches(rule).count(), alone, "{errors}");
        assert_eq!(errors.matches("error").count(), alone, "{errors}");
        let warning = part(config, "@workflows.yml");
        assert_eq!(warning.matches(rule).count(), 1, "{warning}");
        assert!(!warning.contains("error"), "{warning}");
    }
    // Who acts on a config needs all of it.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("@workflows.yml"), workflows).unwrap();
    let compiled = common::holdall()
        .current_dir(dir.path())
        .args(["compile", "@workflows.yml"])
        .output()
        .unwrap();
    assert_eq!(compiled.status.code(), Some(1));
    let said = String::from_utf8(compiled.stderr).unwrap();
    assert_eq!(said.matches("undefined-job").count(), 3, "{said}");
}
