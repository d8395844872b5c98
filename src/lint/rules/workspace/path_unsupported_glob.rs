//! `path-unsupported-glob`: shell patterns that the dialect reads literally.

use crate::finding::{Finding, Severity};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An item of `paths` uses `{a,b}`, `!(x)` or `[!a]`.
    ///
    /// # Why is this bad
    /// Patterns follow Go's `filepath.Match`, which has no braces and no extended patterns: they
    /// are looked for as they are written. In `[!a]` the `!` is a member of the class; negation is
    /// `[^a]`.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: ["packages/{a,b}/dist"]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [packages/a/dist, packages/b/dist]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a file of that very name is there.
    ///
    /// # References
    /// - https://pkg.go.dev/path/filepath#Match
    PATH_UNSUPPORTED_GLOB: "path-unsupported-glob", Workspace, Error, check
}

/// Returns the `{…,…}` of a pattern that is no cache template.
fn braces(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(i) = text[from..].find('{').map(|i| from + i) {
        if text[i..].starts_with("{{") {
            from = text[i..].find("}}").map_or(text.len(), |e| i + e + 2);
            continue;
        }
        let end = i + text[i..].find('}')?;
        let dollar = text[..i].ends_with('$');
        if text[i..end].contains(',') && !dollar {
            return Some(&text[i..=end]);
        }
        from = end;
    }
    None
}

/// Returns the first extended pattern. `*(1)` and `?(1)` are patterns of the dialect with a name in
/// parentheses behind them, unless alternatives stand there.
fn extended(text: &str) -> Option<&str> {
    let starts = text.char_indices().filter(|(i, sign)| {
        matches!(sign, '!' | '?' | '+' | '@' | '*') && text[i + 1..].starts_with('(')
    });
    let mut pieces = starts.map(|(i, sign)| {
        let end = text[i..].find(')').map_or(text.len(), |e| i + e + 1);
        (sign, &text[i..end])
    });
    pieces
        .find(|(sign, piece)| !matches!(sign, '?' | '*') || piece.contains('|'))
        .map(|(_, piece)| piece)
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        for item in &persist.step.paths {
            let text = item.value.as_str();
            if let Some(piece) = braces(text) {
                out.push(
                    PATH_UNSUPPORTED_GLOB
                        .finding(
                            "a pattern that is read literally",
                            context.within(item, piece),
                            "braces are not expanded here",
                        )
                        .help("write one item for each alternative")
                        .done(),
                );
            }
            if let Some(piece) = extended(text) {
                out.push(
                    PATH_UNSUPPORTED_GLOB
                        .finding("a pattern that is read literally", context.within(item, piece), "extended patterns are not known here")
                        .help("list what is meant, or move it to a folder of its own before persisting")
                        .done(),
                );
            }
            if text.contains("[!") {
                out.push(
                    PATH_UNSUPPORTED_GLOB
                        .finding(
                            "a class that is not negated",
                            context.within(item, "[!"),
                            "`!` is a member of this class",
                        )
                        .help("write `[^…]` to negate")
                        .severity(Severity::Warning)
                        .done(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{braces, extended};

    #[test]
    fn braces_with_a_comma_are_alternatives() {
        assert_eq!(braces("a/{b,c}/d"), Some("{b,c}"));
        assert_eq!(braces("a/{b}/d"), None);
        assert_eq!(braces("${A,,}"), None);
        assert_eq!(braces("{{ .Branch }}-{x,y}"), Some("{x,y}"));
        assert_eq!(braces("{a"), None);
    }

    #[test]
    fn extended_patterns_are_found_whole() {
        assert_eq!(extended("a/!(b|c)"), Some("!(b|c)"));
        assert_eq!(extended("a(b)"), None);
        assert_eq!(extended("report*(1).xml"), None);
        assert_eq!(extended("r*(1)/?(a|b)"), Some("?(a|b)"));
    }
}
