//! What a layer's names become on other systems: which of them Windows takes for something else
//! than a name, and which are one and the same where a file system does not tell upper case from
//! lower.

use std::collections::HashMap;

use super::archive::Arena;
use super::name::printable;
use super::{LayerError, plan::Plan};

pub(super) const NO_UNICODE: &str = "Windows takes names in Unicode only";

/// Names of devices, whatever follows them after a dot.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Says why Windows takes one component of a path for something else than the name of a file.
pub(super) fn problem(name: &[u8]) -> Option<&'static str> {
    let Ok(name) = std::str::from_utf8(name) else {
        return Some(NO_UNICODE);
    };
    if matches!(name, "" | "." | "..") {
        return Some("it is no name");
    }
    if name.contains(['\\', '/']) {
        return Some("Windows takes `\\` for the end of a folder's name");
    }
    if name.contains(':') {
        return Some("Windows takes `:` for a drive or a stream");
    }
    if name.contains(|c: char| c < ' ' || matches!(c, '<' | '>' | '"' | '|' | '?' | '*')) {
        return Some(
            "Windows takes no `<`, `>`, `\"`, `|`, `?`, `*` or control character in a name",
        );
    }
    if name.ends_with(['.', ' ']) {
        return Some("Windows drops a dot or a space at the end of a name");
    }
    // A device even with an extension: `nul.txt`, `nul .txt`.
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    let stem = stem.to_ascii_uppercase();
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|rest: &str| {
            let mut digits = rest.chars();
            let digit = digits
                .next()
                .is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'));
            digit && digits.next().is_none()
        })
    };
    if DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT") {
        return Some("Windows takes it for a device");
    }
    None
}

/// Refuses names that Windows takes for something else, before anything is written.
pub(super) fn check_names(plan: &Plan) -> Result<(), LayerError> {
    for node in 1..=plan.arena.len() as u32 {
        if let Some(reason) = problem(plan.arena.name(node)) {
            return Err(LayerError::NotHere {
                path: shown(&plan.arena, node),
                reason: reason.to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses two names that a file system which does not tell upper case from lower takes for one.
pub(super) fn check_case(arena: &Arena) -> Result<(), LayerError> {
    // By the number of the folder's first spelling, so that `A/x` meets `a/x`.
    let mut seen: HashMap<(u32, String), u32> = HashMap::with_capacity(arena.len());
    for node in 1..=arena.len() as u32 {
        let key = (arena.parent(node), folded(arena.name(node)));
        if let Some(first) = seen.insert(key, node) {
            return Err(LayerError::NotHere {
                path: shown(arena, node),
                reason: format!(
                    "the file system of the target takes it for `{}`, which is part of the workspace too",
                    shown(arena, first)
                ),
            });
        }
    }
    Ok(())
}

fn shown(arena: &Arena, node: u32) -> String {
    printable(&arena.path_bytes(node))
}

/// Folds a name character by character, as file systems do it: none becomes two.
fn folded(name: &[u8]) -> String {
    let fold = |c: char| {
        let upper = one(c, c.to_uppercase());
        one(upper, upper.to_lowercase())
    };
    String::from_utf8_lossy(name).chars().map(fold).collect()
}

fn one(c: char, mut folded: impl ExactSizeIterator<Item = char>) -> char {
    match folded.len() {
        1 => folded.next().unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_takes_for_something_else() {
        for bad in [
            "", ".", "..", "a\\b", "..\\x", "a/b", "C:", "f:stream", "a*", "what?", "a\"", "<",
            "a|b", "a\tb", "a\x01", "a.", "a ", "nul", "NUL.txt", "Con", "aux .c", "com1",
            "LPT9.log", "com¹", "conin$",
        ] {
            assert!(problem(bad.as_bytes()).is_some(), "{bad}");
        }
        assert!(problem(b"\xff").is_some());
        for good in [
            "a", ".env", "a b", "console", "com", "com10", "lpt", "nulls", "aux-1", "a..b", "é",
            "~", "$con", "file.nul",
        ] {
            assert_eq!(problem(good.as_bytes()), None, "{good}");
        }
    }

    #[test]
    fn names_fold_one_character_into_one() {
        for (a, b) in [("README", "readme"), ("É", "é"), ("Ω", "ω"), ("ſ", "s")] {
            assert_eq!(folded(a.as_bytes()), folded(b.as_bytes()), "{a} {b}");
        }
        for (a, b) in [("straße", "strasse"), ("a", "b"), ("ﬁ", "fi")] {
            assert_ne!(folded(a.as_bytes()), folded(b.as_bytes()), "{a} {b}");
        }
    }
}
