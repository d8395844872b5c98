//! Keeps the values of secrets out of what a run shows and writes down, however the output of a step
//! is cut into pieces.

/// What stands in a secret's place, as on the service.
const STARS: &[u8] = b"****";

/// Shorter values are shown: they stand in too much that is no secret (circleci-docs,
/// env-vars: values of less than four characters, `true` and `false` are not masked).
const SHORTEST: usize = 4;

/// Replaces secrets in a stream.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    /// The longest first, so that one within another does not give away the rest.
    secrets: Vec<Vec<u8>>,
    /// What may be the beginning of a secret.
    held: Vec<u8>,
}

impl Mask {
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets: Vec<Vec<u8>> = values
            .into_iter()
            .filter(|value| value.len() >= SHORTEST && !matches!(*value, "true" | "false"))
            .map(|value| value.as_bytes().to_vec())
            .collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self {
            secrets,
            held: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Takes the next piece, and returns what can be shown by now.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.shown(false)
    }

    /// Returns what is left at the end of a step.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.shown(true)
    }

    /// Hides the secrets in a text that is all there.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut whole = Self {
            secrets: self.secrets.clone(),
            held: text.as_bytes().to_vec(),
        };
        String::from_utf8_lossy(&whole.shown(true)).into_owned()
    }

    fn shown(&mut self, all: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            let rest = &self.held[at..];
            // A longer secret may still come where a shorter one stands already.
            let open =
                |secret: &Vec<u8>| !all && secret.len() > rest.len() && secret.starts_with(rest);
            if self.secrets.iter().any(open) {
                break;
            }
            match self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                Some(secret) => {
                    out.extend_from_slice(STARS);
                    at += secret.len();
                }
                None => {
                    out.push(rest[0]);
                    at += 1;
                }
            }
        }
        self.held.drain(..at);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn values_are_hidden_and_what_is_too_short_is_not() {
        let mask = Mask::new(["hunter22", "abc", "true", "hunter22-more"]);
        assert_eq!(mask.text("a hunter22, abc true"), "a ****, abc true");
        assert_eq!(mask.text("hunter22-more!"), "****!");
    }

    proptest::proptest! {
        #[test]
        fn however_it_is_cut_the_same_is_shown(
            text in "[ab ]{0,30}",
            secrets in proptest::collection::vec("[ab]{4,6}", 0..4),
            cuts in proptest::collection::vec(0usize..30, 0..6),
        ) {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let whole = Mask::new(secrets.clone()).text(&text);
            let mut mask = Mask::new(secrets.clone());
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let (mut shown, mut from) = (Vec::new(), 0);
            for cut in cuts {
                shown.extend(mask.take(&text.as_bytes()[from..cut]));
                from = cut;
            }
            shown.extend(mask.rest());
            proptest::prop_assert_eq!(String::from_utf8(shown).unwrap(), whole.clone());
            for secret in secrets {
                proptest::prop_assert!(!whole.contains(secret));
            }
        }
    }
}
