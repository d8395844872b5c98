//! Rules on the graph of jobs.

pub(super) mod requires_ambiguous_job;
pub(super) mod requires_cycle;
pub(super) mod requires_unknown_job;
