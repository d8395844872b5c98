//! Compression: independent pieces of 4 MiB, so that they can be made and read on several threads
//! and the bytes do not depend on the number of threads; and reading as a stream, which takes any
//! pieces.

use std::io::{self, BufReader, Read, Write};

use super::Compression;
use super::manifest::Encoding;

/// The size of a piece before compression. Measured: smaller ones cost ratio, larger ones
/// win under half a percent.
pub(crate) const PIECE: usize = 4 << 20;

/// The largest window that a zstd reader has to provide: 128 MiB, what `zstd -d` accepts.
const WINDOW_LOG_MAX: u32 = 27;

/// Compresses pieces, each on its own.
pub(crate) enum Compressor {
    None,
    Gzip,
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Compressor {
    pub(crate) fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip,
            Compression::Zstd(level) => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.include_checksum(false)?;
                // The window of a level may be smaller than a piece. One that holds it whole is as
                // fast, as there is less to write, and leaves 1.6 % fewer bytes at level 1.
                compressor.window_log(PIECE.ilog2())?;
                Self::Zstd(Box::new(compressor))
            }
        })
    }

    /// Replaces what is in `out` by the compressed piece.
    pub(crate) fn compress(&mut self, piece: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        match self {
            Self::None => out.extend_from_slice(piece),
            // The header carries no name and no time, so equal bytes stay equal. Level 1: a layer is
            // written once and read a few times; level 6 took three times as long for 15 % less.
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
                encoder.write_all(piece)?;
                encoder.finish()?;
            }
            Self::Zstd(compressor) => {
                out.reserve(zstd::zstd_safe::compress_bound(piece.len()));
                compressor.compress_to_buffer(piece, out)?;
            }
        }
        Ok(())
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

    fn through(compression: Compression, data: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(compression).unwrap();
        let mut out = vec![7];
        let mut all = Vec::new();
        for piece in data.chunks(PIECE) {
            compressor.compress(piece, &mut out).unwrap();
            all.extend_from_slice(&out);
        }
        all
    }

    #[test]
    fn reads_back_what_was_written() {
        let data: Vec<u8> = (0..PIECE as u32 * 2 / 3 + 5)
            .flat_map(u32::to_le_bytes)
            .collect();
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd(1)] {
            let packed = through(compression, &data);
            let mut back = Vec::new();
            decoder(compression.into(), packed.as_slice())
                .unwrap()
                .read_to_end(&mut back)
                .unwrap();
            assert!(back == data);
        }
    }

    #[test]
    fn bytes_after_the_end_are_an_error() {
        for compression in [Compression::Gzip, Compression::Zstd(1)] {
            let mut bytes = through(compression, b"abc");
            bytes.extend_from_slice(b"garbage");
            let mut back = Vec::new();
            let result = decoder(compression.into(), bytes.as_slice())
                .unwrap()
                .read_to_end(&mut back);
            assert!(result.is_err(), "{compression:?}");
        }
    }
}
