//! What makes layers fast and must not make them wrong: many threads, the table of contents, and
//! what is remembered of files that did not change.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use holdall::layer::{
    AttachRequest, Attached, Compression, Digest, LayerConfig, LayerError, Manifest,
    PersistRequest, Persisted, Record, TOC_TYPE, Upstream, Workspace, tree_digest_of,
};
use proptest::prelude::*;

const MARKER: &str = ".holdall-attach-incomplete";

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

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn workspace(&self) -> Workspace {
        Workspace::in_dir(&self.path("store"), "default")
    }

    fn persist_as(&self, job: &str, compression: Compression, threads: usize) -> Persisted {
        let request = PersistRequest {
            job: job.to_owned(),
            attempt: 1,
            node: 0,
            nodes: 1,
            seq: None,
            workflow: None,
            requires: Vec::new(),
            root: self.path("root"),
            root_text: "root".to_owned(),
            paths: vec![".".to_owned()],
            compression,
            durable: false,
        };
        self.workspace()
            .with_threads(threads)
            .persist(&request, &mut |_| {})
            .unwrap()
    }

    fn persist(&self, job: &str) -> Persisted {
        self.persist_as(job, Compression::Zstd(1), 2)
    }

    fn attach_with(&self, at: &str, job: &str, threads: usize) -> Result<Attached, LayerError> {
        let request = AttachRequest {
            at: self.path(at),
            upstream: vec![Upstream {
                job: job.to_owned(),
                after: Vec::new(),
            }],
        };
        self.workspace()
            .with_threads(threads)
            .attach(&request, &mut |_| {})
    }

    fn attach(&self, at: &str, job: &str) -> Result<Attached, LayerError> {
        self.attach_with(at, job, 2)
    }

    fn blob(&self, digest: Digest) -> PathBuf {
        self.path("store/default/blobs/sha256").join(digest.hex())
    }

    fn put(&self, bytes: &[u8]) -> (Digest, u64) {
        let digest = Digest::of(bytes);
        fs::write(self.blob(digest), bytes).unwrap();
        (digest, bytes.len() as u64)
    }

    fn manifest(&self, persisted: &Persisted) -> Manifest {
        serde_json::from_slice(&fs::read(self.blob(persisted.manifest)).unwrap()).unwrap()
    }

    /// Returns the lines of a layer's table of contents.
    fn toc(&self, persisted: &Persisted) -> String {
        let toc = self.manifest(persisted).toc().unwrap().digest;
        let file = fs::File::open(self.blob(toc)).unwrap();
        let mut text = String::new();
        let mut decoder = zstd::stream::read::Decoder::new(file).unwrap();
        decoder.read_to_string(&mut text).unwrap();
        text
    }

    /// Gives a layer another table of contents (or none) and config, with all digests right.
    fn relabel(&self, persisted: &Persisted, toc: Option<&[u8]>, edit: impl Fn(&mut LayerConfig)) {
        let mut manifest = self.manifest(persisted);
        manifest.layers.truncate(1);
        if let Some(toc) = toc {
            let (digest, size) = self.put(toc);
            manifest = manifest.with_toc(digest, size);
        }
        let config = fs::read(self.blob(manifest.config.digest)).unwrap();
        let mut config: LayerConfig = serde_json::from_slice(&config).unwrap();
        edit(&mut config);
        let (digest, size) = self.put(&serde_json::to_vec(&config).unwrap());
        (manifest.config.digest, manifest.config.size) = (digest, size);
        let (digest, size) = self.put(&serde_json::to_vec(&manifest).unwrap());
        let id = &persisted.id;
        let path = self
            .path("store/default/refs")
            .join(format!("{}/{}.{}.{}", id.job, id.attempt, id.node, id.seq));
        let line = fs::read_to_string(&path).unwrap();
        let mut record: Record = line.trim_end().parse().unwrap();
        (record.manifest, record.manifest_size) = (digest, size);
        fs::write(path, format!("{record}\n")).unwrap();
    }

    /// Lets the clock tick, so that what was written before is older than what comes.
    fn settle(&self) {
        std::thread::sleep(Duration::from_millis(60));
    }
}

