//! `cargo xtask`: generators for people who work on holdall.

mod new_rule;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask new-rule NAME [--group GROUP] [--level error|warning|info]

  new-rule  writes a rule that compiles, with its registration, its documentation and its
            fixtures. NAME is in kebab case. GROUP is structure, references, graph, workspace
            (the default) or security.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Asked when it runs: a copy of the tree that shares the target folder gets its own files.
    let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        eprintln!("start it as `cargo xtask`");
        return ExitCode::from(2);
    };
    let root = Path::new(&package).join("..");
    let done = match words.as_slice() {
        ["new-rule", rest @ ..] => new_rule::Wanted::read(rest).and_then(|w| w.write(&root)),
        ["--help" | "-h" | "help"] => Ok(USAGE.to_owned()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::from(2)
        }
    }
}
