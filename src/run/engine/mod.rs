//! What carries out the steps of a job, wherever that job lives.

mod bare;
mod checkout;
mod job;
mod layers;
mod paths;
mod process;
mod reap;

pub(crate) use bare::Bare;
pub(crate) use job::run;
pub(crate) use paths::resolve;
pub(crate) use process::Processes;
