//! The queues of serial groups: one job, or one group of jobs, at a time, also between the runs of
//! one project (circleci-semantics §4.2). The service has one queue for a whole organisation.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::RunError;
use super::text::file_name;

/// The locks that one run holds; all are given back when it ends, however it ends.
#[derive(Debug)]
pub(super) struct Locks {
    dir: PathBuf,
    held: BTreeMap<String, (File, u32)>,
}

impl Locks {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            held: BTreeMap::new(),
        }
    }

    /// Takes a lock, or says that somebody else has it.
    pub(super) fn take(&mut self, key: &str) -> Result<bool, RunError> {
        if let Some((_, times)) = self.held.get_mut(key) {
            *times += 1;
            return Ok(true);
        }
        fs::create_dir_all(&self.dir).map_err(|e| RunError::io("create", &self.dir, e))?;
        let path = self.dir.join(file_name(key));
        // The file stays: removing it would let two runs hold locks of the same name.
        let file = File::create(&path).map_err(|e| RunError::io("create", &path, e))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // On a file system without locks there are no other runs to be seen.
            Ok(()) | Err(Errno::OPNOTSUPP) => {
                self.held.insert(key.to_owned(), (file, 1));
                Ok(true)
            }
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(RunError::io("lock", path, error)),
        }
    }

    /// Gives a lock back.
    pub(super) fn give_back(&mut self, key: &str) {
        if let Some((_, times)) = self.held.get_mut(key) {
            *times -= 1;
            if *times == 0 {
                self.held.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locks;

    #[test]
    fn two_runs_wait_for_each_other_and_one_does_not_wait_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (Locks::new(dir.path()), Locks::new(dir.path()));
        assert!(one.take("deploy/prod").unwrap());
        assert!(one.take("deploy/prod").unwrap());
        assert!(!other.take("deploy/prod").unwrap());
        assert!(other.take("deploy/test").unwrap());
        one.give_back("deploy/prod");
        assert!(!other.take("deploy/prod").unwrap());
        one.give_back("deploy/prod");
        assert!(other.take("deploy/prod").unwrap());
        drop(other);
        assert!(one.take("deploy/prod").unwrap());
    }
}
