//! What goes into a layer comes out of it: trees of all kinds, the same bytes each time, damage
//! and crashes noticed, writers side by side.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use holdall::layer::{
    AttachRequest, Attached, Budget, Compression, Digest, ErrorKind, LayerError, LayerId,
    PersistRequest, Persisted, Transferred, Upstream, Workspace, tree_digest_of,
};
use proptest::prelude::*;

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn workspace(&self) -> Workspace {
        Workspace::in_dir(&self.path("store"), "default")
    }

    fn persist(&self, job: &str, paths: &[&str]) -> Result<Persisted, LayerError> {
        self.workspace()
            .persist(&request(&self.path("root"), job, paths), &mut |_| {})
    }

    fn attach(&self, at: &str, jobs: &[(&str, &[&str])]) -> Result<Attached, LayerError> {
        self.workspace()
            .attach(&attach_request(&self.path(at), jobs), &mut |_| {})
    }
}

fn request(root: &Path, job: &str, paths: &[&str]) -> PersistRequest {
    PersistRequest {
        root_text: "root".to_owned(),
        ..PersistRequest::new(job, root, paths)
    }
}

fn attach_request(at: &Path, jobs: &[(&str, &[&str])]) -> AttachRequest {
    AttachRequest {
        at: at.to_owned(),
        upstream: jobs
            .iter()
            .map(|(job, after)| Upstream {
                job: (*job).to_owned(),
                after: after.iter().map(|job| (*job).to_owned()).collect(),
            })
            .collect(),
    }
}

