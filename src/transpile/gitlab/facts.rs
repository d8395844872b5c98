//! Where GitLab has the values of a pipeline: in variables of its own, or put together from several.

use crate::transpile::values::{PARAMETER, variable};

/// Returns the name of the variable in which GitLab has a value of the pipeline.
pub(super) fn of_value(name: &str) -> Option<String> {
    if name.starts_with(PARAMETER) {
        return Some(variable(name));
    }
    let name = name.strip_prefix("pipeline.")?;
    // What a trigger hands over has the same names on both sides.
    if let Some(own) = trigger(name).and_then(of_trigger) {
        return Some(own.to_owned());
    }
    let own = match name {
        "id" => "CI_PIPELINE_ID",
        "number" => "CI_PIPELINE_IID",
        "name" => "CI_PIPELINE_NAME",
        "project.git_url"
        | "git.repo_url"
        | "config.repository.url"
        | "event.github.repository.url" => "CI_PROJECT_URL",
        "project.slug" => "CI_PROJECT_PATH",
        "git.branch" => "CI_COMMIT_BRANCH",
        "git.tag" => "CI_COMMIT_TAG",
        "git.revision" | "config.sha" | "event.github.after" => "CI_COMMIT_SHA",
        "git.base_revision" => "CI_COMMIT_BEFORE_SHA",
        "git.repo_owner" | "event.github.repository.owner.login" => "CI_PROJECT_NAMESPACE",
        "git.repo_name" | "config.repository.name" | "event.github.repository.name" => {
            "CI_PROJECT_NAME"
        }
        "git.repo_id" => "CI_PROJECT_ID",
        "git.commit.subject" => "CI_COMMIT_TITLE",
        "git.commit.body" => "CI_COMMIT_DESCRIPTION",
        "config.file_path" => "CI_CONFIG_PATH",
        "config.ref" | "event.github.ref" => "CI_COMMIT_REF_NAME",
        "schedule.name" => "CI_PIPELINE_SCHEDULE_DESCRIPTION",
        "trigger.received_at" => "CI_PIPELINE_CREATED_AT",
        "event.action" => "CI_MERGE_REQUEST_EVENT_TYPE",
        "event.github.sender.login" => "GITLAB_USER_LOGIN",
        "event.github.pull_request.number" => "CI_MERGE_REQUEST_IID",
        "event.github.pull_request.title" => "CI_MERGE_REQUEST_TITLE",
        "event.github.pull_request.draft" => "CI_MERGE_REQUEST_DRAFT",
        "event.github.pull_request.base.ref" => "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
        "event.github.pull_request.base.sha" => "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        "event.github.pull_request.head.ref" => "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
        "event.github.pull_request.head.sha" => "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
        _ => return None,
    };
    Some(own.to_owned())
}

/// Returns the name of what a trigger hands over.
fn trigger(name: &str) -> Option<&str> {
    let name = name.strip_prefix("trigger_parameters.")?;
    name.strip_prefix("gitlab.")
        .or_else(|| name.strip_prefix("github_app."))
}

fn of_trigger(name: &str) -> Option<&'static str> {
    Some(match name {
        "ref" => "CI_COMMIT_REF_NAME",
        "branch" => "CI_COMMIT_BRANCH",
        "default_branch" => "CI_DEFAULT_BRANCH",
        "checkout_sha" | "commit_sha" => "CI_COMMIT_SHA",
        "user_id" => "GITLAB_USER_ID",
        "user_name" => "GITLAB_USER_NAME",
        "user_username" => "GITLAB_USER_LOGIN",
        "repo_name" => "CI_PROJECT_NAME",
        "web_url" => "CI_PROJECT_URL",
        "commit_title" => "CI_COMMIT_TITLE",
        "commit_message" => "CI_COMMIT_MESSAGE",
        "commit_timestamp" => "CI_COMMIT_TIMESTAMP",
        _ => return None,
    })
}

/// Says what is to be known of a value of the pipeline, or a variable of the service, that a step
/// reads; nothing where GitLab has the same.
pub(super) fn lacks(name: &str) -> Option<String> {
    const REQUESTS: &str = "GitLab knows it in pipelines for merge requests, and this one runs for pushes: it is empty";
    if name.starts_with("CIRCLE_PR_")
        || name.starts_with("pipeline.event.github.pull_request.")
        || name == "pipeline.event.context.github.pr_url"
    {
        return Some(format!("{name}: {REQUESTS}"));
    }
    let missing = match name.starts_with("pipeline.") {
        true => word(name).is_none(),
        false => name == "CIRCLE_PREVIOUS_BUILD_NUM",
    };
    missing.then(|| format!("GitLab has nothing like {name}: it is empty"))
}

/// Variables of the service of which GitLab lacks something.
pub(super) const LACKING: [&str; 4] = [
    "CIRCLE_PREVIOUS_BUILD_NUM",
    "CIRCLE_PR_NUMBER",
    "CIRCLE_PR_REPONAME",
    "CIRCLE_PR_USERNAME",
];

/// Returns a value of the pipeline as a word of a shell in double quotes, where GitLab has it.
pub(super) fn word(name: &str) -> Option<String> {
    if let Some(variable) = of_value(name) {
        return Some(format!("\"${{{variable}:-}}\""));
    }
    let name = name.strip_prefix("pipeline.")?;
    let name = match trigger(name) {
        Some("commit_author_name") => "git.commit.author_name",
        Some("commit_author_email") => "git.commit.author_email",
        Some("repo_url") => "repo_url",
        _ => name,
    };
    let word = match name {
        "project.type" | "integration_source" => "gitlab",
        "git.branch.is_default" => {
            "$([ \"${CI_COMMIT_BRANCH:-}\" = \"${CI_DEFAULT_BRANCH:-}\" ] && echo true || echo false)"
        }
        "git.commit.url" | "event.github.head_commit.url" => {
            "${CI_PROJECT_URL:-}/-/commit/${CI_COMMIT_SHA:-}"
        }
        "git.commit.author_name" => {
            "$(printf '%s' \"${CI_COMMIT_AUTHOR:-}\" | sed 's/ *<[^<]*$//')"
        }
        "git.commit.author_email" => {
            "$(printf '%s' \"${CI_COMMIT_AUTHOR:-}\" | sed -n 's/.*<\\(.*\\)>$/\\1/p')"
        }
        "repo_url" => "git@${CI_SERVER_HOST:-}:${CI_PROJECT_PATH:-}.git",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_variables_words_or_said_to_be_missing() {
        let of = |name: &str| of_value(&format!("pipeline.{name}"));
        assert_eq!(of("git.branch").as_deref(), Some("CI_COMMIT_BRANCH"));
        for side in ["gitlab", "github_app"] {
            let name = format!("trigger_parameters.{side}.commit_title");
            assert_eq!(of(&name).as_deref(), Some("CI_COMMIT_TITLE"));
            let name = format!("pipeline.trigger_parameters.{side}.repo_url");
            assert!(word(&name).is_some_and(|w| w.contains("CI_SERVER_HOST")));
        }
        assert!(of("git.branch.is_default").is_none());
        assert!(word("pipeline.git.branch.is_default").is_some());
        assert_eq!(lacks("pipeline.git.commit.url"), None);
        assert_eq!(lacks("CIRCLE_SHA1"), None);
        for name in ["pipeline.deploy.reason", "CIRCLE_PREVIOUS_BUILD_NUM"] {
            let why = format!("GitLab has nothing like {name}: it is empty");
            assert_eq!(lacks(name), Some(why));
        }
        assert!(lacks("CIRCLE_PR_NUMBER").is_some());
    }
}
