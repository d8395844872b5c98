//! Workflows that really run: every test starts processes and looks at what they left behind.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests fail the test that they help, and say what was skipped"
)]

mod bare;
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod isolated;
#[cfg(target_os = "linux")]
mod killed;
pub(crate) mod layers;
mod retention;
mod select;
mod service;
mod support;
