//! `unclosed-template`: found while the config is compiled.

use crate::finding::{Finding, Fix};
use crate::lint::rule::{Fixable, declare_rule};
use crate::lint::{Context, mend};

declare_rule! {
    /// # What it does
    /// A `<<` is not closed by `>>`.
    ///
    /// # Why is this bad
    /// In version 2.1 `<<` begins a template. A heredoc or a here-string in a script is the usual case.
    ///
    /// # Example
    /// ```yaml
    /// - run: cat <<EOF > file
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: cat \<<EOF > file
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#escaping-variable-use
    UNCLOSED_TEMPLATE: "unclosed-template", Structure, Error, check, fix = Fixable::Unsafe
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let first = out.len();
    context.problems(&UNCLOSED_TEMPLATE, out);
    for finding in &mut out[first..] {
        finding.fix = escaped(context, finding);
    }
}

/// Escapes heredocs and here-strings.
fn escaped(context: &Context<'_>, finding: &Finding) -> Option<Fix> {
    let node = mend::scalar_at(context.tree(), finding.primary()?.at)?;
    let text = node.text()?;
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(i) = text[from..].find("<<") {
        let at = from + i;
        let rest = &text[at + 2..];
        let word = rest
            .trim_start_matches(['<', '-', '~'])
            .trim_start_matches(['"', '\'', '\\', ' ']);
        let shell = word.starts_with(|c: char| c.is_ascii_alphabetic() || "_$".contains(c));
        let open = !rest.contains(">>");
        if open && shell && !text[..at].ends_with('\\') {
            places.push((at, "\\"));
        }
        from = at + 2 + rest.bytes().take_while(|b| *b == b'<').count();
    }
    mend::insert_into(node, &places, "write `\\<<`".to_owned(), false)
}
