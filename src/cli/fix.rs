//! `holdall lint --fix` and `--diff`: configs are mended and written whole, or shown as they would
//! be. One that cannot be written stays as it is and stops no other.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::CliError;
use super::write::Draft;
use crate::circleci::GivenError;
use crate::finding::Report;
use crate::lint::{self, Checked, Fixed};
use crate::yaml::Source;

/// What is to be mended.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Fixes")]
pub(crate) struct FixArgs {
    /// Mend findings and write the configs; of `-` the text is printed.
    #[arg(long)]
    fix: bool,

    /// With --fix or --diff: also fixes that are a guess, or change what the config does.
    #[arg(long = "unsafe")]
    unsafe_too: bool,

    /// Print what --fix would change as a unified diff, and write nothing.
    #[arg(long, conflicts_with_all = ["format", "update_baseline"])]
    diff: bool,
}

/// What came of one config.
pub(crate) struct Mended {
    /// The findings of what stands in the file once this is settled.
    pub(crate) report: Report,
    /// Given values that the config does not take.
    pub(crate) refused: Vec<GivenError>,
    /// What goes to stdout: a diff, or the text of stdin.
    pub(crate) out: String,
    /// What is to be said about it.
    pub(crate) said: String,
    change: Option<Change>,
}

/// A file that is to be written.
struct Change {
    path: PathBuf,
    before: String,
    after: String,
    /// The findings of the text before.
    unmended: Report,
}

impl Mended {
    fn of(checked: Checked) -> Self {
        Self {
            report: checked.report,
            refused: checked.compiled.refused,
            out: String::new(),
            said: String::new(),
            change: None,
        }
    }

    /// Writes the file, if it is to be written; what cannot be written is as it was.
    pub(crate) fn settle(&mut self) -> Result<(), CliError> {
        let Some(change) = self.change.take() else {
            return Ok(());
        };
        let written = write(&change.path, &change.before, &change.after);
        if written.is_err() {
            self.report = change.unmended;
            self.said.clear();
        }
        written
    }
}

impl FixArgs {
    /// Says where options do not go together.
    pub(crate) fn make_sense(&self) -> Result<(), CliError> {
        if self.unsafe_too && !self.fix && !self.diff {
            return Err(CliError::usage("`--unsafe` alone mends nothing")
                .hint("add `--fix` to write the fixes, or `--diff` to see them"));
        }
        Ok(())
    }

    /// Returns what is to be mended where the settings ask for unsafe fixes too.
    pub(crate) fn or(&self, unsafe_too: bool) -> Self {
        Self {
            unsafe_too: self.unsafe_too || unsafe_too,
            ..self.clone()
        }
    }

    /// Says whether stdout holds a diff, and not the findings.
    pub(crate) fn prints_diff(&self) -> bool {
        self.diff
    }

    /// Checks a config, and mends its text as far as that is asked for; writes nothing yet. `offers`
    /// says that whoever reads the report may make its fixes: then they are tried before.
    pub(crate) fn mend(
        &self,
        path: &Path,
        source: Source,
        offers: bool,
        check: &dyn Fn(Source) -> Checked,
    ) -> Mended {
        let mut checked = check(source.clone());
        if !self.fix && !self.diff {
            if offers {
                lint::verify(&source, &mut checked, check);
            }
            return Mended::of(checked);
        }
        let first = source.clone();
        let mut fixed = lint::fix(source, self.unsafe_too, check);
        let after = fixed.text();
        let said = format!("{}{}", self.summary(&fixed, &first), left(&fixed, &first));
        if self.diff {
            return Mended {
                out: diff(&first.name(), first.text(), &after),
                said,
                ..Mended::of(checked)
            };
        }
        if offers {
            let now = Source::new(first.path(), after.as_str());
            lint::verify(&now, &mut fixed.checked, check);
        }
        let mut mended = Mended {
            said,
            ..Mended::of(fixed.checked)
        };
        if path == Path::new("-") {
            mended.out = after;
        } else if fixed.before.is_some() {
            mended.change = Some(Change {
                path: path.to_owned(),
                before: first.text().to_owned(),
                after,
                unmended: checked.report,
            });
        }
        mended
    }

    fn summary(&self, fixed: &Fixed, source: &Source) -> String {
        if fixed.fixed.is_empty() {
            return String::new();
        }
        let mut rules: Vec<(&str, usize)> = Vec::new();
        for rule in &fixed.fixed {
            match rules.iter_mut().find(|(name, _)| name == rule) {
                Some((_, n)) => *n += 1,
                None => rules.push((rule, 1)),
            }
        }
        rules.sort_unstable();
        let each: Vec<String> = rules
            .iter()
            .map(|(rule, n)| match n {
                1 => (*rule).to_owned(),
                n => format!("{rule} ({n} times)"),
            })
            .collect();
        let verb = if self.diff { "would fix" } else { "fixed" };
        format!("{}: {verb} {}\n", source.name(), each.join(", "))
    }
}

/// Says what could not be mended, and why.
fn left(fixed: &Fixed, source: &Source) -> String {
    fixed
        .left
        .iter()
        .map(|left| {
            let at = source.lines().position(source.text(), left.at.span.start);
            let (file, rule, why) = (source.name(), left.rule, &left.why);
            format!("{file}:{}: {rule} is not fixed: {why}\n", at.line)
        })
        .collect()
}

/// Returns the unified diff of two texts, with the name of the file on both sides; nothing where
/// they are the same.
fn diff(name: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .header(name, name)
        .to_string()
}

/// Puts a text into the place of a file's, all at once, with the mode that the file has.
fn write(path: &Path, before: &str, after: &str) -> Result<(), CliError> {
    let cannot = |what: &dyn std::fmt::Display| {
        CliError::input(format!("cannot write {}: {what}", path.display()))
            .hint("nothing of it was changed; `--diff` shows what would be")
    };
    // A link stays a link.
    let file = path.canonicalize().map_err(|e| cannot(&e))?;
    let meta = std::fs::metadata(&file).map_err(|e| cannot(&e))?;
    if meta.permissions().readonly() {
        return Err(cannot(&"it is read-only"));
    }
    let mut new = Draft::of(&file, false).map_err(|e| cannot(&e))?;
    let written = new.file().write_all(after.as_bytes());
    written.map_err(|e| cannot(&e))?;
    // Somebody may have saved the file since it was read.
    if std::fs::read(&file).map_err(|e| cannot(&e))? != before.as_bytes() {
        return Err(cannot(&"it has changed since it was read"));
    }
    new.put().map_err(|e| cannot(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.yml");
        std::fs::write(&file, "mine\n").unwrap();
        let error = write(&file, "yours\n", "new\n").unwrap_err();
        assert!(error.message.ends_with("it has changed since it was read"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_diff_has_nothing_where_nothing_changed() {
        assert_eq!(diff("a", "x\n", "x\n"), "");
        assert_eq!(
            diff("a", "x\n", "y\n"),
            "--- a\n+++ a\n@@ -1 +1 @@\n-x\n+y\n"
        );
    }
}
