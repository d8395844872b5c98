//! Large blobs in parts: in order, some at once, and never too many in memory.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use super::{Objects, disk};
use crate::layer::remote::{Blob, Fault, FaultKind};

/// The size of a part; all but the last are equal, which some stores insist on. What is no larger
/// goes up in one piece.
pub(super) const PART: u64 = 8 << 20;
/// How many parts a store takes at most; S3 has the lowest number.
const PARTS: u64 = 10_000;
/// How many parts of one blob are under way at once; each is in memory.
const PARTS_AT_ONCE: usize = 4;
/// How many parts of all blobs are in memory at once.
pub(super) const PARTS_IN_MEMORY: usize = 8;

impl Objects {
    /// Sends the parts of a blob in order, some at once, each as soon as there is room in memory.
    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        mut left: u64,
        part: u64,
        limit: Duration,
        file: &mut File,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Fault> {
        let mut under_way = FuturesUnordered::new();
        while left > 0 || !under_way.is_empty() {
            let room = match (left, under_way.len()) {
                (0, _) | (_, PARTS_AT_ONCE..) => None,
                // With none of its own under way, another blob's part has to end.
                (_, 0) => self.room.acquire().await.ok(),
                _ => self.room.try_acquire().ok(),
            };
            let Some(room) = room else {
                // One that ends makes room; there is one, or this would have waited above.
                under_way.next().await.unwrap_or(Ok(()))?;
                continue;
            };
            let size = left.min(part);
            left -= size;
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            file.read_exact(&mut bytes).map_err(disk)?;
            let work = upload.put_part(PutPayload::from(bytes));
            under_way.push(async move {
                let _room = room;
                match tokio::time::timeout(limit, work).await {
                    Ok(Ok(())) => {
                        sent(size);
                        Ok(())
                    }
                    Ok(Err(error)) => Err(self.fault(error)),
                    Err(_) => Err(Fault::new(
                        FaultKind::Silent,
                        format!("a part was not taken within {} seconds", limit.as_secs()),
                    )),
                }
            });
        }
        Ok(())
    }

    pub(super) fn put_parts(
        &self,
        blob: Blob,
        key: &Path,
        file: &mut File,
        sent: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Fault> {
        let part = part_size(blob.size);
        let begin = self.runtime.answer(self.store.put_multipart(key))?;
        let mut upload = begin.map_err(|error| self.fault(error))?;
        let limit = self.runtime.allowance(part * PARTS_AT_ONCE as u64);
        let work = self.send_parts(upload.as_mut(), blob.size, part, limit, file, sent);
        let done = match self.runtime.uploaded(blob.size, work) {
            Ok(Ok(())) => self
                .runtime
                .settled(blob.size, upload.complete())
                .and_then(|answer| answer.map_err(|error| self.fault(error))),
            Ok(Err(fault)) | Err(fault) => Err(fault),
        };
        if done.is_err() {
            // What cannot be cleared away here is the lifecycle rule's business.
            let _ = self.runtime.answer(upload.abort());
        }
        done.map(drop)
    }
}

/// Returns the size of the parts that a blob goes up in.
fn part_size(size: u64) -> u64 {
    let least = size.div_ceil(PARTS).next_multiple_of(1 << 20);
    least.max(PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_few_enough() {
        for size in [PART + 1, 1 << 30, 100 << 30, 5 << 40] {
            let part = part_size(size);
            assert!(part >= PART && size.div_ceil(part) <= PARTS, "{size}");
        }
        assert_eq!(part_size(1 << 30), PART);
    }
}
