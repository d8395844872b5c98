//! `holdall man`: manual pages, one a command, made from the definition of the command line.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::{Cli, CliError, Ui};

/// Print a manual page, or write all of them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: holdall man | man -l -\n         holdall man layers ls\n         holdall man --output ~/.local/share/man/man1"
)]
pub(crate) struct Args {
    /// The command that the page is about. Default: all of holdall
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write the pages of all commands into this folder instead.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let mut all = Cli::command();
    all.build();
    if let Some(dir) = &args.output {
        write_all(&all, dir).map_err(|error| {
            CliError::input(format!("cannot write below {}: {error}", dir.display()))
        })?;
        return Ok(0);
    }
    let mut command = &all;
    for name in &args.command {
        command = shown(command)
            .find(|c| c.get_name() == name)
            .ok_or_else(|| {
                CliError::usage(format!("there is no command `{}`", args.command.join(" ")))
                    .hint_name(name, shown(command).map(clap::Command::get_name))
            })?;
    }
    ui.out(&String::from_utf8_lossy(&page(command)?))?;
    Ok(0)
}

/// Returns the commands below a command that people are told of.
fn shown(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|c| !c.is_hide_set())
}

fn page(command: &clap::Command) -> std::io::Result<Vec<u8>> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .source(concat!("holdall ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut text = Vec::new();
    man.render(&mut text)?;
    // Without a date its place stays empty, or what follows would stand there.
    let page = String::from_utf8_lossy(&text).replacen(" 1  \"", " 1 \"\" \"", 1);
    Ok(tidy(&page).into_bytes())
}

/// Takes out line breaks beside a blank line, which troff drops and linters of pages mention.
fn tidy(page: &str) -> String {
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    let blank = |i: Option<usize>| i.and_then(|i| lines.get(i)).is_none_or(|l| l.is_empty());
    let kept = lines
        .iter()
        .enumerate()
        .filter(|(i, line)| **line != ".br" || !blank(i.checked_sub(1)) && !blank(Some(i + 1)));
    kept.map(|(_, line)| format!("{line}\n")).collect()
}

/// Writes the page of a command and those of all below it, `holdall-layers-ls.1` for one.
fn write_all(command: &clap::Command, dir: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let name = command.get_display_name().unwrap_or(command.get_name());
    std::fs::write(dir.join(format!("{name}.1")), page(command)?)?;
    shown(command).try_for_each(|below| write_all(below, dir))
}
