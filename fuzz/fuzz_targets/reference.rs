//! The line of a ref, the name of its file and of its folder: the laws are in `holdall::layer::fuzzing::reference`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| holdall::layer::fuzzing::reference(text));
