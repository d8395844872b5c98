//! What a checker of shell scripts has to say about the scripts of `run` steps. The checker is a
//! program of its own; who asks the linter lends it. It is shown each script with its templates
//! covered by words of the same length, so that its places are those of the script as it is
//! written, and what it says about such a word is left out.

use std::ops::Range;
use std::sync::Arc;

use super::context::{Context, runs};
use super::machine::on_windows;
use super::script::Script;
use crate::finding::Severity;
use crate::plan::{Job, RunStep};

/// A script for the checker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShellText {
    /// The script.
    pub text: String,
    /// What runs it.
    pub shell: ShellKind,
    /// Whether it ends with the first command that fails.
    pub stops: bool,
}

/// A shell that scripts are checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShellKind {
    /// The shell that POSIX describes.
    Sh,
    /// Bash.
    Bash,
    /// The one of Debian and Alpine, which knows `local`.
    Dash,
    /// The Korn shell.
    Ksh,
}

impl ShellKind {
    /// Reads the program that a command line or a `#!` line begins with; none for what is no shell
    /// that can be checked.
    fn of(line: &str) -> Option<Self> {
        let mut words = line.trim_start_matches("#!").split_whitespace();
        let named = |word: &str| {
            let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
            name.strip_suffix(".exe").unwrap_or(name).to_owned()
        };
        let mut name = named(words.next()?);
        if name == "env" {
            name = named(words.find(|word| !word.starts_with('-'))?);
        }
        match name.as_str() {
            "sh" => Some(Self::Sh),
            "bash" => Some(Self::Bash),
            "ash" | "dash" => Some(Self::Dash),
            "ksh" => Some(Self::Ksh),
            _ => None,
        }
    }
}

/// What the checker says about a piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The piece, in bytes.
    pub range: Range<usize>,
    /// How bad it is.
    pub severity: Severity,
    /// The number by which the checker knows it.
    pub code: u32,
    /// What it says.
    pub message: String,
}

/// A checker of shell scripts.
pub trait ShellChecker: Sync {
    /// Returns what there is to say about each of the scripts, in their order.
    fn check(&self, scripts: &[ShellText]) -> Vec<Arc<[Remark]>>;
}

/// A script of a config with a remark on it.
pub(super) struct Remarked {
    pub(super) script: std::rc::Rc<Script>,
    pub(super) remark: Remark,
}

/// Remarks that say that something is constant or used nowhere else, which a template on the same
/// lines may make wrong.
const OF_CONSTANTS: [u32; 11] = [
    2043, 2050, 2078, 2154, 2157, 2158, 2159, 2160, 2161, 2193, 2194,
];

/// Remarks on variables that another piece of the script may set or read: a template may be one.
const OF_VARIABLES: [u32; 4] = [2034, 2153, 2154, 2178];

/// Returns what the checker says about the scripts of a config, each script asked for once.
pub(super) fn all(context: &Context<'_>, checker: &dyn ShellChecker) -> Vec<Remarked> {
    let mut seen = std::collections::HashSet::new();
    let mut scripts = Vec::new();
    let mut texts = Vec::new();
    for job in context.jobs() {
        for (_, run) in runs(job) {
            if !seen.insert(run.command.written()) {
                continue;
            }
            let Some(script) = context.script(run) else {
                continue;
            };
            let Some((shell, stops)) = shell(job, run, &script) else {
                continue;
            };
            let templates = context.compiled.templates && !script.plain;
            let covered = cover(&script.text, templates);
            texts.push(ShellText {
                text: covered.text,
                shell,
                stops,
            });
            scripts.push((script, covered.templates, known(job, run)));
        }
    }
    if texts.is_empty() {
        return Vec::new();
    }
    let remarks = checker.check(&texts);
    let mut out = Vec::new();
    for ((script, templates, known), remarks) in scripts.into_iter().zip(remarks) {
        for remark in remarks.iter() {
            if rests_on(remark, &templates, &script.text) || set_outside(remark, &known) {
                continue;
            }
            out.push(Remarked {
                script: std::rc::Rc::clone(&script),
                remark: remark.clone(),
            });
        }
    }
    out
}

/// Returns what runs a script, and whether it stops at the first failure; none where that is no
/// shell that can be checked.
fn shell(job: &Job, run: &RunStep, script: &Script) -> Option<(ShellKind, bool)> {
    let said = run.shell.as_deref();
    let said = said.or_else(|| job.shell.as_ref().map(|s| s.value.as_str()));
    if let Some(line) = said.filter(|line| !line.trim().is_empty()) {
        let mut options = line.split_whitespace().skip(1);
        let stops = options.any(|o| {
            o == "errexit" || (o.starts_with('-') && !o.starts_with("--") && o.contains('e'))
        });
        return Some((ShellKind::of(line)?, stops));
    }
    if on_windows(job) == Some(true) {
        return None;
    }
    let first = script.text.lines().next().filter(|l| l.starts_with("#!"));
    // Without a word the service runs `/bin/bash -eo pipefail`.
    first
        .map_or(Some(ShellKind::Bash), ShellKind::of)
        .map(|shell| (shell, true))
}

