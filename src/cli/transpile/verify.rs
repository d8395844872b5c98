//! `holdall transpile --verify`: runs the config here and what is written of it under the target's
//! own runner, in a copy of the project, and shows where what is attached differs.

mod act;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Args, RuntimeArg, Target};
use crate::circleci::{Given, emit};
use crate::cli::{CliError, Ui, error, gate, input, values};
use crate::plan::{GitRef, JobIndex, Pipeline};
use crate::run::{self, RunError};
use crate::verify::{
    Command, Copy, Here, JobResult, There, Trees, Verdict, VerifyError, compare, instrument,
};
use crate::words;

/// Most differences that are shown of a job.
const MOST_SHOWN: usize = 10;

/// Runs both sides and prints what came of every job.
pub(super) fn run(args: &Args, path: &Path, given: Given, ui: &mut Ui) -> Result<u8, CliError> {
    // Before anything takes long.
    let runner = Runner::of(args)?;
    let asked = values::pushed(&given);
    if let Some(GitRef::Tag(_)) = asked {
        return Err(CliError::usage(
            "`--verify` stands for a push to a branch: runners start no tags alike",
        )
        .hint("leave --tag out, or name a branch"));
    }
    let mut checked = gate::read(path, &args.orbs, given, true)?;
    gate::pass(&mut checked, false, args.force, ui)?;
    let root = input::project_root(path);
    let pushed = asked.or_else(|| run::checked_out(&root));
    let Some(GitRef::Branch(branch)) = &pushed else {
        return Err(
            CliError::usage("no branch is checked out that the runs could stand for")
                .hint("say which one: --branch NAME"),
        );
    };
    let mut pipeline = std::mem::take(&mut checked.compiled.pipeline);
    let nonce = nonce();
    let program = std::env::current_exe()
        .map_err(|e| CliError::input(format!("cannot find this program itself: {e}")))?;
    let attaches = instrument(&mut pipeline, &nonce, &program);

    let copy = Copy::of(&root, Some(branch)).map_err(failed)?;
    let absolute = |p: &Path| p.canonicalize().map_err(|e| cannot("find", p, &e));
    let (project, whole) = (absolute(&root)?, absolute(path)?);
    let config = whole
        .strip_prefix(&project)
        .unwrap_or(Path::new(".circleci/config.yml"));
    let config = copy.root().join(config);
    write(&config, &emit(&pipeline).to_yaml())?;
    generate(args, &program, &copy, &config)?;
    // Both sides see the same files: what the runner needs is changed before they are committed.
    let commands = match &runner {
        Runner::Itself => Vec::new(),
        Runner::Program(words) => commands(args.to, words, args.verify_with.is_none(), &copy)?,
    };
    copy.commit().map_err(failed)?;

    let mut options = options(args, &copy, &pushed)?;
    reveal(&program, &mut options);
    let mut here = Here::new(&nonce);
    ui.talk("running the config here\n");
    run_here(&pipeline, &pushed, &options, &mut here)?;
    let mut there = There::new(&nonce);
    if matches!(runner, Runner::Itself) {
        ui.talk("running the rewritten config here\n");
        there.trees = rewritten(args, &config, &pushed, &options, &nonce)?;
    }
    if let Runner::Program(words) = &runner
        && let Some(program) = words.first().and_then(|word| find(word))
    {
        reveal(&program, &mut options);
    }
    // Each job has a home of its own there: what the runner keeps in its home it may see.
    options.host_env = std::env::vars_os().collect();
    options.store = copy.beside("store-of-the-runner");
    for command in &commands {
        ui.talk(&format!("running {command}\n"));
        there.run(command, &copy.root(), &options).map_err(failed)?;
    }
    let results = compare(&pipeline, &attaches, &here, &there.trees);
    show(&results, &there, ui)
}

/// What runs a target's files.
enum Runner {
    /// `holdall run`: the config is still one of the service.
    Itself,
    /// A program with the words that the user gave, or those that are known to serve.
    Program(Vec<String>),
}

