//! A tar as a layer holds it: the laws are in `holdall::layer::fuzzing::archive`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| holdall::layer::fuzzing::archive(bytes));
