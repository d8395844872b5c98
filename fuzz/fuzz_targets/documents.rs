//! The manifest and the config of a layer: the laws are in `holdall::layer::fuzzing::documents`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| holdall::layer::fuzzing::documents(bytes));
