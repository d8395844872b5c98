//! The test vectors of the layer format: made here, kept in `tests/vectors`, and run against the
//! program and its shell twin.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;
mod tar_lab;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdall::layer::{Digest, encode_job, tree_digest_of, twin};
use serde_json::{Value, json};

use tar_lab::{Tar, header, octal, pax_records};

/// A vector under construction: the files of its folder.
struct Vector {
    name: String,
    files: BTreeMap<String, Vec<u8>>,
    upstream: Vec<&'static str>,
    concurrent: Vec<&'static str>,
}

/// One layer, with everything that can be wrong on purpose.
struct Layer {
    job: &'static str,
    number: &'static str,
    encoding: &'static str,
    /// The archive before compression.
    archive: Vec<u8>,
    /// Instead of what the encoding makes of the archive.
    blob: Option<Vec<u8>>,
    config: fn(&mut Value),
    manifest: fn(&mut Value),
    line: fn(String) -> String,
}

fn layer(job: &'static str, archive: Tar) -> Layer {
    Layer {
        job,
        number: "1.0.0",
        encoding: "none",
        archive: archive.end(),
        blob: None,
        config: |_| {},
        manifest: |_| {},
        line: |line| line,
    }
}

fn tar() -> Tar {
    Tar::default()
}

impl Layer {
    fn number(self, number: &'static str) -> Self {
        Self { number, ..self }
    }

    fn encoding(self, encoding: &'static str) -> Self {
        Self { encoding, ..self }
    }

    fn blob(self, blob: Vec<u8>) -> Self {
        Self {
            blob: Some(blob),
            ..self
        }
    }

    fn config(self, config: fn(&mut Value)) -> Self {
        Self { config, ..self }
    }

    fn manifest(self, manifest: fn(&mut Value)) -> Self {
        Self { manifest, ..self }
    }

    fn line(self, line: fn(String) -> String) -> Self {
        Self { line, ..self }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::bulk::compress(bytes, 1).unwrap()
}

impl Vector {
    fn new(name: &str, upstream: &[&'static str]) -> Self {
        let mut vector = Self {
            name: name.to_owned(),
            files: BTreeMap::new(),
            upstream: upstream.to_vec(),
            concurrent: Vec::new(),
        };
        vector.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        vector
    }

    /// Puts a file into the workspace.
    fn file(&mut self, path: &str, bytes: &[u8]) {
        self.files
            .insert(format!("store/default/{path}"), bytes.to_vec());
    }

    fn blob(&mut self, bytes: &[u8]) -> (String, usize) {
        let digest = Digest::of(bytes);
        self.file(&format!("blobs/sha256/{}", digest.hex()), bytes);
        (digest.to_string(), bytes.len())
    }

    fn layer(mut self, layer: Layer) -> Self {
        let suffix = match layer.encoding {
            "none" => String::new(),
            other => format!("+{other}"),
        };
        let bytes = layer.blob.unwrap_or_else(|| match layer.encoding {
            "gzip" => gzip(&layer.archive),
            "zstd" => zstd(&layer.archive),
            _ => layer.archive,
        });
        let (digest, size) = self.blob(&bytes);
        let numbers: Vec<u32> = layer
            .number
            .split('.')
            .map(|n| n.parse().unwrap())
            .collect();
        let mut config = json!({
            "schema": 1, "job": layer.job, "attempt": numbers[0], "node": numbers[1],
            "seq": numbers[2], "compression": layer.encoding,
        });
        (layer.config)(&mut config);
        let (config, config_size) = self.blob(config.to_string().as_bytes());
        let job = encode_job(layer.job);
        // The order of the keys, and no space between them, let a shell find the digests.
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.holdall.workspace.v1",
            "config": {
                "mediaType": "application/vnd.holdall.workspace.config.v1+json",
                "digest": config, "size": config_size,
            },
            "layers": [{
                "mediaType": format!("application/vnd.holdall.workspace.layer.v1.tar{suffix}"),
                "digest": digest, "size": size,
                "annotations": {"org.opencontainers.image.title": format!("{job}.{}.tar", layer.number)},
            }],
        });
        (layer.manifest)(&mut manifest);
        let (manifest, manifest_size) = self.blob(manifest.to_string().as_bytes());
        let line = format!(
            "1 {manifest} {manifest_size} {digest} {size} {}\n",
            layer.encoding
        );
        let line = (layer.line)(line);
        self.file(&format!("refs/{job}/{}", layer.number), line.as_bytes());
        self
    }

