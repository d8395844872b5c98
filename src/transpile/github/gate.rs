//! The job in front of the others that matches patterns of filters: GitHub's expressions have none.

use std::fmt::Write as _;

use super::filters::GATE;
use super::write::{Block, JobBlock};
use crate::yaml::Data;

/// Writes the job that matches patterns, where any has to be.
pub(super) fn gate(checks: &[(String, String)]) -> Option<JobBlock> {
    if checks.is_empty() {
        return None;
    }
    let mut head = Block::default();
    head.note("Patterns of CircleCI's filters, which GitHub's expressions cannot match.");
    head.put("runs-on", "ubuntu-latest");
    let outputs = (1..=checks.len()).map(|n| {
        (
            format!("match-{n}"),
            Data::Str(format!("${{{{ steps.match.outputs.match-{n} }}}}")),
        )
    });
    head.put("outputs", Data::Map(outputs.collect()));
    head.put("timeout-minutes", Data::Int(5));
    let mut step = Block::default();
    step.put("name", "Match").put("id", "match");
    let mut env = Vec::new();
    let mut text = "match() {\n  if printf '%s' \"$2\" | grep -qP \"^(?:$3)\\$\"; then echo \"$1=true\"; else echo \"$1=false\"; fi >>\"$GITHUB_OUTPUT\"\n}\n".to_owned();
    for (i, (value, pattern)) in checks.iter().enumerate() {
        let n = i + 1;
        env.push((
            format!("VALUE_{n}"),
            Data::Str(format!("${{{{ {value} }}}}")),
        ));
        env.push((
            format!("PATTERN_{n}"),
            Data::Str(super::text::escaped(pattern)),
        ));
        let _ = writeln!(text, "match match-{n} \"$VALUE_{n}\" \"$PATTERN_{n}\"");
    }
    step.put("env", Data::Map(env));
    step.put("run", text);
    Some(JobBlock {
        id: GATE.to_owned(),
        head,
        steps: vec![step],
        behind: Vec::new(),
    })
}
