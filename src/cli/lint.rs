//! `holdall lint`.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::ValueEnum;

use super::baseline::Baseline;
use super::fix::{FixArgs, Mended};
use super::orbs::OrbArgs;
use super::settings::{self, Settings};
use super::shellcheck::Shellcheck;
use super::ui::counted;
use super::values::{self, ValueArgs};
use super::{CliError, Ui, error, input, unpacked};
use crate::circleci::{Given, GivenError, Inputs, Unpacked};
use crate::finding::{self, Look, Report, Severity};
use crate::lint;
use crate::yaml::Source;

/// Check configs: structure, references, the graph, and the workspace data flow.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: holdall lint .circleci/config.yml --format json")]
pub(crate) struct Args {
    /// Configs and orb sources, or folders that hold them; `-` reads stdin. Default: .circleci/*.yml.
    paths: Vec<PathBuf>,

    #[command(flatten)]
    orbs: OrbArgs,

    /// How findings are printed. Default: `github` in GitHub Actions, else `human`.
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<Format>,

    /// Also print findings that a comment silences (json, jsonl, sarif).
    #[arg(long, help_heading = "Output")]
    show_suppressed: bool,

    /// Only these rules, groups or tags; may be repeated.
    #[arg(
        long,
        value_name = "RULE",
        value_delimiter = ',',
        help_heading = "Rules"
    )]
    select: Vec<String>,

    /// Not these rules, groups or tags; may be repeated.
    #[arg(
        long,
        value_name = "RULE",
        value_delimiter = ',',
        help_heading = "Rules"
    )]
    ignore: Vec<String>,

    /// Give rules another level: off, info, warning or error; may be repeated.
    #[arg(long, value_name = "RULE=LEVEL", help_heading = "Rules")]
    severity: Vec<String>,

    /// Also ask shellcheck about the scripts of `run` steps; it has to be installed.
    #[arg(long, help_heading = "Rules")]
    shellcheck: bool,

    /// Which findings are shown: `pedantic` adds those that are only worth knowing.
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,

    /// The least severity that makes the exit status 1. Default: error.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,

    /// Findings that are known, and not reported again.
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    baseline: Option<PathBuf>,

    /// Make all findings known: write them to the baseline.
    #[arg(long, help_heading = "Rules")]
    update_baseline: bool,

    #[command(flatten)]
    fixes: FixArgs,

    #[command(flatten)]
    values: ValueArgs,
}

/// Stack of a thread that checks configs, in bytes: as much as the main thread usually has.
const STACK: usize = 8 << 20;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Concise,
    Json,
    Jsonl,
    Sarif,
    Github,
    Gitlab,
    Junit,
    Checkstyle,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Default,
    Pedantic,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

pub(crate) fn run(args: &Args, ui: &mut Ui) -> Result<u8, CliError> {
    let given = args.values.given()?;
    let paths = input::discover(&args.paths)?;
    // Of several settings, those of the first config say what is asked of all of them.
    let first = match paths.first() {
        Some(path) => Settings::of(path)?,
        None => Settings::default(),
    };
    // Wrong rules on the command line are said before anything is read.
    let mut rules = first.selection.clone();
    choose(args, &mut rules)?;
    let baseline = args.baseline.clone().or_else(|| first.baseline.clone());
    let known = match &baseline {
        Some(path) if !args.update_baseline => Baseline::read(path)?,
        _ => Baseline::default(),
    };
    args.fixes.make_sense()?;
    let format = args.format(&first);
    let shell = shellcheck(args, &first, ui)?;
    let job = Job {
        args,
        shell: shell.as_ref(),
        offers: matches!(format, Format::Json | Format::Jsonl | Format::Sarif),
        frames: matches!(format, Format::Human).then(|| ui.look()),
        given: &given,
        least: args.least(&first),
        known: &known,
        checkouts: input::Checkouts::default(),
        folders: unpacked::Folders::default(),
    };
    let (all, mut unread) = job.checked(&paths, ui)?;
    for failure in shell.iter().flat_map(Shellcheck::failures) {
        unread = Some(ui.fail(&CliError::input(failure)));
    }
    let refused: Vec<_> = all.iter().map(|(m, _)| m.refused.clone()).collect();
    if let Some(error) = values::refused(&nobodys(&refused)) {
        return Err(error);
    }
    // Nothing is written before all that is asked for is known to make sense.
    let mut reports: Vec<Report> = Vec::new();
    let mut printed = String::new();
    let mut frames = String::new();
    for (mut mended, mut shown) in all {
        if let Err(error) = mended.settle() {
            unread = Some(ui.fail(&error));
            shown = job.shown(&mended.report);
        }
        ui.talk(&mended.said);
        printed.push_str(&mended.out);
        frames.push_str(&shown);
        let mut report = mended.report;
        if !args.show_suppressed {
            report.suppressed.clear();
        }
        reports.push(report);
    }
    if args.update_baseline {
        update(baseline.as_deref(), &reports, ui)?;
        return Ok(unread.unwrap_or(0));
    }
    let text = written(format, &reports, frames, &rules);
    // A diff has stdout for itself, and so has the text of stdin.
    if args.fixes.prints_diff() || !printed.is_empty() {
        ui.out(&printed)?;
        if !args.fixes.prints_diff() {
            ui.talk(&text);
        }
    } else {
        ui.out(&text)?;
    }
    let limit = args.limit(&first);
    let failed = limit.is_some_and(|l| reports.iter().any(|r| r.has(l)));
    Ok(unread.unwrap_or(if failed { error::FOUND } else { 0 }))
}

