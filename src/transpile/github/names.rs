//! What CircleCI's variables and pipeline values are called at GitHub.

use super::expr::quoted;
use crate::transpile::values::{PARAMETER, Parameter};

const BRANCH: &str = "github.ref_type == 'branch' && github.ref_name || ''";
const TAG: &str = "github.ref_type == 'tag' && github.ref_name || ''";
const URL: &str = "format('{0}/{1}', github.server_url, github.repository)";

const PULL_REQUEST: &str = "a pull request is known in runs for `pull_request` only, and this workflow runs for pushes: its variables are empty";

/// Returns how a built-in variable differs at GitHub, if it does.
pub(super) fn differs(name: &str) -> Option<&'static str> {
    Some(match name {
        "CIRCLE_BUILD_NUM" => {
            "CIRCLE_BUILD_NUM is the number of the run: the same for all its jobs"
        }
        "CIRCLE_PR_NUMBER"
        | "CIRCLE_PR_REPONAME"
        | "CIRCLE_PR_USERNAME"
        | "CIRCLE_PULL_REQUEST"
        | "CIRCLE_PULL_REQUESTS" => PULL_REQUEST,
        _ => return None,
    })
}

/// Returns why GitHub has nothing in the place of a built-in variable, where that is so.
pub(super) fn missing(name: &str) -> Option<&'static str> {
    Some(match name {
        "CIRCLE_PREVIOUS_BUILD_NUM" => "GitHub does not say which run came before",
        "CIRCLE_OIDC_TOKEN" | "CIRCLE_OIDC_TOKEN_V2" => {
            "give the job `permissions: {contents: read, id-token: write}`, ask for a token at $ACTIONS_ID_TOKEN_REQUEST_URL with $ACTIONS_ID_TOKEN_REQUEST_TOKEN, and let the other side trust GitHub's issuer"
        }
        "CIRCLE_INTERNAL_TASK_DATA" | "CIRCLE_INTERNAL_CONFIG" | "CIRCLE_INTERNAL_SCRATCH" => {
            "it belongs to CircleCI's agent"
        }
        _ => return None,
    })
}

/// Returns a built-in variable, `${{ … }}` included where it is an expression; nothing where
/// GitHub has nothing for it.
pub(super) fn builtin(name: &str, job: &str, directory: &str, nodes: u32) -> Option<String> {
    let expression = |text: &str| format!("${{{{ {text} }}}}");
    Some(match name {
        "CIRCLECI" => "true".to_owned(),
        "CIRCLE_BRANCH" => expression(BRANCH),
        "CIRCLE_TAG" => expression(TAG),
        "CIRCLE_SHA1" => expression("github.sha"),
        "CIRCLE_JOB" => super::text::escaped(job),
        "CIRCLE_NODE_INDEX" if nodes > 1 => expression("matrix.node"),
        "CIRCLE_NODE_INDEX" => "0".to_owned(),
        "CIRCLE_NODE_TOTAL" => nodes.to_string(),
        "CIRCLE_WORKING_DIRECTORY" => super::text::escaped(directory),
        "CIRCLE_BUILD_NUM" => expression("github.run_number"),
        "CIRCLE_BUILD_URL" => expression(
            "format('{0}/{1}/actions/runs/{2}', github.server_url, github.repository, github.run_id)",
        ),
        "CIRCLE_PROJECT_USERNAME" => expression("github.repository_owner"),
        "CIRCLE_REPOSITORY_URL" => {
            expression("format('git@github.com:{0}.git', github.repository)")
        }
        "CIRCLE_ORGANIZATION_ID" => expression("github.repository_owner_id"),
        "CIRCLE_PROJECT_ID" => expression("github.repository_id"),
        "CIRCLE_PIPELINE_ID" => expression("github.run_id"),
        "CIRCLE_WORKFLOW_ID" => expression("format('{0}-{1}', github.run_id, github.run_attempt)"),
        "CIRCLE_WORKFLOW_JOB_ID" => {
            expression("format('{0}-{1}-{2}', github.run_id, github.run_attempt, github.job)")
        }
        "CIRCLE_WORKFLOW_WORKSPACE_ID" => expression("github.run_id"),
        "CIRCLE_USERNAME" => expression("github.actor"),
        "CIRCLE_PR_NUMBER" => expression("github.event.pull_request.number"),
        "CIRCLE_PR_REPONAME" => expression("github.event.pull_request.head.repo.name"),
        "CIRCLE_PR_USERNAME" => expression("github.event.pull_request.head.repo.owner.login"),
        "CIRCLE_PULL_REQUEST" | "CIRCLE_PULL_REQUESTS" => {
            expression("github.event.pull_request.html_url")
        }
        "CIRCLE_COMPARE_URL" => expression("github.event.compare"),
        _ => return None,
    })
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
            "pipeline.git.branch.is_default" => "github.event_name == 'schedule' || github.ref_name == github.event.repository.default_branch",
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
