//! What makes layers fast and must not make them wrong: many threads, the table of contents, and
//! what is remembered of files that did not change.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod layer_fast {
    mod contents;
    mod lab;
    mod remembered;
}