fn id(job: &str, attempt: u32, node: u32, seq: u32) -> LayerId {
    LayerId {
        job: job.to_owned(),
        attempt,
        node,
        seq,
    }
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

/// A tree with one of everything.
fn furnish(root: &Path) {
    let put = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("bin/tool", "#!/bin/sh\n");
    fs::set_permissions(root.join("bin/tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    put("a file with spaces", "1");
    put("-rf", "2");
    put("quote'\"s", "3");
    put("line\nbreak/tab\there", "4");
    put("back\\slash", "5");
    put("näme/☺", "6");
    put(".hidden/.env", "7");
    put("@argument", "8");
    put("secret", "9");
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    put(&format!("{0}/{0}", "long".repeat(30)), "10");
    put(&format!("{}file", "deep/".repeat(60)), "11");
    put(&"n".repeat(100), "12");
    put(&"m".repeat(101), "13");
    fs::create_dir_all(root.join("empty/inner")).unwrap();
    fs::create_dir(root.join("tight")).unwrap();
    put("tight/file", "14");
    fs::set_permissions(root.join("tight"), fs::Permissions::from_mode(0o555)).unwrap();
    symlink("tool", root.join("bin/link")).unwrap();
    symlink("/usr/bin/python3", root.join("bin/python")).unwrap();
    symlink("no\nwhere\\", root.join("dangling")).unwrap();
    symlink("x".repeat(150), root.join("far")).unwrap();
    fs::hard_link(root.join("bin/tool"), root.join("zz-same")).unwrap();
    fs::write(root.join("empty file"), "").unwrap();
    fs::write(root.join("block"), [7; 512]).unwrap();
    fs::write(
        root.join("big"),
        (0..2_000_000_u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<_>>(),
    )
    .unwrap();
}

#[test]
fn a_tree_of_everything_comes_back() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd(3)] {
        let lab = Lab::new();
        furnish(&lab.path("root"));
        let before = tree_digest_of(&lab.path("root")).unwrap();
        let persisted = lab
            .workspace()
            .persist(
                &PersistRequest {
                    compression,
                    durable: true,
                    ..request(&lab.path("root"), "build", &["."])
                },
                &mut |_| {},
            )
            .unwrap();
        assert_eq!(persisted.tree, before);
        let attached = lab.attach("out", &[("build", &[])]).unwrap();
        assert_eq!(attached.tree, before);
        assert_eq!(tree_digest_of(&lab.path("out")).unwrap(), before);
        assert_eq!(attached.layers.len(), 1);
        assert_eq!(attached.layers[0].entries, persisted.entries);
        let out = lab.path("out");
        assert_eq!(mode(&out.join("bin/tool")), 0o755, "no setuid bit");
        assert_eq!(mode(&out.join("tight")), 0o555);
        let inode = |name: &str| out.join(name).metadata().unwrap().ino();
        assert_eq!(inode("bin/tool"), inode("zz-same"));
        let time = |at: &Path, name: &str| at.join(name).symlink_metadata().unwrap().mtime();
        for name in ["block", "empty", "tight", "bin", "dangling"] {
            assert_eq!(time(&out, name), time(&lab.path("root"), name), "{name}");
        }
    }
}

#[test]
fn an_attach_twice_changes_nothing() {
    let lab = Lab::new();
    furnish(&lab.path("root"));
    lab.persist("build", &["."]).unwrap();
    lab.attach("out", &[("build", &[])]).unwrap();
    let once = tree_digest_of(&lab.path("out")).unwrap();
    lab.attach("out", &[("build", &[])]).unwrap();
    assert_eq!(tree_digest_of(&lab.path("out")).unwrap(), once);
}

#[test]
fn equal_trees_make_equal_bytes() {
    let lab = Lab::new();
    furnish(&lab.path("root"));
    let first = lab.persist("build", &["."]).unwrap();
    let status = Command::new("cp")
        .arg("-a")
        .args([lab.path("root"), lab.path("copy")])
        .status()
        .unwrap();
    assert!(status.success());
    let copy = lab
        .workspace()
        .persist(&request(&lab.path("copy"), "other", &["*"]), &mut |_| {})
        .unwrap();
    assert_eq!(first.layer, copy.layer);
    lab.file("block", "changed");
    assert_ne!(lab.persist("build", &["."]).unwrap().layer, first.layer);
}

#[test]
fn gnu_tar_reads_a_layer_to_the_same_tree() {
    let lab = Lab::new();
    furnish(&lab.path("root"));
    let persisted = lab.persist("build", &["."]).unwrap();
    let out = lab.path("tar");
    fs::create_dir(&out).unwrap();
    let blob = lab
        .path("store/default/blobs/sha256")
        .join(persisted.layer.hex());
    let status = Command::new("sh")
        .arg("-c")
        .arg("zstd -dc \"$1\" | tar -C \"$2\" -xpf -")
        .arg("sh")
        .args([&blob, &out])
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(tree_digest_of(&out).unwrap(), persisted.tree);
}

#[test]
fn items_select_as_go_does() {
    let lab = Lab::new();
    for name in ["dist/a.js", "dist/b.css", "dist/deep/c.js", ".env", "x/y"] {
        lab.file(name, name);
    }
    let names = |paths: &[&str]| -> Vec<String> {
        let persisted = lab.persist("build", paths).unwrap();
        let files = lab.workspace().files(&persisted.id).unwrap();
        files.iter().map(|entry| entry.path.to_string()).collect()
    };
    assert_eq!(names(&["dist/*.js"]), ["dist/a.js"]);
    assert_eq!(
        names(&["dist/**"]),
        ["dist/a.js", "dist/b.css", "dist/deep", "dist/deep/c.js"]
    );
    assert_eq!(names(&["*"]).first().map(String::as_str), Some(".env"));
    assert_eq!(
        names(&["dist/deep", "dist/deep/c.js"]),
        ["dist/deep", "dist/deep/c.js"]
    );
    assert_eq!(names(&["x/../x/y"]), ["x/y"]);
    assert_eq!(names(&["./x/"]), ["x", "x/y"]);
}

#[test]
fn what_matches_nothing_is_told_in_the_words_of_circleci() {
    let lab = Lab::new();
    lab.file("a", "a");
    let error = lab.persist("build", &["root/a", "b*"]).unwrap_err();
    let expected = format!(
        "The specified paths did not match any files in {}",
        lab.path("root").display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(
        error
            .hint()
            .unwrap()
            .contains("repeats the root's own name")
    );
    assert_eq!(error.kind(), ErrorKind::Input);
    let persisted = lab.persist("build", &["a", "b*"]).unwrap();
    assert_eq!(persisted.unmatched, ["b*"]);
    let error = lab
        .workspace()
        .persist(&request(&lab.path("gone"), "build", &["a"]), &mut |_| {})
        .unwrap_err();
    let expected = format!(
        "Error locating workspace root directory: stat {}: no such file or directory",
        lab.path("gone").display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn items_that_leave_the_root_are_errors() {
    let lab = Lab::new();
    lab.file("a", "a");
    for item in ["/etc/passwd", "..", "a/../../a", "", "[a"] {
        assert!(lab.persist("build", &[item]).is_err(), "{item}");
    }
    assert!(!lab.path("store").exists());
}

#[test]
fn an_empty_root_and_an_empty_folder_are_layers() {
    let lab = Lab::new();
    assert_eq!(lab.persist("build", &["."]).unwrap().entries, 0);
    fs::create_dir(lab.path("root/results")).unwrap();
    assert_eq!(lab.persist("test", &["results"]).unwrap().entries, 1);
    lab.attach("out", &[("build", &[]), ("test", &[])]).unwrap();
    assert!(lab.path("out/results").is_dir());
}

#[test]
fn a_fifo_is_named() {
    let lab = Lab::new();
    lab.file("ok", "");
    let status = Command::new("mkfifo")
        .arg(lab.path("root/pipe"))
        .status()
        .unwrap();
    assert!(status.success());
    let error = lab.persist("build", &["."]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`pipe` is a FIFO, which a layer cannot hold"
    );
}

#[test]
fn the_store_is_never_part_of_a_layer() {
    let lab = Lab::new();
    lab.file("a", "a");
    let workspace = Workspace::in_dir(&lab.path("root/.holdall/store"), "default");
    for _ in 0..2 {
        let persisted = workspace
            .persist(&request(&lab.path("root"), "build", &["."]), &mut |_| {})
            .unwrap();
        let names: Vec<String> = workspace
            .files(&persisted.id)
            .unwrap()
            .iter()
            .map(|entry| entry.path.to_string())
            .filter(|name| name.contains("store"))
            .collect();
        assert_eq!(names, Vec::<String>::new());
    }
}

#[test]
fn later_layers_win_in_the_order_of_the_request() {
    let lab = Lab::new();
    lab.file("shared", "first");
    lab.file("only-a", "a");
    lab.persist("a", &["."]).unwrap();
    lab.file("shared", "second");
    lab.persist("b", &["shared"]).unwrap();
    let attached = lab.attach("out", &[("a", &[]), ("b", &["a"])]).unwrap();
    assert_eq!(
        fs::read_to_string(lab.path("out/shared")).unwrap(),
        "second"
    );
    assert_eq!(attached.tree, tree_digest_of(&lab.path("out")).unwrap());
    // The closure is computed: c comes after a by way of b, which has no layers of its own here.
    lab.file("shared", "third");
    lab.persist("c", &["shared"]).unwrap();
    lab.attach("out2", &[("a", &[]), ("gap", &["a"]), ("c", &["gap"])])
        .unwrap();
    assert_eq!(
        fs::read_to_string(lab.path("out2/shared")).unwrap(),
        "third"
    );
}

#[test]
fn the_same_file_of_concurrent_jobs_is_a_conflict_also_for_equal_bytes() {
    let lab = Lab::new();
    lab.file("dir/same", "x");
    lab.file("dir/other", "x");
    lab.persist("a", &["dir"]).unwrap();
    lab.persist("b", &["dir"]).unwrap();
    let error = lab.attach("out", &[("a", &[]), ("b", &[])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Concurrent upstream jobs persisted the same file(s): a/1.0.0 and b/1.0.0 both hold `dir/other`, `dir/same`"
    );
    assert!(
        !lab.path("out").exists(),
        "the target was touched before the plan was done"
    );
    lab.attach("out", &[("a", &[]), ("b", &["a"])]).unwrap();
}

#[test]
fn nodes_of_one_job_are_concurrent_and_numbers_of_one_node_are_not() {
    let lab = Lab::new();
    lab.file("f", "0");
    let persist = |node, seq, text: &str| {
        lab.file("f", text);
        lab.workspace()
            .persist(
                &PersistRequest {
                    node,
                    nodes: 2,
                    seq: Some(seq),
                    ..request(&lab.path("root"), "test", &["f"])
                },
                &mut |_| {},
            )
            .unwrap()
    };
    persist(0, 0, "0");
    persist(0, 1, "1");
    lab.attach("out", &[("test", &[])]).unwrap();
    assert_eq!(fs::read_to_string(lab.path("out/f")).unwrap(), "1");
    persist(1, 0, "1");
    let error = lab.attach("out2", &[("test", &[])]).unwrap_err();
    assert!(matches!(error, LayerError::Conflict { .. }), "{error}");
}

#[test]
fn a_file_that_meets_a_folder_is_an_error_even_when_ordered() {
    let lab = Lab::new();
    lab.file("x/y", "");
    lab.persist("a", &["x"]).unwrap();
    fs::remove_dir_all(lab.path("root/x")).unwrap();
    lab.file("x", "");
    lab.persist("b", &["x"]).unwrap();
    for jobs in [
        [("a", &[] as &[&str]), ("b", &["a"])],
        [("b", &[]), ("a", &["b"])],
    ] {
        let error = lab.attach("out", &jobs).unwrap_err();
        assert!(matches!(error, LayerError::Clash { .. }), "{error}");
    }
    assert!(!lab.path("out").exists());
}

#[test]
fn an_order_that_contradicts_itself_is_an_error() {
    let lab = Lab::new();
    lab.file("x", "");
    lab.persist("a", &["x"]).unwrap();
    assert!(lab.attach("out", &[("b", &["a"]), ("a", &[])]).is_err());
    assert!(lab.attach("out", &[("a", &[]), ("a", &[])]).is_err());
}

#[test]
fn the_highest_attempt_counts() {
    let lab = Lab::new();
    for attempt in [1, 2] {
        lab.file("f", &attempt.to_string());
        lab.workspace()
            .persist(
                &PersistRequest {
                    attempt,
                    ..request(&lab.path("root"), "a", &["f"])
                },
                &mut |_| {},
            )
            .unwrap();
    }
    let attached = lab.attach("out", &[("a", &[])]).unwrap();
    assert_eq!(attached.layers[0].id, id("a", 2, 0, 0));
    assert_eq!(fs::read_to_string(lab.path("out/f")).unwrap(), "2");
}

#[test]
fn nothing_upstream_is_an_empty_attach() {
    let lab = Lab::new();
    let attached = lab.attach("out", &[("a", &[])]).unwrap();
    assert_eq!(attached.layers.len(), 0);
    assert_eq!(attached.tree, Digest::of(b""));
    assert_eq!(fs::read_dir(lab.path("out")).unwrap().count(), 0);
}

#[test]
fn what_is_in_the_way_is_replaced_and_never_written_through() {
    let lab = Lab::new();
    lab.file("f", "new");
    lab.file("dir/g", "new");
    lab.persist("a", &["."]).unwrap();
    let out = lab.path("out");
    fs::create_dir(&out).unwrap();
    fs::create_dir(lab.path("victim")).unwrap();
    fs::write(lab.path("victim/f"), "old").unwrap();
    fs::write(out.join("stays"), "old").unwrap();
    symlink(lab.path("victim/f"), out.join("f")).unwrap();
    symlink(lab.path("victim"), out.join("dir")).unwrap();
    lab.attach("out", &[("a", &[])]).unwrap();
    assert_eq!(fs::read_to_string(lab.path("victim/f")).unwrap(), "old");
    assert_eq!(fs::read_dir(lab.path("victim")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(out.join("f")).unwrap(), "new");
    assert!(out.join("dir").symlink_metadata().unwrap().is_dir());
    assert_eq!(fs::read_to_string(out.join("stays")).unwrap(), "old");
    // A file where the layer has a folder goes, a folder where the layer has a file stays.
    fs::remove_dir_all(out.join("dir")).unwrap();
    fs::write(out.join("dir"), "").unwrap();
    lab.attach("out", &[("a", &[])]).unwrap();
    fs::remove_file(out.join("f")).unwrap();
    fs::create_dir(out.join("f")).unwrap();
    let error = lab.attach("out", &[("a", &[])]).unwrap_err();
    assert!(matches!(error, LayerError::InTheWay { .. }), "{error}");
    assert!(
        out.join(".holdall-attach-incomplete").exists(),
        "the tree is partial"
    );
    fs::remove_dir(out.join("f")).unwrap();
    lab.attach("out", &[("a", &[])]).unwrap();
    assert!(!out.join(".holdall-attach-incomplete").exists());
}

#[test]
fn a_target_may_be_reached_through_a_link() {
    let lab = Lab::new();
    lab.file("f", "");
    lab.persist("a", &["."]).unwrap();
    fs::create_dir(lab.path("real")).unwrap();
    symlink("real", lab.path("out")).unwrap();
    lab.attach("out/below", &[("a", &[])]).unwrap();
    assert!(lab.path("real/below/f").exists());
}

#[test]
fn a_retry_of_the_same_bytes_succeeds_and_of_others_fails() {
    let lab = Lab::new();
    lab.file("f", "1");
    let fixed = PersistRequest {
        seq: Some(0),
        ..request(&lab.path("root"), "a", &["f"])
    };
    let persist = || lab.workspace().persist(&fixed, &mut |_| {});
    let first = persist().unwrap();
    let again = persist().unwrap();
    assert_eq!((first.manifest, first.layer), (again.manifest, again.layer));
    lab.file("f", "2");
    assert!(matches!(persist(), Err(LayerError::Taken { .. })));
    assert_eq!(lab.persist("a", &["f"]).unwrap().id, id("a", 1, 0, 1));
}

#[test]
fn sixteen_writers_make_sixteen_layers() {
    let lab = Lab::new();
    std::thread::scope(|scope| {
        for writer in 0..16 {
            lab.file(&format!("f{writer}"), &writer.to_string());
        }
        for writer in 0..16 {
            let lab = &lab;
            scope.spawn(move || lab.persist("a", &[&format!("f{writer}")]).unwrap());
        }
    });
    let layers = lab.workspace().layers().unwrap();
    let numbers: Vec<u32> = layers.iter().map(|layer| layer.id.seq).collect();
    assert_eq!(numbers, (0..16).collect::<Vec<_>>());
    lab.attach("out", &[("a", &[])]).unwrap();
    assert_eq!(fs::read_dir(lab.path("out")).unwrap().count(), 16);
    assert_eq!(
        fs::read_dir(lab.path("store/default/tmp")).unwrap().count(),
        0
    );
}

#[test]
fn an_expired_workspace_is_refused_with_both_dates() {
    let lab = Lab::new();
    lab.file("f", "1");
    let short = lab.workspace().with_lifetime(Duration::ZERO);
    short
        .persist(&request(&lab.path("root"), "a", &["f"]), &mut |_| {})
        .unwrap();
    let error = lab.persist("b", &["f"]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LayerError::Expired { .. }), "{text}");
    assert_eq!(text.matches('Z').count(), 2, "{text}");
    assert!(matches!(
        lab.attach("out", &[("a", &[])]),
        Err(LayerError::Expired { .. })
    ));
}

/// Every stored file, cut by one byte and with one bit flipped, has to be noticed.
#[test]
fn damage_is_noticed_wherever_it_is() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd(1)] {
        let lab = Lab::new();
        furnish(&lab.path("root"));
        fs::remove_file(lab.path("root/big")).unwrap();
        lab.workspace()
            .persist(
                &PersistRequest {
                    compression,
                    ..request(&lab.path("root"), "a", &["."])
                },
                &mut |_| {},
            )
            .unwrap();
        let store = lab.path("store/default");
        let mut files = vec![store.join("refs/a/1.0.0")];
        files.extend(
            fs::read_dir(store.join("blobs/sha256"))
                .unwrap()
                .map(|item| item.unwrap().path()),
        );
        // An archive with a table of contents is written while it is checked.
        let contents = matches!(compression, Compression::Zstd(_));
        assert_eq!(files.len(), if contents { 5 } else { 4 });
        for file in files {
            let good = fs::read(&file).unwrap();
            for spoil in [0, good.len() / 3, good.len() / 2, good.len() - 2] {
                let mut bad = good.clone();
                bad[spoil] ^= 0x01;
                fs::write(&file, &bad).unwrap();
                let result = lab.attach("out", &[("a", &[])]);
                assert!(result.is_err(), "{} byte {spoil}", file.display());
                fs::write(&file, &good[..spoil]).unwrap();
                // A ref without its LF is no layer, so there is nothing to attach.
                match lab.attach("out", &[("a", &[])]) {
                    Ok(attached) => assert_eq!(attached.layers.len(), 0, "{}", file.display()),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Input, "{error}"),
                }
                let partial = lab.path("out/.holdall-attach-incomplete").exists();
                assert!(!lab.path("out/bin").exists() || (contents && partial));
                let _ = fs::remove_dir_all(lab.path("out"));
            }
            let mut long = good.clone();
            long.push(b'\n');
            fs::write(&file, &long).unwrap();
            assert!(
                lab.attach("out", &[("a", &[])]).is_err(),
                "{}",
                file.display()
            );
            fs::write(&file, &good).unwrap();
        }
        lab.attach("out", &[("a", &[])]).unwrap();
    }
}

#[test]
fn a_crash_before_the_ref_leaves_nothing_that_counts() {
    let lab = Lab::new();
    lab.file("f", "1");
    lab.persist("a", &["f"]).unwrap();
    let reference = lab.path("store/default/refs/a/1.0.0");
    let line = fs::read(&reference).unwrap();
    fs::write(&reference, &line[..line.len() - 1]).unwrap();
    assert_eq!(lab.workspace().layers().unwrap().len(), 0);
    assert_eq!(lab.attach("out", &[("a", &[])]).unwrap().layers.len(), 0);
    // A retry takes the torn number over.
    let fixed = PersistRequest {
        seq: Some(0),
        ..request(&lab.path("root"), "a", &["f"])
    };
    lab.workspace().persist(&fixed, &mut |_| {}).unwrap();
    assert_eq!(lab.attach("out", &[("a", &[])]).unwrap().layers.len(), 1);
}

#[test]
fn budgets_hold_whatever_the_layer_claims() {
    let lab = Lab::new();
    lab.file("f", &"x".repeat(100_000));
    lab.file("g", "");
    lab.persist("a", &["."]).unwrap();
    let attach = |entries, bytes| {
        lab.workspace()
            .with_budget(Budget { entries, bytes })
            .attach(
                &attach_request(&lab.path("out"), &[("a", &[])]),
                &mut |_| {},
            )
    };
    assert!(matches!(
        attach(1, 1 << 20),
        Err(LayerError::Refused { .. })
    ));
    assert!(matches!(attach(9, 10_000), Err(LayerError::Refused { .. })));
    assert!(!lab.path("out").exists());
    attach(9, 1 << 20).unwrap();
}

#[test]
fn a_file_that_changes_while_it_is_read_is_an_error() {
    let lab = Lab::new();
    for at in 0..200 {
        lab.file(&format!("f{at:03}"), &"x".repeat(5000));
    }
    let root = lab.path("root");
    let mut turn = 0;
    let error = lab
        .workspace()
        .persist(&request(&root, "a", &["."]), &mut |_| {
            turn += 1;
            fs::write(root.join("f199"), turn.to_string()).unwrap();
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "`f199` changed while it was read");
    assert_eq!(lab.workspace().layers().unwrap().len(), 0);
    assert_eq!(
        fs::read_dir(lab.path("store/default/tmp")).unwrap().count(),
        0
    );
}

#[test]
fn a_file_that_grows_while_it_is_read_is_an_error() {
    let lab = Lab::new();
    lab.file("log", "a line\n");
    let log = lab.path("root/log");
    let error = lab
        .workspace()
        .persist(&request(&lab.path("root"), "a", &["."]), &mut |_| {
            let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
            file.write_all(b"one more\n").unwrap();
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "`log` changed while it was read");
    assert_eq!(lab.workspace().layers().unwrap().len(), 0);
}

#[test]
fn a_file_that_vanishes_before_it_is_read_is_looked_for_once_more() {
    let lab = Lab::new();
    for name in ["a", "b", "c/d"] {
        lab.file(name, name);
    }
    let root = lab.path("root");
    let paths = |persisted: &Persisted| -> Vec<String> {
        let files = lab.workspace().files(&persisted.id).unwrap();
        files.iter().map(|entry| entry.path.to_string()).collect()
    };
    // Gone once: the layer holds what is there at the second look.
    let persisted = lab
        .workspace()
        .persist(&request(&root, "one", &["."]), &mut |_| {
            drop(fs::remove_file(root.join("b")));
        })
        .unwrap();
    assert_eq!(paths(&persisted), ["a", "c", "c/d"]);
    // Something is gone each time. A tree that is as before would not be read again.
    lab.file("e", "e");
    let mut doomed = [root.join("c"), root.join("a")].into_iter();
    let error = lab
        .workspace()
        .persist(&request(&root, "two", &["."]), &mut |done| {
            if done == Transferred::default()
                && let Some(path) = doomed.next()
            {
                let removed = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
                removed.unwrap();
            }
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "`a` vanished while it was read");
    assert_eq!(error.code(), "layer::vanished");
    assert!(error.hint().unwrap().contains("narrow the paths"));
    assert_eq!(lab.workspace().layers().unwrap().len(), 1);
    assert_eq!(
        fs::read_dir(lab.path("store/default/tmp")).unwrap().count(),
        0
    );
}

#[test]
fn a_store_that_cannot_be_written_is_unreachable() {
    let lab = Lab::new();
    lab.file("f", "1");
    fs::write(lab.path("store"), "a file").unwrap();
    let error = lab.persist("a", &["f"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}

#[test]
fn a_layer_says_when_it_was_made_and_until_when_it_is_kept() {
    let lab = Lab::new();
    lab.file("f", "1");
    lab.persist("a", &["f"]).unwrap();
    let layers = lab.workspace().layers().unwrap();
    let parse = |text: &Option<String>| humantime::parse_rfc3339(text.as_ref().unwrap()).unwrap();
    let config = &layers[0].config;
    let kept = parse(&config.expires)
        .duration_since(parse(&config.created))
        .unwrap();
    assert_eq!(kept, Duration::from_secs(15 * 24 * 3600));
    assert!(parse(&config.created) <= SystemTime::now());
}

/// Writes a tree from a list of paths to what lies there; skips what the file system refuses.
fn plant(root: &Path, plan: &BTreeMap<Vec<u8>, Node>) {
    let mut files: Vec<PathBuf> = Vec::new();
    for (path, node) in plan {
        let path = root.join(OsStr::from_bytes(path));
        let parent = path.parent().unwrap();
        if fs::create_dir_all(parent).is_err() || path.symlink_metadata().is_ok() {
            continue;
        }
        match node {
            Node::File(content, mode) => {
                if fs::write(&path, content).is_ok() {
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                    files.push(path);
                }
            }
            Node::Folder => {
                let _ = fs::create_dir(&path);
            }
            Node::Link(target) => {
                let _ = symlink(OsStr::from_bytes(target), &path);
            }
            Node::Hard(index) => {
                if let Some(first) = files.get(*index % files.len().max(1)) {
                    let _ = fs::hard_link(first, &path);
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Node {
    File(Vec<u8>, u32),
    Folder,
    Link(Vec<u8>),
    Hard(usize),
}

fn component() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-c]{1,2}".prop_map(String::into_bytes),
        "[ -~é☺\n\t]{1,12}".prop_map(String::into_bytes),
        "-[a-z]{1,3}|\\.[a-z]{1,3}|@[a-z]".prop_map(String::into_bytes),
        "[a-z]{90,200}".prop_map(String::into_bytes),
        proptest::collection::vec(1_u8..=255, 1..6),
    ]
    .prop_map(|mut name| {
        name.retain(|byte| *byte != b'/' && *byte != 0);
        if name.is_empty() || name == b"." || name == b".." {
            name = b"x".to_vec();
        }
        name
    })
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        4 => (proptest::collection::vec(any::<u8>(), 0..2000), 0_u32..0o1000).prop_map(|(content, mode)| Node::File(content, mode | 0o400)),
        1 => Just(Node::Folder),
        1 => component().prop_map(Node::Link),
        1 => (0_usize..5).prop_map(Node::Hard),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_comes_back(
        plan in proptest::collection::btree_map(
            proptest::collection::vec(component(), 1..5).prop_map(|parts| parts.join(&b'/')),
            node(),
            1..20,
        ),
        compression in prop_oneof![Just(Compression::None), Just(Compression::Gzip), Just(Compression::Zstd(1))],
    ) {
        let lab = Lab::new();
        plant(&lab.path("root"), &plan);
        let before = tree_digest_of(&lab.path("root")).unwrap();
        let persisted = lab.workspace().persist(
            &PersistRequest { compression, ..request(&lab.path("root"), "job", &["."]) },
            &mut |_| {},
        ).unwrap();
        prop_assert_eq!(persisted.tree, before);
        let attached = lab.attach("out", &[("job", &[])]).unwrap();
        prop_assert_eq!(attached.tree, before);
        prop_assert_eq!(tree_digest_of(&lab.path("out")).unwrap(), before);
        let verdicts = lab.workspace().verify(&mut |_| {}).unwrap();
        prop_assert!(verdicts.iter().all(|verdict| verdict.problem.is_none()));
    }
}
