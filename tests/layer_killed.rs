//! Death at any moment: the real program is killed while it persists, attaches and imports. No ref
//! ever leads to a blob that is missing or damaged, and the next run works.
//!
//! `HOLDALL_TEST_KILLS` says how often; CI says 500.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use holdall::layer::{Compression, Digest, LayerError, PersistRequest, Workspace, tree_digest_of};

/// How often each verb is killed unless the environment says otherwise.
const KILLS: usize = 20;
/// How many kills one store has to bear: checking it takes longer with each layer.
const PER_STORE: usize = 20;

fn kills() -> usize {
    match std::env::var("HOLDALL_TEST_KILLS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => KILLS,
    }
}

/// Numbers without a pattern, from a seed that the test prints.
struct Random(u64);

impl Random {
    fn new(test: &str) -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let seed = now.as_nanos() as u64;
        println!("{test}: seed {seed}");
        Self(seed)
    }

    /// Returns a number from 0 up to 1.
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    /// A tree of many small files and one that takes its time.
    fn new() -> Self {
        let lab = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let mut random = Random(7);
        for folder in 0..8 {
            let folder = lab.path(&format!("root/{folder}"));
            fs::create_dir_all(&folder).unwrap();
            for file in 0..12 {
                fs::write(folder.join(file.to_string()), vec![b'x'; file * 97]).unwrap();
            }
        }
        let noise: Vec<u8> = (0..400_000)
            .map(|_| (random.next() * 256.0) as u8)
            .collect();
        fs::write(lab.path("root/noise"), noise).unwrap();
        std::os::unix::fs::symlink("noise", lab.path("root/link")).unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self, round: usize) -> String {
        format!("store-{}", round / PER_STORE)
    }

    fn workspace(&self, store: &str) -> Workspace {
        Workspace::in_dir(&self.path(store), "default")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = common::holdall();
        command
            .args(args)
            .current_dir(self.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn succeeds(&self, args: &[&str]) {
        assert!(self.command(args).status().unwrap().success(), "{args:?}");
    }

    /// How long a command takes when nobody kills it: the middle of five.
    fn duration(&self, args: &[&str], before: impl Fn()) -> Duration {
        let mut all: Vec<Duration> = (0..5)
            .map(|_| {
                before();
                let start = Instant::now();
                self.succeeds(args);
                start.elapsed()
            })
            .collect();
        all.sort();
        all[2]
    }

    /// Runs a command and kills it after a while; says whether it died of that.
    fn kill(&self, args: &[&str], after: Duration) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        let mut child = self.command(args).spawn().unwrap();
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap().signal() == Some(9)
    }
}

/// Every ref leads to a whole layer.
fn whole(workspace: &Workspace) -> usize {
    let verdicts = workspace.verify(&mut |_| {}).unwrap();
    for verdict in &verdicts {
        assert!(verdict.problem.is_none(), "{verdict:?}");
    }
    verdicts.len()
}

/// A kill that comes when all is done proves nothing.
fn enough(killed: usize, kills: usize) {
    println!("{killed} of {kills} died of it");
    assert!(killed * 4 >= kills, "only {killed} of {kills} died of it");
}

#[test]
fn a_killed_persist_leaves_no_ref_or_a_whole_layer() {
    let lab = Lab::new();
    let mut random = Random::new("persist");
    let usual = lab.duration(
        &[
            "persist", "--job", "a", "--root", "root", ".", "--store", "scratch",
        ],
        || {},
    );
    let mut killed = 0;
    for round in 0..kills() {
        let store = lab.store(round);
        let how = ["none", "gzip", "zstd"][round % 3];
        let args = [
            "persist",
            "--job",
            "a",
            "--root",
            "root",
            ".",
            "--store",
            &store,
            "--compression",
            how,
        ];
        killed += usize::from(lab.kill(&args, usual.mul_f64(random.next() * 1.2)));
        let workspace = lab.workspace(&store);
        let before = whole(&workspace);
        lab.succeeds(&args);
        assert_eq!(whole(&workspace), before + 1);
    }
    enough(killed, kills());
}

