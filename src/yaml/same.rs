//! Whether an edited text still says what it said: the data equal but where an edit was declared,
//! and every comment still there.

use super::tree::Tree;
use super::view::{Node, Shape};

/// How two texts differ where they should not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A value outside the declared places changed.
    #[error("the value at `{0}` changed")]
    Value(String),
    /// A comment is gone.
    #[error("the comment `{0}` is gone")]
    Comment(String),
}

/// Compares the tree of an edited text with the original one. `declared` says of a node of the
/// original that what stands in its place may be anything.
///
/// # Errors
/// The first difference that was not declared.
pub fn same_except(
    old: &Tree,
    new: &Tree,
    declared: &dyn Fn(Node<'_>) -> bool,
) -> Result<(), Difference> {
    match (old.root(), new.root()) {
        (None, None) => {}
        (Some(a), Some(b)) => compare(a, b, declared)?,
        _ => return Err(Difference::Value(String::new())),
    }
    let mut left: Vec<&str> = new
        .comments()
        .iter()
        .map(|c| new.slice_of(c.span).trim_end())
        .collect();
    for comment in old.comments() {
        let text = old.slice_of(comment.span).trim_end();
        match left.iter().position(|c| *c == text) {
            Some(i) => drop(left.swap_remove(i)),
            None => return Err(Difference::Comment(text.to_owned())),
        }
    }
    Ok(())
}

fn compare(
    a: Node<'_>,
    b: Node<'_>,
    declared: &dyn Fn(Node<'_>) -> bool,
) -> Result<(), Difference> {
    let name = |n: Node<'_>| n.anchor().map(|x| n.tree().slice_of(x.span).to_owned());
    let tag = |n: Node<'_>| n.tag().map(|t| n.tree().slice_of(t).to_owned());
    let differs = || Err(Difference::Value(a.tree().path_to(a.span())));
    if name(a) != name(b) || tag(a) != tag(b) {
        return differs();
    }
    if declared(a) {
        return Ok(());
    }
    match (a.shape(), b.shape()) {
        (Shape::Scalar(x), Shape::Scalar(y)) if x == y && a.text() == b.text() => Ok(()),
        (Shape::Alias(_), Shape::Alias(_)) if a.source() == b.source() => Ok(()),
        (Shape::Sequence(x), Shape::Sequence(y)) if x.len() == y.len() => {
            x.zip(y).try_for_each(|(x, y)| compare(x, y, declared))
        }
        (Shape::Mapping(x), Shape::Mapping(y)) if x.len() == y.len() => {
            x.zip(y).try_for_each(|(x, y)| {
                compare(x.key, y.key, declared)?;
                compare(x.value, y.value, declared)
            })
        }
        _ => differs(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn check(old: &str, new: &str, place: &str) -> Result<(), Difference> {
        let (old, new) = (parse(old).tree, parse(new).tree);
        same_except(&old, &new, &|n| n.source() == place)
    }

    #[test]
    fn what_was_declared_may_change_and_nothing_else() {
        assert_eq!(
            check("a: 1\nb: 2 # c\n", "a: {x: y}\nb: 2 # c\n", "1"),
            Ok(())
        );
        assert_eq!(
            check("a: 1\nb: 2\n", "a: 1\nb: 3\n", "1"),
            Err(Difference::Value("b".into()))
        );
        assert_eq!(
            check("a: 1\nb: 2\n", "a: 1\nb: 2\nc: 3\n", "-"),
            Err(Difference::Value(String::new()))
        );
        assert_eq!(
            check("a: &x 1\n", "a: 2\n", "1"),
            Err(Difference::Value("a".into()))
        );
    }

    #[test]
    fn a_lost_comment_is_noticed() {
        assert_eq!(
            check("a: 1 # why\n", "a: 1\n", "-"),
            Err(Difference::Comment("# why".into()))
        );
    }
}
