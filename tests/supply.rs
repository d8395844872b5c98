//! What holdall is made of and how it is published: what its dependencies ask for, what its package
//! holds, and what the shell of its release workflow does, run with stand-ins for what GitHub gives.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;
#[path = "supply/compiler.rs"]
mod compiler;
#[path = "supply/package.rs"]
mod package;
#[path = "supply/workflow.rs"]
mod workflow;

/// Runs cargo in the repository, with the features and versions that are locked.
fn cargo(words: &[&str]) -> String {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    let out = cargo.args(words).current_dir(common::root()).output();
    let out = out.unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "cargo {words:?}: {said}");
    String::from_utf8(out.stdout).unwrap()
}
