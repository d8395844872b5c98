//! The language, fact by fact: each file of `tests/fixtures/language` is a config that exercises
//! one stated fact, with what has to come of it in comments. A new case is a new file;
//! `README.md` there says what the comments may say.
//!
//! Cases in `pending/` state facts that are not implemented. Each of them has to fail, so that it
//! is moved out when it works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at what it did not expect"
)]

#[path = "language/case.rs"]
mod case;
#[path = "language/check.rs"]
mod check;
mod common;
#[path = "language/show.rs"]
mod show;

use std::path::{Path, PathBuf};

use case::Case;

fn folder() -> PathBuf {
    common::root().join("tests/fixtures/language")
}

fn cases(dir: &Path) -> Vec<Case> {
    common::yaml_files(dir)
        .iter()
        .map(|f| Case::read(f))
        .collect()
}

#[test]
fn every_stated_fact_holds() {
    let mut wrong = Vec::new();
    for case in cases(&folder()) {
        let said = check::failures(&case);
        if !said.is_empty() {
            wrong.push(format!("{}\n  {}", case.name, said.join("\n  ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases fail:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_pending_still_fails() {
    let dir = folder().join("pending");
    // Once nothing is pending, the folder is gone.
    if !dir.is_dir() {
        return;
    }
    let works: Vec<String> = cases(&dir)
        .iter()
        .filter(|case| check::failures(case).is_empty())
        .map(|case| case.name.clone())
        .collect();
    assert!(
        works.is_empty(),
        "these work now: move them out of pending/: {works:#?}"
    );
}

#[test]
fn every_case_names_its_section() {
    let mut all = cases(&folder());
    if folder().join("pending").is_dir() {
        all.extend(cases(&folder().join("pending")));
    }
    for case in &all {
        let section = case.name.split('-').next().unwrap();
        assert!(
            case.fact.starts_with(&format!("{section} ")),
            "{}: `# fact:` begins with the section, {section}",
            case.name
        );
    }
    for section in ["4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8"] {
        assert!(
            all.iter()
                .any(|c| c.name.starts_with(&format!("{section}-"))),
            "no case for section {section}"
        );
    }
}
