//! Small pieces of text: durations as they are shown, titles of steps, names of files, ids.

use std::time::Duration;

pub(crate) use crate::plan::parse_duration;
pub(crate) use crate::words::split as split_words;

/// Writes a duration as the service's messages do: `10m0s`, `1h0m5s`, `1.5s`, `300ms`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole == 0 {
        return format!("{}ms", duration.as_millis());
    }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    let millis = duration.subsec_millis();
    let mut seconds = (whole % 60).to_string();
    if millis > 0 {
        seconds = format!("{seconds}.{millis:03}");
        seconds.truncate(seconds.trim_end_matches('0').len());
    }
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, m) => format!("{m}m{seconds}s"),
        (h, m) => format!("{h}h{m}m{seconds}s"),
    }
}

/// Returns the first line that says something, cut to a length that fits a title.
#[cfg(unix)]
pub(crate) fn first_line(script: &str) -> String {
    const WIDTH: usize = 72;
    let mut lines = script.lines().map(str::trim).filter(|l| !l.is_empty());
    let line = lines.next().unwrap_or("");
    let more = lines.next().is_some();
    let mut title: String = line.chars().take(WIDTH).collect();
    if more || line.chars().nth(WIDTH).is_some() {
        title.push('…');
    }
    title
}

/// Percent-encodes a job's name so that it is one harmless file name.
#[cfg(unix)]
pub(crate) fn file_name(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in name.bytes() {
        // A leading dot would hide the log, and `.` and `..` are no names at all.
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || (byte == b'.' && !out.is_empty());
        if plain {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    // Names over 255 bytes are refused by file systems; a checksum keeps cut names apart.
    if out.len() > 200 {
        let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        out.truncate(200);
        let _ = write!(out, "~{sum:016x}");
    }
    out
}

/// Makes an id that no other run or job has, in the form that the service uses.
#[cfg(unix)]
pub(crate) fn uuid() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default();
    let seed = (now.as_nanos(), std::process::id());
    let (high, low) = (
        RandomState::new().hash_one(seed),
        RandomState::new().hash_one(seed),
    );
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_the_service_prints_them() {
        assert_eq!(format_duration(Duration::from_secs(600)), "10m0s");
        assert_eq!(format_duration(Duration::from_secs(3605)), "1h0m5s");
        assert_eq!(format_duration(Duration::from_millis(1500)), "1.5s");
        assert_eq!(format_duration(Duration::from_millis(300)), "300ms");
    }

    #[cfg(unix)]
    #[test]
    fn job_names_become_single_file_names() {
        assert_eq!(file_name("build"), "build");
        assert_eq!(file_name("a/b c"), "a%2Fb%20c");
        assert_eq!(file_name(".."), "%2E.");
        assert!(file_name(&"é".repeat(300)).len() < 255);
        assert_ne!(file_name(&"x".repeat(300)), file_name(&"x".repeat(301)));
    }
}
