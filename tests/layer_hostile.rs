//! Archives that no honest writer makes: each is refused with its reason (or harmless), and
//! nothing outside the target changes, whatever the verdict.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod tar_lab;

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::symlink;
#[cfg(unix)]
use std::path::Path;

use holdall::layer::{Encoding, LayerConfig, LayerError};

use tar_lab::{Header, Lab, Tar, header, nothing_written, octal, pax_records};

/// The archives that are refused, each with a piece of the reason.
fn corpus() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let tar = Tar::default;
    let long = |length: usize| "d/".repeat(length / 2);
    let mut bad_checksum = header("f", b'0', 0);
    bad_checksum.checksum = Some(1);
    let field = |edit: fn(&mut Header)| {
        let mut header = header("f", b'0', 0);
        edit(&mut header);
        tar().head(&header).end()
    };
    vec![
        ("absolute name", tar().file("/tmp/x", "x").end(), "absolute"),
        (
            "absolute PAX name",
            tar().pax(&[("path", b"/tmp/x")]).file("f", "x").end(),
            "absolute",
        ),
        (
            "absolute GNU name",
            tar().extension(b'L', b"/tmp/x\0").file("f", "x").end(),
            "absolute",
        ),
        (
            "dot-dot name",
            tar().file("../victim/file", "x").end(),
            "`..`",
        ),
        (
            "inner dot-dot",
            tar().file("a/../../victim/file", "x").end(),
            "`..`",
        ),
        ("last dot-dot", tar().folder("a/..").end(), "`..`"),
        (
            "dot-dot by PAX",
            tar()
                .pax(&[("path", b"../victim/file")])
                .file("f", "x")
                .end(),
            "`..`",
        ),
        (
            "dot-dot by GNU name",
            tar()
                .extension(b'L', b"../victim/file\0")
                .file("f", "x")
                .end(),
            "`..`",
        ),
        (
            "dot-dot by prefix",
            {
                let mut h = header("file", b'0', 0);
                h.prefix = b"../victim".to_vec();
                tar().head(&h).end()
            },
            "`..`",
        ),
        ("inner dot", tar().file("a/./b", "x").end(), "`.`"),
        ("empty name", tar().file("", "x").end(), "empty"),
        (
            "empty component",
            tar().file("a//b", "x").end(),
            "empty component",
        ),
        (
            "empty PAX name",
            tar().pax(&[("path", b"")]).file("f", "x").end(),
            "empty",
        ),
        (
            "NUL in a PAX name",
            tar().pax(&[("path", b"a\0b")]).file("f", "x").end(),
            "NUL",
        ),
        (
            "NUL in a GNU name",
            tar().extension(b'L', b"a\0b\0").file("f", "x").end(),
            "NUL",
        ),
        (
            "NUL in a PAX link target",
            tar().pax(&[("linkpath", b"a\0b")]).symlink("l", "x").end(),
            "NUL",
        ),
        (
            "a name of 5,000 bytes",
            tar()
                .pax(&[("path", long(5000).as_bytes())])
                .folder("f")
                .end(),
            "4,096",
        ),
        (
            "a component of 300 bytes",
            tar().pax(&[("path", &[b'a'; 300])]).file("f", "x").end(),
            "255",
        ),
        (
            "a file called like a folder",
            tar().file("f/", "x").end(),
            "no folder",
        ),
        ("the root as a file", tar().file(".", "x").end(), "root"),
        (
            "the root as a link",
            tar().symlink("./", "/etc").end(),
            "no folder",
        ),
        (
            "the reserved marker",
            tar().file(".holdall-attach-incomplete", "x").end(),
            "reserved",
        ),
        (
            "write through an absolute link",
            tar().symlink("d", "/tmp").file("d/x", "x").end(),
            "no folder",
        ),
        (
            "write through a relative link",
            tar().symlink("d", "../victim").file("d/file", "x").end(),
            "no folder",
        ),
        (
            "write through a chain of links",
            tar()
                .symlink("a", ".")
                .symlink("b", "a/../victim")
                .file("b/file", "x")
                .end(),
            "no folder",
        ),
        (
            "a link after what lies below it",
            tar().file("d/x", "x").symlink("d", "../victim").end(),
            "lie below",
        ),
        (
            "a folder entry through a link",
            tar().symlink("d", "../victim").folder("d/sub").end(),
            "no folder",
        ),
        (
            "a folder in place of a link",
            tar().symlink("d", "../victim").folder("d").end(),
            "twice",
        ),
        (
            "a file in place of a link",
            tar().symlink("f", "../victim/file").file("f", "x").end(),
            "twice",
        ),
        (
            "a link in place of a file",
            tar().file("f", "x").symlink("f", "../victim/file").end(),
            "twice",
        ),
        (
            "a file below a file",
            tar().file("f", "x").file("f/g", "x").end(),
            "no folder",
        ),
        (
            "a file where a folder is implied",
            tar().file("f/g", "x").file("f", "x").end(),
            "lie below",
        ),
        (
            "a folder where a file is",
            tar().file("f", "x").folder("f").end(),
            "twice",
        ),
        (
            "two files of one name",
            tar().file("f", "1").file("f", "2").end(),
            "twice",
        ),
        (
            "two names that differ by ./",
            tar().file("f", "1").file("./f", "2").end(),
            "twice",
        ),
        (
            "two folders of one name",
            tar().folder("d").folder("d/").end(),
            "twice",
        ),
        (
            "hard link to an absolute name",
            tar().hardlink("h", "/etc/passwd").end(),
            "absolute",
        ),
        (
            "hard link with dot-dot",
            tar().hardlink("h", "../victim/file").end(),
            "`..`",
        ),
        (
            "hard link by PAX",
            tar()
                .pax(&[("linkpath", b"../victim/file")])
                .hardlink("h", "x")
                .end(),
            "`..`",
        ),
        (
            "hard link through a link",
            tar()
                .symlink("d", "../victim")
                .hardlink("h", "d/file")
                .end(),
            "no earlier regular file",
        ),
        (
            "hard link to a link",
            tar()
                .symlink("l", "../victim/file")
                .hardlink("h", "l")
                .end(),
            "no earlier regular file",
        ),
        (
            "hard link to a folder",
            tar().folder("d").hardlink("h", "d").end(),
            "no earlier regular file",
        ),
        (
            "hard link to a later file",
            tar().hardlink("h", "f").file("f", "x").end(),
            "no earlier regular file",
        ),
        (
            "hard link to itself",
            tar().hardlink("h", "h").end(),
            "no earlier regular file",
        ),
        (
            "hard link to the root",
            tar().hardlink("h", ".").end(),
            "no folder",
        ),
        (
            "hard link without a target",
            tar().hardlink("h", "").end(),
            "empty",
        ),
        (
            "hard link with content",
            tar()
                .file("f", "x")
                .head(&header("h", b'1', 4).link("f"))
                .data("evil")
                .end(),
            "content",
        ),
        (
            "symbolic link without a target",
            tar().symlink("l", "").end(),
            "empty",
        ),
        (
            "symbolic link with content",
            tar()
                .head(&header("l", b'2', 4).link("f"))
                .data("evil")
                .end(),
            "content",
        ),
        (
            "folder with content",
            tar().head(&header("d", b'5', 4)).data("evil").end(),
            "content",
        ),
        (
            "a long target for a file",
            tar().extension(b'K', b"x\0").file("f", "x").end(),
            "no link",
        ),
        (
            "character device",
            tar().head(&header("f", b'3', 0)).end(),
            "device",
        ),
        (
            "block device",
            tar().head(&header("f", b'4', 0)).end(),
            "device",
        ),
        ("FIFO", tar().head(&header("f", b'6', 0)).end(), "FIFO"),
        (
            "contiguous file",
            tar().head(&header("f", b'7', 0)).end(),
            "unknown type",
        ),
        (
            "unknown type",
            tar().head(&header("f", b'Z', 0)).end(),
            "unknown type",
        ),
        (
            "GNU sparse file",
            tar().head(&header("f", b'S', 0)).end(),
            "sparse",
        ),
        (
            "PAX sparse file",
            tar()
                .pax(&[("GNU.sparse.major", b"1")])
                .file("f", "x")
                .end(),
            "sparse",
        ),
        (
            "PAX size over ustar size 0",
            tar()
                .pax(&[("size", b"4")])
                .head(&header("f", b'0', 0))
                .data("evil")
                .end(),
            "PAX size",
        ),
        (
            "PAX size 0 over a ustar size",
            tar().pax(&[("size", b"0")]).file("f", "evil").end(),
            "PAX size",
        ),
        (
            "PAX size that is negative",
            tar().pax(&[("size", b"-1")]).file("f", "x").end(),
            "no number",
        ),
        (
            "PAX size that is huge",
            tar()
                .pax(&[("size", b"18446744073709551616")])
                .file("f", "x")
                .end(),
            "no number",
        ),
        (
            "two sizes",
            tar().pax(&[("size", b"8589934592")]).file("f", "x").end(),
            "two different sizes",
        ),
        (
            "PAX size on a folder",
            tar().pax(&[("size", b"8589934592")]).folder("d").end(),
            "content",
        ),
        (
            "PAX path twice",
            tar()
                .pax(&[("path", b"a"), ("path", b"b")])
                .file("f", "x")
                .end(),
            "twice",
        ),
        (
            "two PAX headers",
            tar()
                .pax(&[("path", b"a")])
                .pax(&[("path", b"b")])
                .file("f", "x")
                .end(),
            "two PAX headers",
        ),
        (
            "two GNU names",
            tar()
                .extension(b'L', b"a\0")
                .extension(b'L', b"b\0")
                .file("f", "x")
                .end(),
            "two long names",
        ),
        (
            "PAX and GNU names",
            tar()
                .pax(&[("path", b"a")])
                .extension(b'L', b"b\0")
                .file("f", "x")
                .end(),
            "PAX records and GNU",
        ),
        (
            "GNU and PAX names",
            tar()
                .extension(b'L', b"b\0")
                .pax(&[("path", b"a")])
                .file("f", "x")
                .end(),
            "PAX records and GNU",
        ),
        (
            "PAX record without an end",
            tar().extension(b'x', b"20 path=abc\n").file("f", "x").end(),
            "malformed",
        ),
        (
            "PAX record of length 0",
            tar().extension(b'x', b"0 path=abc\n").file("f", "x").end(),
            "malformed",
        ),
        (
            "PAX record without LF",
            tar().extension(b'x', b"11 path=abcd").file("f", "x").end(),
            "malformed",
        ),
        (
            "PAX record without =",
            tar().extension(b'x', b"8 pathx\n").file("f", "x").end(),
            "malformed",
        ),
        (
            "PAX record with a huge length",
            tar()
                .extension(b'x', b"99999999999999999999999 path=abc\n")
                .file("f", "x")
                .end(),
            "malformed",
        ),
        (
            "PAX record with a sign",
            tar()
                .extension(b'x', b"+12 path=abc\n")
                .file("f", "x")
                .end(),
            "malformed",
        ),
        (
            "PAX header without records",
            tar().extension(b'x', b"").file("f", "x").end(),
            "0 bytes",
        ),
        (
            "PAX header of a gigabyte",
            tar().head(&header("x", b'x', 1 << 30)).end(),
            "1073741824 bytes",
        ),
        (
            "GNU name of a gigabyte",
            tar().head(&header("x", b'L', 1 << 30)).end(),
            "1073741824 bytes",
        ),
        (
            "dangling PAX header",
            tar().file("f", "x").pax(&[("path", b"a")]).end(),
            "no entry after",
        ),
        (
            "dangling GNU name",
            tar().extension(b'L', b"a\0").end(),
            "no entry after",
        ),
        (
            "global header with a path",
            tar()
                .extension(b'g', pax_records(&[("path", b"../x")]))
                .file("f", "x")
                .end(),
            "global header",
        ),
        (
            "global header with a size",
            tar()
                .extension(b'g', pax_records(&[("size", b"1")]))
                .file("f", "x")
                .end(),
            "global header",
        ),
        (
            "global header with a link target",
            tar()
                .extension(b'g', pax_records(&[("linkpath", b"x")]))
                .file("f", "x")
                .end(),
            "global header",
        ),
        (
            "global header in between",
            tar()
                .pax(&[("path", b"a")])
                .extension(b'g', pax_records(&[("comment", b"x")]))
                .file("f", "x")
                .end(),
            "global header",
        ),
        (
            "wrong checksum",
            tar().head(&bad_checksum).end(),
            "checksum",
        ),
        (
            "no magic",
            field(|h| h.magic = [0; 8]),
            "neither ustar nor GNU",
        ),
        (
            "negative size",
            field(|h| h.size = vec![0xff; 12]),
            "size is no number",
        ),
        (
            "size that is no number",
            field(|h| h.size = b"12z45678901\0".to_vec()),
            "size is no number",
        ),
        (
            "size beyond 63 bits",
            field(|h| h.size = [&[0x80, 0, 0, 0][..], &[0xff; 8]].concat()),
            "size is no number",
        ),
        (
            "negative time",
            field(|h| h.mtime = vec![0xff; 12]),
            "time is negative",
        ),
        (
            "mode that is no number",
            field(|h| h.mode = b"rw-r--r-".to_vec()),
            "mode is no number",
        ),
        (
            "8 GiB that are not there",
            {
                let mut h = header("f", b'0', 0);
                h.size = octal(8 << 30 >> 1, 12);
                tar().head(&h).data("x").end()
            },
            "ends inside a file",
        ),
        (
            "cut inside a file",
            tar().head(&header("f", b'0', 2000)).raw([1; 700]).0,
            "ends inside a file",
        ),
        (
            "cut inside a header",
            tar().file("f", "x").raw([1; 100]).0,
            "ends in the middle",
        ),
        ("no end", tar().file("f", "x").0, "ends in the middle"),
        (
            "one end block",
            tar().file("f", "x").raw([0; 512]).0,
            "cut off",
        ),
        (
            "an odd end",
            tar().file("f", "x").raw([0; 1124]).0,
            "cut off",
        ),
        (
            "a second archive",
            tar().file("f", "x").raw([0; 1024]).file("g", "y").end(),
            "data after the end",
        ),
        (
            "garbage after the end",
            tar().file("f", "x").raw([0; 1024]).raw("garbage").0,
            "data after the end",
        ),
        ("nothing at all", Vec::new(), "ends in the middle"),
        ("empty name", tar().file("", "x").end(), "empty"),
        (
            "a file that claims more than a disk holds",
            tar()
                .head(&{
                    let mut file = header("f", b'0', 0);
                    file.size = b"\x80\0\0\0\0\x7f\0\0\0\0\0\0".to_vec();
                    file
                })
                .end(),
            "ends inside a file",
        ),
        (
            "PAX records between a GNU name and its file",
            tar()
                .extension(b'L', b"long\0")
                .pax(&[("mtime", b"1")])
                .file("cut", "x")
                .end(),
            "PAX records and GNU",
        ),
        (
            "a PAX record meant for a file before a GNU name",
            tar()
                .pax(&[("mtime", b"1")])
                .extension(b'L', b"long\0")
                .file("cut", "x")
                .end(),
            "PAX records and GNU",
        ),
        (
            "hard link to a file of a name that only PAX gives",
            tar()
                .pax(&[("linkpath", b"a/../../victim/file")])
                .hardlink("h", "h")
                .end(),
            "`..`",
        ),
    ]
}

