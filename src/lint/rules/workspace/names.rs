//! Whether a persisted path is a file or a folder: by its ending, or by how the scripts of its job
//! write it. What neither tells is taken for a folder.

use crate::plan::{Job, StepKind};

/// Says whether an item is a file and not a folder: by its ending, or by how an earlier step of
/// the job writes it.
pub(super) fn is_file(job: &Job, step: usize, item: &str) -> bool {
    let item = item.trim_start_matches("./");
    let name = item.rsplit('/').next().unwrap_or(item);
    has_file_ending(name)
        || job.steps[..step].iter().any(|s| match &s.kind {
            StepKind::Run(run) => writes_file(&run.command.value, name),
            _ => false,
        })
}

/// Endings of names that are folders all the same.
const FOLDERS: [&str; 10] = [
    "app",
    "framework",
    "xcframework",
    "xcarchive",
    "xcresult",
    "xcodeproj",
    "bundle",
    "dsym",
    "git",
    "d",
];

fn has_file_ending(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else {
        return false;
    };
    !stem.is_empty()
        && (1..=8).contains(&ending.len())
        && ending.bytes().all(|b| b.is_ascii_alphanumeric())
        && ending.bytes().any(|b| b.is_ascii_alphabetic())
        && !FOLDERS.contains(&ending.to_ascii_lowercase().as_str())
}

/// Says whether a script writes a file of this name: `> name`, `-o name`, `touch name`, `cp x name`.
fn writes_file(script: &str, name: &str) -> bool {
    let is = |word: &str| {
        let word = word.trim_matches(['"', '\'', ';']);
        word == name
            || word
                .strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('/'))
    };
    // Hardly any line has the name at all.
    script
        .lines()
        .filter(|line| line.contains(name))
        .any(|line| {
            let spaced = line.replace(">>", " > ").replace('>', " > ");
            let words: Vec<&str> = spaced.split_whitespace().collect();
            words.iter().enumerate().any(|(i, word)| {
                let next = words.get(i + 1).copied().unwrap_or_default();
                match *word {
                    ">" | "-o" | "--output" | "touch" | "tee" => is(next),
                    "cp" | "mv" => {
                        let end = words[i..]
                            .iter()
                            .position(|w| matches!(*w, "&&" | ";" | "||" | "|"))
                            .map_or(words.len(), |n| i + n);
                        let recursive = words[i..end]
                            .iter()
                            .any(|w| w.starts_with('-') && w.contains(['r', 'R', 'a']));
                        !recursive && end > i + 2 && is(words[end - 1])
                    }
                    _ => false,
                }
            })
        })
}

#[cfg(test)]
mod tests {
    use super::{has_file_ending, writes_file};

    #[test]
    fn an_ending_tells_a_file_where_it_can() {
        assert!(has_file_ending("report.xml"));
        assert!(has_file_ending("a.tar.gz"));
        assert!(!has_file_ending("dist"));
        assert!(!has_file_ending(".nyc_output"));
        assert!(!has_file_ending("build-1.0"));
        assert!(!has_file_ending("Sample.app"));
    }

    #[test]
    fn a_script_tells_a_file_by_how_it_writes_it() {
        assert!(writes_file("echo hi > ws/echo-output", "echo-output"));
        assert!(writes_file("make && go build -o ./bin/app ./cmd", "app"));
        assert!(writes_file("touch a; touch 'b'", "b"));
        assert!(writes_file("cp target/x out/app && ls", "app"));
        assert!(!writes_file("cp -r target/x out/app", "app"));
        assert!(!writes_file("mkdir app", "app"));
        assert!(!writes_file("echo app", "app"));
    }
}
