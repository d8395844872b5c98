//! Programs that stand in for those of the service's own which scripts call: shell scripts, put where
//! a job runs.

/// How `step halt` says that the job is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Halt {
    /// By the file that `$HOLDALL_HALT` names.
    File,
    /// By a variable of GitHub's later steps.
    GitHub,
}

const PROGRAMS: [(&str, &str); 2] = [
    ("circleci", include_str!("circleci.sh")),
    ("circleci-agent", include_str!("circleci-agent.sh")),
];

/// What stands in the scripts where the job is to end.
const PLACE: &str = "@HALT@";

/// Returns the programs `circleci` and `circleci-agent`, by their names. The second one calls the
/// first for what it does not know.
pub(crate) fn programs(halt: Halt) -> [(&'static str, String); 2] {
    let command = match halt {
        Halt::File => ": >\"$HOLDALL_HALT\"",
        Halt::GitHub => "echo 'CIRCLECI_HALTED=true' >>\"$GITHUB_ENV\"",
    };
    PROGRAMS.map(|(name, text)| (name, text.replace(PLACE, command)))
}

/// Says whether a script calls `circleci` for what its stand-in does.
pub(crate) fn calls_circleci(script: &str) -> bool {
    ["circleci tests", "circleci step", "circleci env"]
        .iter()
        .any(|words| script.contains(words))
}

/// Says whether a script calls `circleci-agent`.
pub(crate) fn calls_agent(script: &str) -> bool {
    script.contains("circleci-agent")
}

/// Says whether a script may end the job early.
pub(crate) fn halts(script: &str) -> bool {
    ["circleci step halt", "circleci-agent step halt"]
        .iter()
        .any(|words| script.contains(words))
}

#[cfg(test)]
mod tests {
    use super::{Halt, PLACE, calls_agent, calls_circleci, halts, programs};

    #[test]
    fn calls_are_told_from_names_of_other_things() {
        let split = "circleci tests glob 'a/*' | circleci tests split";
        assert!(calls_circleci(split) && !calls_agent(split) && !halts(split));
        let halt = "circleci-agent step halt";
        assert!(calls_agent(halt) && halts(halt) && !calls_circleci(halt));
        assert!(!calls_circleci(
            "docker pull circleci/node; cd /home/circleci"
        ));
    }

    #[test]
    fn each_program_can_end_the_job() {
        for halt in [Halt::File, Halt::GitHub] {
            for (name, text) in programs(halt) {
                let said = ["$HOLDALL_HALT", "$GITHUB_ENV"];
                assert_eq!(
                    said.iter().filter(|s| text.contains(*s)).count(),
                    1,
                    "{name}"
                );
                assert!(!text.contains(PLACE), "{name}");
            }
        }
    }
}
