//! Disks that are full or may not be written, and the schema of the config: what needs a mount or
//! a second crate.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use holdall::layer::{
    AttachRequest, Compression, ErrorKind, LayerError, PersistRequest, Upstream, Workspace,
    twin::script,
};

fn request(root: &Path, compression: Compression) -> PersistRequest {
    PersistRequest {
        workflow: Some("main".to_owned()),
        requires: vec!["setup".to_owned()],
        compression,
        ..PersistRequest::new("build", root, &["."])
    }
}

/// Set where `/mnt` is ours alone; without it the `inside_*` tests touch nothing.
const NAMESPACE: &str = "HOLDALL_TEST_NAMESPACE";

/// Runs one of the `inside_*` tests of this file in a mount namespace of its own, where `setup`
/// has run before; none where the system does not permit it.
fn inside(setup: &str, test: &str) -> Option<Output> {
    let probe = Command::new("unshare")
        .args(["-Urm", "sh", "-c", "mount -t tmpfs none /mnt"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        let required = std::env::var("HOLDALL_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "no mount namespace");
        eprintln!("skipped: the system permits no mount namespace");
        return None;
    }
    let line = format!("{setup} && exec \"$1\" --exact {test} --ignored --nocapture");
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", &line, "sh"])
        .arg(std::env::current_exe().unwrap())
        .env(NAMESPACE, "1")
        .output()
        .unwrap();
    Some(output)
}

fn expect(output: Option<Output>) {
    let Some(output) = output else { return };
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    expect(inside(
        "mount -t tmpfs -o size=512k none /mnt",
        "inside_a_full_disk",
    ));
}

#[test]
#[ignore = "runs in a mount namespace, by way of a_full_disk_is_told_and_leaves_nothing"]
fn inside_a_full_disk() {
    if std::env::var_os(NAMESPACE).is_none() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..300_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    fs::write(root.path().join("small"), "x").unwrap();
    let workspace = Workspace::in_dir(Path::new("/mnt/store"), "default");
    workspace
        .persist(&request(root.path(), Compression::Gzip), &mut |_| {})
        .unwrap();
    fs::write(root.path().join("noise"), noise).unwrap();
    let error = workspace
        .persist(&request(root.path(), Compression::None), &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, LayerError::NoSpace { .. }), "{error}");
    assert_eq!(fs::read_dir("/mnt/store/default/tmp").unwrap().count(), 0);
    assert_eq!(workspace.layers().unwrap().len(), 1);
    // A target on the full disk: the marker stays, what was there stays.
    let elsewhere = tempfile::tempdir().unwrap();
    let full = Workspace::in_dir(elsewhere.path(), "default");
    full.persist(&request(root.path(), Compression::None), &mut |_| {})
        .unwrap();
    let attach = AttachRequest {
        at: "/mnt/out".into(),
        upstream: vec![Upstream {
            job: "build".to_owned(),
            after: Vec::new(),
        }],
    };
    let error = full.attach(&attach, &mut |_| {}).unwrap_err();
    assert!(matches!(error, LayerError::NoSpace { .. }), "{error}");
    assert!(Path::new("/mnt/out/.holdall-attach-incomplete").exists());
    // The twin leaves neither a layer nor its temporary files.
    fs::remove_dir_all("/mnt/out").unwrap();
    let twin = root.path().join("../twin.sh");
    fs::write(&twin, script()).unwrap();
    let output = Command::new("sh")
        .arg(&twin)
        .args(["persist", "/mnt/store", "twin"])
        .arg(root.path())
        .arg(".")
        .env("HOLDALL_COMPRESSION", "none")
        .output()
        .unwrap();
    fs::remove_file(&twin).unwrap();
    assert!(!output.status.success());
    assert_eq!(fs::read_dir("/mnt/store/default/tmp").unwrap().count(), 0);
    assert_eq!(workspace.layers().unwrap().len(), 1);
}

#[test]
fn a_store_that_is_read_only_can_be_read_and_not_written() {
    expect(inside(
        "mount -t tmpfs none /mnt",
        "inside_a_read_only_store",
    ));
}

#[test]
#[ignore = "runs in a mount namespace, by way of a_store_that_is_read_only_can_be_read_and_not_written"]
fn inside_a_read_only_store() {
    if std::env::var_os(NAMESPACE).is_none() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("f"), "x").unwrap();
    let workspace = Workspace::in_dir(Path::new("/mnt/store"), "default");
    workspace
        .persist(&request(root.path(), Compression::Gzip), &mut |_| {})
        .unwrap();
    let status = Command::new("mount")
        .args(["-o", "remount,ro", "/mnt"])
        .status()
        .unwrap();
    assert!(status.success());
    let error = workspace
        .persist(&request(root.path(), Compression::Gzip), &mut |_| {})
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let out = tempfile::tempdir().unwrap();
    let attach = AttachRequest {
        at: out.path().join("at"),
        upstream: vec![Upstream {
            job: "build".to_owned(),
            after: Vec::new(),
        }],
    };
    workspace.attach(&attach, &mut |_| {}).unwrap();
    assert!(out.path().join("at/f").exists());
}

#[test]
fn every_config_follows_the_schema() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/layer-config.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lab = tempfile::tempdir().unwrap();
    let root = lab.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("f"), "x").unwrap();
    let store = lab.path().join("store");
    let workspace = Workspace::in_dir(&store, "default");
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd(1)] {
        workspace
            .persist(&request(&root, compression), &mut |_| {})
            .unwrap();
    }
    fs::write(lab.path().join("twin.sh"), script()).unwrap();
    let status = Command::new("sh")
        .arg(lab.path().join("twin.sh"))
        .args([
            "persist".as_ref(),
            store.as_os_str(),
            "a \"job\"\\".as_ref(),
            root.as_os_str(),
            ".".as_ref(),
        ])
        .status()
        .unwrap();
    assert!(status.success());
    let layers = workspace.layers().unwrap();
    assert_eq!(layers.len(), 4);
    for layer in layers {
        let manifest = fs::read(
            store
                .join("default/blobs/sha256")
                .join(layer.record.manifest.hex()),
        )
        .unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let digest = manifest["config"]["digest"].as_str().unwrap();
        let config = fs::read(
            store
                .join("default/blobs/sha256")
                .join(&digest["sha256:".len()..]),
        )
        .unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&config)
            .map(|error| error.to_string())
            .collect();
        assert!(problems.is_empty(), "{problems:?}: {config}");
    }
    let mut bad = serde_json::json!({"schema": 1, "job": "b", "attempt": 0, "node": 0, "seq": 0, "compression": "gzip"});
    assert!(!validator.is_valid(&bad));
    bad["attempt"] = 1.into();
    assert!(validator.is_valid(&bad));
}
