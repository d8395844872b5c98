//! The vectors that every reader attaches.

use serde_json::json;

use super::vector::{File, Folder, Link, Vector, gzip, layer, tar, with_mode, zstd};
use crate::tar_lab::{header, pax_records};

pub(crate) fn good() -> Vec<Vector> {
    let hello = || tar().file("hello", "hello\n");
    let long = "n".repeat(120);
    let (one, two): (&str, &str) = (long.clone().leak(), format!("{long}2").leak());
    let target: &str = "t".repeat(130).leak();
    vec![
        Vector::new("minimal", &["build"]).layer(layer("build", hello())).good(
            "one file, and a config of the mandatory keys",
            &[File("hello", 0o644, "hello\n")],
        ),
        Vector::new("types", &["build"])
            .layer(
                layer(
                    "build",
                    tar()
                        .folder("dir/")
                        .file("dir/file", "text")
                        .hardlink("dir/same", "dir/file")
                        .symlink("dir/link", "file")
                        .folder("empty/")
                        .raw(with_mode("program", b'0', 0o755))
                        .raw(with_mode("secret", b'0', 0o600))
                        .raw(with_mode("special", b'0', 0o4755)),
                )
                .encoding("gzip"),
            )
            .good(
                "every type of entry; a special bit falls away",
                &[
                    Folder("dir", 0o755),
                    File("dir/file", 0o644, "text"),
                    File("dir/same", 0o644, "text"),
                    Link("dir/link", "file"),
                    Folder("empty", 0o755),
                    File("program", 0o755, ""),
                    File("secret", 0o600, ""),
                    File("special", 0o755, ""),
                ],
            ),
        Vector::new("long-names", &["build"])
            .layer(layer(
                "build",
                tar()
                    .pax(&[("path", one.as_bytes())])
                    .file("cut", "by PAX")
                    .extension(b'L', format!("{two}\0"))
                    .file("cut", "by GNU")
                    .pax(&[("linkpath", target.as_bytes())])
                    .symlink("link", "cut")
                    .extension(b'K', format!("{target}\0"))
                    .symlink("link2", "cut")
                    .head(&{
                        let mut prefixed = header("file", b'0', 0);
                        prefixed.prefix = b"some/prefix".to_vec();
                        prefixed
                    }),
            ))
            .good(
                "names that do not fit the header: PAX, GNU, ustar prefix",
                &[
                    File(one, 0o644, "by PAX"),
                    File(two, 0o644, "by GNU"),
                    Link("link", target),
                    Link("link2", target),
                    Folder("some", 0o755),
                    Folder("some/prefix", 0o755),
                    File("some/prefix/file", 0o644, ""),
                ],
            ),
        Vector::new("odd-names", &["build"])
            .layer(layer(
                "build",
                tar()
                    .file(" space ", "1")
                    .file("new\nline", "2")
                    .file("tab\there", "3")
                    .file("back\\slash", "4")
                    .file("quote'\"", "5")
                    .file("-rf", "6")
                    .file(".hidden", "7")
                    .file(".wh.gone", "8")
                    .file("é", "9")
                    .file("*", "10"),
            ))
            .good(
                "names that shells and tars stumble over",
                &[
                    File(" space ", 0o644, "1"),
                    File("new\\nline", 0o644, "2"),
                    File("tab\\there", 0o644, "3"),
                    File("back\\\\slash", 0o644, "4"),
                    File("quote'\"", 0o644, "5"),
                    File("-rf", 0o644, "6"),
                    File(".hidden", 0o644, "7"),
                    File(".wh.gone", 0o644, "8"),
                    File("é", 0o644, "9"),
                    File("*", 0o644, "10"),
                ],
            ),
        Vector::new("implied-folders", &["build"])
            .layer(layer(
                "build",
                tar()
                    .file("a/b/c", "x")
                    .raw(with_mode("a", b'5', 0o700))
                    .folder("./")
                    .file("./d/e", "y"),
            ))
            .good(
                "folders that no entry names, one that is named late, and the root itself",
                &[
                    Folder("a", 0o700),
                    Folder("a/b", 0o755),
                    File("a/b/c", 0o644, "x"),
                    Folder("d", 0o755),
                    File("d/e", 0o644, "y"),
                ],
            ),
        Vector::new("order", &["setup", "build", "test"])
            .layer(layer("setup", tar().file("same", "setup").file("kept", "setup")))
            .layer(layer("build", tar().file("same", "build").symlink("turns", "kept")))
            .layer(
                layer("test", tar().file("same", "test").file("turns", "a file now"))
                    .encoding("zstd"),
            )
            .good(
                "later layers win, and never write through a link of an earlier one",
                &[
                    File("same", 0o644, "test"),
                    File("kept", 0o644, "setup"),
                    File("turns", 0o644, "a file now"),
                ],
            ),
        Vector::new("attempts", &["build"])
            .layer(layer("build", tar().file("old", "1")))
            .layer(layer("build", tar().file("first", "0").file("n0", "x")).number("2.0.0"))
            .layer(layer("build", tar().file("first", "1")).number("2.0.1"))
            .layer(layer("build", tar().file("n1", "y")).number("2.1.0"))
            .layer(layer("build", tar().file("tenth", "z")).number("2.1.10"))
            .with("refs/build/3.0.0", b"1 sha256:00")
            .good(
                "the highest attempt, all its nodes and numbers; a ref that was cut off counts as absent",
                &[
                    File("first", 0o644, "1"),
                    File("n0", 0o644, "x"),
                    File("n1", 0o644, "y"),
                    File("tenth", 0o644, "z"),
                ],
            ),
        Vector::new("gzip-members", &["build"])
            .layer(layer("build", hello()).encoding("gzip").blob({
                let archive = hello().end();
                [gzip(&archive[..700]), gzip(&archive[700..])].concat()
            }))
            .good(
                "gzip in two members",
                &[File("hello", 0o644, "hello\n")],
            ),
        Vector::new("zstd-frames", &["build"])
            .layer(layer("build", hello()).encoding("zstd").blob({
                let archive = hello().end();
                let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4].to_vec();
                [zstd(&archive[..700]), skipped, zstd(&archive[700..])].concat()
            }))
            .good(
                "zstd in two frames with a skippable one in between",
                &[File("hello", 0o644, "hello\n")],
            ),
        Vector::new("empty", &["build"]).layer(layer("build", tar())).good("a layer of nothing", &[]),
        Vector::new("nothing-upstream", &["absent"])
            .layer(layer("build", hello()))
            .good("a job without layers is nothing to attach", &[]),
        Vector::new("job-names", &["test 1/2", ".é"])
            .layer(layer("test 1/2", tar().file("a", "1")))
            .layer(layer(".é", tar().file("b", "2")))
            .good(
                "jobs whose names are encoded in the names of folders",
                &[File("a", 0o644, "1"), File("b", 0o644, "2")],
            ),
        Vector::new("unknown-things", &["build"])
            .layer(
                layer("build", hello())
                    .config(|config| config["future"] = json!({"key": [1, 2]}))
                    .manifest(|manifest| manifest["annotations"] = json!({"future": "x"})),
            )
            .with("index.json", b"{\"schemaVersion\":2,\"manifests\":[]}")
            .with("tmp/left", b"half")
            .with("refs/build/latest", b"1")
            .with("notes/mine.txt", b"mine")
            .good(
                "unknown keys and files are ignored, and index.json is not read",
                &[File("hello", 0o644, "hello\n")],
            ),
        Vector::new("extensions-without-meaning", &["build"])
            .layer(layer(
                "build",
                tar()
                    .extension(b'g', pax_records(&[("comment", b"of the archive")]))
                    .pax(&[("atime", b"1.5"), ("SCHILY.xattr.user.x", b"v")])
                    .file("hello", "hello\n"),
            ))
            .good(
                "PAX records that carry neither names nor sizes change nothing",
                &[File("hello", 0o644, "hello\n")],
            ),
        Vector::new("concurrent", &["a", "b"])
            .concurrent("a,b")
            .layer(layer("a", tar().folder("dir/").file("dir/a", "1")))
            .layer(layer("b", tar().folder("dir/").file("dir/b", "2")))
            .good(
                "unordered jobs may share folders",
                &[
                    Folder("dir", 0o755),
                    File("dir/a", 0o644, "1"),
                    File("dir/b", 0o644, "2"),
                ],
            ),
    ]
}
