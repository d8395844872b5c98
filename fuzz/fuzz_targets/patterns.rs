//! Patterns of `filepath.Match`: the laws are in `holdall::glob::fuzzing::patterns`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| holdall::glob::fuzzing::patterns(text));
