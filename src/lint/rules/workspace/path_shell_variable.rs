//! `path-shell-variable`: `$VAR` where nothing expands it.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A `root`, an item of `paths` or an `at` holds `$VAR` or `${VAR}`.
    ///
    /// # Why is this bad
    /// No shell reads these keys: the path is looked for with the dollar sign in its name, and the
    /// step fails.
    ///
    /// # Example
    /// ```yaml
    /// - attach_workspace:
    ///     at: $HOME/workspace
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - attach_workspace:
    ///     at: ~/workspace
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing: no path of a workspace step is expanded.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATH_SHELL_VARIABLE: "path-shell-variable", Workspace, Error, check
}

/// Returns the first `$NAME` or `${NAME}` of a text, as written.
fn variable(text: &str) -> Option<&str> {
    let start = text.match_indices('$').map(|(i, _)| i).find(|i| {
        let rest = text[i + 1..].trim_start_matches('{');
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    })?;
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let rest = &text[start + 1..];
    let len = match rest.strip_prefix('{') {
        Some(inner) => inner.find('}').map_or(rest.len(), |end| end + 2),
        None => rest.find(|c| !name(c)).unwrap_or(rest.len()),
    };
    Some(&text[start..start + 1 + len])
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (key, path) in context.workspace_paths() {
        let Some(variable) = variable(&path.value) else {
            continue;
        };
        let help = if path.value.starts_with("$HOME") || path.value.starts_with("${HOME}") {
            "write `~`: the home directory is expanded"
        } else {
            "write the path itself; a value that differs between runs can be a parameter, `<< parameters.x >>`"
        };
        out.push(
            PATH_SHELL_VARIABLE
                .finding(
                    "a variable where nothing expands it",
                    context.within(path, variable),
                    format!("`{key}` takes `{variable}` literally"),
                )
                .help(help)
                .done(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variables_are_found_as_the_shell_would_see_them() {
        assert_eq!(variable("$HOME/x"), Some("$HOME"));
        assert_eq!(variable("a/${B_1}/c"), Some("${B_1}"));
        assert_eq!(variable("cost$"), None);
        assert_eq!(variable("a$1b"), None);
        assert_eq!(variable("$$x"), Some("$x"));
        assert_eq!(variable("${unclosed"), Some("${unclosed"));
    }
}
