//! Whether an edited text still says what it said: the data equal but where an edit was declared,
//! and every comment still there.

use super::span::Span;
use super::tree::Tree;
use super::view::{Entry, Node, Shape};
use crate::hash::HashMap;

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

/// What an edit may change, by the place that it has in the original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// Anything may stand in the place of this node.
    Value(Span),
    /// This scalar says that afterwards.
    Text(Span, String),
    /// This item of a list is gone, or the entry of a map whose key this is.
    Gone(Span),
    /// This list or map has more entries than before, and still all that it had.
    Grows(Span),
    /// This comment may be gone, or say something else.
    Comment(Span),
}

/// What may become of one node.
enum Allowed<'t> {
    /// Nothing: it is as it was.
    Same,
    /// Anything.
    Anything,
    /// It says this.
    Text(&'t str),
    /// It has all that it had.
    Grows,
}

/// What may become of the nodes of a tree.
trait Rights {
    fn of(&self, node: Node<'_>) -> Allowed<'_>;
    fn gone(&self, item: Node<'_>) -> bool;
}

impl<F: Fn(Node<'_>) -> bool> Rights for F {
    fn of(&self, node: Node<'_>) -> Allowed<'_> {
        match self(node) {
            true => Allowed::Anything,
            false => Allowed::Same,
        }
    }

    fn gone(&self, _: Node<'_>) -> bool {
        false
    }
}

/// What is touched, by its place.
struct Touched<'t>(HashMap<Span, Vec<&'t Touch>>);

impl<'t> Touched<'t> {
    fn new(all: &'t [Touch]) -> Self {
        let mut places: HashMap<Span, Vec<&Touch>> = HashMap::default();
        for touch in all {
            let (Touch::Value(span)
            | Touch::Text(span, _)
            | Touch::Gone(span)
            | Touch::Grows(span)
            | Touch::Comment(span)) = touch;
            places.entry(*span).or_default().push(touch);
        }
        Self(places)
    }

    fn at(&self, span: Span) -> &[&'t Touch] {
        self.0.get(&span).map_or(&[], Vec::as_slice)
    }
}

impl Rights for Touched<'_> {
    fn of(&self, node: Node<'_>) -> Allowed<'_> {
        let found = self.at(node.span()).iter().find_map(|touch| match touch {
            Touch::Value(_) => Some(Allowed::Anything),
            Touch::Text(_, text) if node.text().is_some() => Some(Allowed::Text(text)),
            Touch::Grows(_) if node.text().is_none() => Some(Allowed::Grows),
            _ => None,
        });
        found.unwrap_or(Allowed::Same)
    }

    fn gone(&self, item: Node<'_>) -> bool {
        let touches = self.at(item.span());
        touches.iter().any(|t| matches!(t, Touch::Gone(_)))
    }
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
    trees(old, new, &declared)?;
    comments(old, new, &Touched::new(&[]))
}

/// Compares the tree of an edited text with the original one, which may differ only in what is
/// touched.
///
/// # Errors
/// The first difference that was not declared.
pub fn same_but(old: &Tree, new: &Tree, touched: &[Touch]) -> Result<(), Difference> {
    let touched = Touched::new(touched);
    trees(old, new, &touched)?;
    comments(old, new, &touched)
}

fn trees<R: Rights + ?Sized>(old: &Tree, new: &Tree, rights: &R) -> Result<(), Difference> {
    match (old.root(), new.root()) {
        (None, None) => Ok(()),
        (Some(a), Some(b)) => compare(a, b, rights),
        _ => Err(Difference::Value(String::new())),
    }
}

fn comments(old: &Tree, new: &Tree, touched: &Touched<'_>) -> Result<(), Difference> {
    let mut left: HashMap<&str, usize> = HashMap::default();
    for comment in new.comments() {
        let text = new.slice_of(comment.span).trim_end();
        *left.entry(text).or_default() += 1;
    }
    for comment in old.comments() {
        let touches = touched.at(comment.span);
        if touches.iter().any(|t| matches!(t, Touch::Comment(_))) {
            continue;
        }
        let text = old.slice_of(comment.span).trim_end();
        match left.get_mut(text) {
            Some(n) if *n > 0 => *n -= 1,
            _ => return Err(Difference::Comment(text.to_owned())),
        }
    }
    Ok(())
}

fn compare<R: Rights + ?Sized>(a: Node<'_>, b: Node<'_>, rights: &R) -> Result<(), Difference> {
    let name = |n: Node<'_>| n.anchor().map(|x| n.tree().slice_of(x.span).to_owned());
    let tag = |n: Node<'_>| n.tag().map(|t| n.tree().slice_of(t).to_owned());
    let differs = || Err(Difference::Value(a.tree().path_to(a.span())));
    if name(a) != name(b) || tag(a) != tag(b) {
        return differs();
    }
    let grows = match rights.of(a) {
        Allowed::Anything => return Ok(()),
        Allowed::Text(text) if b.text() == Some(text) => return Ok(()),
        Allowed::Text(_) => return differs(),
        Allowed::Grows => true,
        Allowed::Same => false,
    };
    let fits = match (a.shape(), b.shape()) {
        (Shape::Scalar(x), Shape::Scalar(y)) => x == y && a.text() == b.text(),
        (Shape::Alias(_), Shape::Alias(_)) => a.source() == b.source(),
        (Shape::Sequence(x), Shape::Sequence(y)) => {
            let old: Vec<Node<'_>> = x.filter(|item| !rights.gone(*item)).collect();
            let new: Vec<Node<'_>> = y.collect();
            return lists(&old, &new, grows, &|a, b| compare(*a, *b, rights))
                .unwrap_or_else(differs);
        }
        (Shape::Mapping(x), Shape::Mapping(y)) => {
            let old: Vec<Entry<'_>> = x.filter(|entry| !rights.gone(entry.key)).collect();
            let new: Vec<Entry<'_>> = y.collect();
            let entries = |a: &Entry<'_>, b: &Entry<'_>| {
                compare(a.key, b.key, rights)?;
                compare(a.value, b.value, rights)
            };
            return lists(&old, &new, grows, &entries).unwrap_or_else(differs);
        }
        _ => false,
    };
    if fits { Ok(()) } else { differs() }
}

/// Compares lists in order; where the list may grow, the new one has more in between. Nothing
/// where their lengths do not fit.
fn lists<A, B>(
    old: &[A],
    new: &[B],
    grows: bool,
    compare: &dyn Fn(&A, &B) -> Result<(), Difference>,
) -> Option<Result<(), Difference>> {
    if !grows {
        let mut pairs = old.iter().zip(new);
        return (old.len() == new.len()).then(|| pairs.try_for_each(|(a, b)| compare(a, b)));
    }
    let mut rest = new.iter();
    for a in old {
        rest.by_ref().find(|b| compare(a, b).is_ok())?;
    }
    Some(Ok(()))
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
    fn lists_and_maps_lose_and_get_only_what_was_declared() {
        let but = |old: &str, new: &str, touch: &dyn Fn(Span) -> Touch, at: &str| {
            let start = old.find(at).unwrap();
            let touched = [touch(Span::new(start, start + at.len()))];
            same_but(&parse(old).tree, &parse(new).tree, &touched).is_ok()
        };
        let list = "a: [x, yy, z]\n";
        assert!(but(list, "a: [x, z]\n", &Touch::Gone, "yy"));
        assert!(!but(list, "a: [x, q]\n", &Touch::Gone, "yy"));
        assert!(!but(list, "a: [x]\n", &Touch::Gone, "yy"));
        assert!(but(list, "a: [x, yy, n, z]\n", &Touch::Grows, "[x, yy, z]"));
        assert!(!but(list, "a: [x, n, z]\n", &Touch::Grows, "[x, yy, z]"));
        assert!(but("a: {x: 1, y: 2}\n", "a: {y: 2}\n", &Touch::Gone, "x"));
        let says = |span| Touch::Text(span, "q".to_owned());
        assert!(but(list, "a: [x, q, z]\n", &says, "yy"));
        assert!(!but(list, "a: [x, r, z]\n", &says, "yy"));
        assert!(but("a: 1 # c\n", "a: 1\n", &Touch::Comment, "# c"));
    }

    #[test]
    fn a_lost_comment_is_noticed() {
        assert_eq!(
            check("a: 1 # why\n", "a: 1\n", "-"),
            Err(Difference::Comment("# why".into()))
        );
    }
}
