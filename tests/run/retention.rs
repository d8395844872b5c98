//! How long what runs leave is kept: workspaces and caches for 15 days, folders of runs for 30. Times
//! are those of the files, which the tests set back.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use holdall::layer::{Compression, PersistRequest, Workspace};
use holdall::plan::{Located, RestoreCacheStep, RunWhen, SaveCacheStep, Step, StepKind};
use holdall::yaml::Location;

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn set_back(path: &Path, days: u32) {
    let times = fs::FileTimes::new().set_modified(SystemTime::now() - DAY * days);
    File::open(path)
        .expect("a file")
        .set_times(times)
        .expect("a time");
}

/// Makes the folder of a run that ended some days ago.
fn old_run(runs: &Path, number: u32, days: u32) -> std::path::PathBuf {
    let dir = runs.join(format!("{number:08x}-0000-4000-8000-000000000000"));
    fs::create_dir_all(dir.join("results")).expect("a folder");
    fs::write(dir.join("results/artifact"), "made long ago").expect("a file");
    fs::write(dir.join("run.json"), "{}").expect("a file");
    set_back(&dir.join("run.json"), days);
    set_back(&dir, days);
    dir
}

/// Adds a layer of job `a` whose workspace has that lifetime.
fn layer(store: &Path, id: &str, lifetime: Duration, from: &Path) {
    fs::create_dir_all(from).expect("a folder");
    fs::write(from.join("file"), "text").expect("a file");
    let request = PersistRequest {
        compression: Compression::None,
        ..PersistRequest::new("a", from, &["file"])
    };
    let workspace = Workspace::in_dir(store, id).with_lifetime(lifetime);
    workspace.persist(&request, &mut |_| {}).expect("a layer");
}

#[test]
fn a_run_takes_away_what_has_expired_and_nothing_else() {
    let world = World::bare();
    let runs = world.options.runs.clone();
    let [old, young, lives] = [31, 29, 40].map(|days| old_run(&runs, days, days));
    let foreign = runs.join("notes");
    fs::create_dir(&foreign).expect("a folder");
    set_back(&foreign, 50);
    let held = File::open(&lives).expect("a folder");
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockShared).expect("a lock");
    let store = world.options.store.clone();
    layer(&store, "expired", Duration::ZERO, &world.path("tree"));
    layer(&store, "living", DAY, &world.path("tree"));
    // The workspace of a run that lives.
    let name = lives.file_name().and_then(|n| n.to_str()).expect("a name");
    layer(&store, name, Duration::ZERO, &world.path("tree"));
    world
        .run(vec![job("a", vec![run("true")])])
        .assert_success();
    assert!(!old.exists());
    assert!(young.exists() && lives.exists() && foreign.exists());
    assert!(!store.join("expired").exists());
    assert!(store.join("living").exists() && store.join(name).exists());
    // Once a day is enough.
    let old = old_run(&runs, 1, 31);
    world
        .run(vec![job("a", vec![run("true")])])
        .assert_success();
    assert!(old.exists());
    set_back(&runs.join(".pruned"), 2);
    world
        .run(vec![job("a", vec![run("true")])])
        .assert_success();
    assert!(!old.exists());
}

#[test]
fn the_layers_of_a_run_live_for_fifteen_days() {
    let mut world = World::bare();
    world.options.workspace = Some("w".to_owned());
    let steps = vec![run("echo x > f"), persist(".", &["f"])];
    world.run(vec![job("a", steps)]).assert_success();
    let workspace = Workspace::in_dir(&world.options.store, "w");
    let expires = workspace.expires().expect("a store").expect("a date");
    let left = expires
        .duration_since(SystemTime::now())
        .expect("a date to come");
    assert!(
        left > DAY * 15 - Duration::from_secs(600) && left <= DAY * 15,
        "{left:?}"
    );
}

#[test]
fn attaching_an_expired_workspace_is_an_error_and_not_an_attach_of_nothing() {
    let mut world = World::bare();
    world.options.workspace = Some("w".to_owned());
    layer(
        &world.options.store,
        "w",
        Duration::ZERO,
        &world.path("tree"),
    );
    let jobs = vec![
        job("a", vec![run("true")]),
        requires(job("b", vec![attach(".")]), &[(0, &[])]),
    ];
    let outcome = world.run(jobs);
    let message = outcome.job("b").steps[0]
        .message
        .clone()
        .expect("a message");
    assert!(message.contains("the workspace w expired on"), "{message}");
}