#[test]
fn a_killed_attach_says_that_the_tree_is_partial_and_the_next_one_mends_it() {
    let lab = Lab::new();
    let mut random = Random::new("attach");
    for job in ["a", "b"] {
        lab.succeeds(&[
            "persist", "--job", job, "--root", "root", ".", "--store", "store",
        ]);
    }
    let expected = tree_digest_of(&lab.path("root")).unwrap();
    let args = [
        "attach",
        "--at",
        "out",
        "--upstream",
        "a",
        "--upstream",
        "b",
        "--store",
        "store",
    ];
    let out = lab.path("out");
    let usual = lab.duration(&args, || remove(&out));
    let mut killed = 0;
    for round in 0..kills() {
        // Half of them over what the one before has made.
        if round % 2 == 0 {
            remove(&out);
        }
        killed += usize::from(lab.kill(&args, usual.mul_f64(random.next() * 1.2)));
        if out.exists() && !out.join(".holdall-attach-incomplete").exists() {
            let tree = tree_digest_of(&out).unwrap();
            assert!(
                tree == expected || tree == Digest::of(b""),
                "a partial tree that does not say so"
            );
        }
        lab.succeeds(&args);
        assert_eq!(tree_digest_of(&out).unwrap(), expected);
    }
    assert_eq!(whole(&lab.workspace("store")), 2);
    enough(killed, kills());
}

fn remove(dir: &Path) {
    if dir.exists() {
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn a_killed_import_leaves_no_ref_or_whole_layers() {
    let lab = Lab::new();
    let mut random = Random::new("import");
    for job in ["a", "b"] {
        lab.succeeds(&[
            "persist", "--job", job, "--root", "root", ".", "--store", "store",
        ]);
    }
    lab.succeeds(&["layers", "export", "all.tar", "--store", "store"]);
    let args = ["layers", "import", "all.tar", "--store", "other"];
    let other = lab.path("other");
    let usual = lab.duration(&args, || remove(&other));
    let mut killed = 0;
    for _ in 0..kills() / 2 {
        remove(&other);
        killed += usize::from(lab.kill(&args, usual.mul_f64(random.next() * 1.2)));
        whole(&lab.workspace("other"));
        lab.succeeds(&args);
        assert_eq!(whole(&lab.workspace("other")), 2);
        // What the dead one left goes once it is old.
        lab.succeeds(&["layers", "prune", "--older-than", "0s", "--store", "other"]);
        assert_eq!(whole(&lab.workspace("other")), 2);
        let left: Vec<_> = fs::read_dir(&other)
            .unwrap()
            .map(|item| item.unwrap().file_name())
            .collect();
        assert_eq!(left, ["default"]);
    }
    enough(killed, kills() / 2);
}

#[test]
fn sixty_four_persists_at_once_make_sixty_four_layers() {
    let lab = Lab::new();
    fs::remove_file(lab.path("root/noise")).unwrap();
    let args = [
        "persist", "--job", "a", "--root", "root", ".", "--store", "store",
    ];
    let children: Vec<_> = (0..64)
        .map(|_| lab.command(&args).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let workspace = lab.workspace("store");
    assert_eq!(whole(&workspace), 64);
    let mut numbers: Vec<u32> = workspace
        .layers()
        .unwrap()
        .iter()
        .map(|layer| layer.id.seq)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..64).collect::<Vec<u32>>());
}

/// Ends the other thread, however this one ends.
struct End<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn files_that_come_go_and_grow_are_an_error_and_never_a_torn_layer() {
    let lab = Lab::new();
    let workspace = lab.workspace("store");
    let request = PersistRequest {
        compression: Compression::None,
        ..PersistRequest::new("a", &lab.path("root"), &["."])
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    let mut refused = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (grows, goes) = (lab.path("root/7/grows"), lab.path("root/7/goes"));
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let mut file = fs::File::options()
                    .create(true)
                    .append(true)
                    .open(&grows)
                    .unwrap();
                std::io::Write::write_all(&mut file, b"more").unwrap();
                fs::write(&goes, "here").unwrap();
                fs::remove_file(&goes).unwrap();
            }
        });
        let _end = End(&done);
        for _ in 0..20 {
            match workspace.persist(&request, &mut |_| {}) {
                Ok(_) => {}
                Err(LayerError::Changed { path }) => {
                    assert!(path == "7/grows" || path == "7/goes", "{path}");
                    refused += 1;
                }
                Err(LayerError::Vanished { path }) => {
                    assert_eq!(path, "7/goes");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
            // None where the first of them was refused.
            if let Ok(left) = fs::read_dir(workspace.dir().join("tmp")) {
                assert_eq!(left.count(), 0, "a temporary file stayed");
            }
        }
    });
    println!("{refused} of 20 were refused");
    assert!(refused > 0);
    whole(&workspace);
}
