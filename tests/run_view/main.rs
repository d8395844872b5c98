//! What is seen of a run, on a terminal, in a log and by a program.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

#[path = "../common/mod.rs"]
mod common;
mod fed;
mod json;
mod live;
mod plain;
#[cfg(target_os = "linux")]
mod real;

/// Returns a number of rows or columns as the terminal of these tests wants it.
fn cells(count: usize) -> std::num::NonZeroU16 {
    u16::try_from(count).unwrap().try_into().unwrap()
}
