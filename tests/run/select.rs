//! Which jobs run: one of them, those that failed, none at all. The program itself is called, in a
//! project of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

/// A project whose job `test` fails until a file is there, on the machine as it is.
struct Project(tempfile::TempDir);

const CONFIG: &str = r#"
version: 2.1
jobs:
  build: &job
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work-build
    steps:
      - run: mkdir -p out; date +%N > out/stamp; echo built
      - persist_to_workspace: {root: ., paths: [out]}
  lint:
    <<: *job
    working_directory: work-lint
    steps: [run: echo linted]
  test:
    <<: *job
    working_directory: work-test
    parameters: {n: {type: integer, default: 1}}
    steps:
      - attach_workspace: {at: .}
      - run:
          name: check
          command: echo "stamp $(cat out/stamp)"; test -e "$FLAG" && echo tested
    environment: {FLAG: "@FLAG@"}
  report:
    <<: *job
    working_directory: work-report
    steps: [run: echo reported]
  mail:
    <<: *job
    working_directory: work-mail
    steps: [run: echo mailed]
workflows:
  main:
    jobs:
      - build
      - lint
      - test: {requires: [build]}
      - report: {requires: [test, lint]}
      - mail: {requires: [{test: failed}]}
"#;

impl Project {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".circleci")).unwrap();
        let flag = dir.path().join("flag").display().to_string();
        let text = CONFIG.replace("@FLAG@", &flag);
        std::fs::write(dir.path().join(".circleci/config.yml"), text).unwrap();
        Self(dir)
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let out = crate::common::holdall()
            .args(["run", "--no-isolation"])
            .args(args)
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .output()
            .unwrap();
        (
            out.status.code().unwrap(),
            String::from_utf8_lossy(&out.stdout).into_owned(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    }

    fn mend(&self) {
        std::fs::write(self.0.path().join("flag"), "").unwrap();
    }
}

/// Returns what the build wrote, as the test showed it.
fn stamp(shown: &str) -> &str {
    let at = shown.find("stamp ").expect("a stamp") + "stamp ".len();
    shown[at..].lines().next().unwrap()
}