fn packed(text: &str) -> Vec<u8> {
    zstd::bulk::compress(text.as_bytes(), 1).unwrap()
}

fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Half of it compresses.
            (state >> 24) as u8 & 0x5f
        })
        .collect()
}

/// Files over, at and under the size of a piece, and many small ones.
fn furnish(lab: &Lab) {
    lab.file("a/huge", noise(1, 9_000_000));
    lab.file("a/piece", noise(2, (4 << 20) - 1024));
    lab.file("a.txt", "beside a folder of nearly its name");
    lab.file("a-b/c", "");
    lab.file(&format!("b/{0}/{0}", "l".repeat(120)), "x");
    for at in 0..300 {
        lab.file(
            &format!("many/{}/f{at}", at % 7),
            noise(at, at as usize * 97),
        );
    }
    symlink("huge", lab.path("root/a/link")).unwrap();
    fs::hard_link(lab.path("root/a/huge"), lab.path("root/z")).unwrap();
    fs::create_dir(lab.path("root/empty")).unwrap();
}

#[test]
fn any_number_of_threads_makes_the_same_bytes_and_the_same_tree() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd(1)] {
        let lab = Lab::new();
        furnish(&lab);
        let tree = tree_digest_of(&lab.path("root")).unwrap();
        let mut made = Vec::new();
        for threads in [1, 2, 7] {
            let job = format!("job{threads}");
            // Nothing is remembered of files this young.
            let persisted = lab.persist_as(&job, compression, threads);
            assert_eq!(persisted.tree, tree);
            let toc = lab.manifest(&persisted).toc().map(|toc| toc.digest);
            made.push((persisted.layer, toc));
            let attached = lab
                .attach_with(&format!("out{threads}"), &job, threads)
                .unwrap();
            assert_eq!(attached.tree, tree);
            assert_eq!(
                tree_digest_of(&lab.path(&format!("out{threads}"))).unwrap(),
                tree
            );
        }
        assert_eq!(made[0], made[1]);
        assert_eq!(made[0], made[2]);
        assert_eq!(made[0].1.is_some(), compression == Compression::Zstd(1));
    }
}

#[test]
fn a_table_of_contents_is_json_that_says_where_everything_lies() {
    let lab = Lab::new();
    furnish(&lab);
    let persisted = lab.persist("job");
    let manifest = lab.manifest(&persisted);
    assert_eq!(manifest.layers[1].media_type, TOC_TYPE);
    let toc: serde_json::Value = serde_json::from_str(&lab.toc(&persisted)).unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/layer-toc.schema.json")).unwrap();
    let problems: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&toc)
        .map(|error| error.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        toc["entries"].as_array().unwrap().len() as u64,
        persisted.entries
    );
    let blob = fs::read(lab.blob(persisted.layer)).unwrap();
    let mut archive = Vec::new();
    for frame in toc["frames"].as_array().unwrap() {
        let number = |key: &str| frame[key].as_u64().unwrap() as usize;
        let bytes = &blob[number("offset")..][..number("length")];
        let raw = zstd::bulk::decompress(bytes, 4 << 20).unwrap();
        assert_eq!(raw.len(), number("size"));
        archive.extend(raw);
    }
    assert_eq!(archive.len() as u64, persisted.uncompressed);
    let huge = &toc["entries"].as_array().unwrap()[1..]
        .iter()
        .find(|entry| entry["path"] == "a/huge")
        .unwrap()["digest"];
    assert_eq!(*huge, Digest::of(&noise(1, 9_000_000)).to_string());
}

