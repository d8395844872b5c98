//! What the scripts of targets share that give each step a shell of its own: caches that steps
//! look up themselves, and the programs that scripts call by the service's names.

use crate::shims::{Halt, calls_agent, calls_circleci};

/// Functions that keep and find caches in the folder `$holdall_caches`; they need `holdall_home`,
/// `$holdall_private` and `$holdall_directory`.
pub(super) const CACHES: &str = include_str!("driver/caches.sh");

/// Returns lines that put the programs `circleci` and `circleci-agent` into `$holdall_private/bin`.
pub(super) fn programs() -> String {
    let program = |(name, text): (&str, String)| {
        format!(
            "cat >\"$holdall_private/bin/{name}\" <<'HOLDALL'\n{text}HOLDALL\nchmod +x \"$holdall_private/bin/{name}\"\n"
        )
    };
    crate::shims::programs(Halt::File).map(program).concat()
}

/// Says whether a script calls one of the programs.
pub(super) fn calls_programs(script: &str) -> bool {
    calls_circleci(script) || calls_agent(script)
}
