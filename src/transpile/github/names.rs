//! What CircleCI's variables and pipeline values are called at GitHub.

use super::expr::quoted;
use crate::transpile::values::{PARAMETER, Parameter};

const BRANCH: &str = "github.ref_type == 'branch' && github.ref_name || ''";
const TAG: &str = "github.ref_type == 'tag' && github.ref_name || ''";
const URL: &str = "format('{0}/{1}', github.server_url, github.repository)";

/// A built-in variable at GitHub: its expression, and how it differs.
pub(super) struct Builtin {
    /// The value, `${{ … }}` included where it is an expression.
    pub(super) value: String,
    /// How it differs, if it does.
    pub(super) differs: Option<&'static str>,
}

/// Returns a built-in variable; nothing where GitHub has nothing for it.
pub(super) fn builtin(name: &str, job: &str, directory: &str, nodes: u32) -> Option<Builtin> {
    let expression = |text: &str| format!("${{{{ {text} }}}}");
    let (value, differs) = match name {
        "CIRCLECI" => ("true".to_owned(), None),
        "CIRCLE_BRANCH" => (expression(BRANCH), None),
        "CIRCLE_TAG" => (expression(TAG), None),
        "CIRCLE_SHA1" => (expression("github.sha"), None),
        "CIRCLE_JOB" => (super::text::escaped(job), None),
        "CIRCLE_NODE_INDEX" if nodes > 1 => (expression("matrix.node"), None),
        "CIRCLE_NODE_INDEX" => ("0".to_owned(), None),
        "CIRCLE_NODE_TOTAL" => (nodes.to_string(), None),
        "CIRCLE_WORKING_DIRECTORY" => (super::text::escaped(directory), None),
        "CIRCLE_BUILD_NUM" => (
            expression("github.run_number"),
            Some("CIRCLE_BUILD_NUM is the number of the run: the same for all its jobs"),
        ),
        "CIRCLE_BUILD_URL" => (
            expression(
                "format('{0}/{1}/actions/runs/{2}', github.server_url, github.repository, github.run_id)",
            ),
            None,
        ),
        "CIRCLE_PROJECT_REPONAME" => (expression("github.event.repository.name"), None),
        "CIRCLE_PROJECT_USERNAME" => (expression("github.repository_owner"), None),
        "CIRCLE_REPOSITORY_URL" => (
            expression("format('git@github.com:{0}.git', github.repository)"),
            None,
        ),
        "CIRCLE_ORGANIZATION_ID" => (expression("github.repository_owner_id"), None),
        "CIRCLE_PROJECT_ID" => (expression("github.repository_id"), None),
        "CIRCLE_PIPELINE_ID" => (expression("github.run_id"), None),
        "CIRCLE_WORKFLOW_ID" => (
            expression("format('{0}-{1}', github.run_id, github.run_attempt)"),
            None,
        ),
        "CIRCLE_WORKFLOW_JOB_ID" => (
            expression("format('{0}-{1}-{2}', github.run_id, github.run_attempt, github.job)"),
            None,
        ),
        "CIRCLE_WORKFLOW_WORKSPACE_ID" => (expression("github.run_id"), None),
        "CIRCLE_USERNAME" => (expression("github.actor"), None),
        "CIRCLE_PR_NUMBER" => (expression("github.event.pull_request.number"), None),
        "CIRCLE_PR_REPONAME" => (expression("github.event.pull_request.head.repo.name"), None),
        "CIRCLE_PR_USERNAME" => (
            expression("github.event.pull_request.head.repo.owner.login"),
            None,
        ),
        "CIRCLE_PULL_REQUEST" | "CIRCLE_PULL_REQUESTS" => (
            expression("github.event.pull_request.html_url"),
            Some(
                "the pull request is known in runs for `pull_request` only, and this workflow runs for pushes",
            ),
        ),
        "CIRCLE_COMPARE_URL" => (expression("github.event.compare"), None),
        _ => return None,
    };
    Some(Builtin { value, differs })
}

