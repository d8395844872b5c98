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

/// One item of `paths`, read to be compared with many others.
#[derive(Debug, Clone)]
pub struct Item(Vec<Segment>);

/// A part of an item between slashes.
#[derive(Debug, Clone)]
struct Segment {
    pattern: Pattern,
    /// The name that it matches, where that is only one.
    literal: Option<String>,
}

impl Item {
    /// Reads an item; nothing where it is malformed or climbs, and so meets nothing. `.` and empty
    /// parts fall away.
    #[must_use]
    pub fn parse(item: &str) -> Option<Self> {
        item.split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(|part| {
                let pattern = Pattern::parse(part).ok().filter(|_| part != "..")?;
                Some(Segment {
                    literal: pattern.literal(),
                    pattern,
                })
            })
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Returns the name that every path begins with which the item matches, if there is one: items
    /// with different ones do not meet.
    #[must_use]
    pub fn begins(&self) -> Option<&str> {
        self.0.first()?.literal.as_deref()
    }

    /// Compares two items.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> Option<Overlap> {
        let (a, b) = (&self.0, &other.0);
        let mut witness = Vec::new();
        for (x, y) in a.iter().zip(b) {
            witness.push(x.meet(y)?);
        }
        let longer = if a.len() > b.len() { a } else { b };
        for rest in longer.iter().skip(witness.len()) {
            witness.push(rest.meet(rest)?);
        }
        let literal = a.iter().chain(b).all(|p| p.literal.is_some());
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
}

impl Segment {
    fn meet(&self, other: &Self) -> Option<String> {
        match (&self.literal, &other.literal) {
            (Some(a), Some(b)) => (a == b).then(|| a.clone()),
            _ => intersect_segment(&self.pattern, &other.pattern),
        }
    }
}

/// Compares two items of `paths`; malformed ones meet nothing.
#[must_use]
pub fn overlap(a: &str, b: &str) -> Option<Overlap> {
    Item::parse(a)?.overlap(&Item::parse(b)?)
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
