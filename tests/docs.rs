//! The documentation: every command block of the README and of `docs` is run, every link leads
//! somewhere, what is cited is there, and what is generated is current. `docs/update` writes the
//! generated parts anew.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

#[path = "docs/commands.rs"]
mod commands;
mod common;
#[path = "docs/facts.rs"]
mod facts;
#[path = "docs/generated.rs"]
mod generated;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/markdown.rs"]
mod markdown;
#[path = "docs/measured.rs"]
mod measured;

/// Says whether generated text is to be written rather than compared.
fn updating() -> bool {
    std::env::var_os("HOLDALL_UPDATE_DOCS").is_some()
}

/// Compares a generated file with what it should hold, or writes it.
fn current(name: &str, text: &str) {
    let path = common::root().join(name);
    if updating() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "{name} is not current: docs/update writes it"
    );
}