/// Returns a pipeline value as an expression; nothing where GitHub has nothing for it.
pub(super) fn pipeline_value(name: &str, parameters: &[Parameter]) -> Option<String> {
    if let Some(parameter) = name.strip_prefix(PARAMETER) {
        return self::parameter(parameters.iter().find(|p| p.name == parameter)?);
    }
    if let Some(path) = name.strip_prefix("pipeline.event.github.") {
        let plain = path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
        return plain.then(|| format!("github.event.{path}"));
    }
    Some(
        match name {
            "pipeline.id" => "github.run_id",
            "pipeline.number" => "github.run_number",
            "pipeline.name" => "github.workflow",
            "pipeline.integration_source" | "pipeline.project.type" => "'github'",
            "pipeline.project.git_url" | "pipeline.config.repository.url" | "pipeline.git.repo_url" => URL,
            "pipeline.project.slug" => "format('gh/{0}', github.repository)",
            "pipeline.git.branch" => BRANCH,
            "pipeline.git.tag" => TAG,
            "pipeline.git.revision" | "pipeline.trigger_parameters.github_app.checkout_sha"
            | "pipeline.trigger_parameters.github_app.commit_sha" => "github.sha",
            "pipeline.git.branch.is_default" => "github.ref_name == github.event.repository.default_branch",
            "pipeline.git.base_revision" => "github.event.before",
            "pipeline.git.repo_owner" => "github.repository_owner",
            "pipeline.git.repo_name" | "pipeline.config.repository.name" => "github.event.repository.name",
            "pipeline.git.repo_id" => "github.repository_id",
            "pipeline.git.commit.url" => "github.event.head_commit.url",
            "pipeline.git.commit.author_login" => "github.event.head_commit.author.username",
            "pipeline.git.commit.author_name" => "github.event.head_commit.author.name",
            "pipeline.git.commit.author_email" => "github.event.head_commit.author.email",
            "pipeline.config.ref" => "github.ref",
            "pipeline.config.sha" => "github.workflow_sha",
            "pipeline.config.file_path" => "github.workflow_ref",
            "pipeline.trigger_source" => {
                "github.event_name == 'schedule' && 'scheduled_pipeline' || github.event_name == 'push' && 'webhook' || 'api'"
            }
            "pipeline.trigger.type" | "pipeline.event.name" => "github.event_name",
            "pipeline.event.action" => "github.event.action",
            "pipeline.event.context.github.pr_url" => "github.event.pull_request.html_url",
            "pipeline.trigger_parameters.github_app.branch" => BRANCH,
            "pipeline.trigger_parameters.github_app.ref" => "github.ref",
            "pipeline.trigger_parameters.github_app.repo_name" => "github.event.repository.name",
            "pipeline.trigger_parameters.github_app.repo_url" | "pipeline.trigger_parameters.github_app.web_url" => URL,
            "pipeline.trigger_parameters.github_app.user_username" => "github.actor",
            "pipeline.trigger_parameters.github_app.commit_message" => "github.event.head_commit.message",
            "pipeline.trigger_parameters.github_app.commit_author_name" => "github.event.head_commit.author.name",
            _ => return None,
        }
        .to_owned(),
    )
}

/// A parameter is an input where a person starts the workflow, and its default everywhere else:
/// there `inputs` is empty.
fn parameter(parameter: &Parameter) -> Option<String> {
    let input = format!("inputs.{}", parameter.name);
    let default = parameter.default.as_deref().unwrap_or_default();
    Some(match parameter.kind.as_str() {
        "boolean" if is_true(default) => {
            format!("github.event_name != 'workflow_dispatch' || {input}")
        }
        "boolean" => format!("{input} && true || false"),
        "integer" => format!("{input} || {}", default.parse::<i64>().unwrap_or_default()),
        _ if default.is_empty() => input,
        _ => format!("{input} || {}", quoted(default)),
    })
}

/// Says whether a config's text for a boolean means true.
pub(super) fn is_true(text: &str) -> bool {
    matches!(
        text,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON"
    )
}