#[test]
fn an_archive_reads_the_same_with_and_without_its_table_of_contents() {
    let lab = Lab::new();
    furnish(&lab);
    let persisted = lab.persist("job");
    let with = lab.attach("with", "job").unwrap();
    lab.relabel(&persisted, None, |_| {});
    let without = lab.attach("without", "job").unwrap();
    assert_eq!(with.tree, without.tree);
    assert_eq!(
        tree_digest_of(&lab.path("with")).unwrap(),
        tree_digest_of(&lab.path("without")).unwrap()
    );
    let time = |at: &str, name: &str| lab.path(at).join(name).symlink_metadata().unwrap().mtime();
    for name in ["a", "a/huge", "a/link", "empty", "many/3"] {
        assert_eq!(time("with", name), time("without", name), "{name}");
    }
}

/// What a table of contents can lie about. Each has to end the attach, before the target is made
/// or with the marker in it, and nothing outside the target may change.
#[test]
fn a_table_of_contents_that_lies_stops_the_attach() {
    type Lie = (&'static str, fn(&str) -> String);
    fn line(text: &str, start: &str, edit: impl Fn(&str) -> String) -> String {
        let lines = text.lines().map(|line| {
            if line.starts_with(start) {
                edit(line)
            } else {
                line.to_owned()
            }
        });
        lines.map(|line| line + "\n").collect()
    }
    fn first_frame(text: &str, edit: impl Fn(&str) -> String) -> String {
        line(text, "{\"offset\":0,", edit)
    }
    let lies: Vec<Lie> = vec![
        ("another mode", |t| {
            t.replacen("\"mode\":420", "\"mode\":493", 1)
        }),
        ("a mode with setuid", |t| {
            t.replacen("\"mode\":420", "\"mode\":2541", 1)
        }),
        ("another time", |t| {
            t.replacen("\"mtime\":1", "\"mtime\":2", 1)
        }),
        ("a negative time", |t| {
            t.replacen("\"mtime\":1", "\"mtime\":-1", 1)
        }),
        ("another size", |t| {
            t.replace("\"size\":9000000", "\"size\":9000001")
        }),
        ("a size of a block less", |t| {
            t.replace("\"size\":9000000", "\"size\":8999000")
        }),
        ("a huge size", |t| {
            t.replace("\"size\":9000000", "\"size\":9223372036854775807")
        }),
        ("a size over 63 bits", |t| {
            t.replace("\"size\":9000000", "\"size\":18446744073709551615")
        }),
        ("another name", |t| {
            t.replace("\"path\":\"a.txt\"", "\"path\":\"b.txt\"")
        }),
        ("a name that climbs out", |t| {
            t.replace("\"path\":\"a.txt\"", "\"path\":\"../victim/file\"")
        }),
        ("an absolute name", |t| {
            t.replace("\"path\":\"a.txt\"", "\"path\":\"/victim\"")
        }),
        ("the marker's name", |t| {
            t.replace("\"path\":\"a.txt\"", &format!("\"path\":\"{MARKER}\""))
        }),
        ("a NUL in a name", |t| {
            t.replace("\"path\":\"a.txt\"", "\"path\":\"a\\u0000b\"")
        }),
        ("no name", |t| t.replace("\"path\":\"a.txt\",", "")),
        ("a name in hex that is none", |t| {
            t.replace("\"path\":\"a.txt\"", "\"pathHex\":\"+f+f\"")
        }),
        ("another target", |t| {
            t.replace("\"target\":\"huge\"", "\"target\":\"/etc\"")
        }),
        ("a link instead of a file", |t| {
            line(t, "{\"path\":\"a.txt\"", |_| {
                "{\"path\":\"a.txt\",\"type\":\"symlink\",\"mode\":511,\"mtime\":1,\"target\":\"../victim\"},".to_owned()
            })
        }),
        ("a folder instead of a file", |t| {
            line(t, "{\"path\":\"a.txt\"", |_| {
                "{\"path\":\"a.txt\",\"type\":\"dir\",\"mode\":511,\"mtime\":1},".to_owned()
            })
        }),
        ("a hard link that leads out", |t| {
            t.replace("\"target\":\"a/huge\"", "\"target\":\"../victim/file\"")
        }),
        ("a hard link to a later file", |t| {
            t.replace("\"target\":\"a/huge\"", "\"target\":\"zz\"")
        }),
        ("a hard link to another file", |t| {
            t.replace("\"target\":\"a/huge\"", "\"target\":\"a/piece\"")
        }),
        ("an entry less", |t| {
            line(t, "{\"path\":\"a.txt\"", |_| String::new()).replace("\n\n", "\n")
        }),
        ("an entry twice", |t| {
            line(t, "{\"path\":\"a.txt\"", |l| format!("{l}\n{l}"))
        }),
        ("an entry more", |t| {
            line(t, "{\"path\":\"a.txt\"", |l| {
                format!("{l}\n{}", l.replace("a.txt", "a.txu"))
            })
        }),
        ("entries in another order", |t| {
            let at = |start: &str| {
                t.lines()
                    .find(|line| line.starts_with(start))
                    .unwrap()
                    .to_owned()
            };
            let (one, two) = (
                at("{\"path\":\"many/0/f0\""),
                at("{\"path\":\"many/0/f105\""),
            );
            t.replace(&one, "@").replace(&two, &one).replace('@', &two)
        }),
        ("something below a file", |t| {
            t.replace("\"path\":\"b\"", "\"path\":\"a.txt/b\"")
        }),
        ("a key that is missing", |t| {
            t.replacen("\"mode\":420,", "", 1)
        }),
        ("another type", |t| {
            t.replacen("\"type\":\"file\"", "\"type\":\"fifo\"", 1)
        }),
        ("a file without its digest", |t| {
            line(t, "{\"path\":\"a.txt\"", |l| {
                let (head, _) = l.split_once(",\"digest\"").unwrap();
                format!("{head}}},")
            })
        }),
        ("a frame that begins later", |t| {
            first_frame(t, |l| l.replace("\"offset\":0", "\"offset\":1"))
        }),
        ("a frame that is longer", |t| {
            first_frame(t, |l| l.replace("\"length\":", "\"length\":1"))
        }),
        ("a frame of no length", |t| {
            first_frame(t, |l| {
                let (head, tail) = l.split_once("\"length\":").unwrap();
                format!("{head}\"length\":0{}", &tail[tail.find(',').unwrap()..])
            })
        }),
        ("a frame that claims a terabyte", |t| {
            t.replacen("\"size\":4194304}", "\"size\":1099511627776}", 1)
        }),
        ("a frame that claims a byte less", |t| {
            t.replacen("\"size\":4194304}", "\"size\":4194303}", 1)
        }),
        ("a frame less", |t| {
            first_frame(t, |_| String::new()).replace("\n\n", "\n")
        }),
        ("a frame twice", |t| first_frame(t, |l| format!("{l}\n{l}"))),
        ("no frames", |t| {
            format!(
                "{}\"frames\":[\n\n]}}\n",
                &t[..t.find("\"frames\"").unwrap()]
            )
        }),
        ("frames of one byte", |t| {
            let frames =
                (0..1000).map(|n| format!("{{\"offset\":{n},\"length\":1,\"size\":1}},\n"));
            let head = &t[..t.find("\"frames\"").unwrap()];
            format!("{head}\"frames\":[\n{}", frames.collect::<String>())
        }),
        ("two frames that swap their sizes", |t| {
            t.replacen("\"size\":4194304}", "\"size\":4100000}", 1)
                .replacen("\"size\":4194304}", "\"size\":4288608}", 1)
        }),
        ("another version", |t| {
            t.replacen("\"schema\":1", "\"schema\":2", 1)
        }),
        ("half of it", |t| t[..t.len() / 2].to_owned()),
        ("its last byte missing", |t| t[..t.len() - 1].to_owned()),
        ("something after its end", |t| format!("{t}x\n")),
        ("a line without its comma", |t| t.replacen("},\n", "}\n", 1)),
        ("a line without an end", |t| {
            t.replacen("\n", &" ".repeat(1 << 20), 1)
        }),
        ("nothing", |_| String::new()),
        ("nested lists", |t| {
            t.replacen("{\"path\"", &"[".repeat(10_000), 1)
        }),
        ("a name of a megabyte", |t| {
            t.replace(
                "\"path\":\"a.txt\"",
                &format!("\"path\":\"{}\"", "x".repeat(1 << 20)),
            )
        }),
    ];
    let lab = Lab::new();
    furnish(&lab);
    fs::create_dir(lab.path("victim")).unwrap();
    fs::write(lab.path("victim/file"), "precious").unwrap();
    let persisted = lab.persist("job");
    let text = lab.toc(&persisted);
    for (number, (name, lie)) in lies.iter().enumerate() {
        let lied = lie(&text);
        assert_ne!(lied, text, "{name} changes nothing");
        // With the config that goes with it, and with the one that was there.
        for edit in [
            |_: &mut LayerConfig| {},
            |config: &mut LayerConfig| {
                (config.entries, config.uncompressed_size) = (None, None);
            },
        ] {
            lab.relabel(&persisted, Some(&packed(&lied)), edit);
            let out = format!("out{number}");
            let verdicts = lab.workspace().verify(&mut |_| {}).unwrap();
            assert!(
                verdicts.iter().all(|verdict| verdict.problem.is_some()),
                "{name}"
            );
            let error = lab.attach(&out, "job").expect_err(name);
            let judged = matches!(
                error,
                LayerError::Damaged { .. } | LayerError::Refused { .. }
            );
            assert!(judged, "{name}: {error}");
            let partial = lab.path(&out).join(MARKER).exists();
            assert!(partial || !lab.path(&out).exists(), "{name}: {error}");
            assert_eq!(
                fs::read_to_string(lab.path("victim/file")).unwrap(),
                "precious"
            );
            assert_eq!(
                fs::read_dir(lab.path("victim")).unwrap().count(),
                1,
                "{name}"
            );
            let _ = fs::remove_dir_all(lab.path(&out));
        }
    }
    // What an attach takes as it is, a check of the store compares.
    let digest = Digest::of(&noise(1, 9_000_000)).to_string();
    let lied = text.replace(&digest, &Digest::of(b"").to_string());
    assert_ne!(lied, text);
    lab.relabel(&persisted, Some(&packed(&lied)), |_| {});
    let problem = lab
        .workspace()
        .verify(&mut |_| {})
        .unwrap()
        .remove(0)
        .problem
        .unwrap();
    assert_eq!(
        problem.to_string(),
        "layer job/1.0.0 is refused: its table of contents differs from the archive at `a/huge`"
    );
    lab.relabel(&persisted, Some(&packed(&text)), |_| {});
    assert!(
        lab.workspace().verify(&mut |_| {}).unwrap()[0]
            .problem
            .is_none()
    );
    assert_eq!(lab.attach("out", "job").unwrap().tree, persisted.tree);
}

#[test]
fn a_table_of_contents_of_other_bytes_is_noticed_before_anything_is_made() {
    let lab = Lab::new();
    furnish(&lab);
    let persisted = lab.persist("job");
    let toc = lab.blob(lab.manifest(&persisted).toc().unwrap().digest);
    let good = fs::read(&toc).unwrap();
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&toc, &bad).unwrap();
        let error = lab.attach("out", "job").unwrap_err();
        assert!(error.to_string().contains("table of contents"), "{error}");
        assert!(!lab.path("out").exists());
    }
    // A window that would take more memory than any honest one.
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    bomb.window_log(27).unwrap();
    bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    lab.relabel(&persisted, Some(&bomb.finish().unwrap()), |_| {});
    assert!(lab.attach("out", "job").is_err());
    assert!(!lab.path("out").exists());
}

