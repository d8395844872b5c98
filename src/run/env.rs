//! The environment that the steps of a job start with.
//!
//! Jobs of the service see a clean environment, so only what describes the person and the
//! terminal is inherited; what configs set comes on top (circleci-semantics §5.7: step over job
//! over built-in over context). Values are literal: `$VAR` in them is expanded by no one.

use std::ffi::{OsStr, OsString};

use super::repo::Repo;
use crate::plan::{ExecutorKind, Job};

/// The inherited variables; `LC_*` belongs to them as well.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TZ",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What a person without any `PATH` gets: the folders that every system has.
const FALLBACK_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables in order; later entries win.
pub(crate) type Variables = Vec<(OsString, OsString)>;

/// What the built-in variables are made of.
pub(crate) struct Facts<'a> {
    pub(crate) run: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) job_id: &'a str,
    pub(crate) store: &'a OsStr,
    pub(crate) home: &'a OsStr,
    pub(crate) shell_env: &'a OsStr,
    /// The folder of the runner's own files, with the programs that scripts call in `bin`.
    pub(crate) private: &'a OsStr,
    pub(crate) node: u32,
    pub(crate) repo: &'a Repo,
    /// Whether an image brings what is inherited elsewhere: search path, home and the like.
    pub(crate) in_image: bool,
}

/// Returns the variables of a job, weakest first.
pub(crate) fn of_job(
    job: &Job,
    host: &[(OsString, OsString)],
    extra: &[(String, String)],
    facts: &Facts<'_>,
) -> Variables {
    let mut env = Variables::new();
    if !facts.in_image {
        env = with_programs(inherited(host).collect(), facts.private);
        env.push(("HOME".into(), facts.home.into()));
        env.push(("TMPDIR".into(), "/tmp".into()));
    }
    env.extend(
        extra
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    builtin(job, facts, &mut env);
    if let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind) {
        let first = images.first().map(|image| image.environment.as_slice());
        env.extend(of_config(first.unwrap_or_default()));
    }
    env.extend(of_config(&job.environment));
    env.retain(|(name, value)| is_possible(name, value));
    env
}

/// Returns what comes before the variables of a job in an image: those of the image itself.
#[cfg(target_os = "linux")]
pub(crate) fn of_image(image: Variables, private: &OsStr) -> Variables {
    with_programs(image, private)
}

/// Puts the folder of the programs that scripts call in front of the search path.
fn with_programs(mut env: Variables, private: &OsStr) -> Variables {
    if !env.iter().any(|(name, _)| name == "PATH") {
        env.push(("PATH".into(), FALLBACK_PATH.into()));
    }
    if let Some((_, path)) = env.iter_mut().rev().find(|(name, _)| name == "PATH") {
        let mut first = private.to_owned();
        first.push("/bin:");
        first.push(&*path);
        *path = first;
    }
    env
}

/// Returns variables as the config sets them, without those that no process can have.
pub(crate) fn of_config(
    list: &[crate::plan::EnvVar],
) -> impl Iterator<Item = (OsString, OsString)> + '_ {
    list.iter()
        .map(|var| (OsString::from(&var.name), OsString::from(&var.value.value)))
        .filter(|(name, value)| is_possible(name, value))
}

fn inherited(host: &[(OsString, OsString)]) -> impl Iterator<Item = (OsString, OsString)> + '_ {
    let passes = |name: &OsStr| {
        let name = name.to_string_lossy();
        INHERITED.contains(&name.as_ref()) || name.starts_with("LC_")
    };
    host.iter().filter(move |(name, _)| passes(name)).cloned()
}

fn builtin(job: &Job, facts: &Facts<'_>, env: &mut Variables) {
    let mut set = |name: &str, value: &OsStr| env.push((name.into(), value.into()));
    set("CI", "true".as_ref());
    set("CIRCLECI", "true".as_ref());
    set("CIRCLE_JOB", job.name.as_ref());
    set("CIRCLE_NODE_INDEX", facts.node.to_string().as_ref());
    set(
        "CIRCLE_NODE_TOTAL",
        job.parallelism.max(1).to_string().as_ref(),
    );
    set("CIRCLE_WORKFLOW_ID", facts.run.as_ref());
    set("CIRCLE_WORKFLOW_WORKSPACE_ID", facts.workspace.as_ref());
    set("CIRCLE_WORKFLOW_JOB_ID", facts.job_id.as_ref());
    set(
        "CIRCLE_WORKING_DIRECTORY",
        job.working_directory.value.as_ref(),
    );
    set("CIRCLE_SHELL_ENV", facts.shell_env);
    set("BASH_ENV", facts.shell_env);
    let repo = facts.repo;
    for (name, value) in [
        ("CIRCLE_BRANCH", &repo.branch),
        ("CIRCLE_TAG", &repo.tag),
        ("CIRCLE_SHA1", &repo.commit),
        ("CIRCLE_REPOSITORY_URL", &repo.origin),
    ] {
        if let Some(value) = value {
            set(name, value.as_ref());
        }
    }
    if let Some((owner, name)) = repo.slug() {
        set("CIRCLE_PROJECT_USERNAME", owner.as_ref());
        set("CIRCLE_PROJECT_REPONAME", name.as_ref());
    }
    let mut halt = facts.private.to_owned();
    halt.push("/halt");
    set("HOLDALL_HALT", &halt);
    set("HOLDALL_STORE", facts.store);
    set("HOLDALL_WORKSPACE", facts.workspace.as_ref());
}

/// Says whether a process can have such a variable at all: the system has no way to pass others.
fn is_possible(name: &OsStr, value: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let value = value.as_encoded_bytes();
    !name.is_empty() && !name.contains(&b'=') && !name.contains(&0) && !value.contains(&0)
}
