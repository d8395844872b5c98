//! The shell twin: the layer format in POSIX sh, for machines that have no holdall. One script
//! for a person, and the functions that one step needs. Only text is made here.
//!
//! Nothing that is made here holds `<<`, which a CircleCI config would take for a template.

const COMMON: &str = include_str!("common.sh");
const PERSIST: &str = include_str!("persist.sh");
const ATTACH: &str = include_str!("attach.sh");
const CARRY: &str = include_str!("carry.sh");
const SCRIPT: &str = concat!(
    "#!/bin/sh\n",
    include_str!("common.sh"),
    include_str!("persist.sh"),
    include_str!("attach.sh"),
    include_str!("main.sh")
);

/// Returns the whole script, `holdall-layer.sh`: `persist STORE JOB ROOT PATH…`,
/// `attach STORE FOLDER JOB:BEFORE,…`, `tree FOLDER`.
#[must_use]
pub fn script() -> &'static str {
    SCRIPT
}

/// What a script has to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `hl_persist STORE JOB ROOT PATH…`.
    Persist,
    /// `hl_attach STORE FOLDER JOB:BEFORE,…`.
    Attach,
    /// Both.
    Both,
}

impl Verb {
    /// Returns what a script needs that adds layers, or applies some, or does both; `None` is neither.
    #[must_use]
    pub fn of(persists: bool, attaches: bool) -> Option<Self> {
        match (persists, attaches) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::Persist),
            (false, true) => Some(Self::Attach),
            (false, false) => None,
        }
    }
}

/// Returns functions that carry layers between machines, for use after [`functions`]:
/// `hl_list STORE` prints what a store holds, `hl_pack STORE LIST TAR` writes what it has gained
/// since, `hl_take STORE TAR…` adds that to another store.
#[must_use]
pub fn carry_functions() -> &'static str {
    CARRY
}

/// Returns the functions that a script needs, for scripts that write their own calls.
#[must_use]
pub fn functions(verb: Verb) -> String {
    match verb {
        Verb::Persist => format!("{COMMON}{PERSIST}"),
        Verb::Attach => format!("{COMMON}{ATTACH}"),
        Verb::Both => format!("{COMMON}{PERSIST}{ATTACH}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_holds_what_circleci_takes_for_a_template() {
        assert!(!script().contains("<<"));
        assert!(!carry_functions().contains("<<"));
    }

    #[test]
    fn functions_stay_short_enough_to_read() {
        let lines = |text: &str| text.lines().count();
        assert!(lines(COMMON) + lines(ATTACH) <= 150);
        assert!(lines(COMMON) + lines(PERSIST) <= 170);
    }
}
