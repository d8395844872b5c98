//! The page of what is known of CircleCI and the places that rest on it: a section that is cited is
//! there, and one that is there is cited.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::common;
use crate::markdown::Page;

const PAGE: &str = "docs/circleci-semantics.md";

/// Returns the number at the beginning of a text: `4.2`, `0b.2`, `6`.
fn number(text: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    number
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(number)
}

/// Returns the sections that a text cites; those of the YAML specification are others.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('§').filter_map(|(at, sign)| {
        let before = text[..at].trim_end_matches([' ', ',']);
        let behind = &text[at + sign.len()..];
        let other = before.ends_with("YAML 1.2");
        (!other).then(|| number(behind).unwrap_or(behind.lines().next().unwrap_or_default()))
    })
}

/// Returns the sections of the page, without the headings that have no number.
fn sections() -> BTreeSet<String> {
    let page = Page::read(PAGE);
    let headings = page.prose.iter().filter_map(|(_, line)| {
        let text = line.trim_start_matches('#');
        (text.len() < line.len()).then(|| text.trim())
    });
    headings.filter_map(number).map(str::to_owned).collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, files),
            false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            false => {}
        }
    }
}

/// Returns where each section is cited: by comments, and by the names of the language's cases.
fn citations() -> BTreeMap<String, String> {
    let root = common::root();
    let mut files = Vec::new();
    for dir in ["src", "tests"] {
        collect(&root.join(dir), &mut files);
    }
    let mut out = BTreeMap::new();
    for file in files.iter().filter(|f| !f.ends_with("tests/docs/facts.rs")) {
        let text = std::fs::read_to_string(file).unwrap();
        for section in cited(&text) {
            out.insert(section.to_owned(), file.display().to_string());
        }
    }
    for case in common::yaml_files(&root.join("tests/fixtures/language")) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let section = number(&name).unwrap_or(&name).to_owned();
        out.insert(section, name);
    }
    out
}

#[test]
fn a_cited_section_is_on_the_page_and_a_section_of_the_page_is_cited() {
    let (sections, citations) = (sections(), citations());
    assert!(citations.len() > 20, "where are they? {citations:?}");
    let dangling: Vec<_> = citations
        .iter()
        .filter(|(section, _)| !sections.contains(*section))
        .collect();
    assert!(dangling.is_empty(), "{PAGE} lacks {dangling:?}");
    let page = std::fs::read_to_string(common::root().join(PAGE)).unwrap();
    let own: BTreeSet<&str> = cited(&page).collect();
    let unknown: Vec<_> = own.iter().filter(|s| !sections.contains(**s)).collect();
    assert!(unknown.is_empty(), "{PAGE} refers to {unknown:?} in vain");
    let rests_on = |section: &str| {
        let below = format!("{section}.");
        let is_it = |cited: &str| cited == section || cited.starts_with(&below);
        citations.keys().any(|c| is_it(c)) || own.iter().any(|c| is_it(c))
    };
    let idle: Vec<_> = sections.iter().filter(|s| !rests_on(s)).collect();
    assert!(idle.is_empty(), "nothing rests on {idle:?} of {PAGE}");
}

#[test]
fn a_citation_is_found_however_it_is_written() {
    let found = |text| cited(text).collect::<Vec<_>>();
    assert_eq!(found("(circleci-semantics §4.2, §0b.2)."), ["4.2", "0b.2"]);
    assert_eq!(found("§5.13: `on`"), ["5.13"]);
    assert_eq!(
        found("as in YAML 1.2 §5.4. Also (YAML 1.2, §8.2.2)"),
        [""; 0]
    );
    // What has no number is told as it is.
    assert_eq!(found("see § four\nand"), [" four"]);
    assert_eq!(number("4.1. Shape"), Some("4.1"));
    assert_eq!(number("How sure"), None);
}
