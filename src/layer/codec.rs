//! Compression: independent pieces of 4 MiB made on several threads, written in order, so that
//! the bytes do not depend on the number of threads; and reading, which takes any pieces.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::Compression;
use super::manifest::Encoding;

/// The size of a piece before compression. Measured: smaller ones cost ratio, larger ones
/// win under half a percent.
const PIECE: usize = 4 << 20;

/// The largest window that a zstd reader has to provide: 128 MiB, what `zstd -d` accepts.
const WINDOW_LOG_MAX: u32 = 27;

struct Piece {
    bytes: Vec<u8>,
    answer: Sender<io::Result<Vec<u8>>>,
}

/// Compresses what is written to it.
pub(crate) struct Encoder<W: Write> {
    inner: W,
    compression: Compression,
    current: Vec<u8>,
    work: Option<Sender<Piece>>,
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    threads: usize,
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(inner: W, compression: Compression) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(16));
        Self {
            inner,
            compression,
            current: Vec::new(),
            work: None,
            pending: VecDeque::new(),
            threads,
        }
    }

    fn dispatch(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.current);
        let (answer, receiver) = channel();
        let work = self
            .work
            .get_or_insert_with(|| start(self.threads, self.compression));
        work.send(Piece { bytes, answer })
            .map_err(|_| io::Error::other("a compression thread stopped"))?;
        self.pending.push_back(receiver);
        // Twice as many pieces as threads keep all of them busy without holding more memory.
        while self.pending.len() > self.threads * 2 {
            self.collect()?;
        }
        Ok(())
    }

    fn collect(&mut self) -> io::Result<()> {
        let Some(receiver) = self.pending.pop_front() else {
            return Ok(());
        };
        let bytes = receiver
            .recv()
            .map_err(|_| io::Error::other("a compression thread stopped"))??;
        self.inner.write_all(&bytes)
    }

    /// Writes what is left and returns the inner writer.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.current.is_empty() {
            if self.work.is_none() && self.compression != Compression::None {
                // A single piece is not worth a thread.
                let bytes = compress(self.compression, &self.current)?;
                self.inner.write_all(&bytes)?;
            } else if self.compression != Compression::None {
                self.dispatch()?;
            }
        }
        while !self.pending.is_empty() {
            self.collect()?;
        }
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.compression == Compression::None {
            return self.inner.write(bytes);
        }
        let count = bytes.len().min(PIECE - self.current.len());
        self.current.extend_from_slice(&bytes[..count]);
        if self.current.len() == PIECE {
            self.dispatch()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the threads; they end when the sender is dropped.
fn start(threads: usize, compression: Compression) -> Sender<Piece> {
    let (sender, receiver) = channel::<Piece>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..threads {
        let receiver = Arc::clone(&receiver);
        std::thread::spawn(move || {
            loop {
                let piece = match receiver.lock() {
                    Ok(queue) => queue.recv(),
                    Err(_) => return,
                };
                let Ok(Piece { bytes, answer }) = piece else {
                    return;
                };
                // The receiving end is gone only when writing has failed already.
                let _ = answer.send(compress(compression, &bytes));
            }
        });
    }
    sender
}

fn compress(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(bytes.to_vec()),
        // The header carries no name and no time, so equal bytes stay equal. Level 1: a layer is
        // written once and read a few times; level 6 took three times as long for 15 % less.
        Compression::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Compression::Zstd(level) => {
            let mut compressor = zstd::bulk::Compressor::new(level)?;
            compressor.include_checksum(false)?;
            compressor.compress(bytes)
        }
    }
}

/// Returns a reader of the bytes before compression.
pub(crate) fn decoder<'r>(
    encoding: Encoding,
    inner: impl Read + 'r,
) -> io::Result<Box<dyn Read + 'r>> {
    Ok(match encoding {
        Encoding::None => Box::new(BufReader::with_capacity(1 << 17, inner)),
        Encoding::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(
            BufReader::with_capacity(1 << 17, inner),
        )),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(inner)?;
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(compression: Compression, threads: usize, data: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), compression);
        encoder.threads = threads;
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn reads_back_what_was_written_at_any_number_of_threads() {
        let data: Vec<u8> = (0..PIECE as u32 * 2 / 3 + 5)
            .flat_map(u32::to_le_bytes)
            .collect();
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd(1)] {
            let one = through(compression, 1, &data);
            assert_eq!(one, through(compression, 5, &data));
            let mut back = Vec::new();
            decoder(compression.into(), one.as_slice())
                .unwrap()
                .read_to_end(&mut back)
                .unwrap();
            assert!(back == data);
        }
    }

    #[test]
    fn bytes_after_the_end_are_an_error() {
        for compression in [Compression::Gzip, Compression::Zstd(1)] {
            let mut bytes = through(compression, 1, b"abc");
            bytes.extend_from_slice(b"garbage");
            let mut back = Vec::new();
            let result = decoder(compression.into(), bytes.as_slice())
                .unwrap()
                .read_to_end(&mut back);
            assert!(result.is_err(), "{compression:?}");
        }
    }
}
