//! ShellCheck as a program beside this one: found, given scripts in batches, its answer read. Each
//! text is asked for once, however many configs have it.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use super::CliError;
use crate::finding::Severity;
use crate::lint::{Remark, ShellChecker, ShellKind, ShellText};

/// The program's name.
const PROGRAM: &str = "shellcheck";

/// Most scripts that one process is given: starting it costs about as much as five of them.
const BATCH: usize = 16;

/// How long a process may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files that a script reads are not there where it is checked.
const ABOUT_OTHER_FILES: &str = "SC1090,SC1091";

/// A `cd` that fails ends a script that stops at the first failure.
const WITHOUT_STOPPING: &str = "SC1090,SC1091,SC2103,SC2164";

/// The program, and what it has said so far.
pub(crate) struct Shellcheck {
    program: PathBuf,
    known: Mutex<HashMap<ShellText, Arc<[Remark]>>>,
    /// How many more processes may run at once.
    free: Mutex<usize>,
    freed: Condvar,
    failures: Mutex<Vec<String>>,
}

/// One of the program's comments.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    file: String,
    line: usize,
    end_line: usize,
    column: usize,
    end_column: usize,
    level: String,
    code: u32,
    message: String,
}

#[derive(Debug, serde::Deserialize)]
struct Answer {
    comments: Vec<Comment>,
}

impl Shellcheck {
    /// Looks for the program.
    pub(crate) fn find() -> Result<Self, CliError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
        let mut places = std::env::split_paths(&path).map(|dir| dir.join(&name));
        let program = places.find(|file| file.is_file()).ok_or_else(|| {
            CliError::input("`shellcheck` is not installed").hint(
                "install it (`apt-get install shellcheck`, `brew install shellcheck`, or from https://www.shellcheck.net), or leave out `--shellcheck`",
            )
        })?;
        Ok(Self {
            program,
            known: Mutex::default(),
            free: Mutex::new(std::thread::available_parallelism().map_or(1, NonZero::get)),
            freed: Condvar::new(),
            failures: Mutex::default(),
        })
    }

    /// Returns what went wrong.
    pub(crate) fn failures(&self) -> Vec<String> {
        lock(&self.failures).clone()
    }

    /// Asks about scripts that run in the same way.
    fn ask(&self, scripts: &[&ShellText]) {
        match self.answer(scripts) {
            Ok(remarks) => {
                let mut known = lock(&self.known);
                for (script, remarks) in scripts.iter().zip(remarks) {
                    known.insert((*script).clone(), remarks.into());
                }
            }
            Err(why) => match scripts {
                [] => {}
                [one] => {
                    lock(&self.known).insert((*one).clone(), Arc::default());
                    let lines = one.text.lines().count();
                    lock(&self.failures).push(format!(
                        "shellcheck did not check a script of {lines} lines: {why}"
                    ));
                }
                // One of them is the reason.
                several => several.iter().for_each(|one| self.ask(&[one])),
            },
        }
    }

    fn answer(&self, scripts: &[&ShellText]) -> Result<Vec<Vec<Remark>>, String> {
        let Some(first) = scripts.first() else {
            return Ok(Vec::new());
        };
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        for (i, script) in scripts.iter().enumerate() {
            std::fs::write(dir.path().join(i.to_string()), &script.text)
                .map_err(|e| e.to_string())?;
        }
        let shell = match first.shell {
            ShellKind::Sh => "sh",
            ShellKind::Bash => "bash",
            ShellKind::Dash => "dash",
            ShellKind::Ksh => "ksh",
        };
        let excluded = match first.stops {
            true => WITHOUT_STOPPING,
            false => ABOUT_OTHER_FILES,
        };
        let mut command = Command::new(&self.program);
        command
            .args([
                "--norc",
                "--format=json1",
                "--shell",
                shell,
                "--exclude",
                excluded,
            ])
            .args((0..scripts.len()).map(|i| i.to_string()));
        let out = {
            let _slot = self.slot();
            run(&mut command, dir.path())?
        };
        let answer: Answer =
            serde_json::from_slice(&out).map_err(|e| format!("its answer cannot be read: {e}"))?;
        let lines: Vec<Lines<'_>> = scripts.iter().map(|s| Lines::new(&s.text)).collect();
        let mut remarks: Vec<Vec<Remark>> = vec![Vec::new(); scripts.len()];
        for comment in answer.comments {
            let of = comment.file.parse::<usize>().ok();
            let Some((remarks, lines)) =
                of.and_then(|i| Some((remarks.get_mut(i)?, lines.get(i)?)))
            else {
                continue;
            };
            remarks.push(lines.remark(&comment));
        }
        Ok(remarks)
    }

    /// Waits until another process may run.
    fn slot(&self) -> Slot<'_> {
        let mut free = lock(&self.free);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Slot(self)
    }
}

