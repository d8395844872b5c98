//! `duplicate-job-name`: two jobs of one workflow have the same name.

use crate::finding::Finding;
use crate::hash::HashMap;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Two jobs of one workflow have the same name.
    ///
    /// # Why is this bad
    /// The service numbers the second one, `test-1`: who requires it has to know, and a check
    /// that a repository demands by the old name is never reported.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   lint: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test: {name: check}
    ///       - lint: {name: check}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   lint: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test: {name: check-tests}
    ///       - lint: {name: check-style}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether anybody minds the number. A job in two workflows is numbered too, which is common
    /// and not reported.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#name
    DUPLICATE_JOB_NAME: "duplicate-job-name", Graph, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for workflow in context.workflows() {
        let mut seen = HashMap::default();
        for job in &workflow.jobs {
            match seen.get(job.written_name.as_str()) {
                None => {
                    seen.insert(job.written_name.as_str(), job.origin.at);
                }
                Some(first) => out.push(
                    DUPLICATE_JOB_NAME
                        .finding(
                            "two jobs of one name",
                            job.origin.at,
                            format!("the service calls this one `{}`", job.name),
                        )
                        .label(*first, format!("`{}` is this one", job.written_name))
                        .help("give each of them a `name` of its own")
                        .done(),
                ),
            }
        }
    }
}
