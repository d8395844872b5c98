//! The test vectors of the layer format: made here, kept in `tests/vectors`, and run against the
//! program and its shell twin.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;
mod layer_vectors {
    pub(crate) mod bad;
    pub(crate) mod good;
    pub(crate) mod vector;
}
mod tar_lab;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdall::layer::{Digest, encode_job, tree_digest_of, twin};
use serde_json::Value;

use layer_vectors::bad::bad;
use layer_vectors::good::good;

/// The vectors of the repository.
fn folder() -> PathBuf {
    common::root().join("tests/vectors")
}

fn files_below(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn write(root: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn the_vectors_are_what_the_generator_makes() {
    let mut made = BTreeMap::new();
    for vector in good().into_iter().chain(bad()) {
        for (path, bytes) in vector.files {
            let other = made.insert(format!("{}/{path}", vector.name), bytes);
            assert!(other.is_none(), "two vectors of the name {}", vector.name);
        }
    }
    if std::env::var_os("HOLDALL_WRITE_VECTORS").is_some() {
        for kind in ["good", "bad"] {
            let _ = fs::remove_dir_all(folder().join(kind));
        }
        write(&folder(), &made);
    }
    let mut kept = files_below(&folder());
    kept.remove("README.md");
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&made));
    for (name, bytes) in &made {
        assert!(kept[name] == *bytes, "{name} differs");
    }
}

/// A vector of the repository, copied so that its files are new.
struct Copied {
    dir: tempfile::TempDir,
    name: String,
    verdict: Value,
}

fn vectors(kind: &str) -> Vec<Copied> {
    let mut all = Vec::new();
    for item in fs::read_dir(folder().join(kind)).unwrap() {
        let path = item.unwrap().path();
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &files_below(&path));
        let verdict = fs::read_to_string(path.join("verdict.json")).unwrap();
        all.push(Copied {
            dir,
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            verdict: serde_json::from_str(&verdict).unwrap(),
        });
    }
    assert!(all.len() > 10);
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// What an attach said, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Copied {
    fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.verdict[key].as_array().unwrap();
        list.iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.verdict[key].as_str().unwrap()
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn program(&self) -> Said {
        let mut command = common::holdall();
        command.args(["attach", "--at", "out", "--store", "store"]);
        for job in self.texts("upstream") {
            command.args(["--upstream", job]);
        }
        for pair in self.texts("concurrent") {
            command.args(["--concurrent", pair]);
        }
        self.run(command)
    }

    fn shell(&self) -> Said {
        let script = self.dir.path().join("twin.sh");
        fs::write(&script, twin::script()).unwrap();
        let mut command = Command::new("sh");
        command.arg("twin.sh").args(["attach", "store", "out"]);
        command
            .env_remove("HOLDALL_STORE")
            .env_remove("HOLDALL_WORKSPACE");
        let jobs = self.texts("upstream");
        let pairs = self.texts("concurrent");
        for (at, job) in jobs.iter().enumerate() {
            let before: Vec<String> = jobs[..at]
                .iter()
                .filter(|earlier| !pairs.contains(&format!("{earlier},{job}").as_str()))
                .map(|earlier| encode_job(earlier))
                .collect();
            command.arg(format!("{}:{}", encode_job(job), before.join(",")));
        }
        self.run(command)
    }

    fn run(&self, mut command: Command) -> Said {
        let out = command.current_dir(self.dir.path()).output().unwrap();
        Said {
            code: out.status.code(),
            out: String::from_utf8_lossy(&out.stdout).into_owned(),
            err: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// Both the printed and the real tree are what the vector says.
    fn holds(&self, said: &Said) {
        assert_eq!(said.code, Some(0), "{}: {}", self.name, said.err);
        let expected = self.text("tree");
        let printed = said.out.lines().last().unwrap();
        assert_eq!(printed, format!("tree {expected}"), "{}", self.name);
        let real = tree_digest_of(&self.out()).unwrap().to_string();
        assert_eq!(real, expected, "{}", self.name);
        let lines = fs::read(self.dir.path().join("tree.txt")).unwrap();
        assert_eq!(Digest::of(&lines).to_string(), expected, "{}", self.name);
    }

    fn wrote_nothing(&self) {
        if self.out().exists() {
            let left = fs::read_dir(self.out()).unwrap().count();
            assert_eq!(left, 0, "{}: the target was touched", self.name);
        }
    }
}

#[test]
fn the_program_attaches_the_good_ones() {
    for vector in vectors("good") {
        vector.holds(&vector.program());
    }
}

#[test]
fn the_shell_twin_attaches_the_good_ones() {
    if !common::tool("the_shell_twin_attaches_the_good_ones", "zstd") {
        return;
    }
    for vector in vectors("good") {
        vector.holds(&vector.shell());
    }
}

#[test]
fn the_program_refuses_the_bad_ones() {
    for vector in vectors("bad") {
        let said = vector.program();
        assert_eq!(said.code, Some(1), "{}: {}", vector.name, said.out);
        assert!(
            said.err.contains(vector.text("says")),
            "{}: {}",
            vector.name,
            said.err
        );
        let words = match vector.text("error") {
            "damaged" => "is damaged",
            "refused" => "is refused",
            "conflict" => "Concurrent upstream jobs persisted the same file(s)",
            "clash" => "is a folder in",
            "expired" => "expired on",
            other => panic!("{other}"),
        };
        assert!(said.err.contains(words), "{}: {}", vector.name, said.err);
        vector.wrote_nothing();
    }
}

#[test]
fn the_shell_twin_refuses_those_that_it_can_tell() {
    if !common::tool("the_shell_twin_refuses_those_that_it_can_tell", "zstd") {
        return;
    }
    for vector in vectors("bad") {
        let said = vector.shell();
        let refused = said.code == Some(1);
        if vector.verdict["shell"] == true {
            assert!(refused, "{}: {}", vector.name, said.out);
            vector.wrote_nothing();
        }
    }
}
