//! Attacks that need more than one archive: layers that prepare the way for each other, a process
//! that changes the target meanwhile, and claims that would cost memory if they were believed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;
mod tar_lab;

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use holdall::layer::{Encoding, LayerError};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use tar_lab::{Lab, Tar, header, nothing_written, octal};

/// The layers a, b, c, …, each upstream of the next.
fn attach(archives: &[Tar]) -> (Lab, Result<(), LayerError>) {
    let lab = Lab::new();
    let names = ["a", "b", "c"];
    for (name, archive) in names.iter().zip(archives) {
        lab.tar(name, &archive.clone().end());
    }
    let result = lab.attach(&names[..archives.len()]).map(drop);
    (lab, result)
}

fn tar() -> Tar {
    Tar::default()
}

/// Asserts that a tree holds nothing but files without special bits, folders and links.
fn nothing_special(dir: &Path) {
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let kind = meta.file_type();
        assert!(
            !kind.is_fifo()
                && !kind.is_socket()
                && !kind.is_block_device()
                && !kind.is_char_device(),
            "{}",
            path.display()
        );
        if !kind.is_symlink() {
            assert_eq!(meta.mode() & 0o7000, 0, "{}", path.display());
        }
        if kind.is_dir() {
            nothing_special(&path);
        }
    }
}

#[test]
fn layers_that_prepare_the_way_for_each_other_are_refused() {
    let cases: Vec<(&str, Vec<Tar>)> = vec![
        (
            "a link, then a file through it",
            vec![
                tar().symlink("d", "../victim"),
                tar().file("d/file", "evil"),
            ],
        ),
        (
            "an absolute link, then a file through it",
            vec![tar().symlink("d", "/tmp"), tar().file("d/evil", "evil")],
        ),
        (
            "a chain of links over two layers, then a file",
            vec![
                tar().symlink("x", ".."),
                tar().symlink("d", "x/victim"),
                tar().file("d/file", "evil"),
            ],
        ),
        (
            "a link deep down, then a folder through it",
            vec![
                tar().folder("a/").symlink("a/d", "../../victim"),
                tar().folder("a/d/new/"),
            ],
        ),
        (
            "a link, then a link through it",
            vec![
                tar().symlink("d", "../victim"),
                tar().symlink("d/file", "/etc/passwd"),
            ],
        ),
        (
            "a folder, then a link in its place, then a file through it",
            vec![
                tar().file("d/f", "x"),
                tar().symlink("d", "../victim"),
                tar().file("d/file", "evil"),
            ],
        ),
        (
            "a hard link to a link of an earlier layer",
            vec![
                tar().symlink("l", "../victim/file"),
                tar().hardlink("h", "l"),
            ],
        ),
        (
            "a hard link to a file of an earlier layer",
            vec![tar().file("f", "x"), tar().hardlink("h", "f")],
        ),
        (
            "a file, then a file below it",
            vec![tar().file("d", "x"), tar().file("d/file", "evil")],
        ),
        (
            "a folder that is only implied, then a link in its place",
            vec![
                tar().file("d/e/f", "x"),
                tar().symlink("d/e", "../../victim"),
            ],
        ),
    ];
    for (case, archives) in cases {
        let (lab, result) = attach(&archives);
        let error = result.err().unwrap_or_else(|| panic!("{case}: accepted"));
        assert!(
            matches!(error, LayerError::Clash { .. } | LayerError::Refused { .. }),
            "{case}: {error}"
        );
        assert!(nothing_written(&lab.path("out")), "{case}");
    }
}

#[test]
fn a_later_layer_never_writes_into_a_file_of_an_earlier_one() {
    // Two names of one file, of which the next layer replaces one.
    let (lab, result) = attach(&[
        tar().file("one", "first").hardlink("two", "one"),
        tar().file("one", "second"),
    ]);
    result.unwrap();
    let read = |name: &str| fs::read_to_string(lab.path("out").join(name)).unwrap();
    assert_eq!(
        (read("one"), read("two")),
        ("second".into(), "first".into())
    );
    // A link to a file, then a file of the link's name, then one of the target's.
    let (lab, result) = attach(&[
        tar().file("real", "first").symlink("link", "real"),
        tar().file("link", "second"),
        tar().file("real", "third"),
    ]);
    result.unwrap();
    let read = |name: &str| fs::read_to_string(lab.path("out").join(name)).unwrap();
    assert_eq!(
        (read("link"), read("real")),
        ("second".into(), "third".into())
    );
    assert!(!lab.path("out/link").is_symlink());
}

#[test]
fn no_special_bit_comes_out_of_any_layer() {
    let special = |name: &str, kind: u8, mode: u64| {
        let mut header = header(name, kind, 0);
        header.mode = octal(mode, 8);
        header
    };
    let (lab, result) = attach(&[
        tar()
            .head(&special("setuid", b'0', 0o4755))
            .head(&special("setgid", b'0', 0o2755))
            .head(&special("all", b'0', 0o7777))
            .head(&special("sticky", b'5', 0o1777))
            .head(&special("group", b'5', 0o2775)),
        tar()
            .head(&special("setuid", b'0', 0o6711))
            .head(&special("group", b'5', 0o7777)),
    ]);
    result.unwrap();
    nothing_special(&lab.path("out"));
}

