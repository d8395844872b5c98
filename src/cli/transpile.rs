//! `holdall transpile`.

#[cfg(unix)]
mod verify;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::engine::EngineArg;
use super::orbs::OrbArgs;
use super::ui::counted;
use super::values::ValueArgs;
use super::{CliError, Ui, error, gate, input, write};
use crate::circleci::Given;
use crate::transpile::{
    OutputFile, Report, Runtime, TranspileError, circleci, github, gitlab, shell,
};
use crate::yaml::{SourceId, Sources};

/// Turn persist and attach into executable steps, in place or in another form.
#[derive(Debug, clap::Args)]
#[command(after_help = "Targets:
  circleci  the same file, its workspace steps as run steps over a store
  shell     POSIX scripts: one a job, one a workflow
  github    GitHub Actions: one workflow file a workflow
  gitlab    GitLab CI: one .gitlab-ci.yml for all workflows

Example: holdall transpile --to shell        writes .holdall/shell/WORKFLOW.sh
         holdall transpile --to circleci --store cache
         holdall transpile --to github --report migration.md
         holdall transpile --to gitlab --verify")]
pub(crate) struct Args {
    /// The config. Default: .circleci/config.yml.
    file: Option<PathBuf>,

    /// What to write.
    #[arg(long, value_name = "TARGET")]
    to: Target,

    /// What carries layers (`circleci` only): a folder that all runners see, `cache` for the
    /// service's own cache, or a store's URL (needs `--runtime binary`).
    #[arg(long, value_name = "URL", required_if_eq("to", "circleci"))]
    store: Option<String>,

    #[command(flatten)]
    orbs: OrbArgs,

    /// The folder to write below; `-` prints a single file. Default: the repository's root.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// What does the layer operations (all but `shell`): shell functions, or the holdall binary.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = RuntimeArg::Sh)]
    runtime: RuntimeArg,

    /// Write what became of every item of the config: Markdown and, beside it, JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Replace existing files, and go on in spite of findings.
    #[arg(long)]
    force: bool,

    /// Write nothing: run the config here and the result under the target's runner, and compare
    /// what every job attaches.
    #[arg(long, conflicts_with_all = ["output", "report"], help_heading = "Proof")]
    verify: bool,

    /// The runner (`github`, `gitlab`), a program with its words: it gets a workflow file, or the
    /// approvals. Default: act, gitlab-ci-local.
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "verify",
        help_heading = "Proof"
    )]
    verify_with: Option<String>,

    /// What runs the config here: this machine, or containers of the images that jobs name.
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "host",
        requires = "verify",
        help_heading = "Proof"
    )]
    engine: EngineArg,

    /// Take another image for one that the config names; may be repeated.
    #[arg(
        long,
        value_name = "FROM=TO",
        requires = "verify",
        help_heading = "Proof"
    )]
    image: Vec<String>,

    /// Let both runs change everything that you can change.
    #[arg(long, requires = "verify", help_heading = "Proof")]
    no_isolation: bool,

    #[command(flatten)]
    values: ValueArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    // The same file, its workspace steps as run steps over a store.
    Circleci,
    // POSIX scripts: one a job, one a workflow.
    Shell,
    // GitHub Actions: one workflow file a workflow.
    Github,
    // GitLab CI: one .gitlab-ci.yml for all workflows.
    Gitlab,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RuntimeArg {
    // Functions in the step: sh, tar, gzip, and sha256sum or shasum.
    Sh,
    // The holdall binary, which has to be on the machine.
    Binary,
}

