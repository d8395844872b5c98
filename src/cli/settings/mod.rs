//! `holdall.toml`: found upward from a config, to the repository's root. What the command line says
//! goes before it. A key that is not known is an error with its place and the nearest name.

mod keys;

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{CliError, input};
use crate::finding::{Severity, listed, nearest};
use crate::lint::{Level, Platform, Selection, SelectionError};
use crate::yaml::LineIndex;
use keys::{COMPILE, GRAPH, Key, Kind, LINT, RULE, TOP};

/// The file's name.
pub(crate) const FILE: &str = "holdall.toml";

/// What the settings say.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// The folder of the file: paths in it count from here.
    folder: PathBuf,
    /// Where orb sources are.
    pub(crate) orb_dir: Option<PathBuf>,
    /// What runs the pipelines.
    pub(crate) platform: Platform,
    /// How `lint`, `compile` and `graph` print.
    pub(crate) formats: Formats,
    /// Whether unsafe fixes are made too.
    pub(crate) unsafe_fixes: bool,
    /// The least severity that is shown.
    pub(crate) least: Option<Severity>,
    /// The least severity that fails; `Some(None)` where nothing does.
    pub(crate) fail_on: Option<Option<Severity>>,
    /// Whether shellcheck is asked about scripts.
    pub(crate) shellcheck: bool,
    /// The findings that are known.
    pub(crate) baseline: Option<PathBuf>,
    /// Configs that are not checked, by patterns of their paths below the folder.
    exclude: Vec<String>,
    /// Which rules count.
    pub(crate) selection: Selection,
}

/// How commands print, in their own words.
#[derive(Debug, Default)]
pub(crate) struct Formats {
    pub(crate) lint: Option<String>,
    pub(crate) compile: Option<String>,
    pub(crate) graph: Option<String>,
}

impl Settings {
    /// Reads the settings that hold for a config; the defaults where there are none.
    pub(crate) fn of(config: &Path) -> Result<Self, CliError> {
        let Some(file) = find(config) else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(&file)
            .map_err(|e| CliError::input(format!("cannot read {}: {e}", file.display())))?;
        Reader {
            file: &file,
            text: &text,
        }
        .read()
    }

    /// Says whether a config is left out.
    pub(crate) fn excludes(&self, config: &Path) -> bool {
        let Ok(config) = config.canonicalize() else {
            return false;
        };
        let Ok(below) = config.strip_prefix(&self.folder) else {
            return false;
        };
        let names: Vec<String> = below
            .iter()
            .map(|n| n.to_string_lossy().into_owned())
            .collect();
        self.exclude.iter().any(|pattern| {
            let parts: Vec<&str> = pattern.trim_end_matches('/').split('/').collect();
            // A pattern for a folder leaves out all that is in it.
            parts.len() <= names.len()
                && parts.iter().zip(&names).all(|(part, name)| {
                    crate::glob::Pattern::parse(part).is_ok_and(|p| p.matches(name.as_bytes()))
                })
        })
    }
}

/// Returns what a word of the settings means to a command; their table holds no other words.
pub(crate) fn word<T: clap::ValueEnum>(word: &Option<String>) -> Option<T> {
    T::from_str(word.as_deref()?, false).ok()
}

