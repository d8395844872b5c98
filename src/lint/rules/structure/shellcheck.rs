//! `shellcheck`: what the program of that name says about the scripts of `run` steps.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::remarks;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Passes on what [ShellCheck](https://www.shellcheck.net) says about the scripts of `run`
    /// steps, at its place in the config. Asked for with `--shellcheck`, or `shellcheck = true` in
    /// the settings; the program has to be installed.
    ///
    /// # Why is this bad
    /// Its page on each code says so. Errors and warnings keep their level; what is a matter of
    /// style or worth knowing is shown with `--level pedantic`.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: for f in $(ls *.txt); do cat "$f"; done
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: for f in ./*.txt; do cat "$f"; done
    /// ```
    ///
    /// # What holdall cannot know
    /// What stands in the place of a template: what rests on one is left out. `# shellcheck
    /// disable=SC…` in the script counts, as everywhere.
    ///
    /// # References
    /// - https://www.shellcheck.net/wiki/
    SHELLCHECK: "shellcheck", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let Some(checker) = context.shell_checker() else {
        return;
    };
    for remarked in remarks::all(context, checker) {
        let remark = remarked.remark;
        let at = remarked.script.at(remark.range);
        out.push(
            SHELLCHECK
                .finding(
                    format!("SC{} of shellcheck", remark.code),
                    at,
                    remark.message,
                )
                .severity(remark.severity)
                .note(format!("https://www.shellcheck.net/wiki/SC{}", remark.code))
                .done(),
        );
    }
}
