//! Rules on the graph of jobs.

pub(super) mod condition_mixes_expression;
pub(super) mod condition_unknown_operator;
pub(super) mod hidden_workflow_error;
pub(super) mod regex_unsupported;
pub(super) mod requires_ambiguous_job;
pub(super) mod requires_cycle;
pub(super) mod requires_unknown_job;
pub(super) mod unchecked_outcomes;