/// A process that may run.
struct Slot<'s>(&'s Shellcheck);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ShellChecker for Shellcheck {
    fn check(&self, scripts: &[ShellText]) -> Vec<Arc<[Remark]>> {
        let mut groups: HashMap<(ShellKind, bool), Vec<&ShellText>> = HashMap::new();
        {
            let known = lock(&self.known);
            let mut seen = HashSet::new();
            let new = |s: &&ShellText| !known.contains_key(*s) && !s.text.trim().is_empty();
            for script in scripts.iter().filter(new).filter(|s| seen.insert(*s)) {
                groups
                    .entry((script.shell, script.stops))
                    .or_default()
                    .push(script);
            }
        }
        std::thread::scope(|scope| {
            for batch in groups.values().flat_map(|all| all.chunks(BATCH)) {
                // Of many configs this thread is one of several already.
                let builder = std::thread::Builder::new();
                if builder
                    .spawn_scoped(scope, move || self.ask(batch))
                    .is_err()
                {
                    self.ask(batch);
                }
            }
        });
        let known = lock(&self.known);
        let answers = scripts
            .iter()
            .map(|s| known.get(s).cloned().unwrap_or_default());
        answers.collect()
    }
}

/// Runs the program in a folder and returns what it prints, or says why there is nothing.
fn run(command: &mut Command, dir: &Path) -> Result<Vec<u8>, String> {
    let mut child = command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    let Some(mut stdout) = child.stdout.take() else {
        return Err("it has no output".to_owned());
    };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut out = Vec::new();
        let read = stdout.read_to_end(&mut out).map(|_| out);
        // Nobody listens any more where it took too long.
        let _ = send.send(read);
    });
    let read = receive.recv_timeout(PATIENCE);
    if read.is_err() {
        // One that has ended meanwhile cannot be killed.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    match read {
        Ok(Ok(out)) if matches!(status.code(), Some(0 | 1)) => Ok(out),
        Ok(Ok(_)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {} seconds", PATIENCE.as_secs())),
    }
}

/// The lines of a script, in which the program counts characters.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let breaks = text.match_indices('\n').map(|(i, _)| i + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// Returns the offset of a place; both numbers count from 1.
    fn offset(&self, line: usize, column: usize) -> usize {
        let index = line.saturating_sub(1);
        let Some(start) = self.starts.get(index) else {
            return self.text.len();
        };
        let end = self
            .starts
            .get(index + 1)
            .copied()
            .unwrap_or(self.text.len());
        let signs = self.text[*start..end].char_indices();
        let mut before = signs.skip(column.saturating_sub(1));
        before.next().map_or(end, |(i, _)| start + i)
    }

    fn remark(&self, comment: &Comment) -> Remark {
        let start = self.offset(comment.line, comment.column);
        let mut end = self.offset(comment.end_line, comment.end_column);
        if end <= start {
            let next = self.text[start..].chars().next().filter(|c| *c != '\n');
            end = start + next.map_or(0, char::len_utf8);
        }
        Remark {
            range: start..end,
            severity: match comment.level.as_str() {
                "error" => Severity::Error,
                "warning" => Severity::Warning,
                _ => Severity::Info,
            },
            code: comment.code,
            message: comment.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        let lines = Lines::new("a\n\täö$x\n");
        assert_eq!(lines.offset(2, 4), 7);
        assert_eq!(lines.offset(2, 99), 10);
        assert_eq!(lines.offset(9, 1), 10);
        assert_eq!(lines.offset(0, 0), 0);
    }

    #[test]
    fn a_point_is_the_character_that_it_points_at() {
        let comment = Comment {
            file: "0".to_owned(),
            line: 1,
            end_line: 1,
            column: 2,
            end_column: 2,
            level: "style".to_owned(),
            code: 1,
            message: String::new(),
        };
        let remark = Lines::new("xäy").remark(&comment);
        assert_eq!((remark.range, remark.severity), (1..3, Severity::Info));
    }
}
