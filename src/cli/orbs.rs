//! Orb sources on disk: `DIR/namespace/name@version.yml`, filled by hand or with
//! `circleci orb source`, or folders `DIR/namespace/name@version` with an unpacked orb.

use std::path::{Path, PathBuf};

use super::{input, unpacked};
use crate::circleci::OrbSource;

/// Where orb sources are looked for.
#[derive(Debug, clap::Args)]
pub(super) struct OrbArgs {
    /// Orb sources, as NAMESPACE/NAME@VERSION.yml or folders of that name with `@orb.yml`. Default: .holdall/orbs in the project.
    #[arg(long, value_name = "DIR")]
    orb_dir: Option<PathBuf>,
}

impl OrbArgs {
    /// Returns the sources for a config whose settings may name their folder.
    pub(super) fn sources_or(
        &self,
        config: &Path,
        settings: Option<PathBuf>,
    ) -> impl Fn(&str) -> Option<OrbSource> + 'static {
        let dir = self
            .orb_dir
            .clone()
            .or(settings)
            .unwrap_or_else(|| input::project_root(config).join(".holdall/orbs"));
        move |reference: &str| find(&dir, reference)
    }
}

/// Finds the file of a reference: of that very version, or the newest that it allows.
fn find(dir: &Path, reference: &str) -> Option<OrbSource> {
    let (orb, version) = reference.split_once('@')?;
    let (namespace, name) = orb.split_once('/')?;
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':'))
    };
    if ![namespace, name, version].into_iter().all(plain) {
        return None;
    }
    let folder = dir.join(namespace);
    let exact = folder.join(format!("{name}@{version}.yml"));
    let unpacked = folder.join(format!("{name}@{version}"));
    let path = if exact.is_file() {
        exact
    } else if unpacked.is_dir() {
        unpacked
    } else {
        newest(&folder, name, version)?
    };
    if !path.is_dir() {
        return Some(input::read(&path).ok()?.into());
    }
    // The folder of the repository, or that of the source in it.
    let source = path.join("src");
    unpacked::source(&path).or_else(|| unpacked::source(&source))
}

/// Returns the newest version that a partial one allows: `5` allows `5.2.0`, `volatile` any.
fn newest(folder: &Path, name: &str, version: &str) -> Option<PathBuf> {
    let numbers =
        |text: &str| -> Option<Vec<u64>> { text.split('.').map(|n| n.parse().ok()).collect() };
    let wanted = if version == "volatile" {
        Vec::new()
    } else {
        numbers(version)?
    };
    let mut best: Option<(Vec<u64>, PathBuf)> = None;
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let file = entry.file_name().to_string_lossy().into_owned();
        let found = file
            .strip_prefix(&format!("{name}@"))
            .map(|rest| rest.strip_suffix(".yml").unwrap_or(rest))
            .and_then(numbers);
        if let Some(found) = found
            && found.starts_with(&wanted)
            && best.as_ref().is_none_or(|(b, _)| found > *b)
        {
            best = Some((found, path));
        }
    }
    best.map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_partial_version_means_the_newest_that_it_allows() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("circleci");
        std::fs::create_dir(&folder).unwrap();
        for version in ["5.2.0", "5.10.0", "6.0.0"] {
            std::fs::write(folder.join(format!("node@{version}.yml")), version).unwrap();
        }
        let text = |reference| find(dir.path(), reference).map(|s| s.main.text().to_owned());
        assert_eq!(text("circleci/node@5.2.0").as_deref(), Some("5.2.0"));
        assert_eq!(text("circleci/node@5").as_deref(), Some("5.10.0"));
        assert_eq!(text("circleci/node@volatile").as_deref(), Some("6.0.0"));
        assert_eq!(text("circleci/node@7"), None);
        assert_eq!(text("circleci/../../etc@1"), None);
        assert_eq!(text("node"), None);
    }
}
