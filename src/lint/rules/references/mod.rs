//! Rules on names that must exist.

pub(super) mod invalid_include;
pub(super) mod missing_argument;
pub(super) mod name_collision;
pub(super) mod recursive_command;
pub(super) mod shadowed_builtin;
pub(super) mod undefined_alias;
pub(super) mod undefined_command;
pub(super) mod undefined_executor;
pub(super) mod undefined_job;
pub(super) mod undefined_orb;
pub(super) mod undefined_parameter;
pub(super) mod undefined_pipeline_value;
pub(super) mod unknown_argument;
pub(super) mod unused_anchor;
pub(super) mod unused_definition;
