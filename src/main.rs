//! The binary: hands the arguments to [`holdall::cli`] and its answer to the system.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A process that is to play a job's part has to know before any thread starts.
    if let Some(code) = holdall::run::agent_main(std::env::args_os()) {
        return code;
    }
    holdall::cli::main()
}