#[test]
fn what_breaks_the_profile_is_refused_with_its_reason() {
    let corpus = corpus();
    assert!(corpus.len() > 90);
    for (case, archive, reason) in corpus {
        let lab = Lab::new();
        lab.tar("a", &archive);
        let error = lab
            .attach(&["a"])
            .err()
            .unwrap_or_else(|| panic!("{case}: accepted"));
        assert!(
            matches!(error, LayerError::Refused { .. }),
            "{case}: {error}"
        );
        assert!(error.to_string().contains(reason), "{case}: {error}");
        assert!(
            nothing_written(&lab.path("out")),
            "{case}: the target was touched"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_is_odd_but_harmless_is_taken() {
    let lab = Lab::new();
    let names: [&[u8]; 7] = [
        b"new\nline",
        b"\x1b[2J",
        b"\xff\xfe",
        b"back\\slash",
        b"Case",
        b"case",
        b".wh.gone",
    ];
    let mut tar = Tar::default()
        .folder("./")
        .extension(
            b'g',
            pax_records(&[("comment", b"made by a version control system")]),
        )
        .symlink("abs", "/etc/passwd")
        .symlink("up", "../../victim/file")
        .pax(&[
            ("atime", b"1.5"),
            ("ctime", b"1.5"),
            ("mtime", b"1700000000.25"),
            ("LIBARCHIVE.xattr.user.x", b"a\0b"),
            ("SCHILY.xattr.security.capability", b"\x01"),
        ])
        .file("extended", "x")
        .file("./dotted", "x");
    for name in names {
        tar = tar.file(name, "x");
    }
    let mut setuid = header("setuid", b'0', 0);
    setuid.mode = octal(0o4755, 8);
    let mut gnu = header("gnu", 0, 0);
    gnu.magic = *b"ustar  \0";
    gnu.prefix = b"atime and ctime live here".to_vec();
    let mut prefixed = header("file", b'0', 0);
    prefixed.prefix = b"some/prefix".to_vec();
    let archive = tar
        .head(&setuid)
        .head(&gnu)
        .head(&prefixed)
        .extension(b'L', format!("{}\0", "l".repeat(200)))
        .file("cut", "long")
        .file("first", "x")
        .hardlink("second", "first")
        .raw([0; 10240])
        .0;
    lab.tar("a", &archive);
    lab.attach(&["a"]).unwrap();
    let out = lab.path("out");
    assert!(out.join("some/prefix/file").exists());
    assert!(out.join("gnu").exists());
    assert!(out.join("dotted").exists());
    assert!(out.join("l".repeat(200)).exists());
    assert_eq!(
        fs::read_link(out.join("abs")).unwrap(),
        Path::new("/etc/passwd")
    );
    use std::os::unix::fs::MetadataExt;
    assert_eq!(
        out.join("setuid").metadata().unwrap().mode() & 0o7777,
        0o755
    );
}

#[test]
fn names_are_shown_without_control_characters() {
    let lab = Lab::new();
    lab.tar(
        "a",
        &Tar::default()
            .head(&header("x\x1b[31m\n/..", b'0', 0))
            .end(),
    );
    let text = lab.attach(&["a"]).unwrap_err().to_string();
    assert!(text.contains("`x\\u{1b}[31m\\n/..`"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_link_of_one_layer_is_no_way_for_the_next() {
    for (target, name) in [
        ("../victim", "d/file"),
        ("/tmp", "d/x"),
        ("..", "d/victim/file"),
    ] {
        let lab = Lab::new();
        lab.tar("a", &Tar::default().symlink("d", target).end());
        lab.tar("b", &Tar::default().file(name, "evil").end());
        let error = lab.attach(&["a", "b"]).unwrap_err();
        assert!(matches!(error, LayerError::Clash { .. }), "{error}");
        assert!(nothing_written(&lab.path("out")));
    }
}

#[cfg(unix)]
#[test]
fn a_file_replaces_the_link_of_an_earlier_layer() {
    let lab = Lab::new();
    lab.tar("a", &Tar::default().symlink("f", "../victim/file").end());
    lab.tar("b", &Tar::default().file("f", "mine").end());
    lab.attach(&["a", "b"]).unwrap();
    assert_eq!(fs::read_to_string(lab.path("out/f")).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn a_folder_entry_never_reaches_through_a_link() {
    let lab = Lab::new();
    lab.tar("a", &Tar::default().symlink("d", "../victim").end());
    lab.tar("b", &Tar::default().folder("d").end());
    assert!(matches!(
        lab.attach(&["a", "b"]),
        Err(LayerError::Clash { .. })
    ));
}

#[cfg(unix)]
#[test]
fn links_that_the_target_holds_are_replaced() {
    let lab = Lab::new();
    symlink("../victim", lab.path("out/d")).unwrap();
    symlink("../victim/file", lab.path("out/f")).unwrap();
    fs::create_dir(lab.path("out/deep")).unwrap();
    symlink("../../victim", lab.path("out/deep/d")).unwrap();
    let archive = Tar::default()
        .file("d/file", "mine")
        .file("deep/d/file", "mine")
        .hardlink("deep/d/again", "d/file")
        .file("f", "mine")
        .end();
    lab.tar("a", &archive);
    lab.attach(&["a"]).unwrap();
    for name in ["d/file", "deep/d/file", "deep/d/again", "f"] {
        assert_eq!(
            fs::read_to_string(lab.path("out").join(name)).unwrap(),
            "mine"
        );
    }
}

#[test]
fn a_hard_link_of_the_target_is_replaced_and_not_written_to() {
    let lab = Lab::new();
    fs::hard_link(lab.path("victim/file"), lab.path("out/f")).unwrap();
    lab.tar("a", &Tar::default().file("f", "mine").end());
    lab.attach(&["a"]).unwrap();
    assert_eq!(fs::read_to_string(lab.path("out/f")).unwrap(), "mine");
}

#[test]
fn a_layer_stays_below_what_it_declares() {
    let archive = Tar::default().file("f", "x").file("g", "y").end();
    let attach = |edit: fn(&mut LayerConfig)| {
        let lab = Lab::new();
        lab.layer("a", &archive, Encoding::None, edit);
        lab.attach(&["a"])
    };
    attach(|config| {
        config.entries = Some(2);
        config.uncompressed_size = Some(3072);
    })
    .unwrap();
    for edit in [
        (|config| config.entries = Some(1)) as fn(&mut LayerConfig),
        |config| config.entries = Some(3),
        |config| config.uncompressed_size = Some(3071),
        |config| config.uncompressed_size = Some(4096),
        |config| config.job = "b".to_owned(),
        |config| config.seq = 1,
        |config| config.schema = 2,
        |config| config.compression = Encoding::Gzip,
    ] {
        assert!(attach(edit).is_err());
    }
}

#[test]
fn a_bomb_stops_at_its_declared_size() {
    let mut big = header("f", b'0', 0);
    big.size = octal(1 << 30, 12);
    let archive = Tar::default().head(&big).raw(vec![0; 1 << 26]).0;
    let bomb = zstd::bulk::compress(&archive, 19).unwrap();
    assert!(bomb.len() < 1 << 16);
    let lab = Lab::new();
    lab.layer("a", &bomb, Encoding::Zstd, |config| {
        config.uncompressed_size = Some(1 << 20)
    });
    let error = lab.attach(&["a"]).unwrap_err();
    assert!(
        error.to_string().contains("more than the 1048576 bytes"),
        "{error}"
    );
}

#[test]
fn what_follows_a_compressed_archive_is_refused() {
    let archive = Tar::default().file("f", "x").end();
    let frame = zstd::bulk::compress(&archive, 1).unwrap();
    let cases = [
        ("garbage", [&frame[..], b"garbage"].concat(), false),
        ("half a frame", frame[..frame.len() - 3].to_vec(), false),
        ("a second archive", [&frame[..], &frame[..]].concat(), false),
        (
            "a skippable frame",
            [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2][..], &frame[..]].concat(),
            true,
        ),
        (
            "two frames of one archive",
            [
                zstd::bulk::compress(&archive[..700], 1).unwrap(),
                zstd::bulk::compress(&archive[700..], 1).unwrap(),
            ]
            .concat(),
            true,
        ),
    ];
    for (case, blob, accepted) in cases {
        let lab = Lab::new();
        lab.layer("a", &blob, Encoding::Zstd, |_| {});
        let result = lab.attach(&["a"]);
        assert_eq!(result.is_ok(), accepted, "{case}: {result:?}");
    }
}

#[test]
fn many_root_entries_and_deep_names_cost_little() {
    let lab = Lab::new();
    let mut tar = Tar::default();
    for _ in 0..50_000 {
        tar = tar.folder("./");
    }
    let deep = "d/".repeat(2040);
    for at in 0..4 {
        tar = tar
            .pax(&[("path", format!("{at}/{deep}").as_bytes())])
            .folder("cut");
    }
    lab.tar("a", &tar.end());
    // The verdict does not matter; that it comes quickly and without a crash does.
    let _ = lab.attach(&["a"]);
}
