//! The oldest compiler that Cargo.toml names is enough for all that is built with it, and nobody is
//! told of another. Whether the code itself is content with it, clippy says (`incompatible_msrv`), and
//! the job `msrv` of the public workflow.

use serde_json::Value;

use crate::{cargo, common};

/// Reads a version of Rust, in which the patch may be missing.
fn version(text: &str) -> [u64; 3] {
    let mut numbers = text.split('.').map(|n| n.parse().unwrap());
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// The oldest compiler that Cargo.toml names.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

#[test]
fn no_dependency_wants_a_newer_compiler_than_we_say() {
    // Of every system, and with every feature.
    let told = cargo(&[
        "metadata",
        "--locked",
        "--all-features",
        "--format-version",
        "1",
    ]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let packages = told["packages"].as_array().unwrap();
    let mut asked = 0;
    let mut newer = Vec::new();
    for package in packages {
        let Some(theirs) = package["rust_version"].as_str() else {
            continue;
        };
        asked += 1;
        if version(theirs) > version(OLDEST) {
            newer.push(format!(
                "{} {} wants {theirs}",
                package["name"], package["version"]
            ));
        }
        if package["source"].is_null() {
            assert_eq!(theirs, OLDEST, "{} is of this workspace", package["name"]);
        }
    }
    assert!(asked > 100, "only {asked} packages say what they want");
    assert!(newer.is_empty(), "Cargo.toml says {OLDEST}: {newer:#?}");
}

#[test]
fn the_pages_name_the_same_compiler() {
    let named = regex::Regex::new(r"Rust \(?(\d+\.\d+(?:\.\d+)?) or later").unwrap();
    let mut pages = 0;
    for name in ["README.md", "CONTRIBUTING.md", "docs/install.md"] {
        let text = std::fs::read_to_string(common::root().join(name)).unwrap();
        for found in named.captures_iter(&text) {
            assert_eq!(&found[1], OLDEST, "{name}");
            pages += 1;
        }
    }
    assert!(pages >= 3, "the pages do not say which compiler is needed");
}

#[test]
fn the_oldest_version_is_compared_by_numbers() {
    assert!(version("1.100") > version("1.88.1"));
    assert!(version("1.88.1") > version("1.88"));
    assert_eq!(version("1.88.0"), version("1.88"));
}
