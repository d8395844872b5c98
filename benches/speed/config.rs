//! A large config as a company with one repository writes it: services of thirty jobs each, one
//! workflow a service, one anchor that every job merges. The same bytes every time.

use std::fmt::Write as _;

/// Jobs of one service.
const JOBS_OF_A_SERVICE: usize = 30;

/// Services of the config at size 1.
const SERVICES: usize = 50;

/// Jobs of the config at size 1.
pub(crate) const JOBS: usize = SERVICES * JOBS_OF_A_SERVICE;

/// How the jobs are put into workflows, and whether they are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A workflow a service, nothing wrong.
    Clean,
    /// A workflow a service, a misspelt key in every job.
    Faulty,
    /// All jobs in a single workflow, nothing wrong.
    OneWorkflow,
}

/// Writes the config: 1,500 jobs and about a megabyte for each unit of `size`.
pub(crate) fn text(size: usize, kind: Kind) -> String {
    let services = SERVICES * size;
    let mut out = String::with_capacity(size << 20);
    out.push_str(HEAD);
    out.push_str("\njobs:\n");
    for service in 0..services {
        for job in 0..JOBS_OF_A_SERVICE {
            write_job(&mut out, service, job, kind);
        }
    }
    out.push_str("\nworkflows:\n");
    for service in 0..services {
        if kind != Kind::OneWorkflow {
            let _ = writeln!(out, "  service-{service:04}:\n    jobs:");
        } else if service == 0 {
            out.push_str("  all:\n    jobs:\n");
        }
        for job in 0..JOBS_OF_A_SERVICE {
            write_entry(&mut out, service, job);
        }
    }
    out
}

const HEAD: &str = "\
version: 2.1

parameters:
  deploy:
    type: boolean
    default: false

x-defaults: &defaults
  docker:
    - image: cimg/node:20.11
      environment:
        NODE_ENV: test
        LANG: C.UTF-8
  resource_class: medium
  working_directory: ~/project
  environment:
    CACHE_VERSION: v3
    FORCE_COLOR: \"1\"

commands:
  install:
    parameters:
      service:
        type: string
    steps:
      - restore_cache:
          keys:
            - deps-<< parameters.service >>-{{ checksum \"package-lock.json\" }}
            - deps-<< parameters.service >>-
      - run: npm ci --workspace << parameters.service >>
";

/// What a job of a service does: it fetches, builds, tests, packs or deploys.
fn stage(job: usize) -> &'static str {
    match job {
        0 => "fetch",
        1..=5 => "build",
        6..=25 => "test",
        26..=28 => "pack",
        _ => "deploy",
    }
}

fn name(service: usize, job: usize) -> String {
    format!("service-{service:04}-{}-{job:02}", stage(job))
}

fn write_job(out: &mut String, service: usize, job: usize, kind: Kind) {
    let _ = writeln!(
        out,
        "\n  # Stage {} of service {service}.\n  {}:\n    <<: *defaults",
        stage(job),
        name(service, job)
    );
    let _ = writeln!(out, "    parallelism: {}", 1 + job % 4);
    if kind == Kind::Faulty {
        out.push_str("    resource_clas: large\n");
    }
    out.push_str("    steps:\n");
    if job == 0 {
        let _ = writeln!(
            out,
            "      - checkout\n      - install:\n          service: service-{service:04}"
        );
    } else {
        out.push_str("      - attach_workspace:\n          at: /tmp/workspace\n");
    }
    let stage = stage(job);
    let _ = writeln!(
        out,
        "      - run:
          name: Run {stage} {job} of service {service}
          command: |
            set -euo pipefail
            cd services/service-{service:04}
            npm run {stage} -- --shard {job} --report \"/tmp/out/{stage}-{job:02}-$CIRCLE_NODE_INDEX.xml\"
          environment:
            SHARD: \"{job}\"
            TARGET: service-{service:04}/{stage}"
    );
    if stage != "deploy" {
        let _ = writeln!(
            out,
            "      - persist_to_workspace:\n          root: /tmp/out\n          paths:\n            - {stage}-{job:02}-*.xml"
        );
    }
}

fn write_entry(out: &mut String, service: usize, job: usize) {
    let _ = write!(out, "      - {}", name(service, job));
    let requires: Vec<usize> = match stage(job) {
        "fetch" => Vec::new(),
        "build" => vec![0],
        "test" => vec![1 + job % 5],
        "pack" => (6..=25).filter(|test| test % 3 == job % 3).collect(),
        _ => (26..=28).collect(),
    };
    if requires.is_empty() {
        out.push('\n');
        return;
    }
    out.push_str(":\n          requires:\n");
    for earlier in requires {
        let _ = writeln!(out, "            - {}", name(service, earlier));
    }
    if stage(job) == "deploy" {
        out.push_str("          filters:\n            branches:\n              only: main\n");
    }
}
