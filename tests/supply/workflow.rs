//! The public workflows: the judges of workflows take them, and their shell does what it should, step by
//! step as GitHub runs it, with stand-ins for the programs that build or publish. What those are told
//! is what is looked at.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common;

const RELEASE: &str = include_str!("../../.github/workflows/release.yml");
const CI: &str = include_str!("../../.github/workflows/ci.yml");

/// Returns what a step of a job runs.
fn script(workflow: &str, job: &str, step: &str) -> String {
    let workflow: serde_yaml::Value = serde_yaml::from_str(workflow).unwrap();
    let steps = workflow["jobs"][job]["steps"].as_sequence().unwrap();
    let named = steps.iter().find(|s| s["name"].as_str() == Some(step));
    let named = named.unwrap_or_else(|| panic!("{job} has no step {step}"));
    named["run"].as_str().unwrap().to_owned()
}

/// A runner: a folder to work in, and programs that only write down how they were called.
struct Runner {
    dir: tempfile::TempDir,
}

impl Runner {
    fn new(stand_ins: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runner = Self { dir };
        fs::create_dir(runner.at("work")).unwrap();
        fs::create_dir(runner.at("bin")).unwrap();
        for name in stand_ins {
            let body = format!("#!/bin/sh\necho {name} \"$@\" >>'{}'\n", runner.log());
            executable(&runner.at("bin").join(name), &body);
        }
        runner
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> String {
        self.at("log").display().to_string()
    }

    /// What the stand-ins were called with, a line each.
    fn called(&self) -> String {
        fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    /// Runs a script with variables, in a folder.
    fn run_in(&self, folder: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").unwrap();
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .env("GITHUB_ENV", self.at("env"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    fn run(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        self.run_in(&self.at("work"), script, variables)
    }
}

fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

#[test]
fn a_tag_has_to_be_the_version() {
    if !common::tool("a_tag_has_to_be_the_version", "jq") {
        return;
    }
    let script = script(RELEASE, "build", "The tag is the version");
    let version = env!("CARGO_PKG_VERSION");
    let runner = Runner::new(&[]);
    let tag = format!("v{version}");
    let out = runner.run_in(common::root(), &script, &[("GITHUB_REF_NAME", &tag)]);
    assert!(out.status.success(), "{}", said(&out));
    let kept = fs::read_to_string(runner.at("env")).unwrap();
    assert_eq!(kept, format!("VERSION={version}\n"));

    let runner = Runner::new(&[]);
    let out = runner.run_in(common::root(), &script, &[("GITHUB_REF_NAME", "v99.0.0")]);
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    let wrong = format!("::error::the tag is v99.0.0, and Cargo.toml says {version}\n");
    assert_eq!(said(&out), wrong);
    assert!(!runner.at("env").exists());
}

#[test]
fn an_archive_has_the_program_its_manual_and_its_completions() {
    let target = "x86_64-unknown-linux-musl";
    let runner = Runner::new(&[]);
    let work = runner.at("work");
    for file in ["README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        fs::copy(common::root().join(file), work.join(file)).unwrap();
    }
    // The program of a debug build is large: one that starts it is as good.
    let built = work.join(format!("target/{target}/release/holdall"));
    let start = format!(
        "#!/bin/sh\nexec '{}' \"$@\"\n",
        env!("CARGO_BIN_EXE_holdall")
    );
    executable(&built, &start);
    let out = runner.run(
        &script(RELEASE, "build", "Pack"),
        &[("TARGET", target), ("VERSION", "1.2.3")],
    );
    assert!(out.status.success(), "{}", said(&out));

    let name = format!("holdall-1.2.3-{target}");
    let unpack = format!("tar -xzf work/dist/{name}.tar.gz && {name}/holdall --version");
    let out = runner.run_in(runner.dir.path(), &unpack, &[]);
    assert!(said(&out).starts_with("holdall "), "{}", said(&out));
    let unpacked = runner.at(&name);
    for (ours, theirs) in [
        ("completions/_holdall", "completions/holdall.zsh"),
        ("completions/holdall.bash", "completions/holdall.bash"),
        ("man/holdall-lint.1", "man/holdall-lint.1"),
        ("LICENSE-MIT", "LICENSE-MIT"),
    ] {
        let same = fs::read(common::root().join(ours)).unwrap();
        assert_eq!(fs::read(unpacked.join(theirs)).unwrap(), same, "{theirs}");
    }
    let pages = |dir: &Path| fs::read_dir(dir.join("man")).unwrap().count();
    assert_eq!(pages(&unpacked), pages(common::root()));
}

#[test]
fn sums_are_of_everything_and_a_changed_file_stops_the_release() {
    let runner = Runner::new(&[]);
    let dist = runner.at("work/dist");
    fs::create_dir(&dist).unwrap();
    for name in ["a.tar.gz", "b.whl", "c.cdx.json"] {
        fs::write(dist.join(name), name).unwrap();
    }
    let out = runner.run(&script(RELEASE, "provenance", "Sum up"), &[]);
    assert!(out.status.success(), "{}", said(&out));
    let sums = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
    let named: Vec<&str> = sums.lines().map(|line| &line[66..]).collect();
    assert_eq!(named, ["a.tar.gz", "b.whl", "c.cdx.json"]);

    let check = script(RELEASE, "release", "Check the sums");
    let out = runner.run(&check, &[]);
    assert!(out.status.success(), "{}", said(&out));
    fs::write(dist.join("b.whl"), "another").unwrap();
    let out = runner.run(&check, &[]);
    assert!(!out.status.success(), "{}", said(&out));
}

#[test]
fn a_version_with_a_suffix_is_released_as_one_before_a_release() {
    let create = script(RELEASE, "release", "Create the release");
    for (tag, before) in [("v1.2.3", ""), ("v1.2.3-rc.1", " --prerelease")] {
        let runner = Runner::new(&["gh"]);
        fs::create_dir(runner.at("work/dist")).unwrap();
        fs::write(runner.at("work/dist/SHA256SUMS"), "").unwrap();
        let out = runner.run(&create, &[("GITHUB_REF_NAME", tag)]);
        assert!(out.status.success(), "{}", said(&out));
        let wanted = format!(
            "gh release create {tag} --verify-tag --generate-notes{before} dist/SHA256SUMS\n"
        );
        assert_eq!(runner.called(), wanted);
    }
}

#[test]
fn a_static_wheel_is_for_either_libc() {
    let build = script(RELEASE, "wheels", "Build the wheel");
    for (target, tags) in [
        (
            "x86_64-unknown-linux-musl",
            " --compatibility manylinux2014 musllinux_1_1",
        ),
        ("aarch64-apple-darwin", ""),
        ("x86_64-pc-windows-msvc", ""),
    ] {
        let runner = Runner::new(&["maturin"]);
        let out = runner.run(&build, &[("TARGET", target)]);
        assert!(out.status.success(), "{}", said(&out));
        let wanted = format!(
            "maturin build --locked --release --target {target} --features s3,registry --out dist{tags}\n"
        );
        assert_eq!(runner.called(), wanted);
    }
}

#[test]
fn the_bill_of_materials_is_named_after_the_release() {
    let list = script(RELEASE, "sbom", "List what a release is made of");
    let runner = Runner::new(&["cargo"]);
    fs::write(runner.at("work/holdall.cdx.json"), "{}").unwrap();
    let out = runner.run(&list, &[("GITHUB_REF_NAME", "v1.2.3")]);
    assert!(out.status.success(), "{}", said(&out));
    assert!(runner.at("work/dist/holdall-1.2.3.cdx.json").is_file());
}

#[test]
fn the_oldest_compiler_is_the_one_of_the_manifest() {
    let runner = Runner::new(&["rustup", "cargo"]);
    let build = script(CI, "msrv", "Build with the oldest compiler");
    let out = runner.run_in(common::root(), &build, &[]);
    assert!(out.status.success(), "{}", said(&out));
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let wanted = format!(
        "rustup toolchain install {oldest} --profile minimal\n\
         cargo +{oldest} build --locked\n\
         cargo +{oldest} build --locked --features s3,registry\n"
    );
    assert_eq!(runner.called(), wanted);
}

#[test]
fn the_workflows_of_the_repository_pass_the_judges() {
    let test = "the_workflows_of_the_repository_pass_the_judges";
    let workflows = common::yaml_files(&common::root().join(".github/workflows"));
    for file in &workflows {
        let text = fs::read_to_string(file).unwrap();
        let used = text.lines().filter_map(|line| line.split_once("uses: "));
        for (_, action) in used {
            let (_, pin) = action.split_once('@').unwrap();
            let (commit, version) = pin.split_once(" # v").unwrap_or((pin, ""));
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{action}");
        }
    }
    let Some(check) = common::judge(test, "check-github") else {
        return;
    };
    // One of the judges is older than the permission to write attestations. It must object to
    // nothing else, and everyone must take the rest.
    let told = Command::new(&check).args(&workflows).output().unwrap();
    for line in said(&told)
        .lines()
        .filter(|line| line.contains(".yml:") && !line.contains(" jobs: "))
    {
        assert!(
            line.contains("unknown permission scope \"attestations\""),
            "{line}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let mut copies = Vec::new();
    for file in &workflows {
        let text = fs::read_to_string(file).unwrap();
        let copy = dir.path().join(file.file_name().unwrap());
        fs::write(&copy, text.replace("      attestations: write\n", "")).unwrap();
        copies.push(copy);
    }
    let told = Command::new(&check).args(&copies).output().unwrap();
    assert!(told.status.success(), "{}", said(&told));
}
