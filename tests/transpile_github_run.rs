//! What `transpile --to github` writes is executed with GitHub's own expressions and artifacts:
//! the programs of CircleCI's that scripts call, caches, background steps, conditions, nodes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::github::{migrated, run, small};

fn runner(test: &str) -> Option<PathBuf> {
    common::judge(test, "github-run")
}

/// Asserts that a log holds each of these texts, and none of those.
fn says(said: &str, yes: &[&str], no: &[&str]) {
    for text in yes {
        assert!(said.contains(text), "{text} is missing: {said}");
    }
    for text in no {
        assert!(!said.contains(text), "{text} is there: {said}");
    }
}

#[test]
fn the_programs_that_scripts_call_do_what_circlecis_do() {
    let Some(runner) = runner("the_programs_that_scripts_call_do_what_circlecis_do") else {
        return;
    };
    let dir = migrated(
        r#"version: 2.1
jobs:
  split:
    docker: [{image: 'cimg/base:2024.01'}]
    parallelism: 2
    parameters: {size: {type: string}}
    steps:
      - run: mkdir -p t/deep && touch t/a.t t/b.t t/deep/c.t
      - run: |
          files=$(circleci tests glob 't/**/*.t' | circleci tests split)
          echo "node $CIRCLE_NODE_INDEX of $CIRCLE_NODE_TOTAL in << parameters.size >>:" $files
  halt:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - run: circleci-agent step halt
      - run: echo "not" "reached"
  subst:
    docker: [{image: 'cimg/base:2024.01'}]
    environment: {WHO: world}
    steps:
      - run: echo 'hello ${WHO}' | circleci env subst
workflows:
  main:
    jobs:
      - split: {matrix: {parameters: {size: [small, large]}}}
      - halt
      - subst
"#,
    );
    let (code, said) = run(&runner, &dir, "main", &[]);
    assert_eq!(code, Some(0), "{said}");
    says(
        &said,
        &[
            "node 0 of 2 in small: t/a.t t/deep/c.t",
            "node 1 of 2 in small: t/b.t",
            "node 1 of 2 in large: t/b.t",
            "halt: success",
            "hello world",
        ],
        &["not reached"],
    );
}

#[test]
fn steps_run_again_in_the_background_and_after_failures() {
    let Some(runner) = runner("steps_run_again_in_the_background_and_after_failures") else {
        return;
    };
    let dir = migrated(
        r#"version: 2.1
jobs:
  again:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - run:
          command: |
            echo try >>tries
            [ "$(wc -l <tries)" -eq 3 ]
          max_auto_reruns: 3
      - run: echo "tries:" $(wc -l <tries)
      - run: {command: 'while [ ! -e stop ]; do sleep 0.1; done; echo done >seen', background: true}
      - run: touch stop; until [ -e seen ]; do sleep 0.1; done; echo "background" "$(cat seen)"
  fails:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - run: {command: echo "on_fail" "too early", when: on_fail}
      - run: exit 3
      - run: echo "on_success" "too late"
      - run: {command: echo "always" "runs", when: always}
      - run: {command: echo "on_fail" "runs", when: on_fail}
workflows: {main: {jobs: [again, fails]}}
"#,
    );
    let (code, said) = run(&runner, &dir, "main", &[]);
    assert_eq!(code, Some(1), "{said}");
    says(
        &said,
        &[
            "tries: 3",
            "background done",
            "again: success",
            "fails: failure",
            "always runs",
            "on_fail runs",
        ],
        &["on_fail too early", "on_success too late"],
    );
}

#[test]
fn a_cache_is_found_by_the_beginning_of_its_key() {
    let Some(runner) = runner("a_cache_is_found_by_the_beginning_of_its_key") else {
        return;
    };
    let dir = migrated(
        r#"version: 2.1
jobs:
  save:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - run: echo lock >lock && mkdir kept ~/home && echo "from the" "cache" | tee kept/file >~/home/file
      - save_cache: {key: 'v1-{{ checksum "lock" }}', paths: [kept, ~/home, ~/project/kept]}
  restore:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - run: echo other >lock
      - restore_cache: {keys: ['v1-{{ checksum "lock" }}', v1-]}
      - run: cat kept/file; echo "and" $(cat ~/home/file)
workflows: {main: {jobs: [save, restore: {requires: [save]}]}}
"#,
    );
    let (code, said) = run(&runner, &dir, "main", &[]);
    assert_eq!(code, Some(0), "{said}");
    says(&said, &["from the cache", "and from the cache"], &[]);
}

