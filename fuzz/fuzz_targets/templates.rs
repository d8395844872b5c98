//! `<< … >>` in any text: the laws are in `holdall::circleci::fuzzing::templates`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| holdall::circleci::fuzzing::templates(text));
