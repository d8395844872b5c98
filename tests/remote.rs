//! Stores elsewhere, against real servers on the loopback: an S3-compatible one, Azure's emulator
//! and a registry.
//! What stands between them and holdall in these tests (a line that is cut, a server that says
//! nothing, a store that ignores conditions) is a small proxy.
#![cfg(any(feature = "s3", feature = "registry"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and say what they skip"
)]

mod common;
mod remote {
    pub(crate) mod lab;
    pub(crate) mod proxy;
}

use std::time::Duration;

use remote::lab::{Kind, Lab, Outcome, has_tool, server};
use remote::proxy::{Fate, Proxy};

/// Runs a test on every kind of store that this build has and this machine can serve.
fn on_each(test: &str, work: impl Fn(&Lab)) {
    on(Kind::ALL, test, work);
}

fn on(kinds: &[Kind], test: &str, work: impl Fn(&Lab)) {
    for kind in kinds {
        let Some(server) = server(*kind, test) else {
            continue;
        };
        work(&Lab::new(&server, *kind));
    }
}

#[test]
fn a_layer_goes_there_and_comes_back() {
    on_each("a_layer_goes_there_and_comes_back", |lab| {
        lab.write("root/dist/app", b"one");
        lab.write("root/dist/sub/data", &lab.noise(3 << 20));
        let made = lab.persist("build 1/2", "root", &["dist"]).ok();
        lab.persist("test", "root", &["dist/app"]).ok();
        lab.forget_mirror();
        let attached = lab.attach("out", &["build 1/2"]).ok();
        assert_eq!(lab.read("out/dist/app"), b"one");
        assert_eq!(
            lab.read("out/dist/sub/data"),
            lab.read("root/dist/sub/data")
        );
        assert_eq!(made.tree(), attached.tree());
        let listed = lab.layers(&["ls", "--format", "json"]).ok().json();
        let names: Vec<&str> = listed["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layer| layer["layer"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["build 1/2/1.0.0", "test/1.0.0"]);
        lab.layers(&["verify"]).ok();
        let files = lab.layers(&["files", "test/1.0.0"]).ok();
        assert!(files.out.contains("dist/app"), "{}", files.out);
    });
}

#[test]
fn a_large_layer_goes_up_in_parts_and_is_the_same_below() {
    on_each(
        "a_large_layer_goes_up_in_parts_and_is_the_same_below",
        |lab| {
            lab.write("root/big", &lab.noise(40 << 20));
            lab.persist("build", "root", &["big"]).ok();
            lab.forget_mirror();
            lab.attach("out", &["build"]).ok();
            assert!(lab.read("out/big") == lab.read("root/big"));
        },
    );
}

#[test]
fn a_listing_fetches_no_archive() {
    on_each("a_listing_fetches_no_archive", |lab| {
        lab.write("root/big", &lab.noise(4 << 20));
        lab.persist("build", "root", &["big"]).ok();
        lab.forget_mirror();
        let proxy = Proxy::before(lab.address(), Fate::Pass);
        let listed = lab
            .by_way_of(&proxy.address())
            .layers(&["ls", "--total"])
            .ok();
        assert!(listed.out.contains("4.0 MiB"), "{}", listed.out);
        assert!(proxy.downloaded() < 1 << 20, "{} bytes", proxy.downloaded());
    });
}

#[test]
fn what_makes_sense_in_a_folder_only_says_so() {
    on_each("what_makes_sense_in_a_folder_only_says_so", |lab| {
        let mut said = String::new();
        for args in [
            &["prune"][..],
            &["index"],
            &["import", "layers.tar"],
            &["export", "--all", "layers.tar"],
        ] {
            let refused = lab.layers(args);
            assert_eq!(refused.code, 2, "{}", refused.err);
            said.push_str(&format!(
                "# {}\n{}\n",
                args.join(" "),
                lab.anonymous(&refused.err)
            ));
        }
        snapshot!("remote-folder-only", said);
        lab.write("root/file", b"carried");
        lab.persist("build", "root", &["file"]).ok();
        lab.forget_mirror();
        let tar = lab.path("layers.tar");
        let tar = tar.to_str().unwrap();
        lab.layers(&["export", tar]).ok();
        lab.local("copy").layers(&["import", tar]).ok();
        lab.local("copy").attach("out", &["build"]).ok();
        assert_eq!(lab.read("out/file"), b"carried");
    });
}

#[test]
fn persists_of_one_node_are_counted_up_across_machines() {
    on_each(
        "persists_of_one_node_are_counted_up_across_machines",
        |lab| {
            for (at, text) in ["a", "b", "c"].iter().enumerate() {
                lab.write("root/file", text.as_bytes());
                // Each time another machine: nothing is known but what the store says.
                lab.forget_mirror();
                let made = lab.persist("build", "root", &["file"]).ok();
                assert!(
                    made.out.contains(&format!("build/1.0.{at}")),
                    "{}",
                    made.out
                );
            }
            lab.attach("out", &["build"]).ok();
            assert_eq!(lab.read("out/file"), b"c");
        },
    );
}

#[test]
fn a_number_that_is_taken_is_kept() {
    on_each("a_number_that_is_taken_is_kept", |lab| {
        lab.write("root/file", b"first");
        let seq = ["--seq", "0"];
        lab.persist_with("build", "root", &["file"], &seq).ok();
        lab.forget_mirror();
        // The same bytes once more are a retry.
        lab.persist_with("build", "root", &["file"], &seq).ok();
        lab.write("root/file", b"other");
        let refused = lab.persist_with("build", "root", &["file"], &seq);
        assert_eq!(refused.code, 1, "{}", refused.err);
        assert!(refused.err.contains("exists already"), "{}", refused.err);
        lab.attach("out", &["build"]).ok();
        assert_eq!(lab.read("out/file"), b"first");
    });
}

#[test]
fn of_32_jobs_at_once_none_is_lost() {
    on_each("of_32_jobs_at_once_none_is_lost", |lab| {
        let jobs: Vec<String> = (0..32).map(|at| format!("job-{at}")).collect();
        for job in &jobs {
            lab.write(&format!("root/{job}/out/{job}"), job.as_bytes());
        }
        std::thread::scope(|scope| {
            for job in &jobs {
                let lab = &lab;
                scope.spawn(move || {
                    lab.on_machine(job)
                        .persist(job, &format!("root/{job}"), &["out"])
                        .ok()
                });
            }
        });
        lab.attach("out", &jobs.iter().map(String::as_str).collect::<Vec<_>>())
            .ok();
        for job in &jobs {
            assert_eq!(lab.read(&format!("out/out/{job}")), job.as_bytes());
        }
    });
}

/// A registry has nothing to decide between two writers of one tag; an object store has. The one
/// that speaks like S3 looks and then writes, so the proxy lets one conditional write pass at a
/// time, which is what the real stores promise; Azure's emulator decides by itself.
#[test]
fn of_32_persists_of_one_node_at_once_none_is_lost() {
    let test = "of_32_persists_of_one_node_at_once_none_is_lost";
    on(&[Kind::Objects, Kind::Azure], test, |lab| {
        let fate = match lab.kind() {
            Kind::Objects => Fate::OneByOne,
            _ => Fate::Pass,
        };
        let names: Vec<String> = (0..32).map(|at| format!("file-{at}")).collect();
        for name in &names {
            lab.write(&format!("root/{name}"), name.as_bytes());
        }
        let proxy = Proxy::before(lab.address(), fate);
        std::thread::scope(|scope| {
            for name in &names {
                let lab = lab.by_way_of(&proxy.address());
                scope.spawn(move || lab.on_machine(name).persist("build", "root", &[name]).ok());
            }
        });
        lab.attach("out", &["build"]).ok();
        for name in &names {
            assert_eq!(lab.read(&format!("out/{name}")), name.as_bytes());
        }
    });
}

#[test]
fn a_download_that_is_cut_off_goes_on_where_it_stopped() {
    on_each(
        "a_download_that_is_cut_off_goes_on_where_it_stopped",
        |lab| {
            const SIZE: usize = 12 << 20;
            lab.write("root/big", &lab.noise(SIZE));
            lab.persist_with("build", "root", &["big"], &["--compression", "none"])
                .ok();
            lab.forget_mirror();
            // Every connection dies after 5 MiB.
            let proxy = Proxy::before(lab.address(), Fate::CutAfter(5 << 20));
            let through = lab.by_way_of(&proxy.address());
            through.attach("out", &["build"]).ok();
            assert!(lab.read("out/big") == lab.read("root/big"));
            assert!(proxy.cuts() >= 2, "{} cuts", proxy.cuts());
            // Begun anew each time it would never end; what came twice is less than a cut's worth.
            let received = proxy.downloaded();
            assert!(received < (SIZE + (4 << 20)) as u64, "{received} bytes");
        },
    );
}

#[test]
fn a_download_that_failed_goes_on_in_the_next_process() {
    on_each(
        "a_download_that_failed_goes_on_in_the_next_process",
        |lab| {
            const SIZE: usize = 12 << 20;
            lab.write("root/big", &lab.noise(SIZE));
            lab.persist_with("build", "root", &["big"], &["--compression", "none"])
                .ok();
            lab.forget_mirror();
            let proxy = Proxy::before(lab.address(), Fate::DieAfter(8 << 20));
            let failed = lab.by_way_of(&proxy.address()).attach("out", &["build"]);
            assert_eq!(failed.code, 3, "{}", failed.err);
            assert!(!lab.exists("out/big"));
            // The mirror is named by the URL, and the registry's holds its address.
            let proxy = Proxy::at(proxy.close(), lab.address(), Fate::Pass);
            lab.by_way_of(&proxy.address())
                .attach("out", &["build"])
                .ok();
            assert!(lab.read("out/big") == lab.read("root/big"));
            let received = proxy.downloaded();
            assert!(received < 6 << 20, "{received} bytes of the last third");
        },
    );
}

#[test]
fn an_upload_that_is_cut_off_is_made_again() {
    on_each("an_upload_that_is_cut_off_is_made_again", |lab| {
        lab.write("root/big", &lab.noise(20 << 20));
        let proxy = Proxy::before(
            lab.address(),
            Fate::CutUploads {
                after: 3 << 20,
                times: 2,
            },
        );
        lab.by_way_of(&proxy.address())
            .persist("build", "root", &["big"])
            .ok();
        assert_eq!(proxy.cuts(), 2);
        lab.forget_mirror();
        lab.attach("out", &["build"]).ok();
        assert!(lab.read("out/big") == lab.read("root/big"));
    });
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    on_each("a_server_that_says_nothing_is_given_up", |lab| {
        lab.write("root/big", &lab.noise(4 << 20));
        lab.persist("build", "root", &["big"]).ok();
        lab.forget_mirror();
        let dumb = Proxy::before(lab.address(), Fate::SayNothing);
        let failed = lab
            .by_way_of(&dumb.address())
            .impatient()
            .attach("out", &["build"]);
        assert_eq!(failed.code, 3, "{}", failed.err);
        assert!(
            failed.err.contains("no answer within 1 seconds"),
            "{}",
            failed.err
        );
        // The same in the midst of a download.
        let stuck = Proxy::before(lab.address(), Fate::FreezeAfter(2 << 20));
        let failed = lab
            .by_way_of(&stuck.address())
            .impatient()
            .attach("out", &["build"]);
        assert_eq!(failed.code, 3, "{}", failed.err);
        assert!(
            failed.err.contains("no answer within 1 seconds"),
            "{}",
            failed.err
        );
        assert!(!lab.exists("out/big"));
    });
}

#[test]
fn what_is_wrong_with_the_store_is_said() {
    on_each("what_is_wrong_with_the_store_is_said", |lab| {
        let mut said = String::new();
        let mut say = |case: &str, outcome: Outcome| {
            assert_eq!(outcome.code, 3, "{case}: {}", outcome.err);
            said.push_str(&format!("# {case}\n{}\n", lab.anonymous(&outcome.err)));
        };
        let mut gone = lab.by_way_of("127.0.0.1:1");
        say("nobody listens", gone.layers(&["ls"]));
        gone = lab.elsewhere();
        say("no such store", gone.attach("out", &["build"]));
        for (case, wrong) in lab.with_wrong_credentials() {
            say(case, wrong.layers(&["ls"]));
        }
        snapshot!(format!("remote-wrong-{}", lab.kind().name()), said);
    });
}

#[test]
fn a_registry_that_wants_a_password_gets_it() {
    let test = "a_registry_that_wants_a_password_gets_it";
    let Some(server) = server(Kind::LockedRegistry, test) else {
        return;
    };
    let lab = Lab::new(&server, Kind::LockedRegistry);
    lab.write("root/file", b"secret");
    let mut said = String::new();
    let mut refused = |case: &str, lab: Lab| {
        let outcome = lab.persist("build", "root", &["file"]);
        assert_eq!(outcome.code, 3, "{case}: {}", outcome.err);
        said.push_str(&format!("# {case}\n{}\n", lab.anonymous(&outcome.err)));
    };
    refused("none", lab.with(&[]));
    refused(
        "wrong",
        lab.with(&[
            ("HOLDALL_REGISTRY_USER", "test"),
            ("HOLDALL_REGISTRY_PASSWORD", "no"),
        ]),
    );
    refused("half", lab.with(&[("HOLDALL_REGISTRY_USER", "test")]));
    snapshot!("remote-registry-password", said);
    // As the environment has it, and as `docker login` leaves it.
    lab.with(&[
        ("HOLDALL_REGISTRY_USER", "test"),
        ("HOLDALL_REGISTRY_PASSWORD", "testsecret"),
    ])
    .persist("build", "root", &["file"])
    .ok();
    let auth = format!(
        r#"{{"auths": {{"{}": {{"auth": "dGVzdDp0ZXN0c2VjcmV0"}}}}}}"#,
        lab.address()
    );
    lab.write("docker/config.json", auth.as_bytes());
    let docker = lab.path("docker");
    let docker = docker.to_str().unwrap();
    let logged_in = lab.with(&[("DOCKER_CONFIG", docker)]);
    logged_in.forget_mirror();
    logged_in.attach("out", &["build"]).ok();
    assert_eq!(lab.read("out/file"), b"secret");
}

#[test]
fn a_blob_that_rots_in_the_store_is_noticed() {
    on(
        Kind::IN_FILES,
        "a_blob_that_rots_in_the_store_is_noticed",
        |lab| {
            lab.write("root/file", &lab.noise(100_000));
            lab.persist("build", "root", &["file"]).ok();
            lab.rot_in_store();
            // What the mirror holds says nothing of the store.
            let verdict = lab.layers(&["verify"]);
            assert_eq!(verdict.code, 1, "{}", verdict.err);
            assert!(verdict.out.contains("in the place of"), "{}", verdict.out);
            lab.forget_mirror();
            let refused = lab.attach("out", &["build"]);
            assert_eq!(refused.code, 1, "{}", refused.err);
            assert!(refused.err.contains("is damaged"), "{}", refused.err);
            assert!(!lab.exists("out/file"));
        },
    );
}

#[test]
fn a_mirror_that_rots_is_fetched_again() {
    on_each("a_mirror_that_rots_is_fetched_again", |lab| {
        lab.write("root/file", &lab.noise(100_000));
        lab.persist("build", "root", &["file"]).ok();
        lab.rot_in_mirror();
        lab.attach("out", &["build"]).ok();
        assert!(lab.read("out/file") == lab.read("root/file"));
    });
}

#[test]
fn a_workspace_that_was_made_anew_is_not_mixed_with_the_old_one() {
    on(
        Kind::IN_FILES,
        "a_workspace_that_was_made_anew_is_not_mixed_with_the_old_one",
        |lab| {
            lab.write("root/old", b"old");
            lab.write("root/new", b"new");
            lab.persist("build", "root", &["old"]).ok();
            lab.persist("gone", "root", &["old"]).ok();
            // A mirror trusts a listing over what it wrote seconds before, and no sooner.
            std::thread::sleep(Duration::from_millis(3500));
            lab.clear_store();
            lab.on_machine("other")
                .persist("build", "root", &["new"])
                .ok();
            lab.attach("out", &["build", "gone"]).ok();
            assert!(lab.exists("out/new"));
            assert!(!lab.exists("out/old"));
        },
    );
}

#[test]
fn a_workspace_is_pushed_and_pulled_once() {
    on(
        Kind::IN_FILES,
        "a_workspace_is_pushed_and_pulled_once",
        |lab| {
            for job in ["a", "b", "c"] {
                lab.write(&format!("root/{job}"), &lab.noise(50_000));
                // Without compression the sizes are the same each time.
                lab.local("store")
                    .persist_with(job, "root", &[job], &["--compression", "none"])
                    .ok();
            }
            let url = lab.url();
            let push = lab.local("store").layers(&["push", &url]).ok();
            snapshot!(
                "remote-push",
                lab.anonymous(&format!("{}{}", push.out, push.err))
            );
            let again = lab.local("store").layers(&["push", &url]).ok();
            snapshot!(
                "remote-push-again",
                lab.anonymous(&format!("{}{}", again.out, again.err))
            );
            let before = lab.snapshot_of_store();
            lab.local("store").layers(&["push", &url]).ok();
            assert_eq!(before, lab.snapshot_of_store());

            let pull = lab
                .local("copy")
                .layers(&["pull", &url, "--format", "json"])
                .ok();
            assert_eq!(pull.json()["copied"]["layers"], 3);
            let pull = lab
                .local("copy")
                .layers(&["pull", &url, "--format", "json"])
                .ok();
            assert_eq!(pull.json()["copied"]["layers"], 0);
            assert_eq!(lab.tree("store"), lab.tree("copy"));
            lab.local("copy").layers(&["verify"]).ok();

            // A layer of other bytes under the same name is not overwritten, either way.
            lab.write("root/a", b"other");
            lab.local("odd").persist("a", "root", &["a"]).ok();
            for verb in ["push", "pull"] {
                let refused = lab.local("odd").layers(&[verb, &url]);
                assert_eq!(refused.code, 1, "{verb}: {}", refused.err);
                assert!(refused.err.contains("with other bytes"), "{}", refused.err);
            }
        },
    );
}

#[test]
fn a_damaged_layer_is_not_pushed() {
    on_each("a_damaged_layer_is_not_pushed", |lab| {
        lab.write("root/file", &lab.noise(100_000));
        lab.local("store").persist("build", "root", &["file"]).ok();
        lab.rot(&lab.path("store"));
        let refused = lab.local("store").layers(&["push", &lab.url()]);
        assert_eq!(refused.code, 1, "{}", refused.err);
        assert!(refused.err.contains("is damaged"), "{}", refused.err);
        lab.local("copy").layers(&["pull", &lab.url()]);
        assert!(!lab.exists("copy/default/refs/build/1.0.0"));
    });
}

#[test]
fn a_store_that_ignores_conditions_is_found_out() {
    let Some(server) = server(
        Kind::OpenObjects,
        "a_store_that_ignores_conditions_is_found_out",
    ) else {
        return;
    };
    let lab = Lab::new(&server, Kind::OpenObjects);
    let proxy = Proxy::before(lab.address(), Fate::DropConditions);
    let through = lab.by_way_of(&proxy.address());
    lab.write("root/file", b"first");
    let made = through
        .persist_with("build", "root", &["file"], &["--seq", "0"])
        .ok();
    assert!(
        made.err.contains("does not honour conditional writes"),
        "{}",
        made.err
    );
    // It looks before it writes, at least.
    lab.write("root/file", b"other");
    through.forget_mirror();
    let refused = through.persist_with("build", "root", &["file"], &["--seq", "0"]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    lab.attach("out", &["build"]).ok();
    assert_eq!(lab.read("out/file"), b"first");
    // Without the proxy the same store gets no such warning.
    let honest = lab.persist("test", "root", &["file"]).ok();
    assert!(!honest.err.contains("conditional"), "{}", honest.err);
}

#[test]
fn another_tool_copies_a_layer_out_of_a_registry() {
    let test = "another_tool_copies_a_layer_out_of_a_registry";
    let Some(server) = server(Kind::Registry, test) else {
        return;
    };
    if !has_tool("skopeo", test) {
        return;
    }
    let lab = Lab::new(&server, Kind::Registry);
    lab.write("root/file", b"one");
    lab.persist("build 1/2", "root", &["file"]).ok();
    let [tag] = lab.tags().try_into().unwrap();
    assert!(
        tag.starts_with("default.") && tag.ends_with(".1.0.0"),
        "{tag}"
    );
    let copy = lab.path("copy");
    let output = std::process::Command::new("skopeo")
        .args(["copy", "--quiet", "--src-tls-verify=false"])
        .arg(format!("docker://{}/team/layers:{tag}", lab.address()))
        .arg(format!("oci:{}:layer", copy.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let shown = lab
        .layers(&["show", "build 1/2/1.0.0", "--format", "json"])
        .ok()
        .json();
    for part in ["manifest", "digest"] {
        let digest = shown[part].as_str().unwrap().replace(':', "/");
        assert!(copy.join("blobs").join(&digest).exists(), "{part} {digest}");
    }
}

#[test]
fn a_tag_that_someone_overwrote_is_noticed() {
    let Some(server) = server(Kind::Registry, "a_tag_that_someone_overwrote_is_noticed") else {
        return;
    };
    let lab = Lab::new(&server, Kind::Registry);
    lab.write("root/file", b"one");
    lab.persist("build", "root", &["file"]).ok();
    lab.persist("test", "root", &["file"]).ok();
    lab.overwrite_a_tag();
    for outcome in [lab.layers(&["ls"]), lab.attach("out", &["build"])] {
        assert_eq!(outcome.code, 3, "{}", outcome.err);
        assert!(outcome.err.contains("the tag default."), "{}", outcome.err);
    }
}
