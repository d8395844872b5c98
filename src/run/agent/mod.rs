//! A job in a process of its own: what the runner and that process say to each other.
//!
//! ```text
//! runner ──stdin: what to do, job, "cancel"──► process
//!        ◄─stdout: messages, one a line──────
//! ```

mod inside;
mod outside;

use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) use inside::{Refused, carry_out, tell};
pub(crate) use outside::{Agent, errors};

use super::container;
use super::sandbox;
use super::spec::FromAgent;

/// The first argument of a process that plays a part in a job. No subcommand is called so.
pub(crate) const ARGUMENT: &str = "__job";

/// The part of a process that another one put into namespaces.
pub(crate) const INNER: &str = "inner";

/// The part of a process that a thread of the runner put there.
pub(crate) const DIRECT: &str = "direct";

/// Plays a part in a job where the arguments ask for it.
pub(crate) fn agent_main(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter().skip(1);
    if args.next()? != ARGUMENT {
        return None;
    }
    let part = args.next().unwrap_or_default();
    let done = match part.to_str() {
        Some(INNER) => sandbox::inner(),
        Some(DIRECT) => sandbox::direct(),
        Some(container::PART) => container::inside(),
        Some(container::EMPTY) => container::empty(),
        Some(container::WATCH) => container::watch(args),
        _ => sandbox::outer(&part),
    };
    Some(match done {
        Ok(code) => code,
        Err(refused) => {
            let Refused { what, reason } = refused;
            let _ = tell(&FromAgent::Refused { what, reason });
            ExitCode::FAILURE
        }
    })
}
