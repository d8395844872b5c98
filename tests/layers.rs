//! `holdall layers`, verb by verb: what a person sees, and what is left on disk.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::process::Output;
use std::time::{Duration, SystemTime};

use holdall::layer::{Compression, PersistRequest, PruneRequest, Workspace, prune};

/// A folder with a store, and trees to persist.
struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }

    /// What `.holdall/store` holds, the default of every command.
    fn workspace(&self) -> Workspace {
        self.workspace_of("default")
    }

    fn workspace_of(&self, id: &str) -> Workspace {
        Workspace::in_dir(&self.path(".holdall/store"), id)
    }

    fn persist(&self, workspace: &Workspace, job: &str, root: &str) {
        let request = PersistRequest {
            root_text: root.to_owned(),
            compression: Compression::None,
            ..PersistRequest::new(job, &self.path(root), &["."])
        };
        workspace.persist(&request, &mut |_| {}).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        common::holdall()
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let mut all = args.to_vec();
        all.extend(["--format", "json"]);
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Everything that a person sees, without what changes from run to run.
    fn see(&self, args: &[&str]) -> String {
        let out = self.run(args);
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            steady(&text.replace(self.dir.path().to_str().unwrap(), "[DIR]"))
        };
        let mut seen = format!(
            "$ holdall {}\nexit status {}\n",
            args.join(" "),
            out.status.code().unwrap()
        );
        for (name, bytes) in [("stdout", &out.stdout), ("stderr", &out.stderr)] {
            if !bytes.is_empty() {
                seen.push_str(&format!("--- {name}\n{}", text(bytes)));
            }
        }
        seen
    }

    fn store_files(&self, below: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.path(below)];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => names.push(
                        path.strip_prefix(self.path(below))
                            .unwrap()
                            .to_str()
                            .unwrap()
                            .to_owned(),
                    ),
                }
            }
        }
        names.sort();
        names
    }
}

/// Replaces times and digests.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n', '/', ':']) {
        let bare = word.trim_end_matches([' ', '\n', '/', ':']);
        let tail = &word[bare.len()..];
        let hex = bare.len() == 64 && bare.bytes().all(|b| b.is_ascii_hexdigit());
        let date = bare.len() == 13
            && bare.as_bytes()[10] == b'T'
            && bare.bytes().filter(|b| *b == b'-').count() == 2;
        match (hex, date) {
            (true, _) => out.push_str(&format!("[DIGEST]{tail}")),
            (_, true) => out.push_str(&format!("[DATE]{tail}")),
            _ => out.push_str(word),
        }
    }
    // The rest of a time: minutes and seconds.
    let mut steady = String::new();
    let mut rest = out.as_str();
    while let Some(found) = rest.find("[DATE]:") {
        let end = found + "[DATE]".len();
        steady.push_str(&rest[..end]);
        rest = &rest[end + ":MM:SSZ".len()..];
    }
    steady.push_str(rest);
    steady
}

/// Leaves out the figures of lines that begin with one of these: what is remembered of trees
/// comes and goes with the clock.
fn without_sizes(text: &str, starts: &[&str]) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if !starts.iter().any(|start| line.starts_with(start)) {
            out.push_str(line);
            continue;
        }
        if line.starts_with("remembered") {
            continue;
        }
        let mut words = line.split(' ').peekable();
        let mut kept = Vec::new();
        while let Some(word) = words.next() {
            let unit = words
                .peek()
                .map(|unit| unit.trim_end_matches([':', '\n', ',']));
            let figure = word.parse::<f64>().is_ok();
            if figure && matches!(unit, Some("B" | "KiB" | "MiB")) {
                kept.push("[SIZE]");
                words.next();
            } else {
                kept.push(word);
            }
        }
        out.push_str(kept.join(" ").trim_end());
        out.push('\n');
    }
    out
}