/// A frame whose archive is not what the table of contents says, though the blob's digest fits.
#[test]
fn an_archive_that_differs_from_its_table_of_contents_is_damaged() {
    let lab = Lab::new();
    lab.file("f", "honest");
    lab.file("g", "other");
    let persisted = lab.persist("job");
    let raw =
        zstd::bulk::decompress(&fs::read(lab.blob(persisted.layer)).unwrap(), 1 << 20).unwrap();
    let end = raw.len();
    // A uid, the padding of a file, the end, and the first header's checksum.
    for at in [108, 512 + 6, end - 1, end - 1024, 148] {
        let mut other = raw.clone();
        other[at] ^= 1;
        let blob = zstd::bulk::compress(&other, 1).unwrap();
        let (digest, size) = lab.put(&blob);
        let text = lab.toc(&persisted);
        let frames = text.find("\"length\":").unwrap();
        let tail = &text[frames + 9..];
        let toc = format!(
            "{}\"length\":{size}{}",
            &text[..frames],
            &tail[tail.find(',').unwrap()..]
        );
        let mut manifest = lab.manifest(&persisted);
        (manifest.layers[0].digest, manifest.layers[0].size) = (digest, size);
        manifest.layers.truncate(1);
        let (toc, toc_size) = lab.put(&packed(&toc));
        let manifest = manifest.with_toc(toc, toc_size);
        let (manifest, manifest_size) = lab.put(&serde_json::to_vec(&manifest).unwrap());
        let path = lab.path("store/default/refs/job/1.0.0");
        let good = fs::read_to_string(&path).unwrap();
        let mut record: Record = good.trim_end().parse().unwrap();
        (record.manifest, record.manifest_size) = (manifest, manifest_size);
        (record.layer, record.layer_size) = (digest, size);
        fs::write(&path, format!("{record}\n")).unwrap();
        let error = lab.attach("out", "job").unwrap_err();
        assert!(matches!(error, LayerError::Damaged { .. }), "{at}: {error}");
        assert!(lab.path("out").join(MARKER).exists(), "{at}");
        fs::write(&path, good).unwrap();
    }
    lab.attach("out", "job").unwrap();
    assert!(!lab.path("out").join(MARKER).exists());
}

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

