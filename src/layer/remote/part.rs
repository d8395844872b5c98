//! A download under way: a file that one process at a time writes to, and the digest of its bytes
//! so far. What a process leaves behind, the next one takes up.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Blob;
use crate::layer::Digest;

/// Opens a file that only one process at a time downloads into; waits for the others.
#[cfg(unix)]
pub(super) fn lock(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::MetadataExt as _;
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
        // Who held the lock may have renamed the file away.
        let ours = file.metadata()?;
        match std::fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens a file that only one process at a time downloads into; waits for the others. Windows lets
/// a file be opened by one alone, who may still rename it.
#[cfg(windows)]
pub(super) fn lock(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt as _;
    /// `FILE_SHARE_DELETE`, which a rename needs.
    const RENAME_ONLY: u32 = 4;
    /// `ERROR_SHARING_VIOLATION`.
    const TAKEN: i32 = 32;
    loop {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .share_mode(RENAME_ONLY)
            .open(path);
        match opened {
            Err(error) if error.raw_os_error() == Some(TAKEN) => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            other => return other,
        }
    }
}

/// A download under way: its bytes so far, and their digest.
pub(super) struct Part {
    file: File,
    state: Sha256,
    pub(super) length: u64,
}

impl Part {
    /// Takes up what an earlier process left.
    pub(super) fn resume(mut file: File, blob: Blob) -> io::Result<Self> {
        if file.metadata()?.len() > blob.size {
            file.set_len(0)?;
        }
        let mut part = Self {
            state: Sha256::new(),
            length: 0,
            file: file.try_clone()?,
        };
        let mut buffer = vec![0; 1 << 17];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(part),
                count => {
                    part.state.update(&buffer[..count]);
                    part.length += count as u64;
                }
            }
        }
    }

    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.state = Sha256::new();
        self.length = 0;
        Ok(())
    }

    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.state.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn digest(&self) -> Digest {
        Digest(self.state.clone().finalize().into())
    }
}
