//! Where GitLab has the values of a pipeline: in variables of its own, or put together from several.

use crate::transpile::values::{PARAMETER, variable};

/// Returns the name of the variable in which GitLab has a value of the pipeline.
pub(super) fn of_value(name: &str) -> Option<String> {
    if name.starts_with(PARAMETER) {
        return Some(variable(name));
    }
    let own = match name.strip_prefix("pipeline.")? {
        "id" => "CI_PIPELINE_ID",
        "number" => "CI_PIPELINE_IID",
        "name" => "CI_PIPELINE_NAME",
        "project.git_url"
        | "git.repo_url"
        | "config.repository.url"
        | "event.github.repository.url"
        | "trigger_parameters.gitlab.web_url" => "CI_PROJECT_URL",
        "project.slug" => "CI_PROJECT_PATH",
        "git.branch" => "CI_COMMIT_BRANCH",
        "git.tag" => "CI_COMMIT_TAG",
        "git.revision"
        | "config.sha"
        | "event.github.after"
        | "trigger_parameters.gitlab.checkout_sha" => "CI_COMMIT_SHA",
        "git.base_revision" => "CI_COMMIT_BEFORE_SHA",
        "git.repo_owner" | "event.github.repository.owner.login" => "CI_PROJECT_NAMESPACE",
        "git.repo_name"
        | "config.repository.name"
        | "event.github.repository.name"
        | "trigger_parameters.gitlab.repo_name" => "CI_PROJECT_NAME",
        "git.repo_id" => "CI_PROJECT_ID",
        "git.commit.subject" | "trigger_parameters.gitlab.commit_title" => "CI_COMMIT_TITLE",
        "git.commit.body" => "CI_COMMIT_DESCRIPTION",
        "config.file_path" => "CI_CONFIG_PATH",
        "config.ref" | "event.github.ref" | "trigger_parameters.gitlab.ref" => "CI_COMMIT_REF_NAME",
        "schedule.name" => "CI_PIPELINE_SCHEDULE_DESCRIPTION",
        "trigger.received_at" => "CI_PIPELINE_CREATED_AT",
        "event.action" => "CI_MERGE_REQUEST_EVENT_TYPE",
        "event.github.sender.login" | "trigger_parameters.gitlab.user_username" => {
            "GITLAB_USER_LOGIN"
        }
        "event.github.pull_request.number" => "CI_MERGE_REQUEST_IID",
        "event.github.pull_request.title" => "CI_MERGE_REQUEST_TITLE",
        "event.github.pull_request.draft" => "CI_MERGE_REQUEST_DRAFT",
        "event.github.pull_request.base.ref" => "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
        "event.github.pull_request.base.sha" => "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        "event.github.pull_request.head.ref" => "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
        "event.github.pull_request.head.sha" => "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
        "trigger_parameters.gitlab.user_id" => "GITLAB_USER_ID",
        "trigger_parameters.gitlab.user_name" => "GITLAB_USER_NAME",
        "trigger_parameters.gitlab.commit_message" => "CI_COMMIT_MESSAGE",
        "trigger_parameters.gitlab.commit_timestamp" => "CI_COMMIT_TIMESTAMP",
        _ => return None,
    };
    Some(own.to_owned())
}

/// Returns a value of the pipeline as a word of a shell in double quotes, where GitLab has it.
pub(super) fn word(name: &str) -> Option<String> {
    if let Some(variable) = of_value(name) {
        return Some(format!("\"${{{variable}:-}}\""));
    }
    let word = match name.strip_prefix("pipeline.")? {
        "project.type" | "integration_source" => "gitlab",
        "git.branch.is_default" => {
            "$([ \"${CI_COMMIT_BRANCH:-}\" = \"${CI_DEFAULT_BRANCH:-}\" ] && echo true || echo false)"
        }
        "git.commit.url" | "event.github.head_commit.url" => {
            "${CI_PROJECT_URL:-}/-/commit/${CI_COMMIT_SHA:-}"
        }
        "git.commit.author_name" | "trigger_parameters.gitlab.commit_author_name" => {
            "$(printf '%s' \"${CI_COMMIT_AUTHOR:-}\" | sed 's/ *<[^<]*$//')"
        }
        "git.commit.author_email" | "trigger_parameters.gitlab.commit_author_email" => {
            "$(printf '%s' \"${CI_COMMIT_AUTHOR:-}\" | sed -n 's/.*<\\(.*\\)>$/\\1/p')"
        }
        "trigger_parameters.gitlab.repo_url" => "git@${CI_SERVER_HOST:-}:${CI_PROJECT_PATH:-}.git",
        "event.github.pull_request.url" | "event.context.github.pr_url" => {
            "${CI_MERGE_REQUEST_IID:+${CI_MERGE_REQUEST_PROJECT_URL:-}/-/merge_requests/$CI_MERGE_REQUEST_IID}"
        }
        "event.name" => {
            "$(case ${CI_PIPELINE_SOURCE:-} in merge_request_event) echo pull_request ;; *) echo \"${CI_PIPELINE_SOURCE:-}\" ;; esac)"
        }
        "trigger_source" => {
            "$(case ${CI_PIPELINE_SOURCE:-} in schedule) echo scheduled_pipeline ;; api | trigger) echo api ;; *) echo webhook ;; esac)"
        }
        _ => return None,
    };
    Some(format!("\"{word}\""))
}
