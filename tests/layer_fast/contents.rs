//! Many threads, and the table of contents: neither changes what is made or believed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use holdall::layer::{
    Compression, Digest, LayerConfig, LayerError, Record, TOC_TYPE, tree_digest_of,
};
use proptest::prelude::*;

use super::lab::{Lab, MARKER, furnish, noise, packed};

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
        serde_json::from_str(include_str!("../../schemas/layer-toc.schema.json")).unwrap();
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
