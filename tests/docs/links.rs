//! No link of any Markdown file leads nowhere, and the book is whole.

use std::path::{Component, Path, PathBuf};

use crate::common;
use crate::markdown::{self, Page};

/// Takes `.` and `..` out of a path.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut dead = Vec::new();
    for name in markdown::everywhere() {
        let page = Page::read(&name);
        for (line, target) in page.links() {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&name).parent().unwrap();
            let path = match file {
                "" => PathBuf::from(&name),
                _ => plain(&folder.join(file)),
            };
            if !common::root().join(&path).exists() {
                dead.push(format!("{name}:{line}: {target}"));
            } else if !anchor.is_empty() {
                let there = Page::read(&path.to_string_lossy()).anchors();
                if !there.iter().any(|a| a == anchor) {
                    dead.push(format!("{name}:{line}: no heading for {target}"));
                }
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn the_book_has_every_page() {
    let listed: Vec<String> = Page::read("docs/SUMMARY.md")
        .links()
        .into_iter()
        .map(|(_, target)| format!("docs/{target}"))
        .collect();
    let missing: Vec<String> = markdown::everywhere()
        .into_iter()
        .filter(|n| n.starts_with("docs/") && n != "docs/SUMMARY.md" && !listed.contains(n))
        .collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md lacks {missing:?}");
}

#[test]
fn mdbook_builds_it_without_a_warning_and_without_a_dead_link() {
    if !common::tool("the book", "mdbook") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let built = std::process::Command::new("mdbook")
        .args(["build", "docs", "--dest-dir"])
        .arg(out.path())
        .current_dir(common::root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{said}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let mut dead = Vec::new();
    for name in pages_below(out.path()) {
        let html = std::fs::read_to_string(&name).unwrap();
        for rest in html.split(" href=\"").skip(1) {
            let target = rest.split('"').next().unwrap();
            let file = target.split('#').next().unwrap();
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !elsewhere && !file.is_empty() && !name.parent().unwrap().join(file).exists() {
                dead.push(format!(
                    "{}: {target}",
                    name.strip_prefix(out.path()).unwrap().display()
                ));
            }
        }
    }
    dead.sort();
    dead.dedup();
    assert!(
        dead.is_empty(),
        "dead links of the book:\n{}",
        dead.join("\n")
    );
}

/// The pages of the built book, without the one that holds them all and that for a wrong address.
fn pages_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages_below(&path));
        } else if path.extension().is_some_and(|e| e == "html")
            && !["print.html", "404.html", "toc.html"]
                .iter()
                .any(|n| path.ends_with(n))
        {
            found.push(path);
        }
    }
    found
}