impl From<RuntimeArg> for Runtime {
    fn from(runtime: RuntimeArg) -> Self {
        match runtime {
            RuntimeArg::Sh => Self::Sh,
            RuntimeArg::Binary => Self::Binary,
        }
    }
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let path = input::single(args.file.as_deref())?;
    if args.to == Target::Circleci && !args.values.is_empty() {
        // A config that is rewritten in place keeps every outcome of its conditions.
        return Err(
            CliError::usage("`--to circleci` rewrites the config for every pipeline")
                .hint("leave the pipeline's values out"),
        );
    }
    if args.runtime == RuntimeArg::Binary && args.to == Target::Shell {
        return Err(CliError::usage(
            "`--runtime binary` is not for `--to shell`: its scripts have shell functions",
        )
        .hint("leave it out"));
    }
    let given = args.values.given()?;
    if args.verify {
        #[cfg(unix)]
        return verify::run(args, &path, given, ui);
        #[cfg(not(unix))]
        return Err(CliError::input(
            "`--verify` runs both sides, and jobs run on Linux and macOS only",
        )
        .hint("verify it there, in a container or under WSL"));
    }
    match args.to {
        Target::Circleci => rewrite(args, &path, given, ui),
        Target::Shell | Target::Github | Target::Gitlab => migrate(args, &path, given, ui),
    }
}

/// Rewrites a config in its place.
fn rewrite(args: &Args, path: &Path, given: Given, ui: &mut Ui) -> Result<u8, CliError> {
    let options = circleci::Options {
        store: store(args.store.as_deref().unwrap_or_default(), args.runtime)?,
        runtime: args.runtime.into(),
        despite_unknown: args.force,
    };
    let mut checked = gate::read(path, &args.orbs, given, false)?;
    gate::pass(&mut checked, false, args.force, ui)?;
    let id = SourceId::default();
    let root = input::project_root(path);
    let Some(source) = checked.report.sources.get(id) else {
        return Err(CliError::new(error::DEFECT, "the config was lost"));
    };
    let rewritten = match circleci::rewrite(&checked.compiled, source, id, &options) {
        Ok(rewritten) => rewritten,
        Err(TranspileError::Unsupported(refusals)) => {
            let refusals = refusals.into_iter().map(|r| (r.what, r.at));
            gate::show(&mut checked.report, refusals, ui);
            return Err(CliError::found(
                "nothing was written: the target does not carry all of the config",
            ));
        }
        Err(wrong) => return Err(defect(&wrong)),
    };
    if !rewritten.left.is_empty() {
        ui.note(&format!(
            "{} workspace steps stand in jobs that no workflow runs, and stay as they are",
            rewritten.left.len()
        ));
    }
    let mut files = vec![OutputFile {
        path: path.strip_prefix(&root).unwrap_or(path).to_path_buf(),
        text: rewritten.text,
        executable: false,
    }];
    files.extend(report(args, &rewritten.report, &checked.report.sources)?);
    write_files(args, path, &root, &files, ui)?;
    if args.report.is_some() {
        counts(&rewritten.report, ui);
    }
    Ok(0)
}

