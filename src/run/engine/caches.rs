//! `save_cache` and `restore_cache` over a folder of this machine: each path of a cache is a layer of
//! its own, and an index says under which key and where it belongs (circleci-semantics §5.7).

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::layers::{COMPRESSION, explain};
use crate::layer::{
    self, AttachRequest, Digest, PersistRequest, PruneRequest, Upstream, Workspace,
};
use crate::plan::{KeyPart, key_parts};
use crate::run::error::RunError;
use crate::run::event::{Chunk, JobEvent};
use crate::run::swept::SweptCache;

/// The job that the layers of caches are of.
const MAKER: &str = "cache";

/// How long a cache is found, as on the service (circleci-semantics §1.4); its layers live as long.
const LIFETIME: Duration = layer::LIFETIME;

/// What is kept under a key.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    key: String,
    /// Nanoseconds since 1970: of several keys with one prefix the newest counts.
    made: u128,
    /// What the names of the layers' workspaces begin with: no other keeping has the same, not even
    /// one of this key that was cut off.
    layers: String,
    /// The folders that the layers belong into, in their order.
    folders: Vec<PathBuf>,
}

impl Kept {
    /// Reads an index; what cannot be read is no cache.
    fn read(index: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(index).ok()?).ok()
    }

    /// Returns since when it is found no more, or will be.
    fn expires(&self) -> Option<SystemTime> {
        let made = Duration::from_nanos(u64::try_from(self.made).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(made + LIFETIME)
    }

    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires().is_none_or(|end| end <= now)
    }
}

/// Takes away caches past their lifetime, and layers that none of the others needs.
pub(crate) fn prune(
    dir: &Path,
    now: SystemTime,
    dry_run: bool,
) -> Result<Vec<SweptCache>, RunError> {
    let failed = |e: std::io::Error| RunError::io("read", dir, e);
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut swept = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Some(kept) = Kept::read(&path) else {
            // What a crash left of an index that was being written.
            if !dry_run && is_leftover(&path, now) {
                let _ = std::fs::remove_file(&path);
            }
            continue;
        };
        let Some(expired) = kept.expires().filter(|_| kept.is_expired(now)) else {
            continue;
        };
        if !dry_run {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RunError::io("remove", &path, error));
                }
                _ => {}
            }
        }
        swept.push((kept, expired));
    }
    // Layers live as long as the index that names them, which is made with them.
    let request = PruneRequest {
        now,
        age: layer::LEFTOVER_AGE,
        dry_run,
        keep: Vec::new(),
    };
    let gone = layer::prune(dir, &request).map_err(|e| failed(std::io::Error::other(e)))?;
    let swept = swept.into_iter().map(|(kept, expired)| {
        let parts = gone
            .workspaces
            .iter()
            .filter(|w| w.id.starts_with(&kept.layers));
        SweptCache {
            bytes: parts.map(|part| part.bytes).sum(),
            key: kept.key,
            expired,
        }
    });
    let mut swept: Vec<SweptCache> = swept.collect();
    swept.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(swept)
}

fn is_leftover(path: &Path, now: SystemTime) -> bool {
    let named = path.file_name().and_then(|name| name.to_str());
    let old = |meta: std::fs::Metadata| {
        meta.is_file()
            && meta.modified().is_ok_and(|made| {
                now.duration_since(made)
                    .is_ok_and(|age| age >= layer::LEFTOVER_AGE)
            })
    };
    named.is_some_and(|name| name.starts_with(".tmp")) && path.metadata().is_ok_and(old)
}

/// Where caches are, and what keys may speak of.
pub(super) struct Caches<'a> {
    pub(super) dir: &'a Path,
    pub(super) env: &'a [(OsString, OsString)],
}

