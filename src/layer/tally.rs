//! Counts what is read of archives and blobs, and tells whoever watches of it.

use std::io::{self, Read, Seek, SeekFrom};

use super::{Progress, Transferred};

/// What was read so far, and whom to tell.
pub(super) struct Tally<'a> {
    done: Transferred,
    watch: Option<&'a mut Progress<'a>>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(watch: &'a mut Progress<'a>) -> Self {
        Self {
            done: Transferred::default(),
            watch: Some(watch),
        }
    }

    /// Returns one that nobody watches.
    pub(super) fn unwatched() -> Self {
        Self {
            done: Transferred::default(),
            watch: None,
        }
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.done.bytes += bytes as u64;
        if let Some(watch) = &mut self.watch {
            watch(self.done);
        }
    }

    /// Returns a reader whose bytes are counted.
    pub(super) fn over<'t, R>(&'t mut self, inner: R) -> Counted<'t, 'a, R> {
        Counted { inner, tally: self }
    }
}

/// A reader whose bytes are counted.
pub(super) struct Counted<'t, 'a, R> {
    inner: R,
    tally: &'t mut Tally<'a>,
}

impl<R: Read> Read for Counted<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.tally.add(count);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<'_, '_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
