//! holdall checks, rewrites and executes the workspaces that CI jobs hand to each other.
//!
//! The rooms of the house, in the order in which text passes through them: [`yaml`] (one parse
//! with spans), [`circleci`] (the configuration language), [`plan`] (the compiled pipeline),
//! [`flow`] (which job sees which layer), and then whoever reads the plan: [`lint`],
//! [`transpile`], [`run`], and [`verify`], which holds one against the other. [`layer`] is the
//! archive format and knows nothing of configs. Only [`cli`] prints.
//!
//! Linting a config takes its text and gives back findings with the places that they speak of:
//!
//! ```
//! use holdall::lint;
//! use holdall::yaml::Source;
//!
//! let config = "
//! version: 2.1
//! jobs:
//!   build:
//!     docker: [{image: cimg/base:2024.01}]
//!     steps:
//!       - run: make
//!       - persist_to_workspace: {root: /tmp/out, paths: [/tmp/out/app]}
//! workflows:
//!   main: {jobs: [build]}
//! ";
//! let source = Source::new(".circleci/config.yml", config);
//! let checked = lint::check(source, lint::Options::default());
//! let mut findings = checked.report.findings.iter();
//! let absolute = findings.find(|finding| finding.rule == "path-absolute").unwrap();
//! let place = absolute.primary().unwrap().at;
//! assert_eq!(&config[place.span.range()], "/tmp/out/app");
//! ```
//!
//! The same text compiles to a plan, which every reader shares:
//!
//! ```
//! use holdall::circleci::{Inputs, compile};
//! use holdall::flow::Flow;
//! use holdall::yaml::{Source, Sources};
//!
//! let mut sources = Sources::default();
//! let id = sources.add(Source::new("config.yml", "
//! version: 2.1
//! jobs:
//!   build:
//!     docker: [{image: cimg/base:2024.01}]
//!     steps: [{persist_to_workspace: {root: ., paths: [app]}}]
//! workflows:
//!   main: {jobs: [build]}
//! "));
//! let compiled = compile(&mut sources, id, &Inputs::default());
//! let flow = Flow::new(&compiled.pipeline.workflows[0]);
//! assert_eq!(flow.layers.len(), 1);
//! assert_eq!(flow.workflow.jobs[flow.layers[0].job].name, "build");
//! ```

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
