//! The keys of caches: texts with templates that are filled in where the step runs
//! (circleci-semantics §5.7).

/// A part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart<'k> {
    /// Text as it is written.
    Text(&'k str),
    /// `{{ checksum "file" }}`: the digest of a file, by its path.
    Checksum(&'k str),
    /// `{{ .Branch }}`.
    Branch,
    /// `{{ .Revision }}`: the commit.
    Revision,
    /// `{{ .BuildNum }}`: the number of the job.
    BuildNum,
    /// `{{ .CheckoutKey }}`: the key by which the code was fetched.
    CheckoutKey,
    /// `{{ .Environment.NAME }}`.
    Environment(&'k str),
    /// `{{ epoch }}`: the seconds since 1970.
    Epoch,
    /// `{{ arch }}`: the system and the processor.
    Arch,
    /// Any other template: what stands between its braces.
    Unknown(&'k str),
}

/// Cuts a key into its parts. A `{{` that nothing closes is text.
#[must_use]
pub fn key_parts(key: &str) -> Vec<KeyPart<'_>> {
    let mut out = Vec::new();
    let mut rest = key;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((inner, after)) = behind.split_once("}}") else {
            break;
        };
        if !before.is_empty() {
            out.push(KeyPart::Text(before));
        }
        out.push(template(inner));
        rest = after;
    }
    if !rest.is_empty() {
        out.push(KeyPart::Text(rest));
    }
    out
}

fn template(inner: &str) -> KeyPart<'_> {
    // A dash at a brace takes the blanks beside the template away.
    let said = inner.trim().trim_matches('-').trim();
    let (name, argument) = match said.split_once(char::is_whitespace) {
        Some((name, argument)) => (name, argument.trim()),
        None => (said, ""),
    };
    match name {
        "checksum" => KeyPart::Checksum(argument.trim_matches(['"', '\'', '`'])),
        ".Branch" => KeyPart::Branch,
        ".Revision" => KeyPart::Revision,
        ".BuildNum" => KeyPart::BuildNum,
        ".CheckoutKey" => KeyPart::CheckoutKey,
        "epoch" => KeyPart::Epoch,
        "arch" => KeyPart::Arch,
        _ => match name.strip_prefix(".Environment.").filter(|n| is_name(n)) {
            Some(name) => KeyPart::Environment(name),
            None => KeyPart::Unknown(inner),
        },
    }
}

/// Says whether a variable can be called so.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::{KeyPart, key_parts};

    #[test]
    fn a_key_is_cut_at_its_templates() {
        assert_eq!(
            key_parts("v1-{{ .Branch }}-{{checksum \"a b.lock\"}}{{- arch -}}"),
            [
                KeyPart::Text("v1-"),
                KeyPart::Branch,
                KeyPart::Text("-"),
                KeyPart::Checksum("a b.lock"),
                KeyPart::Arch,
            ]
        );
        assert_eq!(
            key_parts("{{ .Environment.A_1 }}{{ .Environment.1 }}{{ x"),
            [
                KeyPart::Environment("A_1"),
                KeyPart::Unknown(" .Environment.1 "),
                KeyPart::Text("{{ x"),
            ]
        );
        assert_eq!(key_parts(""), []);
    }
}
