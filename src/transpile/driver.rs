//! What the scripts of targets share that give each step a shell of its own: caches that steps
//! look up themselves, and the programs that scripts call by the service's names.

/// Functions that keep and find caches in the folder `$holdall_caches`; they need `holdall_home`,
/// `$holdall_private` and `$holdall_directory`.
pub(super) const CACHES: &str = include_str!("driver/caches.sh");

const CIRCLECI: &str = include_str!("../shims/circleci.sh");
const AGENT: &str = include_str!("../shims/circleci-agent.sh");

/// Returns lines that put the programs `circleci` and `circleci-agent` into `$holdall_private/bin`.
pub(super) fn programs() -> String {
    program("circleci", CIRCLECI) + &program("circleci-agent", AGENT)
}

fn program(name: &str, text: &str) -> String {
    // How a step says that the job is over is the target's own.
    let text = text.replace(
        "echo 'CIRCLECI_HALTED=true' >>\"$GITHUB_ENV\"",
        ": >\"$HOLDALL_HALT\"",
    );
    format!(
        "cat >\"$holdall_private/bin/{name}\" <<'HOLDALL'\n{text}HOLDALL\nchmod +x \"$holdall_private/bin/{name}\"\n"
    )
}

/// Says whether a script calls one of the programs.
pub(super) fn calls_programs(script: &str) -> bool {
    [
        "circleci tests",
        "circleci-agent",
        "circleci step",
        "circleci env",
    ]
    .iter()
    .any(|word| script.contains(word))
}