impl Runner {
    fn of(args: &Args) -> Result<Self, CliError> {
        if let Some(given) = &args.verify_with {
            if matches!(args.to, Target::Circleci | Target::Shell) {
                return Err(CliError::usage(
                    "`--verify-with` belongs to `--to github` and `--to gitlab`: other targets need no runner",
                )
                .hint("leave it out"));
            }
            let words = words::split(given).filter(|w| !w.is_empty());
            let words = words.ok_or_else(|| {
                CliError::usage(format!("`--verify-with {given}` names no program"))
                    .hint("quote it as a shell does")
            })?;
            let first = words.first().map(String::as_str).unwrap_or_default();
            if find(first).is_none() {
                return Err(CliError::input(format!("there is no program `{first}`")));
            }
            return Ok(Self::Program(words));
        }
        let (program, words, hint): (&str, &[&str], &str) = match args.to {
            Target::Circleci => return Ok(Self::Itself),
            Target::Shell => ("sh", &["sh"], ""),
            Target::Github => (
                "act",
                &["act", "push"],
                "install act (https://nektosact.com), or name another runner of workflows with --verify-with",
            ),
            Target::Gitlab => (
                "gitlab-ci-local",
                &[
                    "gitlab-ci-local",
                    "--force-shell-executor",
                    "--shell-isolation",
                    "--no-artifacts-to-source",
                    "--no-color",
                    "--concurrency",
                    "1",
                ],
                "install it (`npm install --global gitlab-ci-local`; it needs rsync), or name another runner with --verify-with",
            ),
        };
        if find(program).is_none() {
            return Err(CliError::input(format!("`{program}` is not installed")).hint(hint));
        }
        Ok(Self::Program(
            words.iter().map(|w| (*w).to_owned()).collect(),
        ))
    }
}

/// Finds a program as a shell does.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|p| p.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|p| p.is_file())
}

/// Shows jobs a program, with what lies beside it, wherever it is.
fn reveal(program: &Path, options: &mut run::Options) {
    options
        .revealed
        .extend(program.parent().map(Path::to_owned));
    options.revealed.push(program.to_owned());
}

/// Returns what has to be started in the copy, one after the other; `own` says that it is the
/// runner that is known here, and not one that the user named.
fn commands(
    to: Target,
    words: &[String],
    own: bool,
    copy: &Copy,
) -> Result<Vec<Command>, CliError> {
    let with = |more: Vec<String>| Command([words, &more].concat());
    Ok(match to {
        Target::Gitlab => {
            let file = copy.root().join(".gitlab-ci.yml");
            let text = std::fs::read_to_string(&file).map_err(|e| cannot("read", &file, &e))?;
            let manual = manual(&text).into_iter();
            vec![with(
                manual.flat_map(|m| ["--manual".to_owned(), m]).collect(),
            )]
        }
        Target::Github => {
            let files = files(&copy.root(), ".github/workflows", "yml")?;
            let commands = files.into_iter().map(|f| match own {
                true => Ok(with(
                    [
                        act::on_this_machine(&copy.root().join(&f))?,
                        vec!["-W".to_owned(), f],
                    ]
                    .concat(),
                )),
                false => Ok(with(vec![f])),
            });
            commands.collect::<Result<_, CliError>>()?
        }
        _ => {
            let files = files(&copy.root(), ".holdall/shell", "sh")?;
            // Everybody is asked to approve, and does.
            let words = |f| with(vec![f, "--approve-all".to_owned()]);
            files.into_iter().map(words).collect()
        }
    })
}

/// Returns the jobs of a file of GitLab that wait for a person: all of them are approved.
fn manual(text: &str) -> Vec<String> {
    let Ok(serde_yaml::Value::Mapping(jobs)) = serde_yaml::from_str(text) else {
        return Vec::new();
    };
    let is =
        |value: &serde_yaml::Value| value.get("when").and_then(|w| w.as_str()) == Some("manual");
    let waits = |job: &serde_yaml::Value| {
        let rules = job.get("rules").and_then(|r| r.as_sequence());
        is(job) || rules.is_some_and(|rules| rules.iter().any(is))
    };
    let named = jobs.iter().filter(|(_, job)| waits(job));
    named
        .filter_map(|(name, _)| name.as_str().map(str::to_owned))
        .collect()
}

