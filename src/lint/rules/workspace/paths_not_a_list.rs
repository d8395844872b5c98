//! `paths-not-a-list`: one bare string where a list is documented.

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::yaml::{Edit, Location, ScalarStyle, Touch, Tree};

declare_rule! {
    /// # What it does
    /// `paths` is a single string instead of a list.
    ///
    /// # Why is this bad
    /// The service was seen to accept it, but documents a list, and other tools read it as one: a
    /// string may be refused tomorrow, or be read as its characters.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: dist
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [dist]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the service still takes a text, as it was seen to.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATHS_NOT_A_LIST: "paths-not-a-list", Workspace, Warning, check, fix = Fixable::Safe
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        if persist.step.paths_is_string {
            let text = context
                .text(persist.step.paths_at)
                .lines()
                .next()
                .unwrap_or_default();
            out.push(
                PATHS_NOT_A_LIST
                    .finding(
                        "`paths` is not a list",
                        persist.step.paths_at,
                        "one bare string",
                    )
                    .help(format!("write `[{text}]`"))
                    .fix(wrapped(context.tree(), persist.step.paths_at))
                    .done(),
            );
        }
    }
}

/// Makes a list of the text. One with a reference in it may be a list already, elsewhere.
fn wrapped(tree: &Tree, at: Location) -> Option<Fix> {
    let node = mend::scalar_at(tree, at)?;
    let text = node.text().filter(|t| !t.contains("<<"))?;
    let one_line = !node.source().contains('\n') && node.anchor().is_none();
    let quoted = node.style() != Some(ScalarStyle::Plain);
    let item = match quoted {
        true => node.source().to_owned(),
        false => mend::written(text),
    };
    let edit = Edit {
        span: node.span(),
        text: format!("[{item}]"),
    };
    let touch = Touch::Value(node.span());
    one_line.then(|| mend::fix("make it a list", true, vec![edit], vec![touch]))
}
