//! Whether two persisted paths may hold the same file, shown by a path that both would bring.
//! Paths are those inside the workspace: relative to each step's own root.

use crate::glob::{Pattern, intersect_segment};

/// How two paths of the workspace meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverlapKind {
    /// Both are the same text without wildcards.
    Same,
    /// One is a folder that holds the other.
    Inside,
    /// At least one wildcard is needed to make them meet.
    Pattern,
}

/// Two paths that may hold the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// A path that both bring, if it is there.
    pub witness: String,
    /// How they meet.
    pub kind: OverlapKind,
}

/// Compares two items of `paths`; malformed ones meet nothing.
#[must_use]
pub fn overlap(a: &str, b: &str) -> Option<Overlap> {
    let (a, b) = (segments(a)?, segments(b)?);
    let mut witness = Vec::new();
    for (x, y) in a.iter().zip(&b) {
        witness.push(intersect_segment(x, y)?);
    }
    let longer = if a.len() > b.len() { &a } else { &b };
    for rest in longer.iter().skip(witness.len()) {
        witness.push(intersect_segment(rest, rest)?);
    }
    let literal = a.iter().chain(&b).all(|p| p.literal().is_some());
    let kind = match (literal, a.len() == b.len()) {
        (true, true) => OverlapKind::Same,
        (true, false) => OverlapKind::Inside,
        (false, _) => OverlapKind::Pattern,
    };
    Some(Overlap {
        witness: if witness.is_empty() {
            ".".to_owned()
        } else {
            witness.join("/")
        },
        kind,
    })
}

/// Cuts an item at its slashes; `.` and empty parts fall away.
fn segments(item: &str) -> Option<Vec<Pattern>> {
    item.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .map(|part| {
            if part == ".." {
                None
            } else {
                Pattern::parse(part).ok()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(a: &str, b: &str) -> Option<(String, OverlapKind)> {
        overlap(a, b).map(|o| (o.witness, o.kind))
    }

    #[test]
    fn equal_texts_meet() {
        assert_eq!(
            meet("out/a.txt", "./out//a.txt"),
            Some(("out/a.txt".into(), OverlapKind::Same))
        );
        assert_eq!(meet("a", "b"), None);
    }

    #[test]
    fn a_folder_holds_what_is_below_it() {
        assert_eq!(
            meet("dist", "dist/app.js"),
            Some(("dist/app.js".into(), OverlapKind::Inside))
        );
        assert_eq!(meet(".", "x/y"), Some(("x/y".into(), OverlapKind::Inside)));
        assert_eq!(meet(".", "."), Some((".".into(), OverlapKind::Same)));
        assert_eq!(meet("dist2", "dist/app.js"), None);
    }

    #[test]
    fn patterns_meet_by_a_witness() {
        assert_eq!(
            meet("*.xml", "report.xml"),
            Some(("report.xml".into(), OverlapKind::Pattern))
        );
        assert_eq!(
            meet("a/*", "*/b"),
            Some(("a/b".into(), OverlapKind::Pattern))
        );
        assert_eq!(meet("*.xml", "*.txt"), None);
        assert_eq!(meet("*", "a/b"), Some(("a/b".into(), OverlapKind::Pattern)));
    }

    #[test]
    fn a_malformed_or_climbing_item_meets_nothing() {
        assert_eq!(meet("[a", "[a"), None);
        assert_eq!(meet("../x", "../x"), None);
    }
}
