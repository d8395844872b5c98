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
enum Segment {
    /// It matches this name alone.
    Name(String),
    Pattern(Pattern),
}

impl Item {
    /// Reads an item; nothing where it is malformed or climbs, and so meets nothing. `.` and empty
    /// parts fall away.
    #[must_use]
    pub fn parse(item: &str) -> Option<Self> {
        item.split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .map(|part| match part {
                ".." => None,
                _ if !part.contains(['*', '?', '[', '\\']) => Some(Segment::Name(part.to_owned())),
                _ => {
                    let pattern = Pattern::parse(part).ok()?;
                    let name = pattern.literal();
                    Some(name.map_or(Segment::Pattern(pattern), Segment::Name))
                }
            })
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Returns the name that every path begins with which the item matches, if there is one: items
    /// with different ones do not meet.
    #[must_use]
    pub fn begins(&self) -> Option<&str> {
        match self.0.first()? {
            Segment::Name(name) => Some(name),
            Segment::Pattern(_) => None,
        }
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
        let literal = a.iter().chain(b).all(|s| matches!(s, Segment::Name(_)));
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
        let (a, b) = match (self, other) {
            (Self::Name(a), Self::Name(b)) => return (a == b).then(|| a.clone()),
            (Self::Pattern(a), Self::Pattern(b)) => (a, b),
            (Self::Pattern(pattern), Self::Name(name))
            | (Self::Name(name), Self::Pattern(pattern)) => {
                return pattern.matches(name.as_bytes()).then(|| name.clone());
            }
        };
        intersect_segment(a, b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(a: &str, b: &str) -> Option<(String, OverlapKind)> {
        let found = Item::parse(a)?.overlap(&Item::parse(b)?)?;
        Some((found.witness, found.kind))
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