    fn concurrent(mut self, pair: &'static str) -> Self {
        self.concurrent.push(pair);
        self
    }

    /// Adds a file that belongs to no layer, or spoils one that does.
    fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.file(path, bytes);
        self
    }

    /// Flips a byte of the archives, or takes them away.
    fn spoil(mut self, how: fn(&mut Vec<u8>) -> bool) -> Self {
        // Documents are texts that begin with a brace.
        let archives = |path: &str, bytes: &[u8]| path.contains("/blobs/") && bytes[0] != b'{';
        self.files
            .retain(|path, bytes| !archives(path, bytes) || how(bytes));
        self
    }

    fn good(mut self, about: &str, tree: &[Node]) -> Self {
        let lines = lines(tree);
        let verdict = json!({
            "about": about, "upstream": self.upstream, "concurrent": self.concurrent,
            "tree": Digest::of(&lines).to_string(),
        });
        self.finish("good", lines, &verdict)
    }

    fn bad(self, about: &str, error: &str, says: &str) -> Self {
        self.bad_but_for_sh(about, error, says, true)
    }

    fn bad_but_for_sh(mut self, about: &str, error: &str, says: &str, shell: bool) -> Self {
        let verdict = json!({
            "about": about, "upstream": self.upstream, "concurrent": self.concurrent,
            "error": error, "says": says, "shell": shell,
        });
        self.finish("bad", Vec::new(), &verdict)
    }

    fn finish(&mut self, kind: &str, lines: Vec<u8>, verdict: &Value) -> Self {
        let mut files = std::mem::take(&mut self.files);
        if kind == "good" {
            files.insert("tree.txt".to_owned(), lines);
        }
        files.insert(
            "verdict.json".to_owned(),
            format!("{verdict:#}\n").into_bytes(),
        );
        Self {
            name: format!("{kind}/{}", self.name),
            files,
            upstream: Vec::new(),
            concurrent: Vec::new(),
        }
    }
}

