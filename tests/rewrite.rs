//! `transpile` on configs that are written in odd ways: nothing of a person's text is lost, and
//! what is written says what was meant.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::path::Path;

use holdall::yaml::{Tree, parse};

/// Writes a config into a folder of its own and transpiles it.
fn transpile(config: &str, args: &[&str]) -> (tempfile::TempDir, Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    let out = common::holdall()
        .arg("transpile")
        .args(args)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (dir, out.status.code(), text(out.stdout), text(out.stderr))
}

/// Rewrites a config in place over a store.
fn rewrite(config: &str) -> (Option<i32>, String, String) {
    let args = ["--to", "circleci", "--store", "/store", "--output", "-"];
    let (_dir, code, out, err) = transpile(config, &args);
    (code, out, err)
}

/// A config of one job with these steps, each line indented by six.
fn config(steps: &str) -> String {
    let mut out = String::from(
        "version: 2.1\njobs:\n  build:\n    docker: [{image: cimg/base:2024.01}]\n    steps:\n",
    );
    for line in steps.lines() {
        out.push_str(&format!("      {line}\n"));
    }
    out + "workflows: {main: {jobs: [build]}}\n"
}

/// The scripts of a config, as the service would read them.
fn scripts(tree: &Tree) -> Vec<String> {
    let commands = tree.nodes().filter_map(|n| n.get("command")?.value.text());
    commands.map(str::to_owned).collect()
}

#[test]
fn comments_after_a_step_stay_comments() {
    for steps in [
        "- persist_to_workspace: {root: out, paths: [f]} # KEEP\n- run: x",
        "- persist_to_workspace:\n    root: out\n    paths:\n      - f # KEEP\n- run: x",
        "- persist_to_workspace:\n    root: out\n    paths:\n      - f\n      # KEEP\n- run: x",
        "- persist_to_workspace:\n    root: out\n    paths:\n      - f\n\n          # KEEP\n\n# KEEP\n- run: x",
        "- persist_to_workspace:\n    root: out\n    paths:\n      - f\n# KEEP\n- run: x",
        "- persist_to_workspace:\n    root: out\n    paths:\n      - f\n      # KEEP",
        "- persist_to_workspace: # KEEP\n    # KEEP\n    root: out # KEEP\n    paths: [f] # KEEP",
        "- {persist_to_workspace: {root: out, paths: [f]}} # KEEP\n# KEEP",
    ] {
        for newline in ["\n", "\r\n"] {
            let before = config(steps).replace('\n', newline);
            let (code, out, err) = rewrite(&before);
            assert_eq!(code, Some(0), "{steps}\n{err}");
            let tree = parse(out.as_str()).tree;
            assert!(
                !scripts(&tree).iter().any(|s| s.contains("KEEP")),
                "a comment became part of a script:\n{out}"
            );
            assert_eq!(
                tree.comments().len(),
                before.matches("# KEEP").count(),
                "{out}"
            );
        }
    }
}

#[test]
fn an_anchor_that_would_be_lost_is_named() {
    let lost = config(
        "- persist_to_workspace: {root: &out out, paths: [f]}\n- run: {command: x, working_directory: *out}",
    );
    let (code, out, err) = rewrite(&lost);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("`&out`"), "{err}");
    let (code, out, err) = rewrite(&config(
        "- persist_to_workspace: {root: &out out, paths: [f]}\n- persist_to_workspace: {root: *out, paths: [g]}",
    ));
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        out.matches("hl_persist /store \"$CIRCLE_JOB\" out ")
            .count(),
        2
    );
}

