//! Archives that the reader accepts mean the same to GNU tar, bsdtar, busybox tar and Python's
//! tarfile: each unpacks them to the tree that an attach makes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;
mod tar_lab;

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use holdall::layer::{
    AttachRequest, Compression, PersistRequest, Upstream, Workspace, tree_digest_of,
};
use tar_lab::{Lab, Tar, header, octal, pax_records};

/// A second reader of tar.
struct Reader {
    name: &'static str,
    /// The program that has to be there.
    tool: &'static str,
    /// Reads the archive `$1` into the current folder.
    line: &'static str,
    /// Whether it refuses links that lead out of the target, as an attach does not.
    keeps_links_inside: bool,
}

const READERS: [Reader; 4] = [
    Reader {
        name: "GNU tar",
        tool: "tar",
        line: "tar --no-same-owner -xpf \"$1\"",
        keeps_links_inside: false,
    },
    Reader {
        name: "bsdtar",
        tool: "bsdtar",
        line: "bsdtar --no-same-owner -xpf \"$1\"",
        keeps_links_inside: false,
    },
    Reader {
        name: "busybox",
        tool: "busybox",
        // -o would leave modes to the umask.
        line: "busybox tar -xpf \"$1\"",
        keeps_links_inside: false,
    },
    Reader {
        name: "tarfile",
        tool: "python3",
        line: "exec python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(\".\", filter=\"data\")' \"$1\"",
        keeps_links_inside: true,
    },
];

/// Compares what every reader makes of an archive with what an attach made of it.
fn same_for_all(test: &str, archive: &Path, out: &Path, links_out: bool) {
    let ours = tree_digest_of(out).unwrap();
    for reader in READERS {
        if !common::tool(test, reader.tool) || (links_out && reader.keeps_links_inside) {
            continue;
        }
        if reader.tool == "python3" && !python_filters() {
            println!("skipped: this python3 knows no extraction filters");
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let result = Command::new("sh")
            .args(["-c", &format!("umask 022; {}", reader.line), "sh"])
            .arg(archive)
            .current_dir(dir.path())
            // Names are bytes; this one lets every program write them.
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        assert!(result.status.success(), "{}: {result:?}", reader.name);
        let theirs = tree_digest_of(dir.path()).unwrap();
        let list = |dir: &Path| {
            let out = Command::new("find")
                .args([".", "-printf", "%p %y %m %s %l\\n"])
                .current_dir(dir)
                .output()
                .unwrap();
            let mut lines: Vec<String> = String::from_utf8_lossy(&out.stdout)
                .lines()
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines.join("\n")
        };
        assert!(
            theirs == ours,
            "{} sees another tree:\n{}\ninstead of\n{}",
            reader.name,
            list(dir.path()),
            list(out)
        );
    }
}

fn python_filters() -> bool {
    Command::new("python3")
        .args(["-c", "import tarfile; tarfile.data_filter"])
        .output()
        .is_ok_and(|out| out.status.success())
}

/// Attaches a hand-made archive and compares.
fn compare(test: &str, archive: Tar, links_out: bool) {
    let lab = Lab::new();
    let bytes = archive.end();
    fs::write(lab.path("archive.tar"), &bytes).unwrap();
    lab.tar("a", &bytes);
    lab.attach(&["a"]).unwrap();
    same_for_all(test, &lab.path("archive.tar"), &lab.path("out"), links_out);
}

fn tar() -> Tar {
    Tar::default()
}

#[test]
fn names_of_every_spelling_are_the_same_names() {
    let test = "names_of_every_spelling_are_the_same_names";
    let mut prefixed = header("file", b'0', 0);
    prefixed.prefix = b"some/prefix".to_vec();
    let mut gnu = header("gnu", 0, 0);
    gnu.magic = *b"ustar  \0";
    let long = "l".repeat(150);
    let deep = format!("{}/f", ["d".repeat(90), "e".repeat(90)].join("/"));
    let archive = tar()
        .folder("./")
        .file("./dotted", "x")
        .head(&prefixed)
        .head(&gnu)
        .extension(b'L', format!("{long}\0"))
        .file("cut", "by GNU")
        .pax(&[("path", deep.as_bytes())])
        .file("cut", "by PAX")
        .pax(&[("path", "p".repeat(120).as_bytes())])
        .folder("cut")
        .file("new\nline", "x")
        .file(" space in front", "x")
        .file("-rf", "x")
        .file("quote'\"", "x")
        .file("Case", "x")
        .file("case", "y")
        .file(".wh.gone", "x")
        .file("é", "x");
    compare(test, archive, false);
}

#[test]
fn extension_headers_that_say_nothing_change_nothing() {
    let test = "extension_headers_that_say_nothing_change_nothing";
    let archive = tar()
        .extension(
            b'g',
            pax_records(&[("comment", b"made by a version control system")]),
        )
        .pax(&[
            ("atime", b"1.5"),
            ("ctime", b"1.5"),
            ("comment", b"no more than that"),
        ])
        .file("extended", "x")
        .file("plain", "x");
    compare(test, archive, false);
}

#[test]
fn links_are_the_same_links() {
    let test = "links_are_the_same_links";
    let target = "t".repeat(150);
    let archive = tar()
        .file("first", "x")
        .hardlink("second", "first")
        .symlink("to", "first")
        .symlink("nowhere", "not/there")
        .pax(&[("linkpath", target.as_bytes())])
        .symlink("far", "cut")
        .extension(b'K', format!("{target}2\0"))
        .symlink("farther", "cut")
        .pax(&[("path", target.as_bytes())])
        .file("cut", "x")
        .pax(&[("linkpath", target.as_bytes())])
        .hardlink("third", "cut");
    compare(test, archive.clone(), false);
    compare(
        test,
        archive
            .symlink("absolute", "/etc/passwd")
            .symlink("up", "../../victim/file"),
        true,
    );
}

#[test]
fn modes_and_order_are_the_same() {
    let test = "modes_and_order_are_the_same";
    let with_mode = |name: &str, kind: u8, mode: u64| {
        let mut header = header(name, kind, 0);
        header.mode = octal(mode, 8);
        header
    };
    let archive = tar()
        // Below a folder before it is named, and in any order.
        .file("z/late", "x")
        .head(&with_mode("z", b'5', 0o755))
        .head(&with_mode("program", b'0', 0o755))
        .head(&with_mode("secret", b'0', 0o600))
        .head(&with_mode("a", b'0', 0o644));
    compare(test, archive, false);
}

/// One thing of a tree; the data filter of Python changes other modes than these.
#[derive(Debug, Clone)]
enum Node {
    File { bytes: Vec<u8>, executable: bool },
    Folder,
    Link(String),
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        4 => (proptest::collection::vec(any::<u8>(), 0..1200), any::<bool>())
            .prop_map(|(bytes, executable)| Node::File { bytes, executable }),
        1 => Just(Node::Folder),
        1 => "[a-z]{1,8}".prop_map(Node::Link),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}",
        // bsdtar takes `\` and a drive off the front of a name, wherever it runs.
        2 => "[ -.0-~]{1,12}".prop_filter("a name for all", |name| {
            name != "." && name != ".." && !name.starts_with('\\') && name.as_bytes().get(1) != Some(&b':')
        }),
        1 => "[a-z\u{e0}-\u{ff}\u{4e00}-\u{4e10}\t\n]{1,40}",
        1 => "[a-z]{90,200}",
    ]
}