/// Returns the files of a folder with an ending, sorted, as paths from the root.
fn files(root: &Path, folder: &str, ending: &str) -> Result<Vec<String>, CliError> {
    let dir = root.join(folder);
    let mut out = Vec::new();
    let entries = match std::fs::read_dir(&dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(out),
        entries => entries.map_err(|e| cannot("read", &dir, &e))?,
    };
    for entry in entries {
        let name = entry.map_err(|e| cannot("read", &dir, &e))?.file_name();
        let name = name.to_string_lossy();
        if Path::new(name.as_ref())
            .extension()
            .is_some_and(|e| e == ending)
        {
            out.push(format!("{folder}/{name}"));
        }
    }
    out.sort();
    Ok(out)
}

/// Writes what the target is given of the config in the copy, as the command line would.
fn generate(args: &Args, program: &Path, copy: &Copy, config: &Path) -> Result<(), CliError> {
    let root = copy.root();
    // What the project has of its own is not what is verified.
    for folder in [".github/workflows", ".holdall/shell"] {
        match std::fs::remove_dir_all(root.join(folder)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot("empty", &root.join(folder), &e));
            }
            _ => {}
        }
    }
    let to = match args.to {
        Target::Circleci => "circleci",
        Target::Shell => "shell",
        Target::Github => "github",
        Target::Gitlab => "gitlab",
    };
    let mut command = std::process::Command::new(program);
    command.current_dir(&root);
    command.args(["transpile", "--quiet", "--force", "--to", to, "--output"]);
    command.arg(&root).arg(config);
    if args.runtime == RuntimeArg::Binary {
        command.args(["--runtime", "binary"]);
    }
    if let Some(store) = &args.store {
        command.args(["--store", store]);
    }
    let out = command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|e| CliError::input(format!("cannot start {}: {e}", program.display())))?;
    if out.status.success() {
        return Ok(());
    }
    let mut error = CliError::found("nothing can be verified: the target does not take the config");
    let said = String::from_utf8_lossy(&out.stderr).trim().to_owned();
    error.notes.push(said);
    Err(error)
}

fn options(args: &Args, copy: &Copy, pushed: &Option<GitRef>) -> Result<run::Options, CliError> {
    let mut options = run::Options::new(copy.root());
    options.store = copy.beside("store");
    options.runs = copy.beside("runs");
    options.pushed.clone_from(pushed);
    options.isolation = !args.no_isolation;
    crate::cli::engine::set(&mut options, args.engine, &args.image)?;
    // What is in the user's home has nothing to do with what a job attaches.
    options.host_env.retain(|(name, _)| name != "HOME");
    options
        .host_env
        .push(("HOME".into(), copy.home().into_os_string()));
    options.cancel = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&options.cancel))
            .map_err(|e| CliError::input(format!("cannot listen for Ctrl-C: {e}")))?;
    }
    Ok(options)
}

/// Runs every workflow whose condition holds as its filters leave it.
fn run_here(
    pipeline: &Pipeline,
    pushed: &Option<GitRef>,
    options: &run::Options,
    here: &mut Here,
) -> Result<(), CliError> {
    for (w, workflow) in pipeline.workflows.iter().enumerate() {
        let all = 0..workflow.jobs.len();
        if workflow.condition.is_some() {
            for j in all {
                let why = "the condition of its workflow does not hold here";
                here.why_not.insert((w, j), why.to_owned());
            }
            continue;
        }
        let Some(pushed) = pushed else {
            continue;
        };
        let (kept, left) = workflow.for_push(pushed).map_err(|(job, _)| {
            let name = workflow.jobs.get(job).map_or("", |j| j.name.as_str());
            CliError::found(format!(
                "it cannot be said whether the filters of {name} let it run"
            ))
        })?;
        let places: Vec<JobIndex> = all.filter(|j| !left.contains(j)).collect();
        for j in left {
            let why = "its filters leave it out for this branch";
            here.why_not.insert((w, j), why.to_owned());
        }
        if kept.jobs.is_empty() {
            continue;
        }
        crate::verify::run(w, &kept, &places, options, here).map_err(failed)?;
    }
    if options.cancel.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(CliError::found("stopped before everything was compared"));
    }
    Ok(())
}

/// Runs the config that was rewritten in place.
fn rewritten(
    args: &Args,
    config: &Path,
    pushed: &Option<GitRef>,
    options: &run::Options,
    nonce: &str,
) -> Result<Trees, CliError> {
    let mut checked = gate::read(config, &args.orbs, Given::default(), true)?;
    let pipeline: Pipeline = std::mem::take(&mut checked.compiled.pipeline);
    let mut options = options.clone();
    options.store = options.store.with_file_name("store-of-the-rewritten");
    let mut there = Here::new(nonce);
    run_here(&pipeline, pushed, &options, &mut there)?;
    Ok(there.trees)
}

