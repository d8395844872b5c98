//! `context-list`: a context is listed twice for one job, or all workflows together use more
//! than 100 contexts.

use crate::finding::Finding;
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A context is listed twice for one job, or all workflows together use more than 100
    /// contexts. With `platform = "server"` in the settings: a job has more than one.
    ///
    /// # Why is this bad
    /// The second mention adds nothing. With more than 100 contexts the service refuses the
    /// pipeline.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {context: [aws, slack, aws]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {context: [aws, slack]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What the contexts hold. Of two that set one variable the last one wins.
    ///
    /// # References
    /// - https://circleci.com/docs/contexts/
    CONTEXT_LIST: "context-list", Graph, Warning, check
}

/// Most contexts of all workflows together (circleci-semantics §4.2).
const MOST: usize = 100;

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let mut all = HashSet::default();
    for job in context.jobs() {
        let mut own: Vec<&crate::plan::Located<String>> = Vec::new();
        if let [first, second, ..] = job.contexts.as_slice()
            && context.on_server()
        {
            out.push(
                CONTEXT_LIST
                    .finding(
                        "a second context on a server",
                        second,
                        "a server takes one context a job",
                    )
                    .label(first.at, "the one that is taken")
                    .help("join what the two hold in one context")
                    .done(),
            );
            continue;
        }
        for name in &job.contexts {
            match own.iter().find(|o| o.value == name.value) {
                Some(first) => out.push(
                    CONTEXT_LIST
                        .finding("a context twice in one list", name, format!("`{}` again", name.value))
                        .label(first.at, "the first one")
                        .help("remove one of them; the last context of the list wins where two set one variable")
                        .done(),
                ),
                None => own.push(name),
            }
            if all.insert(name.value.as_str()) && all.len() == MOST + 1 {
                out.push(
                    CONTEXT_LIST
                        .finding(
                            "more contexts than the service takes",
                            name,
                            format!("{MOST} different contexts stand before this one"),
                        )
                        .help("join contexts that are used together")
                        .done(),
                );
            }
        }
    }
}
