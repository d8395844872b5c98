//! The engine with containers: each job runs in the image that its executor names.
//!
//! The job's own code runs inside: holdall's program is mounted into the container and started
//! there as its first process, so that every step does what it does on the host engine. Whatever
//! the job hands out lands in an *exchange folder* that only this job sees, because the image's
//! user may be anybody; the runner moves it to where it belongs when the container is gone.
//!
//! ```text
//! runner ──podman run -i──► holdall __job container ──► steps
//!                           │ /.holdall/in   layers, caches, project: read-only
//!                           └ /.holdall/x    the exchange folder
//! ```

mod agent;
mod client;
mod engine;
mod exchange;
mod facts;
mod images;
mod launch;
mod program;
mod publish;
mod services;
mod source;
mod sweep;
mod watch;

pub(crate) use agent::{EMPTY, PART, empty, inside};
pub(crate) use engine::Containers;
pub(crate) use watch::{WATCH, watch};

/// Where all that is holdall's lies inside a container.
const BASE: &str = "/.holdall";
/// What a job may only read.
const LAYERS: &str = "/.holdall/in/layers";
const CACHES: &str = "/.holdall/in/caches";
const FILES: &str = "/.holdall/in/project";
const REPOSITORY: &str = "/.holdall/in/repository";
const LISTED: &str = "/.holdall/in/tracked";
/// The exchange folder, and what is in it.
const EXCHANGE: &str = "/.holdall/x";
const STORE: &str = "/.holdall/x/store";
const KEPT: &str = "/.holdall/x/caches";
const RESULTS: &str = "/.holdall/x/results";
const OWN: &str = "/.holdall/x/own";
