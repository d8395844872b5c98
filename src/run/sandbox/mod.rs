//! The engine with isolation: each job in namespaces of its own.
//!
//! Three processes take part. The runner starts an *outer* process (this program again), which
//! enters a new PID namespace and so has to start an *inner* one, the first process in there.
//! The inner process builds the job's view of the file system, moves into it, gives up every
//! power over it by entering one more user namespace, and runs the steps. The outer one stays
//! behind for what only a process outside of that namespace may do: write its id maps. For root
//! there is no outer process: the thread of the runner that starts the job does its part.
//!
//! ```text
//! runner ──stdin: view, job, "cancel"──► inner          outer ◄──stderr: "map me"── inner
//!        ◄─stdout: messages, one a line── outer, inner
//! ```

mod agent;
mod ids;
mod makings;
mod mountinfo;
mod parent;
mod place;
mod remove;
mod scratch;
mod spare;
mod view;

pub(crate) use agent::{direct, inner, outer};
pub(crate) use parent::{Sandbox, map};
pub(crate) use remove::remove_tree;
pub(crate) use scratch::Scratch;