/// Returns the variables that the config sets for a step.
fn known(job: &Job, run: &RunStep) -> Vec<String> {
    let set = job.environment.iter().chain(&run.environment);
    set.map(|v| v.name.clone()).collect()
}

/// Says whether a remark misses a variable that the config sets.
fn set_outside(remark: &Remark, known: &[String]) -> bool {
    let first = remark.message.split_whitespace().next().unwrap_or("");
    remark.code == 2154 && known.iter().any(|name| name == first)
}

/// A script with its templates covered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) text: String,
    templates: Vec<Range<usize>>,
}

/// Puts words of the same length in the place of `<< … >>` and `{{ … }}`.
pub(super) fn cover(script: &str, templates: bool) -> Covered {
    let mut bytes = script.as_bytes().to_vec();
    let mut covered: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(found) = script[at..].find(['<', '{']) {
        let start = at + found;
        let rest = &script[start..];
        let escaped = script[..start].ends_with('\\');
        if templates && rest.starts_with("<<") && escaped {
            // `\<<` is how a heredoc is written where templates are read.
            bytes[start - 1] = b' ';
            at = start + 2;
            continue;
        }
        let end = match rest.get(..2) {
            Some("<<") if templates => rest.find(">>").map(|i| start + i + 2),
            Some("{{") => rest
                .find("}}")
                .filter(|i| !rest[..*i].contains('\n'))
                .map(|i| start + i + 2),
            _ => None,
        };
        let Some(end) = end else {
            at = start + 1;
            continue;
        };
        for byte in &mut bytes[start..end] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'z';
            }
        }
        covered.push(start..end);
        at = end;
    }
    Covered {
        // Only whole characters were replaced.
        text: String::from_utf8(bytes).unwrap_or_else(|_| script.to_owned()),
        templates: covered,
    }
}

/// Says whether a remark is about a template, or may be wrong because of one.
fn rests_on(remark: &Remark, templates: &[Range<usize>], text: &str) -> bool {
    if templates.is_empty() {
        return false;
    }
    if OF_VARIABLES.contains(&remark.code) {
        return true;
    }
    let mut about = remark.range.clone();
    if OF_CONSTANTS.contains(&remark.code) {
        about.start = text[..about.start].rfind('\n').map_or(0, |i| i + 1);
        about.end = text[about.end..]
            .find('\n')
            .map_or(text.len(), |i| about.end + i);
    }
    templates
        .iter()
        .any(|t| t.start <= about.end && about.start <= t.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_covered_by_words_of_their_length() {
        let covered = cover("rm << parameters.ä >> {{ .x }} \\<<EOF ${a} {b}", true);
        assert_eq!(
            covered.text,
            "rm zzzzzzzzzzzzzzzzzzz zzzzzzzz  <<EOF ${a} {b}"
        );
        assert_eq!(covered.templates, [3..22, 23..31]);
        let plain = cover("cat <<EOF >>x", false);
        assert_eq!(
            (plain.text.as_str(), plain.templates.len()),
            ("cat <<EOF >>x", 0)
        );
        let open = cover("cat <<EOF\n{{\n}}", true);
        assert!(open.templates.is_empty());
    }

    #[test]
    fn any_text_keeps_its_length() {
        for text in [
            "<<",
            "\\<<",
            "<<>>",
            "{{}}",
            "<<\n>>",
            "ä<<ä>>ä",
            "<{<<>>",
            "\\\\<<a>>",
        ] {
            for templates in [true, false] {
                let covered = cover(text, templates);
                assert_eq!(covered.text.len(), text.len(), "{text}");
                assert_eq!(covered.text.lines().count(), text.lines().count());
            }
        }
    }

    #[test]
    fn what_rests_on_a_template_is_left_out() {
        let text = "if [ << x >> = a ]; then\n  rm $y\nfi";
        let templates = cover(text, true).templates;
        let remark = |code, range| Remark {
            range,
            severity: Severity::Warning,
            code,
            message: "y is referenced but not assigned.".to_owned(),
        };
        assert!(rests_on(&remark(2170, 5..12), &templates, text));
        assert!(rests_on(&remark(2050, 15..16), &templates, text));
        assert!(rests_on(&remark(2154, 30..32), &templates, text));
        assert!(!rests_on(&remark(2086, 30..32), &templates, text));
        assert!(set_outside(&remark(2154, 0..1), &["y".to_owned()]));
    }

    #[test]
    fn a_shell_is_known_by_its_program() {
        assert_eq!(
            ShellKind::of("/bin/bash -eo pipefail"),
            Some(ShellKind::Bash)
        );
        assert_eq!(
            ShellKind::of("#!/usr/bin/env -S bash -e"),
            Some(ShellKind::Bash)
        );
        assert_eq!(ShellKind::of("/bin/ash"), Some(ShellKind::Dash));
        assert_eq!(ShellKind::of("bash.exe -e"), Some(ShellKind::Bash));
        assert_eq!(ShellKind::of("#!/usr/bin/env python3"), None);
        assert_eq!(ShellKind::of("powershell.exe"), None);
    }
}
