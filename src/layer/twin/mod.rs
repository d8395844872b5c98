//! The shell twin: the layer format in POSIX sh, for machines that have no holdall. One script
//! for a person, and snippets that carry what one step needs. Only text is made here.
//!
//! Nothing that is made here holds `<<`, which a CircleCI config would take for a template.

use super::{Upstream, encode_job};

const COMMON: &str = include_str!("common.sh");
const PERSIST: &str = include_str!("persist.sh");
const ATTACH: &str = include_str!("attach.sh");
const CARRY: &str = include_str!("carry.sh");
const SCRIPT: &str = concat!(
    "#!/bin/sh\n",
    include_str!("common.sh"),
    include_str!("persist.sh"),
    include_str!("attach.sh"),
    include_str!("main.sh")
);

/// Returns the whole script, `holdall-layer.sh`: `persist STORE JOB ROOT PATH…`,
/// `attach STORE FOLDER JOB:BEFORE,…`, `tree FOLDER`.
#[must_use]
pub fn script() -> &'static str {
    SCRIPT
}

/// What a persist step does; the texts are taken as they are and quoted here.
#[derive(Debug, Clone)]
pub struct PersistCall<'a> {
    /// The store's folder, `~/…` and `file://` included; `HOLDALL_STORE` overrides it.
    pub store: &'a str,
    /// The job's name; where it is missing, `$CIRCLE_JOB` is.
    pub job: Option<&'a str>,
    /// The root, absolute, `~/…` or relative to the current folder.
    pub root: &'a str,
    /// Items in the `filepath.Match` dialect.
    pub paths: &'a [String],
}

/// Whose layers an attach step applies.
#[derive(Debug, Clone)]
pub enum AttachList<'a> {
    /// The step serves one job.
    One(&'a [Upstream]),
    /// The step serves several jobs: `$CIRCLE_JOB` chooses, and a name that is not listed fails.
    ByJob(&'a [(String, Vec<Upstream>)]),
}

/// What an attach step does; the texts are taken as they are and quoted here.
#[derive(Debug, Clone)]
pub struct AttachCall<'a> {
    /// The store's folder, `~/…` and `file://` included; `HOLDALL_STORE` overrides it.
    pub store: &'a str,
    /// The target, absolute, `~/…` or relative to the current folder; made where it is missing.
    pub at: &'a str,
    /// The upstream jobs in the order in which their layers apply.
    pub upstream: AttachList<'a>,
}

/// Returns a self-contained text that adds a layer: functions and one call, in a subshell, so
/// that nothing of it is left behind. Runs under any POSIX shell with or without `-e` and
/// `pipefail`, and reads nothing from standard input.
#[must_use]
pub fn persist_snippet(call: &PersistCall<'_>) -> String {
    format!("(\n{COMMON}{PERSIST}{}\n)\n", persist_call(call))
}

/// Returns a self-contained text that applies layers; see [`persist_snippet`].
#[must_use]
pub fn attach_snippet(call: &AttachCall<'_>) -> String {
    format!("(\n{COMMON}{ATTACH}{}\n)\n", attach_call(call))
}

/// What a script has to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `hl_persist STORE JOB ROOT PATH…`.
    Persist,
    /// `hl_attach STORE FOLDER JOB:BEFORE,…`.
    Attach,
    /// Both.
    Both,
}

/// Returns functions that carry layers between machines, for use after [`functions`]:
/// `hl_list STORE` prints what a store holds, `hl_pack STORE LIST TAR` writes what it has gained
/// since, `hl_take STORE TAR…` adds that to another store.
#[must_use]
pub fn carry_functions() -> &'static str {
    CARRY
}

/// Returns the functions that a script needs, for scripts that write their own calls.
#[must_use]
pub fn functions(verb: Verb) -> String {
    match verb {
        Verb::Persist => format!("{COMMON}{PERSIST}"),
        Verb::Attach => format!("{COMMON}{ATTACH}"),
        Verb::Both => format!("{COMMON}{PERSIST}{ATTACH}"),
    }
}

/// Returns the call that adds a layer, for use after [`functions`].
#[must_use]
pub fn persist_call(call: &PersistCall<'_>) -> String {
    let mut words = vec![
        "hl_persist".to_owned(),
        quote(call.store),
        quote(call.job.unwrap_or_default()),
        quote(call.root),
    ];
    words.extend(call.paths.iter().map(|path| quote(path)));
    words.join(" ")
}

/// Returns the call that applies layers, for use after [`functions`]. With
/// [`AttachList::ByJob`] it sets the positional parameters of the shell that runs it.
#[must_use]
pub fn attach_call(call: &AttachCall<'_>) -> String {
    let head = format!("hl_attach {} {}", quote(call.store), quote(call.at));
    match call.upstream {
        AttachList::One(upstream) => format!("{head}{}", words(upstream)),
        AttachList::ByJob(jobs) => {
            let mut text = "case ${CIRCLE_JOB:-} in\n".to_owned();
            for (job, upstream) in jobs {
                text.push_str(&format!("  {}) set --{} ;;\n", quote(job), words(upstream)));
            }
            text.push_str("  *) hl_die \"no layers are known for the job ${CIRCLE_JOB:-}\" ;;\n");
            text.push_str(&format!("esac\n{head} \"$@\""));
            text
        }
    }
}

fn words(upstream: &[Upstream]) -> String {
    upstream
        .iter()
        .map(|entry| {
            let after: Vec<String> = entry.after.iter().map(|job| encode_job(job)).collect();
            let spec = format!("{}:{}", encode_job(&entry.job), after.join(","));
            format!(" {}", quote(&spec))
        })
        .collect()
}

/// Quotes a text for a shell; `<<` is split by two quotes, which a shell does not see.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!(
        "'{}'",
        text.replace('\'', "'\\''")
            .replace("<<", "<''<")
            .replace("<<", "<''<")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_holds_what_circleci_takes_for_a_template() {
        assert!(!script().contains("<<"));
        assert!(!carry_functions().contains("<<"));
        let call = PersistCall {
            store: "~/store",
            job: None,
            root: "a<<<<b",
            paths: &["it's".to_owned(), "<<".to_owned()],
        };
        assert!(!persist_snippet(&call).contains("<<"));
        assert_eq!(
            persist_call(&call),
            "hl_persist '~/store' '' 'a<''<''<''<b' 'it'\\''s' '<''<'"
        );
    }

    #[test]
    fn a_list_for_several_jobs_is_chosen_by_name() {
        let list = |job: &str, after: &[&str]| Upstream {
            job: job.to_owned(),
            after: after.iter().map(|job| (*job).to_owned()).collect(),
        };
        let jobs = [
            ("test".to_owned(), vec![list("build", &[])]),
            (
                "ship it".to_owned(),
                vec![list("build", &[]), list("a b", &["build"])],
            ),
        ];
        let call = AttachCall {
            store: "s",
            at: "~/out",
            upstream: AttachList::ByJob(&jobs),
        };
        let text = attach_call(&call);
        assert!(text.contains("  test) set -- build: ;;\n"), "{text}");
        assert!(
            text.contains("  'ship it') set -- build: a%20b:build ;;\n"),
            "{text}"
        );
        assert!(text.ends_with("hl_attach s '~/out' \"$@\""), "{text}");
    }

    #[test]
    fn snippets_stay_short_enough_to_read() {
        let lines = |text: &str| text.lines().count();
        assert!(lines(COMMON) + lines(ATTACH) <= 150);
        assert!(lines(COMMON) + lines(PERSIST) <= 170);
    }
}
