//! The command line: the only room that prints.

mod attach;
mod baseline;
mod compile;
mod completions;
mod engine;
mod error;
mod explain;
mod fix;
mod gate;
mod graph;
mod ignore;
mod input;
mod layers;
mod lint;
mod man;
mod meter;
mod orbs;
mod persist;
#[cfg(unix)]
mod probe;
mod rules;
mod run;
pub mod run_view;
mod schema;
mod settings;
mod shellcheck;
mod store;
mod transpile;
mod ui;
mod unpacked;
mod upstream;
mod values;
mod write;

use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use error::CliError;
pub(crate) use ui::Ui;

/// Lint, migrate and run CircleCI workspaces: the files that CI jobs hand to each other.
#[derive(Debug, Parser)]
#[command(
    name = "holdall",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Example: holdall lint            checks .circleci/*.yml of this repository\n         holdall run             runs its workflow on this machine"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colours.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    color: ColorChoice,

    /// Say only what went wrong.
    #[arg(long, short, global = true, help_heading = "Output")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check configs: structure, references, the graph, and the workspace data flow.
    Lint(lint::Args),
    /// Print a config with everything resolved, as the service would run it.
    Compile(compile::Args),
    /// Run a workflow on this machine, with real workspaces.
    Run(run::Args),
    /// Turn persist and attach into executable steps, in place or in another form.
    Transpile(transpile::Args),
    /// Show jobs, layers and who sees them.
    Graph(graph::Args),
    /// Add a layer to the store.
    Persist(persist::Args),
    /// Apply the layers of upstream jobs, in order.
    Attach(attach::Args),
    /// Look at the layers of a workspace.
    Layers(layers::Args),
    /// Say why a rule exists, with a bad and a good example.
    Explain(explain::Args),
    /// List the rules.
    Rules(rules::Args),
    /// Print a script that lets a shell complete the command line.
    Completions(completions::Args),
    /// Print a manual page, or write all of them.
    Man(man::Args),
    /// Print an embedded JSON Schema.
    Schema(schema::Args),
    #[cfg(unix)]
    /// Say what an attach brought; steps of `transpile --verify` call it.
    #[command(name = "verify-probe", hide = true)]
    Probe(probe::Args),
}

/// Runs the program and returns its exit status.
#[must_use]
pub fn main() -> ExitCode {
    let defect = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        defect(info);
        ui::say_defect();
    }));
    let code = std::panic::catch_unwind(start).unwrap_or(error::DEFECT);
    ExitCode::from(code)
}

fn start() -> u8 {
    let command = Cli::command();
    let cli = match command
        .try_get_matches()
        .and_then(|m| Cli::from_arg_matches(&m))
    {
        Ok(cli) => cli,
        Err(said) => {
            // `--help` and `--version` come this way too and go to stdout.
            let asked = !said.use_stderr();
            return match said.print() {
                Ok(()) if asked => 0,
                Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => 0,
                _ => error::USAGE,
            };
        }
    };
    let mut ui = Ui::new(cli.color, cli.quiet);
    let result = match &cli.command {
        Command::Lint(args) => lint::run(args, &mut ui),
        Command::Compile(args) => compile::run(args, &mut ui),
        Command::Run(args) => run::run(args, &mut ui),
        Command::Transpile(args) => transpile::run(args, &mut ui),
        Command::Graph(args) => graph::run(args, &mut ui),
        Command::Persist(args) => persist::run(args, &mut ui),
        Command::Attach(args) => attach::run(args, &mut ui),
        Command::Layers(args) => layers::run(args, &mut ui),
        Command::Explain(args) => explain::run(args, &mut ui),
        Command::Rules(args) => rules::run(args, &mut ui),
        Command::Completions(args) => completions::run(args, &mut ui),
        Command::Man(args) => man::run(args, &mut ui),
        Command::Schema(args) => schema::run(args, &mut ui),
        #[cfg(unix)]
        Command::Probe(args) => probe::run(args, &ui),
    };
    match result {
        Ok(code) => code,
        Err(error) => ui.fail(&error),
    }
}