/// Writes a config down for another service.
fn migrate(args: &Args, path: &Path, given: Given, ui: &Ui) -> Result<u8, CliError> {
    let mut checked = gate::read(path, &args.orbs, given.clone(), false)?;
    gate::pass(&mut checked, false, args.force, ui)?;
    let root = input::project_root(path);
    let (compiled, sources) = gate::open(path, &args.orbs, given)?;
    let config = path
        .strip_prefix(&root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    let runtime = args.runtime.into();
    let made = match args.to {
        Target::Shell => shell::migrate(&compiled, &config),
        Target::Gitlab => gitlab::migrate(&compiled, &gitlab::Options { config, runtime }),
        _ => github::migrate(&compiled, &github::Options { config, runtime }),
    };
    let made = made.map_err(|wrong| defect(&wrong))?;
    let mut files = made.files;
    files.extend(report(args, &made.report, &sources)?);
    write_files(args, path, &root, &files, ui)?;
    counts(&made.report, ui);
    Ok(0)
}

/// Returns the files of the report, where one is wanted.
fn report(args: &Args, report: &Report, sources: &Sources) -> Result<Vec<OutputFile>, CliError> {
    let Some(named) = &args.report else {
        return Ok(Vec::new());
    };
    let json = report.json(sources);
    let json = json.map_err(|e| CliError::new(error::DEFECT, format!("no report: {e}")))?;
    // Where the user says, not below the folder of the output.
    let here = std::path::absolute(named)
        .map_err(|e| CliError::input(format!("{}: {e}", named.display())))?;
    // Whoever names the JSON gets the Markdown beside it.
    let is_json = here.extension().is_some_and(|e| e == "json");
    let (markdown, beside) = match is_json {
        true => (here.with_extension("md"), here),
        false => (here.clone(), here.with_extension("json")),
    };
    let files = [(markdown, report.markdown(sources)), (beside, json)];
    let file = |(path, text)| OutputFile {
        path,
        text,
        executable: false,
    };
    Ok(files.map(file).into())
}

fn counts(report: &Report, ui: &Ui) {
    let counts = report.counts();
    ui.talk(&format!(
        "{}: {} converted, {} approximated, {} manual\n",
        counted(counts.total(), "item", "items"),
        counts.converted,
        counts.approximated,
        counts.manual
    ));
}

fn defect(wrong: &TranspileError) -> CliError {
    CliError::new(error::DEFECT, format!("nothing was written: {wrong}"))
        .hint("this is a defect of holdall: please report it with the config")
}

/// What carries the layers, as steps see it: the cache, an absolute folder, or a store that the
/// binary speaks to.
fn store(url: &str, runtime: RuntimeArg) -> Result<circleci::Store, CliError> {
    if url == "cache" {
        if runtime == RuntimeArg::Binary {
            return Err(CliError::usage("shell functions fill the cache")
                .hint("leave `--runtime binary` out"));
        }
        return Ok(circleci::Store::Cache);
    }
    let path = url
        .strip_prefix("file://")
        .or_else(|| url.strip_prefix("file:"))
        .unwrap_or(url);
    if path.is_empty() || path.contains("://") {
        if !path.is_empty() && runtime == RuntimeArg::Binary {
            return Ok(circleci::Store::Url(url.to_owned()));
        }
        return Err(
            CliError::usage(format!("`{url}` is no store that a shell can write to")).hint(
                "`--runtime binary` lets the holdall binary do it, which has to be in the jobs; or name `cache`, or a folder that every runner of the workflow sees, /mnt/workspaces for example",
            ),
        );
    }
    if !path.starts_with('/') && !path.starts_with("~/") {
        return Err(CliError::usage(format!("the store `{url}` is relative"))
            .hint("jobs run in different folders: name an absolute one"));
    }
    Ok(circleci::Store::Url(path.to_owned()))
}

fn write_files(
    args: &Args,
    config: &Path,
    root: &Path,
    files: &[OutputFile],
    ui: &Ui,
) -> Result<(), CliError> {
    if args.output.as_deref() == Some(Path::new("-")) {
        let [file] = files else {
            return Err(
                CliError::usage(format!("{} files do not fit stdout", files.len()))
                    .hint("name a folder with --output"),
            );
        };
        return ui.out(&file.text);
    }
    let base = args.output.as_deref().unwrap_or(root);
    let targets: Vec<(PathBuf, &OutputFile)> =
        files.iter().map(|f| (base.join(&f.path), f)).collect();
    for (target, _) in &targets {
        // The config itself is what `--to circleci` is asked to edit.
        if target.exists() && !args.force && !same_file(target, config) {
            return Err(
                CliError::usage(format!("{} exists already", target.display()))
                    .hint("`--force` replaces it, `--output DIR` writes elsewhere"),
            );
        }
    }
    for (target, file) in targets {
        let folder = target.parent().map_or(Ok(()), std::fs::create_dir_all);
        folder
            .and_then(|()| write::of_kind(&target, &file.text, file.executable))
            .map_err(|e| CliError::input(format!("cannot write {}: {e}", target.display())))?;
        ui.talk(&format!("wrote {}\n", target.display()));
    }
    Ok(())
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
