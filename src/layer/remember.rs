//! What a persist made of which files, and what an attach left in which target: records beside the
//! blobs of a workspace, so that doing it again is a look at every file instead. A record is never
//! needed: one that is missing, damaged, of another version or about something else is passed
//! over. What is trusted is told in docs/layer-format.md.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::beneath::{CHANGES_SHOW, place, set_modified};
use super::scan::Scan;
use super::{Compression, Digest, PersistRequest, Workspace};

/// The folder of a workspace that holds the records.
pub(super) const FOLDER: &str = "cache";
/// The first line of every record: the version of what follows.
const MAGIC: &[u8] = b"holdall record 1\n";
/// How much older than the scan everything has to be: the clocks of file systems tick every ten
/// milliseconds or faster, and a change within one tick leaves no trace.
const TICK: Duration = Duration::from_millis(20);

/// What one root, its items and a compression became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packing {
    /// What the files looked like.
    pub(super) fingerprint: Digest,
    pub(super) layer: Digest,
    pub(super) size: u64,
    pub(super) uncompressed: u64,
    pub(super) entries: u64,
    pub(super) tree: Digest,
    pub(super) toc: Option<(Digest, u64)>,
}

/// Where a record lies.
pub(super) struct Record {
    path: PathBuf,
}

impl Record {
    /// Returns the record of what is persisted from a root.
    pub(super) fn of_packing(workspace: &Workspace, request: &PersistRequest) -> Option<Self> {
        let root = fs::canonicalize(&request.root).ok()?;
        if !CHANGES_SHOW || is_remote(&root) {
            return None;
        }
        let mut key = root.as_os_str().as_encoded_bytes().to_vec();
        let (name, level) = match request.compression {
            Compression::None => ("none", 0),
            Compression::Gzip => ("gzip", 0),
            Compression::Zstd(level) => ("zstd", level),
        };
        key.extend_from_slice(format!("\0{name}\0{level}").as_bytes());
        for item in &request.paths {
            key.push(0);
            key.extend_from_slice(item.as_bytes());
        }
        Some(Self::new(workspace, "persist", &key))
    }

    /// Returns the record of what was attached to a target.
    pub(super) fn of_target(workspace: &Workspace, target: &Path) -> Option<Self> {
        if !CHANGES_SHOW {
            return None;
        }
        let target = fs::canonicalize(target).ok()?;
        Some(Self::new(
            workspace,
            "attach",
            target.as_os_str().as_encoded_bytes(),
        ))
    }

    fn new(workspace: &Workspace, what: &str, key: &[u8]) -> Self {
        let name = format!("{what}-{}", Digest::of(key).hex());
        Self {
            path: workspace.dir().join(FOLDER).join(name),
        }
    }

    /// Reads a record: a document and what follows it.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<(T, Vec<u8>)> {
        let bytes = fs::read(&self.path).ok()?;
        let (content, digest) = bytes.split_last_chunk::<32>()?;
        if Digest::of(content).0 != *digest {
            return None;
        }
        let rest = content.strip_prefix(MAGIC)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let document = serde_json::from_slice(&rest[..end]).ok()?;
        Some((document, rest[end + 1..].to_vec()))
    }

    /// Writes a record. A store that cannot be written is no reason to fail.
    pub(super) fn write(&self, workspace: &Workspace, document: &impl Serialize, rest: &[u8]) {
        let written = || -> Option<()> {
            let mut bytes = MAGIC.to_vec();
            serde_json::to_writer(&mut bytes, document).ok()?;
            bytes.push(b'\n');
            bytes.extend_from_slice(rest);
            let digest = Digest::of(&bytes);
            bytes.extend_from_slice(&digest.0);
            fs::create_dir_all(self.path.parent()?).ok()?;
            let mut temp = workspace.temp().ok()?;
            temp.write_all(&bytes).ok()?;
            place(temp, &self.path).ok()?;
            Some(())
        };
        if written().is_none() {
            self.forget();
        }
    }

    /// Removes a record that may not hold any more.
    pub(super) fn forget(&self) {
        // What is left is compared with the files before it is believed.
        drop(fs::remove_file(&self.path));
    }
}

impl Packing {
    /// Returns what was made of the very files that a scan found, if its blobs are there.
    pub(super) fn recall(
        record: &Record,
        workspace: &Workspace,
        scan: &Scan,
        durable: bool,
    ) -> Option<Self> {
        let (packing, _) = record.read::<Self>()?;
        if packing.fingerprint != scan.fingerprint() {
            return None;
        }
        let blobs = [Some((packing.layer, packing.size)), packing.toc];
        for (digest, size) in blobs.into_iter().flatten() {
            let path = workspace.blob_path(digest);
            let file = File::open(&path).ok()?;
            if file.metadata().ok()?.len() != size {
                return None;
            }
            // As young as one that was just made: nobody takes it for a leftover.
            drop(set_modified(&path, SystemTime::now()));
            if durable {
                file.sync_all().ok()?;
            }
        }
        Some(packing)
    }

    /// Writes down what was made, if every later change to the files will show.
    pub(super) fn remember(&self, record: &Record, workspace: &Workspace, scan: &Scan) {
        let (seconds, nanoseconds) = scan.latest_change();
        let latest = u64::try_from(seconds)
            .ok()
            .map(|seconds| UNIX_EPOCH + Duration::new(seconds, nanoseconds));
        if latest.is_some_and(|latest| latest + TICK < scan.began) {
            record.write(workspace, self, &[]);
        } else {
            record.forget();
        }
    }
}

/// Returns whether a folder lies on a file system whose clock is not this machine's.
#[cfg(target_os = "linux")]
fn is_remote(path: &Path) -> bool {
    /// NFS, CIFS, SMB, SMB2, FUSE, 9P, Ceph, AFS, AFS of the kernel, Coda.
    const REMOTE: [u64; 10] = [
        0x6969,
        0xff53_4d42,
        0x517b,
        0xfe53_4d42,
        0x6573_5546,
        0x0102_1997,
        0x00c3_6400,
        0x5346_414f,
        0x6b41_4653,
        0x7375_7245,
    ];
    match rustix::fs::statfs(path) {
        #[allow(
            clippy::unnecessary_cast,
            reason = "the field has other widths elsewhere"
        )]
        Ok(stat) => REMOTE.contains(&(stat.f_type as u64 & 0xffff_ffff)),
        Err(_) => true,
    }
}

#[cfg(not(target_os = "linux"))]
fn is_remote(_: &Path) -> bool {
    false
}