/// Returns the settings file nearest to a config, within its repository.
fn find(config: &Path) -> Option<PathBuf> {
    let folder = input::project_root(config).canonicalize().ok()?;
    for dir in folder.ancestors() {
        let file = dir.join(FILE);
        if file.is_file() {
            return Some(file);
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    None
}

struct Reader<'t> {
    file: &'t Path,
    text: &'t str,
}

type Table<'t> = DeTable<'t>;
type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Reader<'t> {
    fn error(&self, span: std::ops::Range<usize>, message: impl std::fmt::Display) -> CliError {
        let offset = u32::try_from(span.start).unwrap_or(u32::MAX);
        let place = LineIndex::new(self.text).position(self.text, offset);
        CliError::usage(format!(
            "{}:{}:{}: {message}",
            self.file.display(),
            place.line,
            place.column
        ))
    }

    fn read(&self) -> Result<Settings, CliError> {
        let table = Table::parse(self.text)
            .map_err(|e| self.error(e.span().unwrap_or(0..0), e.message()))?;
        let table = table.into_inner();
        self.known(&table, TOP, "the settings")?;
        let folder = self.file.parent().unwrap_or(Path::new(".")).to_path_buf();
        let mut settings = Settings {
            folder,
            ..Settings::default()
        };
        if let Some(value) = get(&table, "orb-dir") {
            settings.orb_dir = Some(settings.folder.join(self.text_of(value, "orb-dir")?));
        }
        if self.word(&table, TOP, "platform")? == Some("server") {
            settings.platform = Platform::Server;
        }
        for (section, keys) in [("compile", COMPILE), ("graph", GRAPH)] {
            let Some(value) = get(&table, section) else {
                continue;
            };
            let table = self.table(value, section)?;
            self.known(table, keys, &format!("`{section}`"))?;
            let format = self.word(table, keys, "format")?.map(str::to_owned);
            match section {
                "compile" => settings.formats.compile = format,
                _ => settings.formats.graph = format,
            }
        }
        if let Some(lint) = get(&table, "lint") {
            self.lint(self.table(lint, "lint")?, &mut settings)?;
        }
        Ok(settings)
    }

    fn lint(&self, table: &Table<'t>, settings: &mut Settings) -> Result<(), CliError> {
        self.known(table, LINT, "`lint`")?;
        settings.least = self.word(table, LINT, "level")?.map(|word| match word {
            "pedantic" => Severity::Info,
            _ => Severity::Warning,
        });
        settings.fail_on = self.word(table, LINT, "fail-on")?.map(|word| match word {
            "error" => Some(Severity::Error),
            "warning" => Some(Severity::Warning),
            "info" => Some(Severity::Info),
            _ => None,
        });
        settings.formats.lint = self.word(table, LINT, "format")?.map(str::to_owned);
        settings.unsafe_fixes = self.truth(table, "unsafe-fixes")?;
        settings.shellcheck = self.truth(table, "shellcheck")?;
        if let Some(value) = get(table, "baseline") {
            settings.baseline = Some(settings.folder.join(self.text_of(value, "baseline")?));
        }
        for (value, name) in self.texts(table, "select")? {
            let done = settings.selection.select(&name);
            done.map_err(|e| self.selection(value, &e))?;
        }
        for (value, name) in self.texts(table, "ignore")? {
            let done = settings.selection.ignore(&name);
            done.map_err(|e| self.selection(value, &e))?;
        }
        settings.exclude = self
            .texts(table, "exclude")?
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        if let Some(rules) = get(table, "rules") {
            for (name, value) in self.table(rules, "rules")? {
                let level = self.rule(name.get_ref(), value)?;
                let done = settings.selection.level(name.get_ref(), level);
                done.map_err(|e| self.error(name.span(), &e).hint(e.hint()))?;
            }
        }
        Ok(())
    }

    /// Reads `RULE = "level"` and `RULE = { level = "…", reason = "…" }`.
    fn rule(&self, name: &str, value: &Value<'t>) -> Result<Level, CliError> {
        let level = match value.get_ref() {
            DeValue::Table(table) => {
                self.known(table, RULE, &format!("rule `{name}`"))?;
                if let Some(reason) = get(table, "reason") {
                    self.text_of(reason, "reason")?;
                }
                get(table, "level").ok_or_else(|| {
                    self.error(value.span(), format!("rule `{name}` has no `level`"))
                        .hint("write `level = \"off\"`, `info`, `warning` or `error`")
                })?
            }
            _ => value,
        };
        let text = self.text_of(level, name)?;
        text.parse::<Level>().map_err(|e| self.selection(level, &e))
    }

    fn selection(&self, value: &Value<'t>, error: &SelectionError) -> CliError {
        self.error(value.span(), error).hint(error.hint())
    }

    fn known(&self, table: &Table<'t>, keys: &[Key], of: &str) -> Result<(), CliError> {
        let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let error = self.error(key.span(), format!("there is no `{name}` in {of}"));
            return Err(match nearest(name, known.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("there are {}", listed(&known, 10))),
            });
        }
        Ok(())
    }

    fn table<'v>(&self, value: &'v Value<'t>, key: &str) -> Result<&'v Table<'t>, CliError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self
                .error(value.span(), format!("`{key}` is a table"))
                .hint(format!("write it below `[{key}]`"))),
        }
    }

    fn text_of<'v>(&self, value: &'v Value<'t>, key: &str) -> Result<&'v str, CliError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self
                .error(value.span(), format!("`{key}` is a text"))
                .hint("put it in quotes")),
        }
    }

    fn truth(&self, table: &Table<'t>, key: &str) -> Result<bool, CliError> {
        let Some(value) = get(table, key) else {
            return Ok(false);
        };
        match value.get_ref() {
            DeValue::Boolean(truth) => Ok(*truth),
            _ => Err(self
                .error(value.span(), format!("`{key}` is `true` or `false`"))
                .hint("write it without quotes")),
        }
    }

    /// Reads a key whose value is one of its words.
    fn word<'v>(
        &self,
        table: &'v Table<'t>,
        keys: &[Key],
        key: &str,
    ) -> Result<Option<&'v str>, CliError> {
        let Some(value) = get(table, key) else {
            return Ok(None);
        };
        let words = match keys.iter().find(|k| k.name == key).map(|k| &k.kind) {
            Some(Kind::Word(words)) => *words,
            _ => &[],
        };
        let text = self.text_of(value, key)?;
        if words.contains(&text) {
            return Ok(Some(text));
        }
        let message = format!("`{text}` is none of {}", listed(words, 10));
        let error = self.error(value.span(), message);
        Err(match nearest(text, words.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        })
    }

    fn texts<'v>(
        &self,
        table: &'v Table<'t>,
        key: &str,
    ) -> Result<Vec<(&'v Value<'t>, String)>, CliError> {
        let Some(value) = get(table, key) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self
                .error(value.span(), format!("`{key}` is a list of texts"))
                .hint(format!("write `{key} = [\"…\"]`")));
        };
        let each = items.iter();
        each.map(|item| Ok((item, self.text_of(item, key)?.to_owned())))
            .collect()
    }
}

fn get<'v, 't>(table: &'v Table<'t>, key: &str) -> Option<&'v Value<'t>> {
    table
        .iter()
        .find(|(name, _)| name.get_ref().as_ref() == key)
        .map(|(_, value)| value)
}
