
if [ -z "${HOLDALL_HOME:-}" ]; then
  HOLDALL_HOME=$HOLDALL_RUN/home/$holdall_name
  if [ -e "$HOLDALL_HOME" ]; then chmod -R u+rwX "$HOLDALL_HOME" 2>/dev/null || :; rm -rf "$HOLDALL_HOME"; fi
fi
mkdir -p "$HOLDALL_HOME" "$HOLDALL_RUN/logs"
HOME=$HOLDALL_HOME
holdall_private=$(mktemp -d "${TMPDIR:-/tmp}/holdall-job.XXXXXX")
holdall_log=$HOLDALL_RUN/logs/$holdall_name.log
holdall_code=0 holdall_count=0
mkdir "$holdall_private/bin" "$holdall_private/pids"
: >"$holdall_private/env"

# shellcheck disable=SC2088 # the folder is a text here
CI=true CIRCLECI=true CIRCLE_JOB=@NAME@ CIRCLE_WORKING_DIRECTORY=@DIRECTORY@
CIRCLE_SHA1=$holdall_revision CIRCLE_REPOSITORY_URL=$holdall_origin
CIRCLE_PROJECT_USERNAME=$holdall_owner CIRCLE_PROJECT_REPONAME=$holdall_repository
CIRCLE_WORKFLOW_WORKSPACE_ID=$HOLDALL_WORKSPACE CIRCLE_WORKFLOW_ID=$HOLDALL_WORKSPACE CIRCLE_PIPELINE_ID=$HOLDALL_WORKSPACE
CIRCLE_WORKFLOW_JOB_ID=$HOLDALL_WORKSPACE.$holdall_name CIRCLE_BUILD_NUM=$(date +%s)$$
BASH_ENV=$holdall_private/env CIRCLE_SHELL_ENV=$holdall_private/env HOLDALL_HALT=$holdall_private/halt
PATH=$holdall_private/bin:$PATH
export PATH HOME HOLDALL_STORE HOLDALL_WORKSPACE HOLDALL_PROJECT HOLDALL_HALT CI CIRCLECI CIRCLE_JOB CIRCLE_NODE_INDEX CIRCLE_NODE_TOTAL
export CIRCLE_WORKING_DIRECTORY CIRCLE_SHA1 CIRCLE_REPOSITORY_URL CIRCLE_PROJECT_USERNAME CIRCLE_PROJECT_REPONAME
export CIRCLE_WORKFLOW_WORKSPACE_ID CIRCLE_WORKFLOW_ID CIRCLE_PIPELINE_ID CIRCLE_WORKFLOW_JOB_ID CIRCLE_BUILD_NUM BASH_ENV CIRCLE_SHELL_ENV
# A pipeline has a branch or a tag, never both.
unset CIRCLE_BRANCH CIRCLE_TAG
if [ -n "$HOLDALL_TAG" ]; then export CIRCLE_TAG="$HOLDALL_TAG"; elif [ -n "$HOLDALL_BRANCH" ]; then export CIRCLE_BRANCH="$HOLDALL_BRANCH"; fi
