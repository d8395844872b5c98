//! Whether two patterns can match the same path, shown by a path that both match.
//!
//! Patterns are compared segment by segment, since neither `*` nor `?` crosses a `/`; inside a
//! segment a search over pairs of positions builds the witness as it goes.

use std::collections::{HashMap, VecDeque};

use super::pattern::{Pattern, Token};

/// Most pairs of positions that are searched. A name has 255 bytes at most: patterns of more than
/// that many elements each were made to take time, not to match files.
const MOST_PAIRS: usize = 1 << 16;

/// Returns a name without `/` that both patterns match, or nothing where there is none, and where
/// both are so long that no search is made. Patterns are taken as single segments.
#[must_use]
pub fn intersect_segment(a: &Pattern, b: &Pattern) -> Option<String> {
    if a.tokens().len().saturating_mul(b.tokens().len()) > MOST_PAIRS {
        return None;
    }
    if parts_differ(a.tokens(), b.tokens()) {
        return None;
    }
    // A star that stands for nothing makes a witness that looks like no file: `bin/` of `bin/*`.
    meet(&with_something(a), &with_something(b)).or_else(|| meet(a.tokens(), b.tokens()))
}

/// Says whether what two patterns begin or end with, up to their first and from their last star,
/// cannot be the same: most pairs are told apart by that, without a search.
fn parts_differ(a: &[Token], b: &[Token]) -> bool {
    let differ = |(x, y): (&Token, &Token)| common(x, y).is_none();
    let fixed = |t: &&Token| **t != Token::Star;
    let fronts = a.iter().take_while(fixed).zip(b.iter().take_while(fixed));
    let backs = a
        .iter()
        .rev()
        .take_while(fixed)
        .zip(b.iter().rev().take_while(fixed));
    fronts.chain(backs).any(differ)
}

/// Returns a pattern's elements with every star standing for one character at least.
fn with_something(pattern: &Pattern) -> Vec<Token> {
    let mut out = Vec::new();
    for token in pattern.tokens() {
        if *token == Token::Star {
            out.push(Token::Any);
        }
        out.push(token.clone());
    }
    out
}

fn meet(a: &[Token], b: &[Token]) -> Option<String> {
    let goal = (a.len(), b.len());
    let mut came: Ways = HashMap::new();
    let mut queue = VecDeque::from([(0, 0)]);
    while let Some(state) = queue.pop_front() {
        if state == goal {
            return Some(spell(&came, goal));
        }
        for (next, c) in steps(a, b, state) {
            if next != (0, 0) && !came.contains_key(&next) {
                came.insert(next, (state, c));
                queue.push_back(next);
            }
        }
    }
    None
}

/// A position in both patterns.
type At = (usize, usize);

/// A position, and the character that leads there or leads on from there.
type Move = (At, Option<char>);

/// How each position was reached: from where, and by which character.
type Ways = HashMap<At, Move>;

/// The moves from one pair of positions: over a star without a character, or over one character.
fn steps(a: &[Token], b: &[Token], (i, j): (usize, usize)) -> Vec<Move> {
    let mut out = Vec::new();
    let (x, y) = (a.get(i), b.get(j));
    // Characters first: the shortest witness with something in it reads better than an empty one.
    if let (Some(x), Some(y)) = (x, y)
        && let Some(c) = common(x, y)
    {
        let next = |t: &Token, n: usize| if *t == Token::Star { n } else { n + 1 };
        let to = (next(x, i), next(y, j));
        if to != (i, j) {
            out.push((to, Some(c)));
        }
    }
    if x == Some(&Token::Star) {
        out.push(((i + 1, j), None));
    }
    if y == Some(&Token::Star) {
        out.push(((i, j + 1), None));
    }
    out
}

fn spell(came: &Ways, goal: (usize, usize)) -> String {
    let mut out: Vec<char> = Vec::new();
    let mut at = goal;
    while let Some((from, c)) = came.get(&at) {
        out.extend(*c);
        at = *from;
    }
    out.iter().rev().collect()
}

/// Returns a character that both elements stand for.
fn common(a: &Token, b: &Token) -> Option<char> {
    if let (Token::Char(x), Token::Char(y)) = (a, b) {
        return (x == y && *x != '/').then_some(*x);
    }
    // A set of characters made of ranges and their complements changes at the ends of ranges
    // only, so these candidates find a common character wherever there is one.
    let mut candidates = vec!['a', 'x', '0', '\u{0}', char::MAX];
    for token in [a, b] {
        match token {
            Token::Char(c) => candidates.insert(0, *c),
            Token::Class { ranges, .. } => {
                for (low, high) in ranges {
                    candidates.extend([*low, *high]);
                    candidates.extend(char::from_u32((*low as u32).wrapping_sub(1)));
                    candidates.extend(char::from_u32((*high as u32).wrapping_add(1)));
                }
            }
            _ => {}
        }
    }
    candidates
        .into_iter()
        .find(|c| holds(a, *c) && holds(b, *c))
}

fn holds(token: &Token, c: char) -> bool {
    if c == '/' {
        return false;
    }
    match token {
        Token::Star | Token::Any => true,
        Token::Char(own) => *own == c,
        Token::Class { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(a: &str, b: &str) -> Option<String> {
        intersect_segment(&Pattern::parse(a).unwrap(), &Pattern::parse(b).unwrap())
    }

    #[test]
    fn two_patterns_meet_where_a_name_fits_both() {
        assert_eq!(both("a", "a").as_deref(), Some("a"));
        assert_eq!(both("a", "b"), None);
        assert_eq!(both("*.xml", "report-*").as_deref(), Some("report-.xml"));
        assert_eq!(both("*", "*").as_deref(), Some("a"));
        assert_eq!(both("*.json", "*.json").as_deref(), Some("a.json"));
        assert_eq!(both("a*", "*a").as_deref(), Some("aa"));
        assert_eq!(both("a*", "a").as_deref(), Some("a"));
        assert_eq!(both("[a-c]x", "[c-e]?").as_deref(), Some("cx"));
        assert_eq!(both("[^a-z]", "[a-z]"), None);
        assert!(both("[^a]", "[^b]").is_some());
        assert_eq!(both("a*b", "a*c"), None);
        assert_eq!(both("*", "").as_deref(), Some(""));
        assert_eq!(both("?", ""), None);
        assert_eq!(both("***", "").as_deref(), Some(""));
    }

    proptest! {
        #[test]
        fn a_witness_is_matched_by_both(a in "[ab*?\\[\\]^-]{0,8}", b in "[ab*?\\[\\]^-]{0,8}") {
            let (Ok(a), Ok(b)) = (Pattern::parse(&a), Pattern::parse(&b)) else {
                return Ok(());
            };
            if let Some(name) = intersect_segment(&a, &b) {
                prop_assert!(a.matches(name.as_bytes()), "{name:?} by {a:?}");
                prop_assert!(b.matches(name.as_bytes()), "{name:?} by {b:?}");
            }
        }

        #[test]
        fn without_a_witness_no_name_fits_both(a in "[ab*?]{0,6}", b in "[ab*?]{0,6}", name in "[abc]{0,6}") {
            let (a, b) = (Pattern::parse(&a).unwrap(), Pattern::parse(&b).unwrap());
            if a.matches(name.as_bytes()) && b.matches(name.as_bytes()) {
                prop_assert!(intersect_segment(&a, &b).is_some());
            }
        }
    }
}
