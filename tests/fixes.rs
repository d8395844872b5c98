//! `holdall lint --fix`: every fix does what it says, and nothing else. The diffs of the rules'
//! fixtures are snapshots; what holds for all fixes is checked on every fixture and on the corpus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};

use holdall::finding::Severity;
use holdall::lint::{self, Checked, Fixable, Fixed, Options, Selection};
use holdall::yaml::{Source, parse};
use proptest::prelude::*;

/// Fixtures in which a finding stays, since its text does not allow the fix, or nothing
/// says what was meant.
const STAYS: &[&str] = &[
    "unknown-key/bad-schema-behind-alias",
    "unknown-key/bad-schema-job",
    "unknown-key/bad-schema-step",
    "unknown-key/bad",
    "enum-value/bad-parameter",
    "enum-value/bad-schema",
    "undefined-parameter/bad-scope",
    "undefined-executor/bad-under-a-value",
    "undefined-executor/bad",
    "undefined-orb/bad-under-test",
    "requires-unknown-job/bad-itself",
    "requires-unknown-job/bad-not-run-here",
    "filter-glob-not-regex/bad-other-signs",
    "matrix-argument/bad",
    "path-absolute/bad-argument",
    "path-absolute/bad-drive",
    "path-absolute/bad-second-arm",
    "path-absolute/bad",
    "path-redundant/bad-block",
    "attach-without-upstream/bad-nobody",
    "attach-without-upstream/bad-same-work",
    "attach-without-upstream/bad-they-wait",
    "layer-never-attached/bad-never-together",
    "layer-never-attached/bad",
    "unquoted-branch-variable/bad-code",
    "unquoted-branch-variable/bad-styles",
    "unused-suppression/bad-not-read",
];

fn check(source: Source, selection: &Selection) -> Checked {
    let options = Options {
        least: Severity::Info,
        selection,
        ..Options::default()
    };
    lint::check(source, options)
}

fn fixed(text: &str, unsafe_too: bool, selection: &Selection) -> Fixed {
    let source = Source::new(".circleci/config.yml", text);
    lint::fix(source, unsafe_too, &|s| check(s, selection))
}

fn only(rule: &str) -> Selection {
    let mut selection = Selection::new();
    selection.select(rule).unwrap();
    selection
}

fn diff(before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(1)
        .to_string()
}

fn fixtures(rule: &str) -> Vec<PathBuf> {
    common::yaml_files(&common::root().join("tests/fixtures/rules").join(rule))
}

#[test]
fn every_fixable_rule_mends_its_fixtures() {
    let (mut stays, mut never) = (Vec::new(), Vec::new());
    for rule in lint::rules().iter().filter(|r| r.fix != Fixable::No) {
        let selection = only(rule.name);
        let mut shown = String::new();
        let mut mended = 0;
        for path in fixtures(rule.name) {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let before = check(Source::new("c.yml", text.as_str()), &selection);
            let before = before.report.findings.len();
            let after = fixed(&text, rule.fix == Fixable::Unsafe, &selection);
            let left = after.checked.report.findings.len();
            assert!(
                after.left.is_empty(),
                "{}: {:?}",
                path.display(),
                after.left
            );
            if before == 0 {
                assert_eq!(after.text(), text, "{}", path.display());
                continue;
            }
            mended += after.fixed.len();
            if left > 0 {
                stays.push(format!("{}/{name}", rule.name));
            }
            let diff = diff(&text, &after.text());
            shown.push_str(&format!("{name}: {before} found, {left} left\n{diff}\n"));
        }
        if mended == 0 {
            never.push(rule.name);
        }
        snapshot!(format!("fix-{}", rule.name), shown);
    }
    assert!(never.is_empty(), "no fixture of these is mended: {never:?}");
    assert_eq!(stays, STAYS);
}

