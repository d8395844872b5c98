//! `unclosed-template`: found while the config is compiled.

use crate::lint::rule::declare_rule;

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
    UNCLOSED_TEMPLATE: "unclosed-template", Structure, Error, |context, out| context.problems(&UNCLOSED_TEMPLATE, out)
}
