//! `holdall verify-probe`: what the steps call that `holdall transpile --verify` puts around each
//! attach. Nobody else has a use for it.

use std::io::Write as _;

use clap::ValueEnum;

use super::{CliError, Ui};
use crate::verify::{self, Key};

/// Say what an attach brought.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// On which side of the attach.
    #[arg(value_enum)]
    side: Side,
    /// What the lines begin with.
    nonce: String,
    /// Which attach.
    key: String,
    /// Where it leads.
    at: String,
    /// The node of the job.
    #[arg(long, env = "CIRCLE_NODE_INDEX", default_value_t = 0)]
    node: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    Begin,
    End,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<u8, CliError> {
    let key = Key::of_step(&args.key, args.node)
        .ok_or_else(|| CliError::usage(format!("`{}` names no attach", args.key)))?;
    let mut out = ui.stdout();
    let told = match args.side {
        Side::Begin => verify::begin(&args.nonce, key, &args.at, &mut out),
        Side::End => verify::end(&args.nonce, key, &args.at, &mut out),
    };
    told.and_then(|()| out.flush())
        .map_err(|e| CliError::input(format!("what is attached cannot be told: {e}")))?;
    Ok(0)
}