impl Args {
    /// Returns the format that is asked for; in GitHub's own CI, that of its annotations.
    fn format(&self, settings: &Settings) -> Format {
        let format = self
            .format
            .or_else(|| settings::word(&settings.formats.lint));
        format.unwrap_or_else(|| {
            match std::env::var_os("GITHUB_ACTIONS").is_some_and(|v| v == "true") {
                true => Format::Github,
                false => Format::Human,
            }
        })
    }

    /// Returns the least severity that is shown.
    fn least(&self, settings: &Settings) -> Severity {
        match self.level {
            Some(Level::Default) => Severity::Warning,
            Some(Level::Pedantic) => Severity::Info,
            None => settings.least.unwrap_or(Severity::Warning),
        }
    }

    /// Returns the least severity that the exit status tells of; none where it tells of no finding.
    fn limit(&self, settings: &Settings) -> Option<Severity> {
        match self.fail_on {
            Some(FailOn::Error) => Some(Severity::Error),
            Some(FailOn::Warning) => Some(Severity::Warning),
            Some(FailOn::Info) => Some(Severity::Info),
            Some(FailOn::Never) => None,
            None => settings.fail_on.unwrap_or(Some(Severity::Error)),
        }
    }
}

/// Makes all findings known.
fn update(baseline: Option<&Path>, reports: &[Report], ui: &Ui) -> Result<(), CliError> {
    let Some(path) = baseline else {
        return Err(CliError::usage("no baseline is named")
            .hint("add `--baseline FILE`, or `baseline` below `[lint]` in holdall.toml"));
    };
    let known = Baseline::of(reports);
    known.write(path)?;
    ui.talk(&format!(
        "{}: {} {} known now\n",
        path.display(),
        counted(known.len(), "finding", "findings"),
        if known.len() == 1 { "is" } else { "are" }
    ));
    Ok(())
}

/// Writes the reports in a format; `frames` is what a person is shown of them.
fn written(format: Format, reports: &[Report], frames: String, rules: &lint::Selection) -> String {
    match format {
        Format::Human if reports.is_empty() => String::new(),
        Format::Human => frames + &finding::summary(reports),
        Format::Concise => finding::concise(reports),
        Format::Json => finding::json(reports),
        Format::Jsonl => finding::jsonl(reports),
        Format::Sarif => finding::sarif(reports, &infos(rules)),
        Format::Github => finding::github(reports),
        Format::Gitlab => finding::gitlab(reports),
        Format::Junit => finding::junit(reports),
        Format::Checkstyle => finding::checkstyle(reports),
    }
}

/// What became of a config.
enum Done {
    /// It was checked; with what a person is shown of it.
    Checked(Box<Mended>, String),
    /// The settings say that it is none of ours.
    LeftOut,
    /// The settings are wrong.
    Wrong(CliError),
    /// It could not be read.
    Unread(CliError),
}

/// The configs that were checked, each with what a person is shown of it, and the exit status where
/// one could not be read.
type Round = (Vec<(Mended, String)>, Option<u8>);

/// What is asked of each config.
struct Job<'a> {
    args: &'a Args,
    given: &'a Given,
    least: Severity,
    known: &'a Baseline,
    checkouts: input::Checkouts,
    folders: unpacked::Folders,
    /// What checks scripts.
    shell: Option<&'a Shellcheck>,
    /// Whether the report carries the edits of fixes.
    offers: bool,
    /// How a person is shown findings, where one is.
    frames: Option<Look>,
}

