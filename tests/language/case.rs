//! A case as its file has it: the config, what is given, what is expected.

use std::path::Path;

use holdall::circleci::Facts;

/// One fixture.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The section of the reference, and the fact in a sentence.
    pub(crate) fact: String,
    pub(crate) text: String,
    /// The values of the pipeline, where the case gives some: then conditions are decided.
    pub(crate) given: Option<Facts>,
    /// Orb references, with their sources.
    pub(crate) orbs: Vec<(String, String)>,
    /// Each `# expect:`, cut into words.
    pub(crate) expected: Vec<Vec<String>>,
}

impl Case {
    pub(crate) fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let mut case = Self {
            name: file.file_stem().unwrap().to_string_lossy().into_owned(),
            fact: String::new(),
            given: None,
            orbs: Vec::new(),
            expected: Vec::new(),
            text: String::new(),
        };
        for line in text.lines() {
            let Some((keyword, rest)) = line.strip_prefix("# ").and_then(|l| l.split_once(": "))
            else {
                continue;
            };
            match keyword {
                "fact" => rest.clone_into(&mut case.fact),
                "given" => given(case.given.get_or_insert_default(), rest, file),
                "orb" => {
                    let (reference, source) = rest.split_once(' ').expect("a reference and a file");
                    let root = super::folder().join("orbs");
                    let source = std::fs::read_to_string(root.join(source)).unwrap();
                    case.orbs.push((reference.to_owned(), source));
                }
                "expect" => case.expected.push(words(rest)),
                _ => {}
            }
        }
        assert!(!case.fact.is_empty(), "{}: no `# fact:`", case.name);
        assert!(!case.expected.is_empty(), "{}: no `# expect:`", case.name);
        case.text = text;
        case
    }
}

fn given(facts: &mut Facts, text: &str, file: &Path) {
    for pair in text.split_whitespace() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Some(value.to_owned());
        match name {
            "defaults" => {}
            "branch" => facts.branch = value,
            "tag" => facts.tag = value,
            "revision" => facts.revision = value,
            _ => panic!("{}: `{name}` cannot be given", file.display()),
        }
    }
}

/// Cuts a line into words; what stands in double quotes is one, with JSON's escapes.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            out.push(
                stream
                    .next()
                    .unwrap()
                    .unwrap_or_else(|e| panic!("{line}: {e}")),
            );
            let used = stream.byte_offset();
            rest = rest[used..].trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            out.push(rest[..end].trim_end_matches(',').to_owned());
            rest = rest[end..].trim_start();
        }
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    out
}