/// Names that sort before `/`, escapes, folders beside files of nearly the same name.
fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}",
        "[a-b][-.!\t\n\\\\]{0,2}[a-b]?",
        "[a-z]{90,110}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_comes_back_the_same_on_every_way(
        plan in proptest::collection::btree_map(
            proptest::collection::vec(component(), 1..4).prop_map(|parts| parts.join("/")),
            prop_oneof![4 => (0_usize..3000).prop_map(Some), 1 => (4_000_000_usize..4_400_000).prop_map(Some), 1 => Just(None)],
            1..14,
        ),
        threads in 1_usize..5,
    ) {
        let lab = Lab::new();
        for (path, size) in &plan {
            let path = lab.path("root").join(path);
            if fs::create_dir_all(path.parent().unwrap()).is_err() {
                continue;
            }
            let _ = match size {
                Some(size) => fs::write(&path, noise(*size as u32, *size)),
                None => fs::create_dir(&path),
            };
        }
        let tree = tree_digest_of(&lab.path("root")).unwrap();
        let persisted = lab.persist_as("job", Compression::Zstd(1), threads);
        prop_assert_eq!(persisted.tree, tree);
        prop_assert_eq!(lab.persist_as("one", Compression::Zstd(1), 1).layer, persisted.layer);
        prop_assert_eq!(lab.attach_with("with", "job", threads).unwrap().tree, tree);
        lab.relabel(&persisted, None, |_| {});
        prop_assert_eq!(lab.attach("without", "job").unwrap().tree, tree);
        prop_assert_eq!(tree_digest_of(&lab.path("with")).unwrap(), tree);
        prop_assert_eq!(tree_digest_of(&lab.path("without")).unwrap(), tree);
    }
}