impl Job<'_> {
    /// Checks configs; one that cannot be read is said, and does not stop the others.
    fn checked(&self, paths: &[PathBuf], ui: &Ui) -> Result<Round, CliError> {
        let mut checked = Vec::new();
        let mut unread = None;
        for done in self.all(paths) {
            match done {
                Done::Checked(mended, shown) => checked.push((*mended, shown)),
                Done::LeftOut => {}
                Done::Wrong(error) => return Err(error),
                Done::Unread(error) => unread = Some(ui.fail(&error)),
            }
        }
        Ok((checked, unread))
    }

    /// Checks configs on all processors; the answers are in the order of the paths.
    fn all(&self, paths: &[PathBuf]) -> Vec<Done> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(paths.len());
        if threads < 2 {
            return paths.iter().map(|path| self.one(path)).collect();
        }
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(i) else {
                    return done;
                };
                done.push((i, self.one(path)));
            }
        };
        let mut all: Vec<(usize, Done)> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|_| {
                    // What a config may nest needs more than a thread usually has.
                    let builder = std::thread::Builder::new().stack_size(STACK);
                    builder.spawn_scoped(scope, worker)
                })
                .collect();
            running
                .into_iter()
                .flat_map(|thread| match thread {
                    Ok(thread) => thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    // No thread is to be had: this one does it.
                    Err(_) => worker(),
                })
                .collect()
        });
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, done)| done).collect()
    }

    fn one(&self, path: &Path) -> Done {
        let settings = match Settings::of(path) {
            Ok(settings) if settings.excludes(path) => return Done::LeftOut,
            Ok(settings) => settings,
            Err(error) => return Done::Wrong(error),
        };
        let source = match input::read(path) {
            Ok(source) => source,
            Err(error) => return Done::Unread(error),
        };
        let orbs = self.args.orbs.sources_or(path, settings.orb_dir.clone());
        let folder = self.folders.of(path);
        let folder = folder.as_deref();
        let part = folder.and_then(|f| Some((f, f.part(path)?)));
        let others = part.map_or_else(Vec::new, |(folder, _)| folder.others(path));
        let include = |path: &str| folder.and_then(|f| f.include(path));
        let inputs = Inputs {
            unpacked: part.map(|(folder, part)| Unpacked {
                part,
                others: &others,
                broken: folder.is_broken(),
                include: &include,
            }),
            orbs: &orbs,
            given: self.given.clone(),
            part: true,
            ..Inputs::default()
        };
        let tracked = || self.checkouts.tracked(path);
        let mut selection = settings.selection;
        if let Err(error) = choose(self.args, &mut selection) {
            return Done::Wrong(error);
        }
        let options = lint::Options {
            least: self.least,
            tracked: Some(&tracked),
            selection: &selection,
            platform: settings.platform,
            shell: self.shell.map(|s| s as &dyn lint::ShellChecker),
        };
        let check = |source: Source| {
            let mut checked = lint::check_with(source, options, &inputs);
            // What is known is neither reported nor mended.
            self.known
                .drop_known(std::slice::from_mut(&mut checked.report));
            checked
        };
        let fixes = self.args.fixes.or(settings.unsafe_fixes);
        let mended = fixes.mend(path, source, self.offers, &check);
        let shown = self.shown(&mended.report);
        Done::Checked(Box::new(mended), shown)
    }

    /// Returns what a person is shown of a report.
    fn shown(&self, report: &Report) -> String {
        let look = self.frames;
        look.map_or_else(String::new, |look| finding::frames(report, look))
    }
}

/// Returns what checks scripts, if that is asked for. Settings may ask for it where it is not
/// installed: they are everybody's.
fn shellcheck(args: &Args, settings: &Settings, ui: &Ui) -> Result<Option<Shellcheck>, CliError> {
    if !args.shellcheck && !settings.shellcheck {
        return Ok(None);
    }
    match Shellcheck::find() {
        Err(error) if args.shellcheck => Err(error),
        Err(_) => {
            ui.note("`shellcheck` is not installed: scripts are not checked by it");
            Ok(None)
        }
        Ok(found) => Ok(Some(found)),
    }
}

/// Adds what the command line says of rules to what the settings say.
fn choose(args: &Args, selection: &mut lint::Selection) -> Result<(), CliError> {
    let wrong =
        |error: &lint::SelectionError| CliError::usage(error.to_string()).hint(error.hint());
    for name in &args.select {
        selection.select(name).map_err(|e| wrong(&e))?;
    }
    for name in &args.ignore {
        selection.ignore(name).map_err(|e| wrong(&e))?;
    }
    for pair in &args.severity {
        let Some((name, level)) = pair.split_once('=') else {
            return Err(CliError::usage(format!("`{pair}` names no level"))
                .hint("write RULE=LEVEL: `path-globstar=error`"));
        };
        let level = level.parse().map_err(|e| wrong(&e))?;
        selection.level(name, level).map_err(|e| wrong(&e))?;
    }
    Ok(())
}

/// Returns the rules that count, as reports show them.
fn infos(selection: &lint::Selection) -> Vec<finding::RuleInfo<'static>> {
    let asked = lint::rules().iter().filter(|r| selection.has(r));
    asked
        .map(|rule| finding::RuleInfo {
            name: rule.name,
            group: rule.group.as_str(),
            severity: rule.severity,
            summary: rule.summary(),
            docs: rule.markdown(),
        })
        .collect()
}

/// Returns what is wrong with given values: of several configs, such as one that sets up and the
/// one that it continues with, a parameter need be declared by one.
fn nobodys(refused: &[Vec<GivenError>]) -> Vec<GivenError> {
    let mut out: Vec<GivenError> = Vec::new();
    for error in refused.iter().flatten() {
        let name = match error {
            GivenError::UnknownParameter { name, .. } => Some(name),
            _ => None,
        };
        let same = |other: &GivenError| {
            other == error
                || matches!(other, GivenError::UnknownParameter { name: n, .. } if Some(n) == name)
        };
        let everywhere = refused.iter().all(|list| list.iter().any(same));
        if (name.is_none() || everywhere) && !out.iter().any(same) {
            out.push(error.clone());
        }
    }
    out
}
