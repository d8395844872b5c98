//! `tls-verification-disabled`: a script switches off the check of certificates: `curl -k`,
//! `wget --no-check-certificate`, `git -c http.sslVerify=false`,
//! `NODE_TLS_REJECT_UNAUTHORIZED=0`.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::shell::{Command, Word};

declare_rule! {
    /// # What it does
    /// A script switches off the check of certificates: `curl -k`, `wget --no-check-certificate`,
    /// `git -c http.sslVerify=false`, `NODE_TLS_REJECT_UNAUTHORIZED=0`.
    ///
    /// # Why is this bad
    /// Whoever stands between the job and the server can answer in its place.
    ///
    /// # Example
    /// ```yaml
    /// - run: curl -k https://example.com/tool -o tool
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - run: curl -f https://example.com/tool -o tool
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the server is one of the job itself.
    ///
    /// # References
    /// - https://owasp.org/www-project-top-10-ci-cd-security-risks/
    TLS_VERIFICATION_DISABLED: "tls-verification-disabled", Security, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for script in context.scripts() {
        for command in &script.commands {
            let Some(word) = switch(command) else {
                continue;
            };
            // Variables that hold the address of a server of the job itself.
            let set = script.commands.iter().flat_map(|c| &c.words);
            let set = set.filter_map(|w| w.text.split_once('='));
            let holds = |name: &str| set.clone().any(|(n, value)| n == name && is_local(value));
            let local = command
                .words
                .iter()
                .any(|word| is_local(&word.text) || word.variables.iter().any(|v| holds(&v.name)));
            if !local {
                out.push(
                    TLS_VERIFICATION_DISABLED
                        .finding("certificates are not checked", script.at(word.range.clone()), "anybody may answer in the server's place")
                        .help("remove this; give a certificate of your own with `--cacert`, or the program's setting for it")
                        .done(),
                );
            }
        }
    }
}

/// Settings that switch the check off.
const SWITCHES: [&str; 5] = [
    "node_tls_reject_unauthorized=0",
    "git_ssl_no_verify=1",
    "git_ssl_no_verify=true",
    "http.sslverify=false",
    "pythonhttpsverify=0",
];

/// Says whether an address is one of the job's own machine.
fn is_local(text: &str) -> bool {
    ["://localhost", "://127.0.0.1", "://[::1]"]
        .iter()
        .any(|local| text.contains(local))
}

/// Returns the word that switches the check off.
fn switch(command: &Command) -> Option<&Word> {
    let words = command.words.iter();
    let set = words
        .clone()
        .find(|w| SWITCHES.iter().any(|s| w.text.eq_ignore_ascii_case(s)));
    if set.is_some() {
        return set;
    }
    let short = |w: &&Word, letter: char| {
        w.text.starts_with('-') && !w.text.starts_with("--") && w.text.contains(letter)
    };
    match command.program()? {
        "curl" => command.arguments().iter().find(|w| {
            w.text == "--insecure"
                || (short(w, 'k') && w.text[1..].chars().all(|c| c.is_ascii_alphabetic()))
        }),
        "wget" => command
            .arguments()
            .iter()
            .find(|w| w.text == "--no-check-certificate"),
        "npm" | "yarn" => {
            let off = command
                .arguments()
                .windows(2)
                .find(|p| p[0].text == "strict-ssl" && p[1].text == "false");
            off.map(|p| &p[0])
        }
        "git" => command
            .arguments()
            .windows(2)
            .find(|p| p[0].text.eq_ignore_ascii_case("http.sslverify") && p[1].text == "false")
            .map(|p| &p[0]),
        _ => None,
    }
}