fn save(key: &str, path: &str) -> Step {
    step(StepKind::SaveCache(SaveCacheStep {
        name: None,
        key: text(key),
        paths: vec![Located::new(path.to_owned(), Location::default())],
        when: RunWhen::OnSuccess,
    }))
}

fn restore(key: &str) -> Step {
    step(StepKind::RestoreCache(RestoreCacheStep {
        name: None,
        keys: vec![text(key)],
    }))
}

/// Sets the only cache of a folder back, or damages its index.
fn change_index(caches: &Path, change: impl Fn(&mut serde_json::Value) -> bool) {
    let entries = fs::read_dir(caches).expect("caches").flatten();
    let index = entries
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|e| e == "json"));
    let index = index.expect("an index");
    let mut value = serde_json::from_slice(&fs::read(&index).expect("a file")).expect("JSON");
    let kept = change(&mut value);
    let text = if kept {
        value.to_string()
    } else {
        "{".to_owned()
    };
    fs::write(index, text).expect("a file");
}

fn made_long_ago(value: &mut serde_json::Value) -> bool {
    let then = SystemTime::now() - DAY * 16;
    let since = then.duration_since(SystemTime::UNIX_EPOCH).expect("a time");
    value["made"] = u64::try_from(since.as_nanos()).expect("a number").into();
    true
}

#[test]
fn a_cache_is_found_for_fifteen_days_and_then_kept_anew() {
    for change in [made_long_ago, |_: &mut serde_json::Value| false] {
        let world = World::bare();
        let keep = |word: &str| {
            vec![job(
                "a",
                vec![run(&format!("echo {word} > f")), save("k", "f")],
            )]
        };
        let look = || vec![job("a", vec![restore("k"), run("cat f || echo none")])];
        world.run(keep("first")).assert_success();
        change_index(&world.options.caches, change);
        let outcome = world.run(look());
        outcome.assert_success();
        assert!(
            outcome.output("a").contains("none"),
            "{}",
            outcome.output("a")
        );
        world.run(keep("second")).assert_success();
        let jobs = vec![job(
            "a",
            vec![run("rm -f f"), restore("k"), run("cat f || echo none")],
        )];
        let outcome = world.run(jobs);
        assert!(
            outcome
                .output("a")
                .contains("found the cache with the key k"),
            "{}",
            outcome.output("a")
        );
    }
}

#[test]
fn prune_looks_at_all_that_runs_leave_in_a_project() {
    let dir = tempfile::tempdir().expect("a folder");
    let base = dir.path().join(".holdall");
    let old = old_run(&base.join("runs"), 31, 31);
    old_run(&base.join("runs"), 29, 29);
    layer(
        &base.join("store"),
        "expired",
        Duration::ZERO,
        &dir.path().join("tree"),
    );
    let mut world = World::bare();
    world.options.caches = base.join("caches");
    let steps = vec![run("echo x > f"), save("a key", "f")];
    world.run(vec![job("a", steps)]).assert_success();
    change_index(&base.join("caches"), made_long_ago);
    let prune = |more: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_holdall"))
            .args(["layers", "prune"])
            .args(more)
            .current_dir(dir.path())
            .env_remove("HOLDALL_STORE")
            .output()
            .expect("a prune");
        assert!(out.status.success(), "{out:?}");
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
    };
    let said = prune(&["--dry-run"]);
    for part in [
        "expired ",
        "cache a key ",
        "run 0000001f-",
        "1 workspace,",
        "1 cache, 1 run",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("0000001d-") && old.exists(), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(prune(&["--format", "json", "--quiet"]).trim()).expect("JSON");
    assert_eq!(
        json["runs"][0]["run"],
        "0000001f-0000-4000-8000-000000000000"
    );
    assert_eq!(json["caches"][0]["key"], "a key");
    assert!(!old.exists() && !base.join("store/expired").exists());
}
