//! The one place with a runtime: what the network crates do asynchronously is waited for here, and
//! never longer than the store may be silent.

use std::future::Future;
use std::time::Duration;

use futures_util::{Stream, StreamExt};

use super::{Fault, FaultKind};

/// Bytes a second that even a poor line sends; how long an upload may take follows from it.
#[cfg(feature = "s3")]
const POOR_LINE: u64 = 128 << 10;

/// Bytes a second that even a slow store puts away.
const SLOW_DISK: u64 = 8 << 20;

pub(super) struct Runtime {
    tokio: tokio::runtime::Runtime,
    silence: Duration,
}

impl Runtime {
    pub(super) fn new(silence: Duration) -> Result<Self, Fault> {
        // Without this, TLS has no cryptography. Another library in the process may have chosen.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("holdall-store")
            .enable_all()
            .build()
            .map_err(|error| {
                Fault::new(
                    FaultKind::Final,
                    format!("no threads for the network: {error}"),
                )
            })?;
        Ok(Self { tokio, silence })
    }

    /// Waits for one answer.
    pub(super) fn answer<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        self.within(self.silence, work)
    }

    /// Waits for an answer to this many bytes.
    #[cfg(feature = "s3")]
    pub(super) fn uploaded<T>(
        &self,
        bytes: u64,
        work: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        self.within(self.allowance(bytes), work)
    }

    /// Returns how long an upload of this many bytes may take.
    #[cfg(feature = "s3")]
    pub(super) fn allowance(&self, bytes: u64) -> Duration {
        self.silence + Duration::from_secs(bytes / POOR_LINE)
    }

    /// Returns how long a store may take to put away this many bytes that it has.
    fn settling(&self, bytes: u64) -> Duration {
        self.silence + Duration::from_secs(bytes / SLOW_DISK)
    }

    /// Waits for a store to put away what it has been sent.
    #[cfg(feature = "s3")]
    pub(super) fn settled<T>(&self, bytes: u64, work: impl Future<Output = T>) -> Result<T, Fault> {
        self.within(self.settling(bytes), work)
    }

    fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, Fault> {
        self.tokio
            .block_on(async { tokio::time::timeout(limit, work).await })
            .map_err(|_| silent(limit))
    }

    /// Waits for a long upload as long as it moves: `moved` is asked now and then, and answers
    /// with the bytes that have left since.
    #[cfg(feature = "registry")]
    pub(super) fn watched<T>(
        &self,
        bytes: u64,
        work: impl Future<Output = T>,
        mut moved: impl FnMut() -> u64,
    ) -> Result<T, Fault> {
        const GLANCE: Duration = Duration::from_millis(100);
        self.tokio.block_on(async {
            let mut work = std::pin::pin!(work);
            let mut last = std::time::Instant::now();
            let mut left = bytes;
            let mut limit = self.silence;
            loop {
                let result = tokio::time::timeout(GLANCE, &mut work).await;
                let pieces = moved();
                if pieces > 0 {
                    last = std::time::Instant::now();
                    left = left.saturating_sub(pieces);
                }
                if left == 0 {
                    limit = self.settling(bytes);
                }
                match result {
                    Ok(result) => return Ok(result),
                    Err(_) if last.elapsed() > limit => return Err(silent(limit)),
                    Err(_) => {}
                }
            }
        })
    }

    /// Hands on what a stream brings; each piece has to come in time.
    pub(super) fn drain<B: AsRef<[u8]>, E>(
        &self,
        mut stream: impl Stream<Item = Result<B, E>> + Unpin,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
        fault: impl Fn(E) -> Fault,
    ) -> Result<(), Fault> {
        self.tokio.block_on(async {
            loop {
                let next = tokio::time::timeout(self.silence, stream.next()).await;
                match next.map_err(|_| silent(self.silence))? {
                    None => return Ok(()),
                    Some(piece) => take(piece.map_err(&fault)?.as_ref())
                        .map_err(|error| Fault::new(FaultKind::Final, error.to_string()))?,
                }
            }
        })
    }
}

/// Says of a failed request in a few words what a client library says in many.
pub(super) fn unreachable(text: &str) -> String {
    let connect = text.contains("(Connect)") || text.contains("dns error");
    let origin = text.find("http").and_then(|at| {
        let (scheme, rest) = text[at..].split_once("://")?;
        let host = rest.split(['/', '?', ' ', ')']).next()?;
        Some(format!("{scheme}://{host}"))
    });
    match (connect, origin) {
        (true, Some(origin)) => {
            let cause = text.rsplit(": ").next().unwrap_or(text);
            brief(&format!("cannot connect to {origin}: {cause}"))
        }
        _ => brief(text.rsplit(" - ").next().unwrap_or(text)),
    }
}

/// Cuts what a server said to a line that a person reads.
pub(super) fn brief(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(400)
        .collect();
    line.trim().to_owned()
}

fn silent(limit: Duration) -> Fault {
    let seconds = limit.as_secs_f32();
    Fault::new(
        FaultKind::Silent,
        format!("no answer within {seconds} seconds"),
    )
    .hint("check the address and the network; --store-timeout says how long to wait")
}

/// Returns an error with its causes, each told once.
pub(super) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_reached_is_said_in_a_few_words() {
        let long = "Generic S3 error: Error performing GET http://127.0.0.1:1/b?list-type=2 in 4ms, after 3 retries - HTTP error: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)";
        assert_eq!(
            unreachable(long),
            "cannot connect to http://127.0.0.1:1: Connection refused (os error 111)"
        );
        assert_eq!(
            unreachable("Generic error - HTTP error:\nodd"),
            "HTTP error: odd"
        );
        assert_eq!(brief(&"x".repeat(5000)).len(), 400);
    }
}
