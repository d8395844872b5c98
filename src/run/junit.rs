//! What JUnit reports say, added up for the summary: no more than the tags of their test cases.

use std::path::Path;

use super::report::Tests;

/// Adds up the reports below a folder; nothing where there is none.
pub(crate) fn read(folder: &Path) -> Option<Tests> {
    let mut tests = None;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
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
    use super::{Tests, count};

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
