//! Rules on workspaces: paths, steps, and the flow of layers between jobs.

pub(super) mod attach_before_checkout;
pub(super) mod attach_without_upstream;
pub(super) mod concurrent_persist_conflict;
pub(super) mod cross_workflow_attach;
pub(super) mod layer_never_attached;
pub(super) mod matrix_persist_conflict;
pub(super) mod path_absolute;
pub(super) mod path_backslash;
pub(super) mod path_cache_template;
pub(super) mod path_escapes_root;
pub(super) mod path_globstar;
pub(super) mod path_invalid_glob;
pub(super) mod path_redundant;
pub(super) mod path_repeats_root;
pub(super) mod path_shell_variable;
pub(super) mod path_unsupported_glob;
pub(super) mod paths_not_a_list;
