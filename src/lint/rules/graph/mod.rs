//! Rules on the graph of jobs.

pub(super) mod condition_mixes_expression;
pub(super) mod condition_unknown_operator;
pub(super) mod continuation_misuse;
pub(super) mod hidden_workflow_error;
pub(super) mod invalid_cron;
pub(super) mod job_group_misuse;
pub(super) mod misplaced_key;
pub(super) mod regex_unsupported;
pub(super) mod requires_ambiguous_job;
pub(super) mod requires_cycle;
pub(super) mod requires_unknown_job;
pub(super) mod serial_group_misuse;
pub(super) mod setup_many_workflows;
pub(super) mod setup_misuse;
pub(super) mod unchecked_outcomes;