/// Every scalar and every comment of a text, each with how often it is there.
fn words(text: &str) -> std::collections::BTreeMap<String, i32> {
    let tree = parse(text).tree;
    let mut out = std::collections::BTreeMap::new();
    let scalars = tree.nodes().filter_map(|n| n.text().map(str::to_owned));
    let comments = tree
        .comments()
        .iter()
        .map(|c| tree.slice_of(c.span).trim_end().to_owned());
    for word in scalars.chain(comments) {
        *out.entry(word).or_insert(0) += 1;
    }
    out
}

/// What holds of every fixed text: it is read, its comments are there but for those that a fix is
/// about, no line outside the edits moved, and a second run has nothing to do.
fn holds(path: &Path, text: &str, unsafe_too: bool) -> usize {
    let everything = Selection::new();
    let after = fixed(text, unsafe_too, &everything);
    let now = after.text();
    assert_eq!(after.before.is_some(), now != text, "{}", path.display());
    if now == text {
        assert!(after.fixed.is_empty(), "{}", path.display());
        return 0;
    }
    let parsed = parse(now.as_str());
    assert_eq!(parsed.error, None, "{}: {now}", path.display());
    let about_comments = |rule: &&str| rule.ends_with("-suppression");
    if !after.fixed.iter().any(about_comments) {
        let comments = |text: &str| {
            let tree = parse(text).tree;
            let all = tree.comments().iter();
            let mut all: Vec<String> = all
                .map(|c| tree.slice_of(c.span).trim_end().to_owned())
                .collect();
            all.sort();
            all
        };
        assert_eq!(comments(text), comments(&now), "{}", path.display());
    }
    // A fix changes a handful of words at most; formatting is no word.
    let (old, new) = (words(text), words(&now));
    let changed: usize = old
        .keys()
        .chain(new.keys().filter(|k| !old.contains_key(*k)))
        .map(|k| (old.get(k).unwrap_or(&0) - new.get(k).unwrap_or(&0)).unsigned_abs() as usize)
        .sum();
    let most = 8 * after.fixed.len();
    assert!(
        changed <= most,
        "{}: {changed} words changed",
        path.display()
    );
    // Each line that is no more is one that a fix was about.
    let gone = similar::TextDiff::from_lines(text, &now);
    let changes = gone.iter_all_changes();
    let gone = changes
        .filter(|c| c.tag() == similar::ChangeTag::Delete)
        .count();
    assert!(
        gone <= 12 * after.fixed.len(),
        "{}: {gone} lines",
        path.display()
    );
    assert_eq!(
        text.ends_with('\n'),
        now.ends_with('\n'),
        "{}: the end of the last line",
        path.display()
    );
    let again = fixed(&now, unsafe_too, &everything);
    let more = diff(&now, &again.text());
    assert!(more.is_empty(), "{}: a second run:\n{more}", path.display());
    let errors = |checked: &Checked| {
        let all = checked.report.findings.iter();
        all.filter(|f| f.severity == Severity::Error).count()
    };
    let before = check(Source::new(".circleci/config.yml", text), &everything);
    assert!(
        errors(&after.checked) <= errors(&before),
        "{}",
        path.display()
    );
    after.fixed.len()
}

#[test]
fn fixes_of_all_fixtures_change_what_they_say_and_nothing_else() {
    let mut count = 0;
    for rule in lint::rules() {
        for path in fixtures(rule.name) {
            let text = std::fs::read_to_string(&path).unwrap();
            for unsafe_too in [false, true] {
                count += holds(&path, &text, unsafe_too);
                count += holds(&path, &text.replace('\n', "\r\n"), unsafe_too);
                count += holds(&path, text.trim_end(), unsafe_too);
            }
        }
    }
    println!("{count} fixes");
    assert!(count > 100, "{count}");
}

#[test]
fn fixes_of_the_corpus_change_what_they_say_and_nothing_else() {
    let Some(shared) = common::shared("fixes of the corpus") else {
        return;
    };
    let mut count = 0;
    let files = ["corpus/configs", "corpus/orbs"].map(|dir| common::yaml_files(&shared.join(dir)));
    for path in files.into_iter().flatten() {
        let text = std::fs::read_to_string(&path).unwrap();
        for unsafe_too in [false, true] {
            count += holds(&path, &text, unsafe_too);
        }
    }
    println!("{count} fixes");
    assert!(count > 0);
}

