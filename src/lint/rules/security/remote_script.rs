//! `remote-script`: a script is fetched and given to a shell at once: `curl … | sh`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::shell::Command;

declare_rule! {
    /// # What it does
    /// A script is fetched and given to a shell at once: `curl … | sh`.
    ///
    /// # Why is this bad
    /// Whatever the server answers runs with the secrets of the job; nobody has seen it, and it
    /// may be another one tomorrow.
    ///
    /// # Example
    /// ```yaml
    /// - run: curl -sSL https://example.com/install.sh | bash
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: |
    ///     curl -sSfLo install.sh https://example.com/install-1.2.sh
    ///     echo "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef  install.sh" | sha256sum -c
    ///     bash install.sh
    /// ```
    ///
    /// # What holdall cannot know
    /// Who runs the server.
    ///
    /// # References
    /// - https://owasp.org/www-project-top-10-ci-cd-security-risks/
    REMOTE_SCRIPT: "remote-script", Security, Warning, check
}

/// Programs that run what they read.
const SHELLS: [&str; 11] = [
    "sh", "bash", "zsh", "dash", "ash", "python", "python3", "ruby", "perl", "node", "php",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for script in context.scripts() {
        let shells = shells_behind(&script.commands);
        for (command, shell) in script.commands.iter().zip(shells) {
            let Some(shell) = shell else {
                continue;
            };
            let fetches = matches!(command.program(), Some("curl" | "wget"));
            // What a commit's hash names is always the same text.
            if fetches && !command.words.iter().any(|w| names_commit(&w.text)) {
                out.push(
                    REMOTE_SCRIPT
                        .finding("a fetched script is run unseen", script.command_at(command), "whatever comes from there")
                        .label(script.command_at(shell), "runs here")
                        .help("save it, compare its checksum, and run it then; or install the program from a package")
                        .done(),
                );
            }
        }
    }
}

/// Returns for each command the next shell of the same pipe that runs what it reads: the pipe may
/// go through other programs first.
fn shells_behind(commands: &[Command]) -> Vec<Option<&Command>> {
    let mut next = None;
    let mut behind = Vec::with_capacity(commands.len());
    for command in commands.iter().rev() {
        let shell = next.filter(|_| command.piped);
        behind.push(shell);
        next = if runs_input(command) {
            Some(command)
        } else {
            shell
        };
    }
    behind.reverse();
    behind
}

/// Says whether a command is a shell that runs what it reads.
fn runs_input(command: &Command) -> bool {
    let program = command.program().map(|p| p.rsplit('/').next().unwrap_or(p));
    let arguments = command.arguments();
    program.is_some_and(|p| SHELLS.contains(&p))
        && (arguments.iter().all(|a| a.text.starts_with('-'))
            || arguments.iter().any(|a| a.text == "-s" || a.text == "-"))
}

/// Says whether an address goes by a commit: of the pipeline itself, or by its whole hash.
fn names_commit(word: &str) -> bool {
    let whole = |part: &str| part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let own = |part: &str| matches!(part, "$CIRCLE_SHA1" | "${CIRCLE_SHA1}");
    word.contains("://") && word.split('/').any(|part| whole(part) || own(part))
}