fn age(path: &Path, by: Duration) {
    let file = fs::File::open(path).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Two layers whose items are of different sizes.
fn furnished() -> Lab {
    let lab = Lab::new();
    lab.file("one/out/lib/a", &[b'a'; 3000]);
    lab.file("one/out/lib/b", &[b'b'; 2000]);
    lab.file("one/out/app", &[b'c'; 4000]);
    lab.file("one/out/tiny", b"t");
    lab.file("two/report.xml", b"<ok/>");
    lab.persist(&lab.workspace(), "build", "one");
    lab.persist(&lab.workspace(), "test", "two");
    lab
}

#[test]
fn ls_names_layers_items_and_costs() {
    let lab = furnished();
    let empty = Lab::new();
    let attach = ["attach", "--at", "out", "--upstream", "build"];
    lab.ok(&attach);
    let mut seen = lab.see(&["layers", "ls", "--total"]);
    seen.push_str(&empty.see(&["layers", "ls"]));
    seen.push_str(&empty.see(&["layers", "ls", "--total"]));
    snapshot!(
        "layers-ls",
        without_sizes(&seen, &["remembered", "on disk"])
    );
    let value = lab.json(&["layers", "ls"]);
    assert_eq!(value["layers"][0]["largest"][0]["path"], "out/lib/");
    assert_eq!(value["layers"][0]["largest"][0]["size"], 5000);
    assert_eq!(value["layers"][0]["unread"], serde_json::Value::Null);
    let size = value["layers"][0]["size"].as_u64().unwrap();
    assert_eq!(value["total"]["attaches"]["count"], 1);
    assert_eq!(value["total"]["attaches"]["size"], size);
    assert_eq!(value["attaches"][0]["layers"], 1);
    let all = size + value["layers"][1]["size"].as_u64().unwrap();
    assert_eq!(value["total"]["archives"]["size"], all);
    let at_expiry = value["total"]["byte_days_at_expiry"].as_f64().unwrap();
    let days = at_expiry / f64::from(u32::try_from(all).unwrap());
    assert!((14.9..15.1).contains(&days), "{days}");
}

#[test]
fn what_is_stored_counts_by_the_day() {
    let lab = furnished();
    for job in ["build", "test"] {
        age(
            &lab.path(&format!(".holdall/store/default/refs/{job}/1.0.0")),
            DAY * 3,
        );
    }
    let value = lab.json(&["layers", "ls"]);
    let total = &value["total"];
    let per_byte = total["byte_days"].as_f64().unwrap() / total["size"].as_f64().unwrap();
    assert!((2.99..3.01).contains(&per_byte), "{per_byte}");
}

#[cfg(unix)]
#[test]
fn what_no_job_read_is_named_after_a_run() {
    let lab = Lab::new();
    lab.file(
        ".circleci/config.yml",
        br#"version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:current}]
    steps:
      - run: mkdir -p out/doc out/bin && echo manual > out/doc/manual && echo more > out/doc/more && echo app > out/bin/app && echo both > out/note
      - persist_to_workspace: {root: ., paths: [out]}
  test: &reader
    docker: [{image: cimg/base:current}]
    steps:
      - attach_workspace: {at: ws}
      - run: cat ws/out/bin/app
  check:
    <<: *reader
    steps:
      - attach_workspace: {at: .}
      - run: cat out/note
workflows:
  main:
    jobs: [build, test: {requires: [build]}, check: {requires: [build]}]
"#,
    );
    let git = Command::new("git")
        .args(["init", "-q"])
        .current_dir(lab.dir.path())
        .status()
        .unwrap();
    assert!(git.success());
    let out = lab.run(&["run", "--no-isolation"]);
    assert!(out.status.success(), "{out:?}");
    let said = String::from_utf8(out.stderr).unwrap();
    if !lab.reads_show() {
        println!("skipped: this file system keeps no access times");
        assert!(!said.contains("read by no job"), "{said}");
        return;
    }
    assert!(
        said.contains("read by no job\n  build/1.0.0  out/doc/  12 B  2 files\n"),
        "{said}"
    );
    assert!(!said.contains("out/note  5 B\n\nread"), "{said}");
    let id = fs::read_dir(lab.path(".holdall/store"))
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .next()
        .unwrap();
    let value = lab.json(&["layers", "ls", "--workspace", &id]);
    let unread = value["layers"][0]["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 1, "{value}");
    assert_eq!(unread[0]["path"], "out/doc/");
    assert_eq!(value["total"]["attaches"]["count"], 2);
}

#[cfg(unix)]
impl Lab {
    /// Asks the file system of the lab, as the tool does.
    fn reads_show(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let path = self.path("probe");
        fs::write(&path, "x").unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let times = fs::FileTimes::new()
            .set_accessed(long_ago)
            .set_modified(long_ago);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_times(times)
            .unwrap();
        fs::read(&path).unwrap();
        fs::metadata(&path).unwrap().atime() != 1_000_000_000
    }
}

#[cfg(unix)]
#[test]
fn diff_says_what_differs_path_by_path() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let lab = Lab::new();
    for root in ["one", "two"] {
        lab.file(&format!("{root}/same"), b"same");
        lab.file(&format!("{root}/bin/app"), root.as_bytes());
        lab.file(&format!("{root}/log"), root.repeat(root.len()).as_bytes());
        lab.file(&format!("{root}/mode"), b"m");
        lab.file(&format!("{root}/only-{root}"), b"x");
    }
    fs::write(lab.path("two/log"), "longer than before").unwrap();
    fs::set_permissions(lab.path("two/mode"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::hard_link(lab.path("one/same"), lab.path("one/twin")).unwrap();
    lab.file("two/twin", b"same");
    symlink("a", lab.path("one/link")).unwrap();
    symlink("b", lab.path("two/link")).unwrap();
    symlink("same", lab.path("one/turned")).unwrap();
    fs::create_dir(lab.path("two/turned")).unwrap();
    lab.persist(&lab.workspace(), "a", "one");
    lab.persist(&lab.workspace(), "b", "two");
    let mut seen = lab.see(&["layers", "diff", "a/1.0.0", "b/1.0.0"]);
    seen.push_str(&lab.see(&["layers", "diff", "a/1.0.0", "a/1.0.0"]));
    seen.push_str(&lab.see(&["layers", "diff", "a/1.0.0", "c/1.0.0"]));
    snapshot!("layers-diff", seen);
    let value = lab.json(&["layers", "diff", "a/1.0.0", "b/1.0.0"]);
    let app = &value["changes"][0];
    assert_eq!(
        (&app["path"], &app["change"]),
        (&"bin/app".into(), &"changed".into())
    );
    assert_ne!(app["before"]["digest"], app["after"]["digest"]);
    let code = |args: &[&str]| lab.run(args).status.code();
    assert_eq!(
        code(&["layers", "diff", "--exit-code", "a/1.0.0", "b/1.0.0"]),
        Some(1)
    );
    assert_eq!(
        code(&["layers", "diff", "--exit-code", "a/1.0.0", "a/1.0.0"]),
        Some(0)
    );
}

#[test]
fn verify_names_what_belongs_to_no_layer_and_passes() {
    let lab = furnished();
    let folder = ".holdall/store/default";
    lab.file(&format!("{folder}/notes.txt"), b"mine");
    lab.file(&format!("{folder}/tmp/layer-left"), b"half");
    lab.file(&format!("{folder}/refs/build/2.0.0"), b"1 sha256:");
    lab.file(&format!("{folder}/refs/build/latest"), b"?");
    lab.file(&format!("{folder}/blobs/sha256/{}", "0".repeat(64)), b"x");
    lab.file(&format!("{folder}/blobs/sha256/short"), b"x");
    let seen = lab.see(&["layers", "verify"]);
    snapshot!("layers-verify-strays", seen);
    let value = lab.json(&["layers", "verify"]);
    assert_eq!(value["strays"].as_array().unwrap().len(), 6);
    assert_eq!(value["bad"], 0);
    let total = lab.json(&["layers", "ls"])["total"].clone();
    assert_eq!(total["unreferenced"]["files"], 1);
    assert_eq!(total["temporary"]["files"], 2);
    assert_eq!(total["strays"]["files"], 3);
}

#[test]
fn prune_takes_expired_workspaces_and_what_crashes_left() {
    let lab = furnished();
    let store = lab.path(".holdall/store");
    let old = lab
        .workspace_of("old")
        .with_lifetime(Duration::from_millis(1));
    lab.persist(&old, "build", "one");
    // A second-long clock: the layer says that it ends in the second in which it was made.
    std::thread::sleep(Duration::from_millis(1100));
    let stray = "0".repeat(64);
    for (name, ago) in [
        ("tmp/layer-old".to_owned(), DAY * 2),
        ("tmp/layer-new".to_owned(), DAY / 2),
        (format!("blobs/sha256/{stray}"), DAY * 2),
        (format!("blobs/sha256/{}", stray.replace('0', "1")), DAY / 2),
        ("mine.txt".to_owned(), DAY * 2),
    ] {
        lab.file(&format!(".holdall/store/default/{name}"), b"left");
        age(&store.join("default").join(&name), ago);
    }
    // A folder of a store that is no workspace, and a workspace without layers that is young.
    lab.file(".holdall/store/else/file", b"mine");
    fs::create_dir_all(store.join("young/refs")).unwrap();
    fs::create_dir_all(store.join("young/blobs/sha256")).unwrap();
    let before = lab.store_files(".holdall/store");
    let mut seen = lab.see(&["layers", "prune", "--dry-run"]);
    assert_eq!(lab.store_files(".holdall/store"), before);
    seen.push_str(&lab.see(&["layers", "prune"]));
    seen.push_str(&lab.see(&["layers", "prune"]));
    let sized = ["old ", "would free", "freed"];
    snapshot!("layers-prune", without_sizes(&seen, &sized));
    assert!(!store.join("old").exists() && !store.join(".trash").exists());
    let gone = |name: &String| {
        name.starts_with("old/") || name == "default/tmp/layer-old" || name.ends_with(&stray)
    };
    let rest: Vec<String> = before.into_iter().filter(|name| !gone(name)).collect();
    assert_eq!(lab.store_files(".holdall/store"), rest);
    assert!(store.join("young").exists());
    lab.ok(&["layers", "verify"]);
}

#[test]
fn prune_leaves_the_blobs_of_a_damaged_layer() {
    let lab = furnished();
    let workspace = lab.workspace();
    let layer = workspace.layers().unwrap().remove(0);
    let blobs = lab.path(".holdall/store/default/blobs/sha256");
    for name in fs::read_dir(&blobs).unwrap() {
        age(&name.unwrap().path(), DAY * 3);
    }
    fs::write(blobs.join(layer.record.manifest.hex()), "broken").unwrap();
    age(&blobs.join(layer.record.manifest.hex()), DAY * 3);
    let before = lab.store_files(".holdall/store");
    let out = lab.run(&["layers", "prune"]);
    assert!(out.status.success());
    assert!(
        String::from_utf8(out.stderr)
            .unwrap()
            .contains("a layer of it is damaged")
    );
    assert_eq!(lab.store_files(".holdall/store"), before);
}

/// Ends the other thread, however this one ends.
struct End<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_prune_amid_persists_takes_no_blob_that_gets_a_ref() {
    let lab = Lab::new();
    lab.file("one/f", b"always the same");
    let store = lab.path(".holdall/store");
    lab.persist(&lab.workspace(), "build", "one");
    let archive = lab.workspace().layers().unwrap()[0].record.layer;
    let request = PruneRequest {
        now: SystemTime::now(),
        age: DAY,
        dry_run: false,
        keep: Vec::new(),
    };
    let rounds: Vec<Workspace> = (0..100)
        .map(|round| lab.workspace_of(&format!("round-{round}")))
        .collect();
    for workspace in &rounds {
        // An old blob without a ref, which a prune may take, and which a persist is about to
        // bring anew.
        let blob = workspace.dir().join("blobs/sha256").join(archive.hex());
        fs::create_dir_all(blob.parent().unwrap()).unwrap();
        for part in ["refs", "tmp"] {
            fs::create_dir_all(workspace.dir().join(part)).unwrap();
        }
        let known = lab
            .workspace()
            .dir()
            .join("blobs/sha256")
            .join(archive.hex());
        fs::copy(known, &blob).unwrap();
        age(&blob, DAY * 2);
    }
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                prune(&store, &request).unwrap();
            }
        });
        let _end = End(&done);
        for workspace in &rounds {
            lab.persist(workspace, "build", "one");
        }
    });
    for workspace in &rounds {
        let verdicts = workspace.verify(&mut |_| {}).unwrap();
        assert_eq!(verdicts.len(), 1);
        assert!(verdicts[0].problem.is_none(), "{:?}", verdicts[0]);
    }
}

