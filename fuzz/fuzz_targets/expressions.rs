//! Expressions: the laws are in `holdall::circleci::fuzzing::expressions`. The first byte chooses
//! the values that names have, the rest is the text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| holdall::circleci::fuzzing::expressions(input.1, input.0));
