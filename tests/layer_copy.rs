//! Copies between two stores in folders, and what is said of stores that this build or the world
//! does not know. Stores over a network are in `remote.rs`.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, store: &str, args: &[&str]) -> (i32, String) {
        let output: Output = common::holdall()
            .env("HOME", self.0.path())
            .env("HOLDALL_STORE", store)
            .current_dir(self.0.path())
            .args(args)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(text).unwrap(),
        )
    }

    fn persist(&self, store: &str, job: &str, text: &str) {
        let root = self.path("root");
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join(job), text).unwrap();
        let args = [
            "persist",
            "--job",
            job,
            "--root",
            "root",
            "--compression",
            "none",
            job,
        ];
        let (code, said) = self.run(store, &args);
        assert_eq!(code, 0, "{said}");
    }

    /// Everything that a store holds, by its name.
    fn tree(&self, store: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        let mut folders = vec![self.path(store)];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(&folder).unwrap() {
                let path = item.unwrap().path();
                // What a machine remembers of its own trees stays on it.
                if path.ends_with("cache") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.path(store)).unwrap().to_owned();
                    tree.insert(name, fs::read(path).unwrap());
                }
            }
        }
        tree
    }

    fn largest(&self, store: &str) -> PathBuf {
        let tree = self.tree(store);
        let (name, _) = tree.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
        self.path(store).join(name)
    }
}

fn spoil(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Compares two stores without printing what is in them.
fn same(one: &BTreeMap<PathBuf, Vec<u8>>, other: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    assert!(one == other, "files of one name differ");
}

#[test]
fn a_copy_holds_the_same_and_is_made_once() {
    let lab = Lab::new();
    lab.persist("here", "a", "one");
    lab.persist("here", "b", "two");
    let (code, said) = lab.run("here", &["layers", "push", "there"]);
    assert_eq!(code, 0, "{said}");
    snapshot!("layers-push", said);
    same(&lab.tree("here"), &lab.tree("there"));

    let (_, said) = lab.run("here", &["layers", "push", "there", "--format", "json"]);
    let report: serde_json::Value =
        serde_json::from_str(&said[..=said.rfind('}').unwrap()]).unwrap();
    assert_eq!(report["copied"]["layers"], 0);

    let there = format!("file://{}", lab.path("there").display());
    let (code, said) = lab.run("back", &["layers", "pull", &there]);
    assert_eq!(code, 0, "{said}");
    same(&lab.tree("here"), &lab.tree("back"));
    let (code, said) = lab.run("back", &["attach", "--at", "out", "--upstream", "a"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(fs::read(lab.path("out/a")).unwrap(), b"one");
}

#[test]
fn a_copy_that_was_interrupted_is_completed() {
    let lab = Lab::new();
    lab.persist("here", "a", "one");
    assert_eq!(lab.run("here", &["layers", "push", "there"]).0, 0);
    // What a copy leaves that dies before the ref, with a torn blob.
    fs::remove_file(lab.path("there/default/refs/a/1.0.0")).unwrap();
    let blob = lab.largest("there");
    fs::write(&blob, b"torn").unwrap();
    let (code, said) = lab.run("here", &["layers", "push", "there"]);
    assert_eq!(code, 0, "{said}");
    same(&lab.tree("here"), &lab.tree("there"));
}

#[test]
fn other_bytes_under_the_same_name_stop_the_copy_first() {
    let lab = Lab::new();
    lab.persist("here", "b", "mine");
    lab.persist("there", "b", "theirs");
    lab.persist("here", "a", "new");
    lab.persist("there", "c", "new");
    let before = (lab.tree("here"), lab.tree("there"));
    for verb in ["push", "pull"] {
        let (code, said) = lab.run("here", &["layers", verb, "there"]);
        assert_eq!(code, 1, "{said}");
        assert!(
            said.contains("layer b/1.0.0 exists already, with other bytes"),
            "{said}"
        );
    }
    assert_eq!(before, (lab.tree("here"), lab.tree("there")));
}

#[test]
fn a_damaged_layer_is_not_copied_either_way() {
    let lab = Lab::new();
    lab.persist(
        "here",
        "a",
        &"long enough to be the largest file ".repeat(200),
    );
    spoil(&lab.largest("here"));
    let (code, said) = lab.run("here", &["layers", "push", "there"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("is damaged"), "{said}");
    assert!(!lab.path("there/default/refs/a/1.0.0").exists());
    let (code, said) = lab.run("copy", &["layers", "pull", "here"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("in the place of"), "{said}");
    assert!(!lab.path("copy/default/refs/a/1.0.0").exists());
}

#[test]
fn a_store_that_is_none_is_refused() {
    let lab = Lab::new();
    let mut said = String::new();
    for url in [
        "ftp://host/layers",
        "file://host/layers",
        "s3://",
        "s3://bucket/a/../b",
        "oci://registry",
        "oci://registry/Upper:tag",
    ] {
        let (code, text) = lab.run(url, &["layers", "ls"]);
        assert_eq!(code, 2, "{text}");
        said.push_str(&format!("# {url}\n{text}\n"));
    }
    snapshot!("store-refused", said);
}

#[test]
#[cfg(not(any(feature = "s3", feature = "registry")))]
fn a_store_that_needs_a_feature_names_it() {
    let lab = Lab::new();
    let mut said = String::new();
    for url in [
        "s3://bucket/layers",
        "gs://bucket",
        "az://container",
        "oci://registry/layers",
    ] {
        let (code, text) = lab.run(url, &["layers", "ls"]);
        assert_eq!(code, 3, "{text}");
        said.push_str(&format!("# {url}\n{text}\n"));
    }
    snapshot!("store-needs-a-feature", said);
}
