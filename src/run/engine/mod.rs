//! What carries out the steps of a job, wherever that job lives.

mod bare;
pub(crate) mod caches;
mod checkout;
mod job;
mod layers;
mod paths;
mod process;
mod programs;
mod reap;
mod results;

pub(crate) use bare::Bare;
#[cfg(target_os = "linux")]
pub(crate) use checkout::tracked;
#[cfg(target_os = "linux")]
pub(crate) use job::run;
pub(crate) use paths::resolve;
pub(crate) use process::Processes;
