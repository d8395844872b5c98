//! What is remembered of files that did not change, and when it is not believed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use holdall::layer::tree_digest_of;

use super::lab::{Lab, MARKER, furnish};

/// What is another after every write; a new file may get the number of one that went.
fn state(path: &Path) -> (u64, i64, i64) {
    let meta = path.symlink_metadata().unwrap();
    (meta.ino(), meta.ctime(), meta.ctime_nsec())
}

#[test]
fn files_that_did_not_change_are_not_packed_again() {
    let lab = Lab::new();
    furnish(&lab);
    lab.settle();
    let first = lab.persist("a");
    let blob = lab.blob(first.layer).metadata().unwrap().ino();
    // Held open, so that a new blob would get another number.
    let held = fs::File::open(lab.blob(first.layer)).unwrap();
    let again = lab.persist("b");
    drop(held);
    assert_eq!(
        (again.layer, again.tree, again.size),
        (first.layer, first.tree, first.size)
    );
    assert_eq!(again.entries, first.entries);
    assert_eq!(
        lab.blob(first.layer).metadata().unwrap().ino(),
        blob,
        "the archive was made anew"
    );
    assert_eq!(lab.attach("out", "b").unwrap().tree, first.tree);
    // A blob that is gone, or of another size, is made anew.
    fs::write(lab.blob(first.layer), "torn").unwrap();
    lab.persist("c");
    fs::remove_file(lab.blob(lab.manifest(&first).toc().unwrap().digest)).unwrap();
    lab.persist("d");
    assert_eq!(lab.attach("out2", "d").unwrap().tree, first.tree);
}

#[test]
fn every_change_to_a_file_makes_another_layer() {
    let lab = Lab::new();
    furnish(&lab);
    let root = lab.path("root");
    let keep_time = |path: &Path, change: &dyn Fn(&Path)| {
        let time = path.metadata().unwrap().modified().unwrap();
        change(path);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(time).unwrap();
    };
    type Change<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let changes: Vec<Change<'_>> = vec![
        (
            "same size and time",
            Box::new(|| {
                keep_time(&root.join("a.txt"), &|path| {
                    let size = path.metadata().unwrap().len() as usize;
                    fs::write(path, "y".repeat(size)).unwrap();
                });
            }),
        ),
        (
            "a mode",
            Box::new(|| {
                fs::set_permissions(root.join("a-b/c"), fs::Permissions::from_mode(0o600)).unwrap();
            }),
        ),
        (
            "a link",
            Box::new(|| {
                fs::remove_file(root.join("a/link")).unwrap();
                symlink("pug", root.join("a/link")).unwrap();
            }),
        ),
        (
            "one more",
            Box::new(|| fs::write(root.join("many/new"), "").unwrap()),
        ),
        (
            "one less",
            Box::new(|| fs::remove_file(root.join("many/new")).unwrap()),
        ),
        (
            "another name",
            Box::new(|| fs::rename(root.join("z"), root.join("y")).unwrap()),
        ),
        (
            "a folder's time",
            Box::new(|| {
                let folder = fs::File::open(root.join("empty")).unwrap();
                folder
                    .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1))
                    .unwrap();
            }),
        ),
    ];
    lab.settle();
    let mut last = lab.persist("job");
    for (what, change) in changes {
        change();
        let young = lab.persist("job");
        assert_ne!(young.layer, last.layer, "{what}");
        assert_eq!(young.tree, tree_digest_of(&root).unwrap(), "{what}");
        lab.settle();
        last = lab.persist("job");
        assert_eq!(young.layer, last.layer, "{what}");
    }
}

#[test]
fn a_record_that_is_damaged_or_about_something_else_is_passed_over() {
    let lab = Lab::new();
    furnish(&lab);
    lab.settle();
    let first = lab.persist("a");
    lab.attach("out", "a").unwrap();
    let cache = lab.path("store/default/cache");
    let records: Vec<PathBuf> = fs::read_dir(&cache)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(records.len(), 2);
    fs::write(
        lab.path("root/a.txt"),
        "another text, and nothing but the record is old",
    )
    .unwrap();
    fs::remove_file(lab.path("out/a.txt")).unwrap();
    for record in &records {
        let good = fs::read(record).unwrap();
        for at in [0, 20, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(record, bad).unwrap();
            assert_ne!(lab.persist("b").layer, first.layer);
            assert_eq!(lab.attach("out", "a").unwrap().tree, first.tree);
            fs::remove_file(lab.path("out/a.txt")).unwrap();
            fs::write(record, &good[..at]).unwrap();
            lab.persist("b");
            lab.attach("out", "a").unwrap();
            assert!(lab.path("out/a.txt").exists());
            fs::remove_file(lab.path("out/a.txt")).unwrap();
        }
    }
    // The record of one target does not serve for another.
    let of_target = records
        .iter()
        .find(|path| path.to_str().unwrap().contains("attach-"))
        .unwrap();
    lab.attach("out", "a").unwrap();
    let bytes = fs::read(of_target).unwrap();
    fs::create_dir(lab.path("elsewhere")).unwrap();
    lab.attach("elsewhere", "a").unwrap();
    for record in fs::read_dir(&cache).unwrap() {
        let record = record.unwrap().path();
        if record.to_str().unwrap().contains("attach-") {
            fs::write(record, &bytes).unwrap();
        }
    }
    fs::remove_dir_all(lab.path("elsewhere/many")).unwrap();
    lab.attach("elsewhere", "a").unwrap();
    assert_eq!(tree_digest_of(&lab.path("elsewhere")).unwrap(), first.tree);
}

