//! Small pieces of text: durations as configs write them, and shell strings cut into words.

use std::time::Duration;

/// Reads a duration as configs write it: `10m`, `1h30m`, `1.5h`, `90s`, `300ms`.
///
/// A bare number other than 0 is none: it does not say what it counts.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

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

/// Cuts a shell string (`/bin/bash -eo pipefail`) into words, quotes and backslashes honoured.
///
/// `None` means an open quote or no word at all.
pub(crate) fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => match chars.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
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
    fn durations_read_as_go_writes_them() {
        for (text, seconds) in [
            ("10m", 600.0),
            ("1h30m", 5400.0),
            ("1.5h", 5400.0),
            ("90s", 90.0),
            ("300ms", 0.3),
            ("0", 0.0),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "10",
            "m",
            "10 minutes",
            "-5m",
            "1e400h",
            "99999999999999999999999h",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_print_as_the_service_prints_them() {
        assert_eq!(format_duration(Duration::from_secs(600)), "10m0s");
        assert_eq!(format_duration(Duration::from_secs(3605)), "1h0m5s");
        assert_eq!(format_duration(Duration::from_millis(1500)), "1.5s");
        assert_eq!(format_duration(Duration::from_millis(300)), "300ms");
    }

    #[test]
    fn shell_strings_are_cut_like_a_shell_cuts_them() {
        let words = |text| split_words(text).unwrap_or_default();
        assert_eq!(
            words("/bin/bash -eo pipefail"),
            ["/bin/bash", "-eo", "pipefail"]
        );
        assert_eq!(
            words(r#"a 'b c' "d \"e\\" f\ g ''"#),
            ["a", "b c", "d \"e\\", "f g", ""]
        );
        assert_eq!(split_words("  "), None);
        assert_eq!(split_words("bash 'x"), None);
        assert_eq!(split_words("bash \\"), None);
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
