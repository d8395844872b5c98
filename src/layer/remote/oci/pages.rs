//! Lists that come page by page.

use std::collections::HashSet;

use crate::layer::remote::Fault;

/// Tags that are asked for at once.
pub(super) const PAGE: usize = 1000;
/// Asks for page after page of a sorted list. A page may be shorter than asked for, and a registry
/// that knows no pages sends all of them, and again: only a page without news is the end.
pub(super) fn every_page(
    mut ask: impl FnMut(Option<&str>) -> Result<Vec<String>, Fault>,
) -> Result<Vec<String>, Fault> {
    let mut seen: HashSet<String> = HashSet::new();
    let mut last: Option<String> = None;
    loop {
        let page = ask(last.as_deref())?;
        let all = page.len() > PAGE;
        last = page.last().cloned();
        let before = seen.len();
        seen.extend(page);
        if seen.len() == before || all {
            return Ok(seen.into_iter().collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(tags: usize, of: usize) -> (Vec<String>, usize) {
        let all: Vec<String> = (0..tags).map(|at| format!("{at:06}")).collect();
        let mut asked = 0;
        let mut found = every_page(|last| {
            asked += 1;
            let after = all
                .iter()
                .filter(|tag| last.is_none_or(|last| tag.as_str() > last));
            Ok(after.take(of).cloned().collect())
        })
        .unwrap();
        found.sort();
        assert_eq!(found, all);
        (found, asked)
    }

    #[test]
    fn tags_are_listed_whatever_a_page_holds() {
        for (tags, of) in [(0, 10), (1, 10), (10, 10), (95, 10), (3000, PAGE), (7, 1)] {
            let (_, asked) = pages(tags, of);
            assert_eq!(asked, tags.div_ceil(of) + 1);
        }
    }

    #[test]
    fn a_registry_without_pages_is_no_endless_list() {
        for tags in [0, 5, PAGE, PAGE + 1] {
            let all: Vec<String> = (0..tags).map(|at| at.to_string()).collect();
            assert_eq!(every_page(|_| Ok(all.clone())).unwrap().len(), tags);
        }
    }
}
