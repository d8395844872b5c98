//! `test-results-glob`: the path of `store_test_results` is a pattern.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// The path of `store_test_results` is a pattern.
    ///
    /// # Why is this bad
    /// It has to be a folder or a file: with a pattern nothing is uploaded, and no test is shown.
    ///
    /// # Example
    /// ```yaml
    /// - checkout
    /// - run: make test
    /// - store_test_results: {path: "reports/*.xml"}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// - run: make test
    /// - store_test_results: {path: reports}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#storetestresults
    TEST_RESULTS_GLOB: "test-results-glob", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for step in context.jobs().flat_map(|j| &j.steps) {
        let StepKind::StoreTestResults(store) = &step.kind else {
            continue;
        };
        if store.path.value.contains(['*', '?', '[']) {
            let folder = store.path.value.split(['*', '?', '[']).next().unwrap_or("");
            let folder = match folder.rsplit_once('/') {
                Some(("", _)) => "/",
                Some((folder, _)) => folder,
                None => ".",
            };
            out.push(
                TEST_RESULTS_GLOB
                    .finding(
                        "a pattern where a folder belongs",
                        &store.path,
                        "this is no pattern",
                    )
                    .help(format!("name the folder: `{folder}`"))
                    .done(),
            );
        }
    }
}