#[test]
fn what_failed_runs_again_with_the_layers_of_what_passed() {
    let project = Project::new();
    let (code, first, _) = project.run(&[]);
    assert_eq!(code, 1, "{first}");
    assert!(
        first.contains("mailed") && !first.contains("reported"),
        "{first}"
    );
    // Still broken: nothing that passed runs again.
    let (code, second, _) = project.run(&["--rerun-from-failed", "last"]);
    assert_eq!(code, 1, "{second}");
    assert!(
        !second.contains("built") && !second.contains("linted"),
        "{second}"
    );
    assert_eq!(stamp(&first), stamp(&second));
    // What waits for a failure is decided anew: it ran before, and has no reason to now.
    project.mend();
    let (code, third, error) = project.run(&["--rerun-from-failed", "last"]);
    assert_eq!(code, 0, "{third}{error}");
    assert_eq!(stamp(&first), stamp(&third));
    assert!(
        third.contains("tested") && third.contains("reported"),
        "{third}"
    );
    assert!(
        !third.contains("built") && !third.contains("mailed"),
        "{third}"
    );
    let (code, _, error) = project.run(&["--rerun-from-failed", "nope"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("no run `nope` came to an end"), "{error}");
}

#[test]
fn one_job_runs_with_what_it_needs_or_with_layers_of_before() {
    let project = Project::new();
    project.mend();
    let (code, _, error) = project.run(&["--job", "test", "--only"]);
    assert_eq!(code, 2);
    assert!(error.contains("no earlier run"), "{error}");
    let (code, first, error) = project.run(&["--job", "test"]);
    assert_eq!(code, 0, "{first}{error}");
    assert!(
        first.contains("built") && first.contains("tested"),
        "{first}"
    );
    assert!(
        !first.contains("linted") && !first.contains("reported"),
        "{first}"
    );
    let (code, again, error) = project.run(&["--job", "test", "--only"]);
    assert_eq!(code, 0, "{again}{error}");
    assert!(!again.contains("built"), "{again}");
    assert_eq!(stamp(&first), stamp(&again));
    // Made again alone, a layer takes the place of the one before.
    let (code, _, error) = project.run(&["--job", "build", "--only"]);
    assert_eq!(code, 0, "{error}");
    let (_, newer, _) = project.run(&["--job", "test", "--only"]);
    assert_ne!(stamp(&first), stamp(&newer));
    let (code, _, error) = project.run(&["--job", "tset"]);
    assert_eq!(code, 2);
    assert!(error.contains("did you mean `test`?"), "{error}");
    // Layers that are gone are no layers.
    std::fs::remove_dir_all(project.0.path().join(".holdall/store")).unwrap();
    let (code, _, error) = project.run(&["--job", "test", "--only"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("the layers of `build`"), "{error}");
}

#[test]
fn what_was_no_part_of_a_run_is_no_part_of_its_rerun() {
    let project = Project::new();
    let (code, first, _) = project.run(&["--job", "test"]);
    assert_eq!(code, 1, "{first}");
    project.mend();
    let (code, again, error) = project.run(&["--rerun-from-failed", "last"]);
    assert_eq!(code, 0, "{again}{error}");
    assert!(again.contains("tested"), "{again}");
    for other in ["built", "linted", "reported"] {
        assert!(!again.contains(other), "{again}");
    }
}

#[test]
fn a_dry_run_shows_the_plan_and_leaves_nothing() {
    let project = Project::new();
    let (code, shown, error) = project.run(&["--dry-run"]);
    assert_eq!(code, 0, "{error}");
    insta::with_settings!({snapshot_path => "../../snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("run_dry", shown);
    });
    assert!(!project.0.path().join(".holdall").exists());
    let (code, shown, _) = project.run(&["--dry-run", "--format", "json", "--job", "test"]);
    assert_eq!(code, 0);
    let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let names: Vec<&str> = value["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["build", "test"]);
    assert_eq!(value["jobs"][1]["attaches"][0]["layers_of"][0], "build");
}

#[test]
fn the_working_directory_is_kept_where_that_is_asked_for() {
    let project = Project::new();
    project.mend();
    let (code, shown, error) = project.run(&["--job", "test", "--keep"]);
    assert_eq!(code, 0, "{error}");
    let runs = std::fs::read_dir(project.0.path().join(".holdall/runs")).unwrap();
    let run = runs
        .map(|entry| entry.unwrap().path())
        .find(|path| path.join("run.json").exists())
        .unwrap();
    let kept = std::fs::read_to_string(run.join("results/test/0/work/out/stamp")).unwrap();
    assert_eq!(kept.trim(), stamp(&shown));
}

#[test]
fn checkout_brings_files_that_git_does_not_know_where_that_is_asked_for() {
    let text = "
version: 2.1
jobs:
  look:
    docker: [{image: \"cimg/base:2024.01\"}]
    working_directory: work-look
    steps:
      - checkout
      - run: ls; git status --short
workflows: {main: {jobs: [look]}}
";
    let project = Project(crate::common::repository(text));
    let dir = project.0.path();
    std::fs::write(dir.join(".gitignore"), "ignored\n").unwrap();
    for name in ["new", "ignored"] {
        std::fs::write(dir.join(name), "").unwrap();
    }
    let (code, clean, error) = project.run(&["--force"]);
    assert_eq!(code, 0, "{error}");
    assert!(!clean.lines().any(|l| l.ends_with(" new")), "{clean}");
    let (_, dirty, _) = project.run(&["--force", "--dirty"]);
    assert!(dirty.lines().any(|l| l.ends_with(" new")), "{dirty}");
    assert!(dirty.contains("?? new"), "{dirty}");
    let of_job = dirty.lines().filter(|line| line.starts_with("look"));
    for line in of_job {
        let unwanted = line.ends_with(" ignored") || line.contains(".holdall");
        assert!(!unwanted, "{dirty}");
    }
}

#[test]
fn what_a_run_keeps_is_not_gits_business_and_what_people_put_beside_it_is() {
    let project = Project(crate::common::repository(
        &CONFIG.replace("@FLAG@", "/nonexistent"),
    ));
    let dir = project.0.path();
    let status = || {
        let out = std::process::Command::new("git")
            .args([
                "status",
                "--short",
                "--untracked-files=all",
                "--",
                ".holdall",
            ])
            .current_dir(dir)
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    project.run(&["--force", "--job", "build"]);
    assert!(dir.join(".holdall/runs").is_dir());
    assert_eq!(status(), "");
    std::fs::create_dir_all(dir.join(".holdall/orbs/acme")).unwrap();
    std::fs::write(dir.join(".holdall/orbs/acme/tool@1.0.0.yml"), "").unwrap();
    assert_eq!(status(), "?? .holdall/orbs/acme/tool@1.0.0.yml\n");
    // Who says something else is not overruled.
    std::fs::write(dir.join(".holdall/.gitignore"), "/orbs/\n").unwrap();
    project.run(&["--force", "--job", "build"]);
    let kept = std::fs::read_to_string(dir.join(".holdall/.gitignore")).unwrap();
    assert_eq!(kept, "/orbs/\n");
}

#[test]
fn findings_stop_a_run_before_its_first_job() {
    let head = "version: 2.1\njobs:\n  a: &job\n    docker: [{image: \"cimg/base:2024.01\"}]\n    working_directory: work-a\n";
    let end = "workflows: {main: {jobs: [a]}}\n";
    let run = "    steps: [run: echo it-ran]\n";
    let project = Project::new();
    let with = |text: String, args: &[&str]| {
        std::fs::write(project.0.path().join(".circleci/config.yml"), text).unwrap();
        project.run(args)
    };
    // Warnings, however many, are one line.
    let unused = "  b:\n    <<: *job\n    steps: [run: echo b]\n  c:\n    <<: *job\n    steps: [run: echo c]\n";
    let (code, out, err) = with(format!("{head}{run}{unused}{end}"), &[]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("it-ran"), "{out}");
    let notes: Vec<&str> = err.lines().filter(|l| l.contains("warning")).collect();
    assert_eq!(
        notes,
        ["note: the config has 2 warnings; `holdall lint` shows them"]
    );
    // Structure, references, the graph, the workspace.
    let absolute = "    steps:\n      - run: echo it-ran\n      - persist_to_workspace: {root: ., paths: [/etc/passwd]}\n";
    for (text, forced) in [
        (format!("{head}    stepz: []\n{run}{end}"), true),
        (
            format!("{head}{run}workflows: {{main: {{jobs: [a, nobody]}}}}\n"),
            true,
        ),
        (
            format!("{head}{run}workflows: {{main: {{jobs: [a: {{requires: [a]}}]}}}}\n"),
            true,
        ),
        (format!("{head}{absolute}{end}"), true),
    ] {
        let (code, out, err) = with(text.clone(), &[]);
        assert_eq!(code, 1, "{text}{err}");
        assert!(!out.contains("it-ran"), "{text}{out}");
        assert!(err.contains("error"), "{text}{err}");
        assert!(!project.0.path().join(".holdall/runs").exists() || out.is_empty());
        // Whoever says so goes on, as far as there is anything to run.
        let (_, out, err) = with(text.clone(), &["--force"]);
        assert_eq!(out.contains("it-ran"), forced, "{text}{out}{err}");
    }
}

#[test]
fn a_serial_group_waits_for_that_of_another_run_of_the_project() {
    let text = r#"
version: 2.1
jobs:
  first: &job
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: "work-@JOB@"
    steps:
      - run: echo "$CIRCLE_WORKFLOW_ID $CIRCLE_JOB" >> "$SEEN"; sleep 0.5
    environment: {SEEN: "@SEEN@"}
  second:
    <<: *job
    working_directory: work-second
job-groups:
  deploy:
    jobs:
      - first
      - second: {requires: [first]}
workflows:
  main:
    jobs:
      - deploy: {serial-group: production}
"#;
    let project = Project::new();
    let seen = project.0.path().join("seen");
    let text = text
        .replace("@SEEN@", &seen.display().to_string())
        .replace("@JOB@", "first");
    std::fs::write(project.0.path().join(".circleci/config.yml"), text).unwrap();
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| project.run(&["--force"]));
        let other = scope.spawn(|| project.run(&["--force"]));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!((one.0, other.0), (0, 0), "{one:?}{other:?}");
    let waited = |run: &(i32, String, String)| run.1.contains("another run is in serial group");
    assert!(waited(&one) != waited(&other), "{one:?}{other:?}");
    // Both jobs of one run, and then both of the other.
    let text = std::fs::read_to_string(&seen).unwrap();
    let lines: Vec<(&str, &str)> = text.lines().map(|l| l.split_once(' ').unwrap()).collect();
    let (ids, jobs): (Vec<&str>, Vec<&str>) = lines.into_iter().unzip();
    assert_eq!(jobs.len(), 4, "{text}");
    assert!(
        jobs[0].contains("first") && jobs[1].contains("second"),
        "{text}"
    );
    assert!(
        ids[0] == ids[1] && ids[2] == ids[3] && ids[1] != ids[2],
        "{text}"
    );
}