/// Pieces that mean something to YAML, to templates, or to a fix.
const PIECES: [&str; 20] = [
    "\n", "\r\n", "  ", "- ", ": ", ",", "[", "]", "{", "}", "&a ", "*a", "<<", ">>", "<<: *a",
    "|\n", "'", "\"", " # c", "\u{e9}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_config_is_mended_as_well_or_left_alone(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(&PIECES[..])), 0..3),
    ) {
        let fixable: Vec<_> = lint::rules().iter().filter(|r| r.fix != Fixable::No).collect();
        let all: Vec<PathBuf> = fixable.iter().flat_map(|r| fixtures(r.name)).collect();
        let path = &all[which.index(all.len())];
        let mut text: Vec<char> = std::fs::read_to_string(path).unwrap().chars().collect();
        for (at, len, piece) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + len).min(text.len());
            text.splice(start..end, piece.chars());
        }
        holds(path, &text.into_iter().collect::<String>(), true);
    }
}

#[test]
fn line_breaks_stay_what_they_are() {
    for rule in lint::rules().iter().filter(|r| r.fix != Fixable::No) {
        for path in fixtures(rule.name) {
            let text = std::fs::read_to_string(&path)
                .unwrap()
                .replace('\n', "\r\n");
            let now = fixed(&text, true, &only(rule.name)).text();
            let bare = now.replace("\r\n", "").contains(['\r', '\n']);
            assert!(!bare, "{}: {now:?}", path.display());
        }
    }
}

const ANCHORED: &str = "version: 2.1
x: &persist
  persist_to_workspace:
    root: .
    paths: dist # all of it
jobs:
  build:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - run: mkdir dist
      - *persist
workflows:
  main:
    jobs: [build]
";

#[test]
fn what_an_anchor_names_is_mended_only_where_unsafe_is_asked_for() {
    let selection = only("paths-not-a-list");
    let safe = fixed(ANCHORED, false, &selection);
    assert_eq!(safe.text(), ANCHORED);
    assert!(!safe.checked.report.findings[0].fix.as_ref().unwrap().safe);
    let unsafe_too = fixed(ANCHORED, true, &selection);
    assert_eq!(unsafe_too.text(), ANCHORED.replace("dist #", "[dist] #"));
}

