//! Words of a POSIX shell: a text cut into them as a shell does it, and a text made into one.

/// Cuts a shell string (`/bin/bash -eo pipefail`) into words, quotes and backslashes honoured.
///
/// `None` means an open quote or no word at all.
pub(crate) fn split(text: &str) -> Option<Vec<String>> {
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

/// Quotes a text for a POSIX shell; plain words stay as they are.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'_' | b'-' | b'.' | b'/' | b'=' | b':' | b',' | b'+' | b'@' | b'%'
            )
    };
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{quoted, split};

    #[test]
    fn shell_strings_are_cut_like_a_shell_cuts_them() {
        let words = |text| split(text).unwrap_or_default();
        assert_eq!(
            words("/bin/bash -eo pipefail"),
            ["/bin/bash", "-eo", "pipefail"]
        );
        assert_eq!(
            words(r#"a 'b c' "d \"e\\" f\ g ''"#),
            ["a", "b c", "d \"e\\", "f g", ""]
        );
        assert_eq!(split("  "), None);
        assert_eq!(split("bash 'x"), None);
        assert_eq!(split("bash \\"), None);
    }

    #[test]
    fn texts_reach_the_shell_as_they_are() {
        assert_eq!(quoted("a/b.txt"), "a/b.txt");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's $x"), "'it'\\''s $x'");
        assert_eq!(quoted("~/x"), "'~/x'");
    }
}
