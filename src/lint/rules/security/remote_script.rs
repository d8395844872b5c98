//! `remote-script`: a script is fetched and given to a shell at once: `curl … | sh`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

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
        let commands = &script.commands;
        for (i, command) in commands.iter().enumerate() {
            let fetches = matches!(command.program(), Some("curl" | "wget"));
            // The pipe may go through other programs first.
            let piped = commands[i..].iter().take_while(|c| c.piped).count();
            let runs = commands[i + 1..].iter().take(piped).find(|c| {
                let program = c.program().map(|p| p.rsplit('/').next().unwrap_or(p));
                let fed = c.arguments().iter().all(|a| {
                    a.text.starts_with('-')
                        || c.arguments()
                            .iter()
                            .any(|a| a.text == "-s" || a.text == "-")
                });
                program.is_some_and(|p| SHELLS.contains(&p)) && (fed || c.arguments().is_empty())
            });
            // What a commit's hash names is always the same text.
            let pinned = command.words.iter().any(|w| names_commit(&w.text));
            if let Some(shell) = runs.filter(|_| fetches && command.piped && !pinned) {
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

/// Says whether an address goes by a commit: of the pipeline itself, or by its whole hash.
fn names_commit(word: &str) -> bool {
    let whole = |part: &str| part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let own = |part: &str| matches!(part, "$CIRCLE_SHA1" | "${CIRCLE_SHA1}");
    word.contains("://") && word.split('/').any(|part| whole(part) || own(part))
}