/// The most address space, in KiB, that an attach of small archives may take: far above what it
/// takes, far below what the archives claim.
const MEMORY: u64 = 3 << 20;

#[test]
fn nothing_is_reserved_because_a_header_claims_it() {
    let mut huge = header("f", b'0', 0);
    huge.size = octal((1 << 33) - 1, 12);
    let mut beyond = header("f", b'0', 0);
    beyond.size = b"\x80\0\0\0\0\0\x40\0\0\0\0\0".to_vec();
    let mut name = header("././@LongLink", b'L', 0);
    name.size = octal((1 << 33) - 1, 12);
    let mut records = header("PaxHeaders/x", b'x', 0);
    records.size = octal((1 << 33) - 1, 12);
    let cases = [
        ("8 GiB of content", tar().head(&huge)),
        ("64 TiB of content", tar().head(&beyond)),
        ("8 GiB of name", tar().head(&name)),
        ("8 GiB of records", tar().head(&records)),
    ];
    for (case, archive) in cases {
        for encoding in [Encoding::None, Encoding::Zstd] {
            let lab = Lab::new();
            let bytes = archive.clone().end();
            let blob = match encoding {
                Encoding::Zstd => zstd::bulk::compress(&bytes, 1).unwrap(),
                _ => bytes,
            };
            lab.layer("a", &blob, encoding, |_| {});
            let line = format!("ulimit -v {MEMORY} && exec \"$@\"");
            let out = Command::new("sh")
                .args(["-c", &line, "sh"])
                .arg(env!("CARGO_BIN_EXE_holdall"))
                .args(["attach", "--upstream", "a", "--at"])
                .arg(lab.path("out"))
                .arg("--store")
                .arg(lab.path("store"))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert_eq!(out.status.code(), Some(1), "{case}: {said}");
            assert!(said.contains("layer a/1.0.0 is refused"), "{case}: {said}");
            assert!(nothing_written(&lab.path("out")), "{case}");
        }
    }
}

/// Names the folder in which `inside_a_swapping_process` swaps; without it that test does nothing.
const SWAP: &str = "HOLDALL_TEST_SWAP";

/// A process that ends with the test, however that ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often the attach runs against the swapping process, at least.
const ATTACKS: usize = 30;

#[test]
fn a_process_that_swaps_folders_for_links_leads_nothing_astray() {
    let lab = Lab::new();
    // What an attach that follows the link would write to.
    fs::create_dir_all(lab.path("victim/sub/deep")).unwrap();
    fs::write(lab.path("victim/sub/f0"), "precious").unwrap();
    let mut archive = tar().folder("d/").folder("d/sub/").folder("d/sub/deep/");
    for at in 0..80 {
        archive = archive
            .file(format!("d/sub/f{at}"), "mine")
            .file(format!("d/sub/deep/f{at}"), "mine");
    }
    lab.tar("a", &archive.symlink("d/sub/link", "f0").end());
    let swapper = Running(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "inside_a_swapping_process", "--ignored"])
            .env(SWAP, lab.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let ready = lab.path("out/.ready");
    while !ready.exists() {
        std::thread::yield_now();
    }
    let (mut whole, mut stopped) = (0, 0);
    let swaps = || -> u64 { fs::read_to_string(&ready).unwrap().trim().parse().unwrap() };
    for attack in 0.. {
        // A busy machine may let the other process wait.
        if attack >= ATTACKS && swaps() > 100 {
            break;
        }
        assert!(attack < 100 * ATTACKS, "only {} swaps", swaps());
        // Compares everything outside the target as well.
        match lab.attach(&["a"]) {
            Ok(_) => whole += 1,
            Err(error) => {
                assert!(
                    matches!(error, LayerError::Io { .. } | LayerError::InTheWay { .. }),
                    "{error}"
                );
                stopped += 1;
            }
        }
    }
    drop(swapper);
    println!("{whole} attaches went through, {stopped} were stopped");
    assert_eq!(
        fs::read_to_string(lab.path("victim/sub/f0")).unwrap(),
        "precious"
    );
    assert_eq!(
        fs::read_dir(lab.path("victim/sub/deep")).unwrap().count(),
        0
    );
}

/// Puts links in the place of folders and back, as fast as it can.
#[test]
#[ignore = "is the process of a_process_that_swaps_folders_for_links_leads_nothing_astray"]
fn inside_a_swapping_process() {
    let Some(lab) = std::env::var_os(SWAP) else {
        return;
    };
    let out = Path::new(&lab).join("out");
    let ready = out.join(".ready");
    let links = [
        (out.join("d"), out.join("x"), "../victim"),
        (out.join("d/sub"), out.join("y"), "../../victim/sub"),
        (
            out.join("d/sub/deep"),
            out.join("z"),
            "../../../victim/sub/deep",
        ),
    ];
    let mut swaps = 0_u64;
    loop {
        for (folder, aside, target) in &links {
            let _ = symlink(target, aside);
            // The link is where the folder was, and then the folder again.
            for _ in 0..2 {
                if renameat_with(CWD, folder, CWD, aside, RenameFlags::EXCHANGE).is_ok() {
                    swaps += 1;
                }
            }
        }
        if swaps.is_multiple_of(64) || swaps < 2 {
            let temp = out.join(".ready-new");
            let _ = fs::write(&temp, swaps.to_string()).and_then(|()| fs::rename(&temp, &ready));
        }
    }
}
