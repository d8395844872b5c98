//! What JUnit reports say, added up for the summary: no more than the tags of their test cases.

use std::fs::FileType;
use std::path::{Path, PathBuf};

use super::report::Tests;

/// The folder in the results of a node that takes what `store_test_results` stores.
pub(crate) const FOLDER: &str = "test-results";

/// Adds up the test reports of a job, whose results have a folder for each node; nothing where
/// none was stored. Artifacts are no reports, whatever they are called, and links are not followed.
pub(crate) fn read(results: &Path) -> Option<Tests> {
    let mut tests = None;
    let mut folders: Vec<PathBuf> = entries(results)
        .map(|(path, _)| path.join(FOLDER))
        .collect();
    while let Some(folder) = folders.pop() {
        for (path, kind) in entries(&folder) {
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && path
                    .extension()
                    .is_some_and(|e| e.eq_ignore_ascii_case("xml"))
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                count(&text, tests.get_or_insert_default());
            }
        }
    }
    tests
}

/// What is in a folder, links as links.
fn entries(folder: &Path) -> impl Iterator<Item = (PathBuf, FileType)> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.file_type().ok()?)))
}

/// Adds the test cases of one report.
fn count(text: &str, tests: &mut Tests) {
    let mut rest = text;
    // A case counts once, however many failures it tells.
    let mut open = Tests::default();
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let (skip, end) = match rest {
            _ if rest.starts_with("!--") => (true, "-->"),
            _ if rest.starts_with("![CDATA[") => (true, "]]>"),
            _ => (false, ">"),
        };
        let Some(length) = rest.find(end) else { return };
        let tag = &rest[..length];
        rest = &rest[length + end.len()..];
        if skip {
            continue;
        }
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next();
        match name
            .filter(|name| !name.is_empty())
            .or(tag.strip_prefix('/'))
        {
            Some("testcase") => {
                if !tag.starts_with('/') {
                    tests.run += 1;
                }
                open = Tests::default();
            }
            Some("failure" | "error") if !tag.starts_with('/') && open.failed == 0 => {
                open.failed = 1;
                tests.failed += 1;
            }
            Some("skipped") if !tag.starts_with('/') && open.skipped == 0 => {
                open.skipped = 1;
                tests.skipped += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Tests, count, read};

    #[test]
    fn only_stored_reports_count_and_links_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let report = "<testsuite><testcase name=\"a\"/></testsuite>";
        for folder in [
            "0/test-results/unit",
            "1/test-results",
            "0/artifacts",
            "0/work",
        ] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("r.xml"), report).unwrap();
        }
        assert_eq!(read(&dir.path().join("0/work")), None);
        let unit = dir.path().join("0/test-results/unit");
        symlink(".", unit.join("again")).unwrap();
        symlink("r.xml", unit.join("twice.xml")).unwrap();
        assert_eq!(read(dir.path()).unwrap().run, 2);
    }

    #[test]
    fn cases_are_counted_once_and_text_is_not() {
        let report = r#"<testsuites><testsuite tests="9">
            <testcase name="a"/>
            <testcase name="b"><failure message="x">1 &lt; 2</failure><error/></testcase>
            <testcase name="c"><skipped/></testcase>
            <testcase name="d"><system-out><![CDATA[<testcase><failure>]]></system-out></testcase>
            <!-- <testcase/> -->
        </testsuite></testsuites>"#;
        let mut tests = Tests::default();
        count(report, &mut tests);
        assert_eq!((tests.run, tests.failed, tests.skipped), (4, 1, 1));
    }
}