#[test]
fn a_target_that_holds_the_layers_is_left_alone() {
    let lab = Lab::new();
    furnish(&lab);
    let persisted = lab.persist("job");
    let first = lab.attach("out", "job").unwrap();
    let file = lab.path("out/a.txt");
    let before = state(&file);
    // What others put there does not matter.
    fs::write(lab.path("out/own"), "mine").unwrap();
    fs::write(lab.path("out/many/own"), "mine").unwrap();
    let again = lab.attach("out", "job").unwrap();
    assert_eq!(state(&file), before, "the file was written anew");
    assert_eq!((again.tree, again.layers.len()), (first.tree, 1));
    assert_eq!(again.layers[0].entries, persisted.entries);
    // One more layer, or other layers, are another state.
    lab.file("extra", "1");
    lab.persist("job");
    lab.attach("out", "job").unwrap();
    assert!(lab.path("out/extra").exists());
}

#[test]
fn whatever_was_done_to_a_target_is_mended() {
    let lab = Lab::new();
    furnish(&lab);
    let tree = lab.persist("job").tree;
    let out = lab.path("out");
    type Change<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let changes: Vec<Change<'_>> = vec![
        (
            "same size and time",
            Box::new(|| {
                let path = out.join("a.txt");
                let meta = path.metadata().unwrap();
                fs::write(&path, "y".repeat(meta.len() as usize)).unwrap();
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(meta.modified().unwrap()).unwrap();
            }),
        ),
        (
            "deleted",
            Box::new(|| fs::remove_file(out.join("a-b/c")).unwrap()),
        ),
        (
            "chmod",
            Box::new(|| {
                fs::set_permissions(out.join("a/piece"), fs::Permissions::from_mode(0o4777))
                    .unwrap();
            }),
        ),
        (
            "chmod of a folder",
            Box::new(|| {
                fs::set_permissions(out.join("many"), fs::Permissions::from_mode(0o700)).unwrap();
            }),
        ),
        (
            "another link",
            Box::new(|| {
                fs::remove_file(out.join("a/link")).unwrap();
                symlink("pug", out.join("a/link")).unwrap();
            }),
        ),
        (
            "a link instead of a file",
            Box::new(|| {
                fs::rename(out.join("a.txt"), out.join("moved")).unwrap();
                symlink("moved", out.join("a.txt")).unwrap();
            }),
        ),
        (
            "another folder",
            Box::new(|| {
                fs::rename(out.join("many"), lab.path("away")).unwrap();
                fs::create_dir(out.join("many")).unwrap();
            }),
        ),
        (
            "a link instead of a folder",
            Box::new(|| {
                fs::remove_dir_all(lab.path("away")).unwrap();
                fs::rename(out.join("many"), lab.path("away")).unwrap();
                symlink(lab.path("away"), out.join("many")).unwrap();
            }),
        ),
        (
            "two files that swap their names",
            Box::new(|| {
                fs::rename(out.join("many/1/f1"), out.join("x")).unwrap();
                fs::rename(out.join("many/1/f8"), out.join("many/1/f1")).unwrap();
                fs::rename(out.join("x"), out.join("many/1/f8")).unwrap();
            }),
        ),
        (
            "a hard link that is a copy",
            Box::new(|| {
                fs::remove_file(out.join("z")).unwrap();
                fs::copy(out.join("a/piece"), out.join("z")).unwrap();
            }),
        ),
        (
            "all of it gone",
            Box::new(|| fs::remove_dir_all(&out).unwrap()),
        ),
    ];
    lab.attach("out", "job").unwrap();
    for (what, change) in changes {
        change();
        lab.attach("out", "job").unwrap();
        let _ = fs::remove_file(out.join("moved"));
        assert_eq!(tree_digest_of(&out).unwrap(), tree, "{what}");
        assert!(
            out.join("many").symlink_metadata().unwrap().is_dir(),
            "{what}"
        );
        let before = state(&out.join("a.txt"));
        lab.attach("out", "job").unwrap();
        assert_eq!(
            state(&out.join("a.txt")),
            before,
            "{what} was mended, and then written again"
        );
    }
}

#[test]
fn a_target_that_is_marked_as_partial_is_never_left_alone() {
    let lab = Lab::new();
    furnish(&lab);
    lab.persist("job");
    lab.attach("out", "job").unwrap();
    let before = state(&lab.path("out/a.txt"));
    fs::write(lab.path("out").join(MARKER), "").unwrap();
    lab.attach("out", "job").unwrap();
    assert_ne!(state(&lab.path("out/a.txt")), before);
    assert!(!lab.path("out").join(MARKER).exists());
}
