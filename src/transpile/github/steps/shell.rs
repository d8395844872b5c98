//! Shells: how GitHub takes them, how a script in one reads variables, and scripts that run in the
//! background or again.

use crate::transpile::values::Dialect;

/// Returns a shell as GitHub takes it; nothing for the one that is the default.
pub(in super::super) fn shell(text: &str) -> Option<String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.last() == Some(&"-c") {
        words.pop();
    }
    match words.join(" ").as_str() {
        "" | "/bin/bash -eo pipefail" | "bash -eo pipefail" | "/bin/bash -e -o pipefail" => None,
        text => Some(format!("{text} {{0}}")),
    }
}

/// Returns how scripts in a shell read variables.
pub(super) fn dialect(shell: &str) -> Dialect {
    let first = shell.split_whitespace().next().unwrap_or_default();
    let name = first.rsplit(['/', '\\']).next().unwrap_or_default();
    match name.trim_end_matches(".exe") {
        "bash" | "sh" | "dash" | "ash" | "zsh" | "ksh" => Dialect::Posix,
        "powershell" | "pwsh" => Dialect::PowerShell,
        _ => Dialect::Other,
    }
}

/// Empties lines of blanks alone, which no block of YAML can hold; a heredoc's mean something.
pub(super) fn without_blanks(text: &str) -> String {
    if text.contains("<<") {
        return text.to_owned();
    }
    let lines = text
        .split('\n')
        .map(|line| match line.trim_matches([' ', '\t']) {
            "" => "",
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// A word that ends a heredoc and stands in none of its lines.
fn end_of(text: &str, word: &str) -> String {
    let mut end = word.to_owned();
    while text.lines().any(|l| l == end) {
        end.push('_');
    }
    end
}

/// Returns a script that starts another one and does not wait for it.
pub(super) fn in_background(text: &str, shell: &str, n: usize) -> String {
    let end = end_of(text, "STEP");
    let text = text.trim_end_matches('\n');
    format!(
        "cat >\"$RUNNER_TEMP/background-{n}\" <<'{end}'\n{text}\n{end}\nnohup {shell} \"$RUNNER_TEMP/background-{n}\" >\"$RUNNER_TEMP/background-{n}.log\" 2>&1 </dev/null &\n"
    )
}

/// Returns a script that runs another one again when it fails.
pub(super) fn rerun(text: &str, shell: &str, reruns: u32, delay: u64) -> String {
    let end = end_of(text, "STEP");
    let text = text.trim_end_matches('\n');
    format!(
        "cat >\"$RUNNER_TEMP/rerun\" <<'{end}'\n{text}\n{end}\nleft={reruns}\nuntil {shell} \"$RUNNER_TEMP/rerun\"; do\n  code=$?\n  if [ \"$left\" -eq 0 ]; then exit \"$code\"; fi\n  left=$((left - 1))\n  sleep {delay}\ndone\n"
    )
}