impl Caches<'_> {
    /// Keeps paths under a key; a key that is there already stays as it is.
    pub(super) fn save(
        &self,
        key: &str,
        paths: &[PathBuf],
        resolve: &dyn Fn(&str) -> PathBuf,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<(), String> {
        let key = self.fill_in(key, resolve)?;
        let id = &Digest::of(key.as_bytes()).hex()[..32];
        let index = self.dir.join(format!("{id}.json"));
        let made = SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_nanos();
        let layers = format!("{id}-{made}-{}", std::process::id());
        if Kept::read(&index).is_some_and(|kept| !kept.is_expired(SystemTime::now())) {
            emit(JobEvent::Output(Chunk::Text(format!(
                "a cache with the key {key} is there already: nothing is kept\n"
            ))));
            return Ok(());
        }
        let mut folders = Vec::new();
        for path in paths {
            let Ok(real) = path.canonicalize() else {
                let path = path.display();
                emit(JobEvent::Warning(format!(
                    "{path} is not there: it is left out of the cache"
                )));
                continue;
            };
            let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
                return Err("the root folder cannot be kept as a cache".to_owned());
            };
            let name = name
                .to_str()
                .ok_or_else(|| format!("the name {} is no UTF-8", real.display()))?;
            let request = PersistRequest {
                job: MAKER.to_owned(),
                attempt: 1,
                node: 0,
                nodes: 1,
                seq: Some(0),
                workflow: None,
                requires: Vec::new(),
                root: folder.to_owned(),
                root_text: folder.display().to_string(),
                paths: vec![literal(name)],
                compression: COMPRESSION,
                durable: false,
            };
            let part = Workspace::in_dir(self.dir, &part(&layers, folders.len()));
            part.persist(&request, &mut |_| {})
                .map_err(|e| explain(&e))?;
            folders.push(folder.to_owned());
        }
        if folders.is_empty() {
            emit(JobEvent::Warning(
                "none of the paths is there: nothing is kept".to_owned(),
            ));
            return Ok(());
        }
        let said = format!("kept under the key {key}\n");
        let kept = Kept {
            key,
            made,
            layers,
            folders,
        };
        let text = serde_json::to_vec(&kept).map_err(|e| e.to_string())?;
        // One that is past its lifetime, or cannot be read, makes room.
        if index.exists() && Kept::read(&index).is_none_or(|k| k.is_expired(SystemTime::now())) {
            let _ = std::fs::remove_file(&index);
        }
        // Of two jobs that keep the same key at once the first one wins, as on the service.
        let written = tempfile::NamedTempFile::new_in(self.dir).and_then(|mut file| {
            file.write_all(&text)?;
            match file.persist_noclobber(&index) {
                Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
                    Err(error.error)
                }
                _ => Ok(()),
            }
        });
        written.map_err(|e| format!("cannot write {}: {e}", index.display()))?;
        emit(JobEvent::Output(Chunk::Text(said)));
        Ok(())
    }

    /// Brings back what the first key that finds anything finds; finding nothing is no failure.
    pub(super) fn restore(
        &self,
        keys: &[String],
        resolve: &dyn Fn(&str) -> PathBuf,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<(), String> {
        let mut tell = |text: String| emit(JobEvent::Output(Chunk::Text(text)));
        let all = self.all()?;
        for key in keys {
            let prefix = self.fill_in(key, resolve)?;
            let found = all.iter().filter(|kept| kept.key.starts_with(&prefix));
            let Some(kept) = found.max_by_key(|kept| kept.made) else {
                tell(format!("no cache has a key that begins with {prefix}\n"));
                continue;
            };
            for (i, folder) in kept.folders.iter().enumerate() {
                let request = AttachRequest {
                    at: folder.clone(),
                    upstream: vec![Upstream {
                        job: MAKER.to_owned(),
                        after: Vec::new(),
                    }],
                };
                Workspace::in_dir(self.dir, &part(&kept.layers, i))
                    .attach(&request, &mut |_| {})
                    .map_err(|e| explain(&e))?;
            }
            tell(format!("found the cache with the key {}\n", kept.key));
            return Ok(());
        }
        Ok(())
    }

    fn all(&self) -> Result<Vec<Kept>, String> {
        let cannot = |e: std::io::Error| format!("cannot read {}: {e}", self.dir.display());
        let now = SystemTime::now();
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.dir).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.extension().is_some_and(|e| e == "json") {
                all.extend(Kept::read(&path).filter(|kept| !kept.is_expired(now)));
            }
        }
        Ok(all)
    }

    /// Fills in the templates of a key.
    fn fill_in(&self, template: &str, resolve: &dyn Fn(&str) -> PathBuf) -> Result<String, String> {
        let variable = |name: &str| {
            let found = self.env.iter().rev().find(|(n, _)| n == name);
            found.map_or_else(String::new, |(_, v)| v.to_string_lossy().into_owned())
        };
        let mut out = String::new();
        for part in key_parts(template) {
            match part {
                KeyPart::Text(text) => out.push_str(text),
                KeyPart::Checksum(path) => {
                    let text = std::fs::read(resolve(path))
                        .map_err(|e| format!("the checksum of {path} in the key: {e}"))?;
                    out.push_str(&Digest::of(&text).hex());
                }
                KeyPart::Branch => out.push_str(&variable("CIRCLE_BRANCH")),
                KeyPart::Revision => out.push_str(&variable("CIRCLE_SHA1")),
                KeyPart::BuildNum => out.push_str(&variable("CIRCLE_BUILD_NUM")),
                KeyPart::Environment(name) => out.push_str(&variable(name)),
                // The code was copied here, and not fetched with any key.
                KeyPart::CheckoutKey => {}
                KeyPart::Epoch => {
                    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                    out.push_str(&now.as_secs().to_string());
                }
                KeyPart::Arch => {
                    out.push_str(&format!(
                        "{}-{}",
                        std::env::consts::OS,
                        std::env::consts::ARCH
                    ));
                }
                KeyPart::Unknown(inner) => {
                    return Err(format!(
                        "a key does not know {{{{{inner}}}}}: there are .Branch, .Revision, .BuildNum, .CheckoutKey, .Environment.NAME, checksum, epoch and arch"
                    ));
                }
            }
        }
        Ok(out)
    }
}

/// Returns the name of the workspace that holds one path of a cache.
fn part(layers: &str, n: usize) -> String {
    format!("{layers}-{n}")
}

/// Returns a pattern that means a name and no other.
fn literal(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
