//! `docs/migration-coverage.md` is made of what `holdall transpile` reports: of the real configs of
//! the shared corpus, and of a small config for everything that configs can say.
//! `docs/update` writes it anew.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

/// The targets, with what each needs to be told.
const TARGETS: [(&str, &[&str]); 4] = [
    ("github", &[]),
    ("gitlab", &[]),
    ("shell", &[]),
    ("circleci", &["--store", "/mnt/workspaces"]),
];

const PAGE: &str = "docs/migration-coverage.md";
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- end of figures -->\n";

/// What `tests/coverage/rows.yml` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    table: String,
    #[serde(default)]
    rows: Vec<Row>,
    /// Built-in variables, each read by a step.
    #[serde(default)]
    variables: Vec<String>,
    /// Whether it is the table of all values of the pipeline.
    #[serde(default)]
    values: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Row {
    row: String,
    /// The keys of the items that it is about.
    look: Vec<String>,
    #[serde(default)]
    top: String,
    #[serde(default)]
    workflow: String,
    #[serde(default)]
    jobs: String,
    #[serde(default)]
    define: String,
    #[serde(default)]
    job: String,
    #[serde(default)]
    steps: String,
}

impl Row {
    /// Returns the config around the parts of the row.
    fn config(&self) -> String {
        let or = |text: &str, default: &str| match text.is_empty() {
            true => default.to_owned(),
            false => text.to_owned(),
        };
        let place = ["docker:", "machine:", "macos:", "executor:"];
        let job = match place.iter().any(|key| self.job.contains(key)) {
            true => self.job.clone(),
            false => format!("docker: [{{image: 'cimg/base:2024.01'}}]\n{}", self.job),
        };
        format!(
            "version: 2.1\n{}\njobs:\n  a: {{docker: [{{image: 'cimg/base:2024.01'}}], steps: [run: make]}}\n  b: {{docker: [{{image: 'cimg/base:2024.01'}}], steps: [run: make]}}\n{}  it:\n{}    steps:\n{}workflows:\n  main:\n{}    jobs:\n{}",
            self.top,
            indented(&self.define, 2),
            indented(&job, 4),
            indented(&or(&self.steps, "- run: make"), 6),
            indented(&self.workflow, 4),
            indented(&or(&self.jobs, "- it"), 6),
        )
    }
}

fn indented(text: &str, by: usize) -> String {
    let lines = text.lines().filter(|l| !l.is_empty());
    lines.map(|line| format!("{:by$}{line}\n", "")).collect()
}

/// An item of a report: its key, its outcome and its note.
type Item = (String, String, String);

/// What a target made of a config.
enum Made {
    /// The report's items.
    Items(Vec<Item>),
    /// It writes nothing, and says this.
    Refused(String),
    /// It writes files, and no report.
    Unreported,
}

fn transpile(config: &Path, (target, more): (&str, &[&str])) -> Made {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.md");
    let call = |report: Option<&Path>| {
        let mut command = common::holdall();
        command
            .arg("transpile")
            .arg(config)
            .args(["--to", target, "--force"]);
        command.args(more).arg("--output").arg(dir.path());
        command.args(report.iter().flat_map(|r| [Path::new("--report"), *r]));
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        (out.status.code(), said)
    };
    let (code, said) = call(Some(&report));
    let unreported = code == Some(2) && said.contains("--report");
    let (code, said) = match unreported {
        true => call(None),
        false => (code, said),
    };
    match code {
        Some(0) if unreported => Made::Unreported,
        Some(0) => {
            let json = std::fs::read(report.with_extension("json")).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let part = |item: &serde_json::Value, key: &str| {
                item[key].as_str().unwrap_or_default().to_owned()
            };
            let items = json["items"].as_array().unwrap().iter();
            let items = items.map(|i| (part(i, "key"), part(i, "outcome"), part(i, "note")));
            Made::Items(items.collect())
        }
        // A refusal is said; a defect is none.
        Some(1) => {
            // The first finding says more than that nothing was written.
            let finding = said.lines().find_map(|l| l.trim().strip_prefix("× "));
            let error = || said.lines().find(|line| line.starts_with("error"));
            Made::Refused(finding.or_else(error).unwrap_or_default().to_owned())
        }
        code => panic!("{}: {code:?} {said}", config.display()),
    }
}