/// The files of a store but for what is remembered of this machine's own trees.
#[cfg(unix)]
fn travelling(lab: &Lab) -> Vec<String> {
    let mut files = lab.store_files(".holdall/store");
    files.retain(|name| !name.contains("/cache/"));
    files
}

#[cfg(unix)]
#[test]
fn a_store_travels_as_one_tar() {
    let lab = furnished();
    let other = lab.workspace_of("nightly 1");
    lab.persist(&other, "é/job", "two");
    lab.ok(&["layers", "export", "one.tar"]);
    lab.ok(&["layers", "export", "--all", "all.tar"]);
    // Plain tar reads it, refs last.
    let list = Command::new("tar")
        .args(["-tf", "all.tar"])
        .current_dir(lab.dir.path())
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let first_ref = list.lines().position(|l| l.contains("/refs/")).unwrap();
    assert!(list.lines().skip(first_ref).all(|l| l.contains("/refs/")));
    let elsewhere = Lab::new();
    fs::copy(lab.path("one.tar"), elsewhere.path("one.tar")).unwrap();
    fs::copy(lab.path("all.tar"), elsewhere.path("all.tar")).unwrap();
    let mut seen = elsewhere.see(&["layers", "import", "one.tar"]);
    seen.push_str(&elsewhere.see(&["layers", "import", "all.tar"]));
    snapshot!("layers-import", seen);
    assert_eq!(travelling(&lab), travelling(&elsewhere));
    elsewhere.ok(&["layers", "verify"]);
    elsewhere.ok(&["layers", "verify", "--workspace", "nightly 1"]);
    // No younger than at home, to the second.
    let stored = |lab: &Lab| {
        let path = lab.path(".holdall/store/default/refs/build/1.0.0");
        let time = fs::metadata(path).unwrap().modified().unwrap();
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    assert_eq!(stored(&lab), stored(&elsewhere));
    // A tar that other programs made of the store's files will do as well.
    let third = Lab::new();
    let made = Command::new("tar")
        .arg("-C")
        .arg(lab.path(".holdall/store"))
        .args(["-cf", "mine.tar", "."])
        .current_dir(third.dir.path())
        .status()
        .unwrap();
    assert!(made.success());
    third.ok(&["layers", "import", "mine.tar"]);
    assert_eq!(
        third.ok(&["layers", "files", "build/1.0.0"]),
        lab.ok(&["layers", "files", "build/1.0.0"])
    );
}

#[cfg(unix)]
#[test]
fn nothing_of_a_bad_tar_counts() {
    let lab = furnished();
    lab.ok(&["layers", "export", "good.tar"]);
    let good = fs::read(lab.path("good.tar")).unwrap();
    let layer = lab.workspace().layers().unwrap().remove(1);
    // One byte of the content of the last archive, somewhere in its middle.
    let content = good
        .windows(5)
        .position(|window| window == b"<ok/>")
        .unwrap();
    let mut flipped = good.clone();
    flipped[content] ^= 1;
    let mut cases = vec![
        ("flipped", flipped, "is damaged"),
        ("cut", good[..good.len() / 2].to_vec(), "the tar is refused"),
        ("none", b"no tar at all".to_vec(), "the tar is refused"),
    ];
    // A layer without its archive: the tar of a store from which it is gone.
    let broken = Lab::new();
    copy(&lab.path(".holdall"), &broken.path(".holdall"));
    let blobs = broken.path(".holdall/store/default/blobs/sha256");
    fs::remove_file(blobs.join(layer.record.layer.hex())).unwrap();
    cases.push(("missing", tar(&broken), "is missing"));
    // A link where a file belongs, and a way out.
    std::os::unix::fs::symlink("/etc/passwd", blobs.join(layer.record.layer.hex())).unwrap();
    cases.push(("link", tar(&broken), "is no file"));
    for (name, bytes, expected) in cases {
        let target = Lab::new();
        fs::write(target.path("in.tar"), bytes).unwrap();
        let out = target.run(&["layers", "import", "in.tar"]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(
            target.store_files(".holdall/store"),
            Vec::<String>::new(),
            "{name}"
        );
    }
    // Another layer of the same number is there already.
    let target = Lab::new();
    target.file("other/f", b"another");
    target.persist(&target.workspace(), "test", "other");
    let before = target.store_files(".holdall/store");
    fs::write(target.path("in.tar"), &good).unwrap();
    let out = target.run(&["layers", "import", "in.tar"]);
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(
        said.contains("layer test/1.0.0 exists already, with other bytes"),
        "{said}"
    );
    assert_eq!(target.store_files(".holdall/store"), before);
    // And an export never ships what is damaged.
    let out = broken.run(&["layers", "export", "out.tar"]);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    assert!(!broken.path("out.tar").exists());
}

#[cfg(unix)]
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(unix)]
fn tar(lab: &Lab) -> Vec<u8> {
    let out = Command::new("tar")
        .arg("-C")
        .arg(lab.path(".holdall/store"))
        .args(["-cf", "-", "default"])
        .output()
        .unwrap();
    assert!(out.status.success());
    out.stdout
}

#[test]
fn an_expired_workspace_does_not_come_in() {
    let lab = Lab::new();
    lab.file("one/f", b"x");
    let short = lab.workspace().with_lifetime(Duration::from_millis(1));
    lab.persist(&short, "build", "one");
    std::thread::sleep(Duration::from_millis(1100));
    lab.ok(&["layers", "export", "out.tar"]);
    let target = Lab::new();
    fs::copy(lab.path("out.tar"), target.path("in.tar")).unwrap();
    let out = target.run(&["layers", "import", "in.tar"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        String::from_utf8(out.stderr)
            .unwrap()
            .contains("expired on")
    );
}

#[cfg(unix)]
#[test]
fn skopeo_copies_the_layout() {
    let lab = furnished();
    lab.persist(&lab.workspace(), "odd name", "two");
    let seen = lab.see(&["layers", "index"]);
    assert!(seen.contains("build/1.0.0     build.1.0.0\n"), "{seen}");
    let names = lab.json(&["layers", "index"]);
    let index = fs::read(lab.path(".holdall/store/default/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 3);
    if !common::tool("skopeo_copies_the_layout", "skopeo") {
        return;
    }
    let from = lab.path(".holdall/store/default");
    for layer in names["layers"].as_array().unwrap() {
        let name = layer["name"].as_str().unwrap();
        let out = Command::new("skopeo")
            .args(["--insecure-policy", "copy", "-q"])
            .arg(format!("oci:{}:{name}", from.display()))
            .arg(format!("oci:{}:{name}", lab.path("copy").display()))
            .output()
            .unwrap();
        assert!(out.status.success(), "{name}: {out:?}");
    }
    // The same blobs, byte by byte.
    let blobs = |dir: &Path| {
        let mut all: Vec<(String, Vec<u8>)> = fs::read_dir(dir.join("blobs/sha256"))
            .unwrap()
            .map(|item| {
                let path = item.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read(path).unwrap())
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(blobs(&from), blobs(&lab.path("copy")));
    // With the refs beside it, the copy is a workspace.
    copy(&from.join("refs"), &lab.path("copy/refs"));
    let store = lab.dir.path().to_str().unwrap();
    lab.ok(&["layers", "verify", "--store", store, "--workspace", "copy"]);
}

#[test]
fn an_attach_from_a_store_that_cannot_be_noted_in_works() {
    let lab = furnished();
    lab.file(".holdall/store/default/attached", b"in the way");
    lab.ok(&["attach", "--at", "out", "--upstream", "test"]);
    assert!(lab.path("out/report.xml").exists());
}

#[test]
fn an_empty_workspace_names_the_one_that_was_meant() {
    let lab = Lab::new();
    lab.file("tree/file", b"x");
    lab.persist(&lab.workspace_of("run-1"), "a", "tree");
    let out = common::holdall()
        .args(["layers", "ls"])
        .current_dir(lab.dir.path())
        .output()
        .unwrap();
    assert!(out.status.success());
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("hint: `--workspace run-1`"), "{said}");
}
