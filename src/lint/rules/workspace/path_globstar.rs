//! `path-globstar`: `**`, which reaches one level only.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An item of `paths` holds `**`.
    ///
    /// # Why is this bad
    /// Patterns follow Go's `filepath.Match`, in which `**` is a single `*`: it reaches exactly one
    /// level. Deeper files are left out without a word as soon as anything else matches.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: ["dist/**"]
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
    /// How deep the files lie.
    ///
    /// # References
    /// - https://pkg.go.dev/path/filepath#Match
    PATH_GLOBSTAR: "path-globstar", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        for item in &persist.step.paths {
            let Some(i) = item.value.find("**") else {
                continue;
            };
            let before = item.value[..i].trim_end_matches('/');
            let rest = item.value[i..].trim_matches(['*', '/']);
            // `gen**`: what is meant are names that begin so, not a folder of that name.
            let part = item.value[..i].rsplit('/').next().unwrap_or("");
            let help = match (before, rest) {
                (begin, "") if !part.is_empty() => {
                    format!("write `{begin}*`: a folder is taken whole")
                }
                (_, _) if !part.is_empty() => {
                    "name the folders: a folder is taken whole".to_owned()
                }
                ("", "") => "persist the folders by name, or `.` for all of the root".to_owned(),
                (dir, "") => format!("write `{dir}`: a folder is taken whole"),
                ("", _) => "name the folders: a folder is taken whole".to_owned(),
                (dir, _) => {
                    format!("write `{dir}` to take the folder whole, or one item for each level")
                }
            };
            out.push(
                PATH_GLOBSTAR
                    .finding(
                        "`**` reaches one level only",
                        context.within(item, "**"),
                        "the same as a single `*` here",
                    )
                    .help(help)
                    .done(),
            );
        }
    }
}
