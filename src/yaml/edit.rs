//! Byte-range edits: sorted, checked for overlap, applied once. A text is never serialised anew.

use super::span::Span;

/// One replacement of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes to replace; empty to insert.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// Why edits cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Two edits want the same bytes.
    #[error("two edits overlap at bytes {} to {}", .0.start, .0.end)]
    Overlap(Span),
    /// An edit lies outside the text, or cuts a character in two.
    #[error("an edit at bytes {} to {} does not fit the text", .0.start, .0.end)]
    Outside(Span),
}

/// Applies edits to a text in one pass.
///
/// # Errors
/// Two edits overlap, or one does not fit the text; nothing is applied then.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|e| (e.span.start, e.span.end));
    for pair in sorted.windows(2) {
        let same_place = pair[0].span.start == pair[1].span.start;
        if pair[1].span.start < pair[0].span.end || (same_place && pair[1].span.is_empty()) {
            return Err(EditError::Overlap(pair[1].span));
        }
    }
    let grown: usize = sorted.iter().map(|e| e.text.len()).sum();
    let mut out = String::with_capacity(text.len() + grown);
    let mut at = 0;
    for edit in sorted {
        let range = edit.span.range();
        let kept = text.get(at..range.start);
        let (Some(kept), Some(_)) = (kept, text.get(range.clone())) else {
            return Err(EditError::Outside(edit.span));
        };
        out.push_str(kept);
        out.push_str(&edit.text);
        at = range.end;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit {
            span: Span::new(start, end),
            text: text.to_owned(),
        }
    }

    #[test]
    fn edits_apply_in_the_order_of_the_text() {
        let edits = [edit(4, 5, "E"), edit(0, 1, "A"), edit(2, 2, "-")];
        assert_eq!(apply("abcde", &edits).unwrap(), "Ab-cdE");
    }

    #[test]
    fn overlapping_edits_are_refused() {
        assert!(matches!(
            apply("abc", &[edit(0, 2, ""), edit(1, 3, "")]),
            Err(EditError::Overlap(_))
        ));
        assert!(matches!(
            apply("abc", &[edit(1, 1, "x"), edit(1, 1, "y")]),
            Err(EditError::Overlap(_))
        ));
    }

    #[test]
    fn an_edit_must_fit_the_text_and_its_characters() {
        assert!(matches!(
            apply("ä", &[edit(1, 2, "")]),
            Err(EditError::Outside(_))
        ));
        assert!(matches!(
            apply("a", &[edit(3, 4, "")]),
            Err(EditError::Outside(_))
        ));
    }
}