#[test]
fn a_step_that_runs_after_a_failure_is_not_made_one_that_does_not() {
    let (code, out, err) = rewrite(&config(
        "- persist_to_workspace: {root: out, paths: [f], when: always}",
    ));
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("`when` of a workspace step"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_no_shell_can_export_reaches_its_step() {
    let before = config(
        "- run: {command: \"env | grep -e '^A-B=x y$' -e '^C=y$'\", environment: {A-B: x y, C: y}}",
    );
    let (dir, code, _, err) = transpile(&before, &["--to", "shell"]);
    assert_eq!(code, Some(0), "{err}");
    let job = dir.path().join(".holdall/shell/jobs/build.sh");
    assert_is_shell(&job);
    let out = std::process::Command::new("sh")
        .arg(&job)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(
        said.contains("\nA-B=x y\n") && said.contains("\nC=y\n"),
        "{said}"
    );
}

#[test]
fn variables_of_the_primary_image_reach_the_steps() {
    let before = config("- run: 'true'").replace(
        "[{image: cimg/base:2024.01}]",
        "[{image: a, environment: {FROM: image, OVER: image}}, {image: b, environment: {NOT: here}}]\n    environment: {OVER: job}",
    );
    let (dir, code, _, err) = transpile(&before, &["--to", "shell"]);
    assert_eq!(code, Some(0), "{err}");
    let text = std::fs::read_to_string(dir.path().join(".holdall/shell/jobs/build.sh")).unwrap();
    assert!(
        text.contains("export FROM=image\nexport OVER=image\nexport OVER=job\n"),
        "{text}"
    );
    assert!(!text.contains("NOT"), "{text}");
}

#[test]
fn a_template_does_not_break_out_of_a_script() {
    let with = |value: &str| {
        config(&format!("- save: {{dir: \"{value}\"}}")).replace(
            "jobs:\n  build",
            "commands:\n  save:\n    parameters: {dir: {type: string}}\n    steps:\n    \
             - persist_to_workspace: {root: << parameters.dir >>, paths: [f]}\njobs:\n  build",
        )
    };
    let (code, out, err) = rewrite(&with("a b; c"));
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("'<< parameters.dir >>'"));
    for value in ["it's; touch x #", "<< pipeline.git.branch >>"] {
        let (code, out, err) = rewrite(&with(value));
        assert_eq!((code, out.as_str()), (Some(1), ""), "{value}: {err}");
        assert!(err.contains("a template whose value"), "{err}");
    }
}

#[cfg(unix)]
#[test]
fn a_workspace_that_leads_elsewhere_removes_nothing() {
    let (dir, code, _, err) = transpile(&config("- run: 'true'"), &["--to", "shell"]);
    assert_eq!(code, Some(0), "{err}");
    // `.holdall/work/../../build` is a folder of the project.
    std::fs::create_dir_all(dir.path().join(".holdall/work")).unwrap();
    std::fs::create_dir(dir.path().join("build")).unwrap();
    std::fs::write(dir.path().join("build/mine"), "").unwrap();
    let out = std::process::Command::new("sh")
        .arg(".holdall/shell/jobs/build.sh")
        .env("HOLDALL_WORKSPACE", "../..")
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(dir.path().join("build/mine").exists());
}

/// Asserts that a shell can read a script.
#[cfg(unix)]
fn assert_is_shell(script: &Path) {
    let out = std::process::Command::new("sh")
        .arg("-n")
        .arg(script)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn a_path_of_signs_that_a_block_cannot_hold_is_written_with_escapes() {
    for step in [
        "- persist_to_workspace:\n    root: .\n    paths: [\"a\\eb\"]",
        "- persist_to_workspace: {root: ., paths: [\"a\\eb\"]}",
        "- persist_to_workspace:\n    root: .\n    paths: [\"a\\rb\", \"c\\u2028d\\x7f\"]",
        "- {persist_to_workspace: {root: ., paths: [\"c\\u2028d\\x85\"]}}",
    ] {
        let (code, out, err) = rewrite(&config(step));
        assert_eq!(code, Some(0), "{step}\n{err}");
        let said = scripts(&parse(out.as_str()).tree).concat();
        for sign in ['\u{1b}', '\r', '\u{2028}', '\u{7f}', '\u{85}'] {
            let escape = match sign {
                '\u{1b}' => "\\e",
                '\r' => "\\r",
                '\u{2028}' => "\\u2028",
                '\u{7f}' => "\\x7f",
                _ => "\\x85",
            };
            assert_eq!(
                said.contains(sign),
                step.contains(escape),
                "{sign:?} in {out}"
            );
        }
    }
}