#[test]
fn patterns_of_filters_are_matched_whole() {
    let Some(runner) = runner("patterns_of_filters_are_matched_whole") else {
        return;
    };
    let dir = migrated(
        r"version: 2.1
jobs:
  say:
    docker: [{image: 'cimg/base:2024.01'}]
    steps: [run: 'true']
workflows:
  main:
    jobs:
      - say: {name: release, filters: {branches: {ignore: /.*/}, tags: {only: '/v\d+\.\d+/'}}}
      - say: {name: feature, filters: {branches: {only: '/(feat|fix)-\d+/'}}}
",
    );
    for (reference, release, feature) in [
        ("refs/tags/v1.2", "success", "skipped"),
        ("refs/tags/v1.2.3", "skipped", "skipped"),
        ("refs/heads/feat-12", "skipped", "success"),
        ("refs/heads/a-feat-12", "skipped", "skipped"),
    ] {
        let (code, said) = run(&runner, &dir, "main", &["--ref", reference]);
        assert_eq!(code, Some(0), "{reference}: {said}");
        let jobs = [format!("release: {release}"), format!("feature: {feature}")];
        says(&said, &[&jobs[0], &jobs[1]], &[]);
    }
}

#[test]
fn a_layer_of_a_node_reaches_the_job_that_waits_for_another_nodes_failure() {
    let test = "a_layer_of_a_node_reaches_the_job_that_waits_for_another_nodes_failure";
    let Some(runner) = runner(test) else {
        return;
    };
    let dir = migrated(
        r#"version: 2.1
jobs:
  make:
    docker: [{image: 'cimg/base:2024.01'}]
    parallelism: 3
    steps:
      - run: mkdir out && echo "of node" $CIRCLE_NODE_INDEX >"out/$CIRCLE_NODE_INDEX"
      - run: '[ "$CIRCLE_NODE_INDEX" != 2 ]'
      - persist_to_workspace: {root: out, paths: ['*']}
      - run: '[ "$CIRCLE_NODE_INDEX" != 1 ]'
  look:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
      - attach_workspace: {at: in}
      - run: echo "found:" $(ls in)
workflows:
  main:
    jobs: [make, look: {requires: [make: [failed]]}]
"#,
    );
    let (code, said) = run(&runner, &dir, "main", &[]);
    assert_eq!(code, Some(1), "{said}");
    says(&said, &["look: success", "found: 0 1"], &[]);
}

#[test]
fn values_of_the_pipeline_are_what_the_push_says() {
    let Some(runner) = runner("values_of_the_pipeline_are_what_the_push_says") else {
        return;
    };
    let dir = migrated(
        r#"version: 2.1
parameters:
  deploy: {type: boolean, default: true}
  times: {type: integer, default: 2}
jobs:
  say:
    docker: [{image: 'cimg/base:2024.01'}]
    environment: {DEPLOY: << pipeline.parameters.deploy >>, TIMES: << pipeline.parameters.times >>}
    steps:
      - run: echo "deploy $DEPLOY, times $TIMES" 'on << pipeline.git.branch >>' "of $CIRCLE_PROJECT_REPONAME"
      - when:
          condition: {equal: [odd'branch, << pipeline.git.branch >>]}
          steps: [run: 'echo "on the" "odd one"']
workflows: {main: {jobs: [say]}}
"#,
    );
    let (code, said) = run(&runner, &dir, "main", &["--ref", "refs/heads/odd'branch"]);
    assert_eq!(code, Some(0), "{said}");
    says(
        &said,
        &["deploy true, times 2 on odd'branch of ", "on the odd one"],
        &[],
    );
}

#[test]
fn localhost_leads_to_a_service() {
    let (text, _) = small(
        "version: 2.1
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}, {image: 'memcached:1.6'}]
    steps: [run: make]
workflows: {main: {jobs: [build]}}
",
    );
    let workflow: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let steps = workflow["jobs"]["build"]["steps"].as_sequence().unwrap();
    let step = steps
        .iter()
        .find(|s| {
            s["name"]
                .as_str()
                .is_some_and(|n| n.starts_with("Lead from localhost"))
        })
        .unwrap();
    let script = step["run"].as_str().unwrap();
    assert!(script.ends_with("forward memcached 11211\n"), "{script}");
    // Each way in turn: those before it are taken for missing.
    for (tool, hidden) in [
        ("socat", ""),
        ("python3", "socat"),
        ("perl", "socat|python3"),
    ] {
        if !common::tool("localhost_leads_to_a_service", tool) {
            continue;
        }
        let service = TcpListener::bind("127.0.0.2:0").unwrap();
        let port = service.local_addr().unwrap().port();
        let hide = format!(
            "command() {{ case $2 in {}) return 1 ;; *) return 0 ;; esac; }}\n",
            if hidden.is_empty() { "''" } else { hidden }
        );
        let call = format!("forward 127.0.0.2 {port}\n");
        let script = script.replace("forward memcached 11211\n", &call) + "echo $!\n";
        let out = Command::new("sh").arg("-c").arg(hide + &script).output();
        let pid = String::from_utf8(out.unwrap().stdout).unwrap();
        let mut client = (0..100).find_map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let client = client
            .as_mut()
            .unwrap_or_else(|| panic!("{tool} does not listen"));
        client.write_all(b"ask").unwrap();
        let (mut server, _) = service.accept().unwrap();
        let mut asked = [0; 3];
        server.read_exact(&mut asked).unwrap();
        server.write_all(b"answer").unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        let killed = Command::new("kill").arg(pid.trim()).status().unwrap();
        assert!(killed.success());
        assert_eq!((&asked, answer.as_str()), (b"ask", "answer"), "{tool}");
    }
}