#[test]
fn whatever_tree_a_layer_holds_every_reader_sees_it() {
    let test = "whatever_tree_a_layer_holds_every_reader_sees_it";
    let trees = proptest::collection::btree_map(
        proptest::collection::vec(name(), 1..4).prop_map(|parts| parts.join("/")),
        node(),
        1..12,
    );
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&trees, |tree| {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        for (path, node) in &tree {
            plant(&root, path, node);
        }
        let store = dir.path().join("store");
        let workspace = Workspace::in_dir(&store, "default");
        let made = workspace.persist(&request(&root), &mut |_| {}).unwrap();
        let attach = AttachRequest {
            at: dir.path().join("out"),
            upstream: vec![Upstream {
                job: "build".to_owned(),
                after: Vec::new(),
            }],
        };
        workspace.attach(&attach, &mut |_| {}).unwrap();
        let archive = store.join("default/blobs/sha256").join(made.layer.hex());
        same_for_all(test, &archive, &attach.at, false);
        Ok(())
    });
    result.unwrap();
}

/// Puts a node where it fits; what is in its way stays.
fn plant(root: &Path, path: &str, node: &Node) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = root.join(path);
    let parent = path.parent().unwrap();
    if fs::create_dir_all(parent).is_err() {
        return;
    }
    // Through a link it would be planted elsewhere.
    let inside = parent
        .ancestors()
        .take_while(|up| *up != root)
        .all(|up| !up.is_symlink());
    if !inside || path.exists() || path.is_symlink() {
        return;
    }
    match node {
        Node::File { bytes, executable } => {
            fs::write(&path, bytes).unwrap();
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        Node::Folder => fs::create_dir(&path).unwrap(),
        Node::Link(target) => std::os::unix::fs::symlink(target, &path).unwrap(),
    }
}

fn request(root: &Path) -> PersistRequest {
    PersistRequest {
        compression: Compression::None,
        ..PersistRequest::new("build", root, &["."])
    }
}