#[test]
fn what_two_jobs_run_is_mended_only_where_unsafe_is_asked_for() {
    let text = "version: 2.1
commands:
  keep:
    steps:
      - persist_to_workspace: {root: ., paths: dist}
jobs:
  a: {docker: [{image: \"cimg/base:2024.01\"}], steps: [run: make, keep]}
  b: {docker: [{image: \"cimg/base:2024.01\"}], steps: [run: make, keep]}
workflows:
  main:
    jobs: [a, b]
";
    let selection = only("paths-not-a-list");
    assert_eq!(fixed(text, false, &selection).text(), text);
    let alone = text.replace("[a, b]", "[a]");
    let now = fixed(&alone, false, &selection).text();
    assert_eq!(now, alone.replace("paths: dist", "paths: [dist]"));
    let now = fixed(text, true, &selection).text();
    assert_eq!(now, text.replace("paths: dist", "paths: [dist]"));
}

#[test]
fn a_text_that_cannot_be_read_to_its_end_is_left_alone() {
    let text = "version: 2.1\nworkflows:\n  version: 2\n  main: {jobs: [a]}\nx: [\n";
    assert_eq!(fixed(text, true, &Selection::new()).text(), text);
}

/// A config in a folder of its own, with two findings that `--fix` mends.
fn project(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.yml");
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

const CONFIG: &str = "version: 2.1
jobs:
  build:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - run: make
      - persist_to_workspace:
          root: .
          paths: dist   # the product
workflows:
  main: {jobs: [build]}
";

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn lint_in(dir: &Path, args: &[&str], stdin: &str) -> Ran {
    use std::io::Write as _;
    let mut child = common::holdall()
        .current_dir(dir)
        .arg("lint")
        .args(args)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let out = child.wait_with_output().unwrap();
    Ran {
        code: out.status.code(),
        out: String::from_utf8(out.stdout).unwrap(),
        err: String::from_utf8(out.stderr).unwrap(),
    }
}

#[test]
fn the_file_is_written_with_its_mode_and_one_bad_file_stops_no_other() {
    let (dir, file) = project(CONFIG);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    let args = ["--fix", "--fail-on", "warning", "gone.yml", "config.yml"];
    let ran = lint_in(dir.path(), &args, "");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let now = std::fs::read_to_string(&file).unwrap();
    assert_eq!(now, CONFIG.replace("paths: dist ", "paths: [dist] "));
    assert!(
        ran.err.contains("config.yml: fixed paths-not-a-list\n"),
        "{}",
        ran.err
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
    let ran = lint_in(dir.path(), &["--fix", "config.yml"], "");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), now);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_read_only_file_is_said_to_be_so_and_stays() {
    let (dir, file) = project(CONFIG);
    let mut mode = std::fs::metadata(&file).unwrap().permissions();
    mode.set_readonly(true);
    std::fs::set_permissions(&file, mode).unwrap();
    let ran = lint_in(dir.path(), &["--fix", "config.yml"], "");
    assert_eq!(ran.code, Some(3));
    snapshot!("fix-read-only", ran.err);
    assert!(ran.out.contains("paths-not-a-list"), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), CONFIG);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let (dir, file) = project(CONFIG);
    let link = dir.path().join("link.yml");
    std::os::unix::fs::symlink("config.yml", &link).unwrap();
    let ran = lint_in(dir.path(), &["--fix", "link.yml"], "");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&file).unwrap().contains("[dist]"));
}

#[test]
fn a_diff_is_printed_and_nothing_is_written() {
    let (dir, file) = project(CONFIG);
    let ran = lint_in(
        dir.path(),
        &["--diff", "--fail-on", "warning", "config.yml"],
        "",
    );
    assert_eq!(ran.code, Some(1), "as of the text that is there");
    snapshot!("fix-diff", ran.out);
    assert_eq!(ran.err, "config.yml: would fix paths-not-a-list\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), CONFIG);
}

#[test]
fn stdin_is_printed_as_it_is_after_the_fixes() {
    let (dir, _) = project(CONFIG);
    let ran = lint_in(dir.path(), &["--fix", "-"], CONFIG);
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.out, CONFIG.replace("paths: dist ", "paths: [dist] "));
    assert!(
        ran.err.contains("<stdin>: fixed paths-not-a-list\n"),
        "{}",
        ran.err
    );
    let ran = lint_in(dir.path(), &["--fix", "-"], &ran.out);
    assert!(ran.out.contains("paths: [dist] "), "{}", ran.out);
}

#[test]
fn what_is_known_is_not_mended() {
    let (dir, file) = project(CONFIG);
    lint_in(
        dir.path(),
        &["--baseline", "known", "--update-baseline", "config.yml"],
        "",
    );
    let ran = lint_in(
        dir.path(),
        &["--baseline", "known", "--fix", "config.yml"],
        "",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), CONFIG);
}

#[test]
fn the_summary_says_what_is_fixable_and_wrong_usage_is_said() {
    let (dir, _) = project(CONFIG);
    let ran = lint_in(dir.path(), &["config.yml"], "");
    let last = ran.out.lines().last().unwrap().to_owned();
    assert_eq!(last, "1 file checked: 2 warnings (1 fixable with --fix)");
    let ran = lint_in(dir.path(), &["--unsafe", "config.yml"], "");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("add `--fix`"), "{}", ran.err);
}