/// What a tree holds, written down by hand.
enum Node {
    File(&'static str, u32, &'static str),
    Folder(&'static str, u32),
    Link(&'static str, &'static str),
}

use Node::{File, Folder, Link};

/// The lines of a tree digest; no path here needs an escape that is not written out.
fn lines(tree: &[Node]) -> Vec<u8> {
    let mut lines: Vec<String> = tree
        .iter()
        .map(|node| match node {
            File(path, mode, text) => {
                format!(
                    "{path}\tf\t{mode:03o}\t{}\n",
                    Digest::of(text.as_bytes()).hex()
                )
            }
            Folder(path, mode) => format!("{path}\td\t{mode:03o}\t-\n"),
            Link(path, target) => format!("{path}\tl\t777\t{target}\n"),
        })
        .collect();
    lines.sort();
    lines.concat().into_bytes()
}

fn with_mode(name: &str, kind: u8, mode: u64) -> Vec<u8> {
    let mut header = header(name, kind, 0);
    header.mode = octal(mode, 8);
    header.block()
}

fn good() -> Vec<Vector> {
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

fn bad() -> Vec<Vector> {
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

/// The vectors of the repository.
fn folder() -> PathBuf {
    common::root().join("tests/vectors")
}

fn files_below(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn write(root: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn the_vectors_are_what_the_generator_makes() {
    let mut made = BTreeMap::new();
    for vector in good().into_iter().chain(bad()) {
        for (path, bytes) in vector.files {
            let other = made.insert(format!("{}/{path}", vector.name), bytes);
            assert!(other.is_none(), "two vectors of the name {}", vector.name);
        }
    }
    if std::env::var_os("HOLDALL_WRITE_VECTORS").is_some() {
        for kind in ["good", "bad"] {
            let _ = fs::remove_dir_all(folder().join(kind));
        }
        write(&folder(), &made);
    }
    let mut kept = files_below(&folder());
    kept.remove("README.md");
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&made));
    for (name, bytes) in &made {
        assert!(kept[name] == *bytes, "{name} differs");
    }
}

/// A vector of the repository, copied so that its files are new.
struct Copied {
    dir: tempfile::TempDir,
    name: String,
    verdict: Value,
}

fn vectors(kind: &str) -> Vec<Copied> {
    let mut all = Vec::new();
    for item in fs::read_dir(folder().join(kind)).unwrap() {
        let path = item.unwrap().path();
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &files_below(&path));
        let verdict = fs::read_to_string(path.join("verdict.json")).unwrap();
        all.push(Copied {
            dir,
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            verdict: serde_json::from_str(&verdict).unwrap(),
        });
    }
    assert!(all.len() > 10);
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// What an attach said, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Copied {
    fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.verdict[key].as_array().unwrap();
        list.iter().map(|text| text.as_str().unwrap()).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.verdict[key].as_str().unwrap()
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn program(&self) -> Said {
        let mut command = common::holdall();
        command.args(["attach", "--at", "out", "--store", "store"]);
        for job in self.texts("upstream") {
            command.args(["--upstream", job]);
        }
        for pair in self.texts("concurrent") {
            command.args(["--concurrent", pair]);
        }
        self.run(command)
    }

    fn shell(&self) -> Said {
        let script = self.dir.path().join("twin.sh");
        fs::write(&script, twin::script()).unwrap();
        let mut command = Command::new("sh");
        command.arg("twin.sh").args(["attach", "store", "out"]);
        command
            .env_remove("HOLDALL_STORE")
            .env_remove("HOLDALL_WORKSPACE");
        let jobs = self.texts("upstream");
        let pairs = self.texts("concurrent");
        for (at, job) in jobs.iter().enumerate() {
            let before: Vec<String> = jobs[..at]
                .iter()
                .filter(|earlier| !pairs.contains(&format!("{earlier},{job}").as_str()))
                .map(|earlier| encode_job(earlier))
                .collect();
            command.arg(format!("{}:{}", encode_job(job), before.join(",")));
        }
        self.run(command)
    }

    fn run(&self, mut command: Command) -> Said {
        let out = command.current_dir(self.dir.path()).output().unwrap();
        Said {
            code: out.status.code(),
            out: String::from_utf8_lossy(&out.stdout).into_owned(),
            err: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// Both the printed and the real tree are what the vector says.
    fn holds(&self, said: &Said) {
        assert_eq!(said.code, Some(0), "{}: {}", self.name, said.err);
        let expected = self.text("tree");
        let printed = said.out.lines().last().unwrap();
        assert_eq!(printed, format!("tree {expected}"), "{}", self.name);
        let real = tree_digest_of(&self.out()).unwrap().to_string();
        assert_eq!(real, expected, "{}", self.name);
        let lines = fs::read(self.dir.path().join("tree.txt")).unwrap();
        assert_eq!(Digest::of(&lines).to_string(), expected, "{}", self.name);
    }

    fn wrote_nothing(&self) {
        if self.out().exists() {
            let left = fs::read_dir(self.out()).unwrap().count();
            assert_eq!(left, 0, "{}: the target was touched", self.name);
        }
    }
}

#[test]
fn the_program_attaches_the_good_ones() {
    for vector in vectors("good") {
        vector.holds(&vector.program());
    }
}

#[test]
fn the_shell_twin_attaches_the_good_ones() {
    if !common::tool("the_shell_twin_attaches_the_good_ones", "zstd") {
        return;
    }
    for vector in vectors("good") {
        vector.holds(&vector.shell());
    }
}

#[test]
fn the_program_refuses_the_bad_ones() {
    for vector in vectors("bad") {
        let said = vector.program();
        assert_eq!(said.code, Some(1), "{}: {}", vector.name, said.out);
        assert!(
            said.err.contains(vector.text("says")),
            "{}: {}",
            vector.name,
            said.err
        );
        let words = match vector.text("error") {
            "damaged" => "is damaged",
            "refused" => "is refused",
            "conflict" => "Concurrent upstream jobs persisted the same file(s)",
            "clash" => "is a folder in",
            "expired" => "expired on",
            other => panic!("{other}"),
        };
        assert!(said.err.contains(words), "{}: {}", vector.name, said.err);
        vector.wrote_nothing();
    }
}

#[test]
fn the_shell_twin_refuses_those_that_it_can_tell() {
    if !common::tool("the_shell_twin_refuses_those_that_it_can_tell", "zstd") {
        return;
    }
    for vector in vectors("bad") {
        let said = vector.shell();
        let refused = said.code == Some(1);
        if vector.verdict["shell"] == true {
            assert!(refused, "{}: {}", vector.name, said.out);
            vector.wrote_nothing();
        }
    }
}