/// A page while it is written: the notes of a table are listed below it, each once.
#[derive(Default)]
struct Page {
    text: String,
    notes: Vec<String>,
}

impl Page {
    fn table(&mut self, title: &str, first: &str) {
        let names: String = TARGETS
            .iter()
            .map(|(name, _)| format!(" {name} |"))
            .collect();
        let lines = "|---".repeat(TARGETS.len());
        let _ = write!(
            self.text,
            "\n## {title}\n\n| {first} |{names}\n|---{lines}|\n"
        );
    }

    fn row(&mut self, title: &str, cells: &[String]) {
        let _ = writeln!(self.text, "| {title} | {} |", cells.join(" | "));
    }

    /// Returns the cell of the worst of these items.
    fn cell(&mut self, items: &[&Item]) -> String {
        let rank = |outcome: &str| {
            ["converted", "approximated", "manual"]
                .iter()
                .position(|o| *o == outcome)
                .unwrap()
        };
        let Some(worst) = items.iter().map(|i| rank(&i.1)).max() else {
            return "–".to_owned();
        };
        let mut numbers = Vec::new();
        for (_, _, note) in items.iter().filter(|i| rank(&i.1) == worst) {
            if !note.is_empty() {
                numbers.push(self.note(note));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let numbers: Vec<String> = numbers.iter().map(|n| format!("[{n}]")).collect();
        let word = ["converted", "approximated", "manual"][worst];
        match numbers.is_empty() {
            true => word.to_owned(),
            false => format!("{word} {}", numbers.join(" ")),
        }
    }

    fn note(&mut self, note: &str) -> usize {
        let at = self.notes.iter().position(|n| n == note);
        at.unwrap_or_else(|| {
            self.notes.push(note.to_owned());
            self.notes.len() - 1
        }) + 1
    }

    fn end(&mut self) {
        for (i, note) in std::mem::take(&mut self.notes).iter().enumerate() {
            let before = if i == 0 { "\n" } else { "" };
            let _ = writeln!(self.text, "{before}{}. {note}", i + 1);
        }
    }
}

/// Returns what each target makes of a config.
fn made(dir: &Path, config: &str) -> Vec<Made> {
    let path = dir.join("config.yml");
    std::fs::write(&path, config).unwrap();
    TARGETS.iter().map(|t| transpile(&path, *t)).collect()
}

fn rows(page: &mut Page, dir: &Path, table: &Table) {
    page.table(&table.table, "what the config says");
    let mut silent = Vec::new();
    for row in &table.rows {
        let mut cells = Vec::new();
        for (made, (target, _)) in made(dir, &row.config()).iter().zip(TARGETS) {
            cells.push(match made {
                Made::Items(items) => {
                    let mine: Vec<&Item> = items
                        .iter()
                        .filter(|(key, ..)| row.look.contains(key))
                        .collect();
                    if mine.is_empty() {
                        silent.push(format!("{target}: {}: {items:?}", row.row));
                    }
                    page.cell(&mine)
                }
                Made::Refused(said) => format!("refused [{}]", page.note(said)),
                Made::Unreported => "written".to_owned(),
            });
        }
        page.row(&row.row, &cells);
    }
    page.end();
    assert!(
        silent.is_empty(),
        "no item has a key that is looked for: {}",
        silent.join("\n")
    );
}

/// Writes a table of names that one step each reads.
fn names(page: &mut Page, dir: &Path, names: &[String], script: impl Fn(&str) -> String) {
    let steps: Vec<String> = names
        .iter()
        .map(|name| format!("- run: {}", serde_json::to_string(&script(name)).unwrap()))
        .collect();
    let row = Row {
        steps: steps.join("\n"),
        ..Row::default()
    };
    let all = made(dir, &row.config());
    for (i, name) in names.iter().enumerate() {
        let cells: Vec<String> = all
            .iter()
            .map(|made| match made {
                Made::Items(items) => {
                    let runs: Vec<&Item> = items.iter().filter(|i| i.0 == "run").collect();
                    assert_eq!(runs.len(), names.len());
                    page.cell(&runs[i..=i])
                }
                Made::Refused(said) => format!("refused [{}]", page.note(said)),
                Made::Unreported => "written".to_owned(),
            })
            .collect();
        page.row(&format!("`{name}`"), &cells);
    }
    page.end();
}

/// Returns the names of all values of a pipeline.
fn pipeline_values() -> Vec<String> {
    let table = include_str!("../src/circleci/data/pipeline-values.tsv");
    let lines = table
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty());
    let names = lines.map(|line| line.split('\t').next().unwrap());
    names.map(|name| name.replace(".*", ".x")).collect()
}

/// Measures the real configs.
fn figures(configs: &[std::path::PathBuf]) -> String {
    let mut out = format!(
        "Of {} public configs, of which a third are older versions, with `--force`, so that findings stop nothing:\n\n| target | written | refused | items | converted | approximated | manual |\n|---|---|---|---|---|---|---|\n",
        configs.len()
    );
    for target in TARGETS {
        let (mut written, mut refused, mut reported) = (0, 0, false);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for config in configs {
            match transpile(config, target) {
                Made::Items(items) => {
                    reported = true;
                    written += 1;
                    for (_, outcome, _) in items {
                        *counts.entry(outcome).or_default() += 1;
                    }
                }
                Made::Unreported => written += 1,
                Made::Refused(_) => refused += 1,
            }
        }
        let total: usize = counts.values().sum();
        let count = |outcome: &str| {
            let n = counts.get(outcome).copied().unwrap_or_default();
            // Tenths of a percent, rounded down.
            let tenths = n * 1000 / total.max(1);
            match reported {
                true => format!("{n} ({}.{} %)", tenths / 10, tenths % 10),
                false => "–".to_owned(),
            }
        };
        let items = if reported {
            total.to_string()
        } else {
            "–".to_owned()
        };
        let _ = writeln!(
            out,
            "| {} | {written} | {refused} | {items} | {} | {} | {} |",
            target.0,
            count("converted"),
            count("approximated"),
            count("manual")
        );
    }
    out
}

#[test]
fn the_page_of_what_migrations_carry_is_current() {
    let path = common::root().join(PAGE);
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let measured = match common::shared("the figures of the corpus in docs/migration-coverage.md") {
        Some(shared) => figures(&common::real_configs(&shared)),
        // What they were.
        None => {
            let after = there.split_once(BEGIN).map(|(_, after)| after);
            let figures = after.and_then(|after| after.split_once(END));
            figures.map_or_else(String::new, |(figures, _)| figures.to_owned())
        }
    };
    let text = format!(
        "# What a migration carries\n\nWritten by `docs/update`; a test holds it to what `holdall transpile` reports.\n`migrating.md` says what the words mean.\n\n{BEGIN}{measured}{END}\nBelow, each row is a small config (`tests/coverage/rows.yml`), and each cell what the report says of it:\nthe numbers are the notes below the table. A dash stands where a target's report has no such item.\n"
    );
    let mut page = Page {
        text,
        ..Page::default()
    };
    let tables: Vec<Table> = serde_yaml::from_str(include_str!("coverage/rows.yml")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for table in &tables {
        if table.values {
            page.table(&table.table, "read by a script");
            names(&mut page, dir.path(), &pipeline_values(), |name| {
                format!("echo << {name} >>")
            });
        } else if !table.variables.is_empty() {
            page.table(&table.table, "read by a script");
            names(&mut page, dir.path(), &table.variables, |name| {
                format!("echo ${name}")
            });
        } else {
            rows(&mut page, dir.path(), table);
        }
    }
    if std::env::var_os("HOLDALL_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page.text).unwrap();
        return;
    }
    let first = there.lines().zip(page.text.lines()).find(|(a, b)| a != b);
    assert!(
        there == page.text,
        "{PAGE} is not current (docs/update writes it anew): {first:?}"
    );
}
