//! `holdall completions`: what a shell needs to complete the command line, made from its definition.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, CliError, Ui};

/// Print a script that lets a shell complete the command line.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall completions bash > ~/.local/share/bash-completion/completions/holdall\n         holdall completions fish > ~/.config/fish/completions/holdall.fish"
)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "holdall", &mut script);
    ui.out(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
