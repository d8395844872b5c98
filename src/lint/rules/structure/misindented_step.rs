//! `misindented-step`: found while the config is compiled.

use crate::finding::{Finding, Fix};
use crate::lint::rule::{Fixable, declare_rule};
use crate::lint::{Context, mend};

declare_rule! {
    /// # What it does
    /// A list item has two keys where it should have one.
    ///
    /// # Why is this bad
    /// A step is one name with its arguments below it. The second key is usually an argument that is
    /// indented too little.
    ///
    /// # Example
    /// ```yaml
    /// - run:
    ///   command: make
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run:
    ///     command: make
    /// ```
    ///
    /// # What holdall cannot know
    /// Which of the keys was meant to be the step.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#steps
    MISINDENTED_STEP: "misindented-step", Structure, Error, check, fix = Fixable::Unsafe
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let first = out.len();
    context.problems(&MISINDENTED_STEP, out);
    for finding in &mut out[first..] {
        finding.fix = below(context, finding);
    }
}

/// Indents what stands beside the step.
fn below(context: &Context<'_>, finding: &Finding) -> Option<Fix> {
    mend::indent_siblings(context.tree(), finding.primary()?.at)
}
