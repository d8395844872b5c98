//! The binary: hands the arguments to [`holdall::cli`] and its answer to the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    holdall::cli::main()
}