/// Prints what came of every job, and returns the exit status.
fn show(results: &[JobResult], there: &There, ui: &Ui) -> Result<u8, CliError> {
    let several = results.windows(2).any(|w| w[0].workflow != w[1].workflow);
    let name = |r: &JobResult| match several {
        true => format!("{}/{}", r.workflow, r.job),
        false => r.job.clone(),
    };
    let wide = results.iter().map(|r| name(r).chars().count()).max();
    let wide = wide.unwrap_or_default().max(3);
    let mut out = format!("{:wide$}  {:7}  what is attached\n", "job", "result");
    let (mut differs, mut compared) = (0_usize, 0_usize);
    for result in results {
        let (word, what) = match &result.verdict {
            Verdict::Nothing => ("-", "nothing".to_owned()),
            Verdict::Same {
                paths,
                refused,
                ended,
            } => {
                compared += 1;
                let mut what = same(*paths, *refused);
                if let Some(why) = ended {
                    what.push_str(&format!("; behind that, {why}"));
                }
                ("same", what)
            }
            Verdict::Differs(list) => {
                compared += 1;
                differs += 1;
                ("differs", differences(list, wide))
            }
            Verdict::NotRun(why) => ("not run", why.clone()),
        };
        out.push_str(&format!("{:wide$}  {word:7}  {what}\n", name(result)));
    }
    ui.out(&out)?;
    let attaches = results.iter().any(|r| r.verdict != Verdict::Nothing);
    if there.trees.is_empty() && attaches && !there.said.is_empty() {
        let said: Vec<String> = there.said.iter().cloned().collect();
        ui.note(&format!(
            "the last words of the runner:\n{}",
            said.join("\n")
        ));
    }
    if differs > 0 {
        return Ok(error::FOUND);
    }
    if compared == 0 && attaches {
        return Err(CliError::found("nothing could be compared"));
    }
    Ok(0)
}

fn same(paths: usize, refused: usize) -> String {
    let s = if paths == 1 { "" } else { "s" };
    match (paths, refused) {
        (_, 0) => format!("{paths} path{s}"),
        (0, _) => "refused by both".to_owned(),
        _ => format!("{paths} path{s}, and {refused} refused by both"),
    }
}

fn differences(list: &[crate::verify::Difference], wide: usize) -> String {
    let line = |d: &crate::verify::Difference| {
        let node = match d.node {
            0 => String::new(),
            n => format!(" (node {n})"),
        };
        match &d.path {
            Some(path) => format!("{path} below {}{node}: {}", d.at, d.what),
            None => format!("at {}{node}: {}", d.at, d.what),
        }
    };
    let mut lines: Vec<String> = list.iter().take(MOST_SHOWN).map(line).collect();
    if list.len() > MOST_SHOWN {
        lines.push(format!("and {} more", list.len() - MOST_SHOWN));
    }
    lines.join(&format!("\n{:1$}", "", wide + 11))
}

/// Returns a text that no other run has.
fn nonce() -> String {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, &e))?;
    }
    std::fs::write(path, text).map_err(|e| cannot("write", path, &e))
}

fn cannot(what: &str, path: &Path, why: &std::io::Error) -> CliError {
    CliError::input(format!("cannot {what} {}: {why}", path.display()))
}

fn failed(wrong: VerifyError) -> CliError {
    let code = match &wrong {
        VerifyError::Run(
            RunError::Isolation { .. } | RunError::Engine { .. } | RunError::Platform,
        ) => error::USAGE,
        VerifyError::Run(RunError::Cycle(_) | RunError::UnknownRequirement { .. }) => error::FOUND,
        VerifyError::Run(RunError::Agent { .. }) => error::DEFECT,
        _ => error::INPUT,
    };
    let hint = match &wrong {
        VerifyError::Run(wrong) => wrong.hint(),
        _ => None,
    };
    let said = CliError::new(code, wrong.to_string());
    match hint {
        Some(hint) => said.hint(hint),
        None => said,
    }
}
