//! holdall checks, rewrites and executes the workspaces that CI jobs hand to each other.
//!
//! The rooms of the house, in the order in which text passes through them: [`yaml`] (one parse
//! with spans), [`circleci`] (the configuration language), [`plan`] (the compiled pipeline),
//! [`flow`] (which job sees which layer), and then whoever reads the plan: [`lint`],
//! [`transpile`], [`run`], and [`verify`], which holds one against the other. [`layer`] is the
//! archive format and knows nothing of configs. Only [`cli`] prints.

#![deny(missing_docs)]

pub mod circleci;
pub mod cli;
pub mod finding;
pub mod flow;
pub mod glob;
mod hash;
pub mod layer;
pub mod lint;
pub mod plan;
pub mod run;
mod shims;
pub mod transpile;
#[cfg(unix)]
pub mod verify;
mod words;
pub mod yaml;
