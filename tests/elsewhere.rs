//! What holds on every system, and what a system that is not Linux has in its own way: layers that go
//! to and fro, names that a system takes for something else, names that a file system takes for
//! one.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod tar_lab;

use std::fs;
use std::process::{Command, Output};

use holdall::layer::tree_digest_of;

use tar_lab::{Lab, Tar, nothing_written};

fn holdall(lab: &Lab, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdall"))
        .args(words)
        .current_dir(lab.path("."))
        .env("HOLDALL_STORE", lab.path("cli-store"))
        .env("HOLDALL_WORKSPACE", "w")
        .output()
        .unwrap()
}

fn ok(lab: &Lab, words: &[&str]) -> String {
    let out = holdall(lab, words);
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn what_is_persisted_comes_back() {
    let lab = Lab::new();
    let put = |name: &str, bytes: &[u8]| {
        let path = lab.path("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("a/b/c", b"deep");
    put("a.b", b"between");
    put(".hidden/ü x", "ü".as_bytes());
    put("nothing", b"");
    // Several frames, and a file that lies in more than one.
    let big: Vec<u8> = (0..9_000_000_u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    put("big", &big);
    fs::create_dir_all(lab.path("root/empty")).unwrap();
    fs::hard_link(lab.path("root/big"), lab.path("root/twin")).unwrap();
    ok(&lab, &["persist", "--job", "a", "--root", "root", "."]);
    ok(&lab, &["attach", "--at", "back", "--upstream", "a"]);
    let digest = tree_digest_of(&lab.path("root")).unwrap();
    assert_eq!(tree_digest_of(&lab.path("back")).unwrap(), digest);
    assert_eq!(fs::read(lab.path("back/twin")).unwrap(), big);

    // What was changed comes back too, and what is beside it stays.
    fs::write(lab.path("back/a/b/c"), "changed").unwrap();
    fs::write(lab.path("back/a/mine"), "mine").unwrap();
    fs::remove_file(lab.path("back/a.b")).unwrap();
    ok(&lab, &["attach", "--at", "back", "--upstream", "a"]);
    assert_eq!(fs::read(lab.path("back/a/mine")).unwrap(), b"mine");
    fs::remove_file(lab.path("back/a/mine")).unwrap();
    assert_eq!(tree_digest_of(&lab.path("back")).unwrap(), digest);

    let listed = ok(&lab, &["layers", "show", "a/1.0.0"]);
    assert!(listed.starts_with("layer     a/1.0.0"), "{listed}");
}

#[test]
fn a_file_that_nobody_may_write_to_is_replaced() {
    let lab = Lab::new();
    let mut header = tar_lab::header("f", b'0', 1);
    header.mode = tar_lab::octal(0o444, 8);
    lab.tar("a", &Tar::default().head(&header).data("x").end());
    lab.attach(&["a"]).unwrap();
    let file = lab.path("out/f");
    assert!(file.metadata().unwrap().permissions().readonly());
    lab.tar("b", &Tar::default().file("f", "later").end());
    lab.attach(&["a", "b"]).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"later");
    assert!(!file.metadata().unwrap().permissions().readonly());
}

#[test]
fn a_name_that_windows_takes_for_something_else_is_refused_there() {
    let names = [
        "a:b",
        "C:x",
        "..\\up",
        "d\\..\\..\\up",
        "nul",
        "d/com1.txt",
        "dot.",
        "space ",
        "q?",
        "a\tb",
    ];
    for name in names {
        let lab = Lab::new();
        lab.tar("a", &Tar::default().file("fine", "x").file(name, "x").end());
        let before = lab.outside();
        let attached = lab.attach(&["a"]);
        if cfg!(windows) {
            let error = attached.unwrap_err();
            assert_eq!(error.code(), "layer::name-here", "{name}: {error}");
            assert!(nothing_written(&lab.path("out")), "{name}");
        } else {
            attached.unwrap();
            assert_eq!(
                fs::read(lab.path("out").join(name)).unwrap(),
                b"x",
                "{name}"
            );
        }
        assert_eq!(lab.outside(), before, "{name}");
    }
}

#[test]
fn names_that_the_file_system_takes_for_one_are_refused() {
    let lab = Lab::new();
    fs::write(lab.path("case"), "").unwrap();
    let folds = lab.path("CASE").exists();
    for pair in [["readme", "README"], ["d/f", "D/g"], ["é", "É"]] {
        let lab = Lab::new();
        let mut pair = pair;
        pair.sort_unstable();
        lab.tar(
            "a",
            &Tar::default().file(pair[0], "0").file(pair[1], "1").end(),
        );
        let attached = lab.attach(&["a"]);
        if folds {
            let error = attached.unwrap_err();
            assert_eq!(error.code(), "layer::name-here", "{error}");
            assert!(nothing_written(&lab.path("out")), "{pair:?}");
        } else {
            attached.unwrap();
            assert_eq!(fs::read(lab.path("out").join(pair[1])).unwrap(), b"1");
        }
    }
}

#[test]
fn a_run_says_where_it_needs_another_system() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path(".circleci")).unwrap();
    let config = "version: 2.1\njobs:\n  a:\n    docker: [{image: cimg/base:2024.01}]\n    \
                  steps:\n      - run: 'true'\nworkflows:\n  main:\n    jobs: [a]\n";
    fs::write(lab.path(".circleci/config.yml"), config).unwrap();
    assert!(ok(&lab, &["run", "--dry-run"]).contains("main"));
    if cfg!(windows) {
        let out = holdall(&lab, &["run"]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success());
        assert!(said.contains("run on Linux and macOS only"), "{said}");
    }
}
