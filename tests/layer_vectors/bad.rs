//! The vectors that every reader refuses, each for one reason.

use holdall::layer::Digest;
use serde_json::json;

use super::vector::{Layer, Vector, layer, tar, zstd};
use crate::tar_lab::{Tar, header, pax_records};

pub(crate) fn bad() -> Vec<Vector> {
    let hello = || tar().file("hello", "hello\n");
    let one =
        |name: &str, archive: Tar| Vector::new(name, &["build"]).layer(layer("build", archive));
    let store = |name: &str, layer: Layer| Vector::new(name, &["build"]).layer(layer);
    let mut nul = header("f", b'0', 0);
    nul.checksum = Some(1);
    vec![
        one("archive-flipped", hello())
            .spoil(|bytes| {
                bytes[512] ^= 1;
                true
            })
            .bad(
                "one byte of the archive differs",
                "damaged",
                "does not have the digest",
            ),
        one("archive-missing", hello()).spoil(|_| false).bad(
            "a ref to an archive that is not there",
            "damaged",
            "is missing",
        ),
        one("archive-cut", hello())
            .spoil(|bytes| {
                bytes.truncate(600);
                true
            })
            .bad(
                "an archive that is shorter than its ref says",
                "damaged",
                "600 bytes instead of",
            ),
        store(
            "ref-version",
            layer("build", hello()).line(|line| line.replacen('1', "2", 1)),
        )
        .bad("a ref of another version", "damaged", "has version `2`"),
        store(
            "ref-fields",
            layer("build", hello()).line(|line| line.replace(" none", "")),
        )
        .bad(
            "a ref with a field too few",
            "damaged",
            "5 fields instead of 6",
        ),
        store(
            "ref-spelling",
            layer("build", hello())
                .line(|line| line.replace(" none", "").replace("2048", "02048") + "none\n"),
        )
        .bad("a ref with a spelling of its own", "damaged", "its ref"),
        store(
            "ref-compression",
            layer("build", hello()).line(|line| line.replace("none", "gzip")),
        )
        .bad(
            "ref and manifest disagree",
            "damaged",
            "different compressions",
        ),
        store(
            "manifest-archive",
            layer("build", hello()).manifest(|manifest| {
                manifest["layers"][0]["digest"] = json!(Digest::of(b"other").to_string());
            }),
        )
        .bad(
            "a manifest of another archive",
            "damaged",
            "different archives",
        ),
        store(
            "manifest-type",
            layer("build", hello()).manifest(|manifest| {
                manifest["artifactType"] = json!("application/vnd.example.other");
            }),
        )
        .bad_but_for_sh(
            "a manifest of another kind of artifact",
            "damaged",
            "not that of a workspace layer",
            false,
        ),
        store(
            "config-schema",
            layer("build", hello()).config(|config| config["schema"] = json!(2)),
        )
        .bad_but_for_sh(
            "a config of another version",
            "damaged",
            "has schema 2",
            false,
        ),
        store(
            "config-job",
            layer("build", hello()).config(|config| config["job"] = json!("other")),
        )
        .bad_but_for_sh(
            "a config of another layer",
            "damaged",
            "says that it is other/1.0.0",
            false,
        ),
        store(
            "config-entries",
            layer("build", hello()).config(|config| config["entries"] = json!(2)),
        )
        .bad_but_for_sh(
            "a count that is wrong",
            "damaged",
            "1 entries instead of 2",
            false,
        ),
        store(
            "config-size",
            layer("build", hello()).config(|config| config["uncompressedSize"] = json!(1024)),
        )
        .bad_but_for_sh(
            "an archive that unpacks to more than it says",
            "refused",
            "1024 bytes",
            false,
        ),
        store(
            "expired",
            layer("build", hello())
                .config(|config| config["expires"] = json!("2026-01-15T00:00:00Z")),
        )
        .bad_but_for_sh(
            "a workspace past its lifetime",
            "expired",
            "expired on 2026-01-15",
            false,
        ),
        one("absolute", tar().file("/evil", "x")).bad("an absolute name", "refused", "absolute"),
        one("dot-dot", tar().file("a/../../evil", "x")).bad(
            "a name that climbs out",
            "refused",
            "`..`",
        ),
        one("duplicate", tar().file("f", "1").file("f", "2")).bad_but_for_sh(
            "one name twice",
            "refused",
            "twice",
            false,
        ),
        one("below-a-file", tar().file("f", "1").file("f/g", "2")).bad(
            "an entry below a file",
            "refused",
            "no folder",
        ),
        one(
            "through-a-link",
            tar().symlink("d", "/tmp").file("d/evil", "x"),
        )
        .bad(
            "an entry through a link of its own layer",
            "refused",
            "no folder",
        ),
        one("hard-link-out", tar().hardlink("h", "../victim")).bad(
            "a hard link to something outside",
            "refused",
            "`..`",
        ),
        one(
            "hard-link-to-link",
            tar().symlink("l", "/etc/passwd").hardlink("h", "l"),
        )
        .bad(
            "a hard link to a link",
            "refused",
            "no earlier regular file",
        ),
        one("device", tar().head(&header("d", b'3', 0))).bad("a device", "refused", "a device"),
        one("fifo", tar().head(&header("p", b'6', 0))).bad("a FIFO", "refused", "a FIFO"),
        one("sparse", tar().head(&header("s", b'S', 0))).bad_but_for_sh(
            "a sparse file",
            "refused",
            "sparse",
            false,
        ),
        one("pax-size", tar().pax(&[("size", b"1")]).file("f", "x")).bad_but_for_sh(
            "a PAX size below 8 GiB",
            "refused",
            "PAX size",
            false,
        ),
        one(
            "global-path",
            tar()
                .extension(b'g', pax_records(&[("path", b"evil")]))
                .file("f", "x"),
        )
        .bad_but_for_sh(
            "a global header that carries a name",
            "refused",
            "global header",
            false,
        ),
        one(
            "two-names",
            tar()
                .pax(&[("path", b"a")])
                .extension(b'L', "b\0")
                .file("f", "x"),
        )
        .bad_but_for_sh(
            "PAX and GNU names for one entry",
            "refused",
            "PAX records and GNU",
            false,
        ),
        one("checksum", tar().head(&nul)).bad(
            "a header with a wrong checksum",
            "refused",
            "checksum",
        ),
        store(
            "after-the-end",
            layer("build", hello())
                .encoding("zstd")
                .blob(zstd(&[hello().end(), hello().end()].concat())),
        )
        .bad_but_for_sh(
            "a second archive after the end",
            "refused",
            "data after the end",
            false,
        ),
        one("reserved", tar().file(".holdall-attach-incomplete", "x")).bad(
            "the name of the marker",
            "refused",
            "reserved",
        ),
        Vector::new("conflict", &["a", "b"])
            .concurrent("a,b")
            .layer(layer("a", tar().file("same", "x")))
            .layer(layer("b", tar().file("same", "x")))
            .bad(
                "the same file of unordered jobs, with the same bytes",
                "conflict",
                "a/1.0.0 and b/1.0.0 both hold `same`",
            ),
        Vector::new("conflict-of-nodes", &["build"])
            .layer(layer("build", tar().file("same", "0")))
            .layer(layer("build", tar().file("same", "1")).number("1.1.0"))
            .bad(
                "the same file of two nodes of one job",
                "conflict",
                "build/1.0.0 and build/1.1.0",
            ),
        Vector::new("clash", &["a", "b"])
            .layer(layer("a", tar().file("x", "1")))
            .layer(layer("b", tar().folder("x/")))
            .bad(
                "a file that meets a folder, though ordered",
                "clash",
                "is a folder in b/1.0.0",
            ),
        Vector::new("link-then-through", &["a", "b"])
            .layer(layer("a", tar().symlink("d", "kept")))
            .layer(layer("b", tar().file("d/evil", "x")))
            .bad(
                "one layer plants a link, the next writes through it",
                "clash",
                "is a folder in b/1.0.0",
            ),
    ]
}
