//! Rules on the text and the shape of a config.

pub(super) mod argument_type;
pub(super) mod duplicate_key;
pub(super) mod enum_value;
pub(super) mod executor_combination;
pub(super) mod invalid_condition;
pub(super) mod invalid_expression;
pub(super) mod misindented_step;
pub(super) mod missing_key;
pub(super) mod missing_version;
pub(super) mod no_executor;
pub(super) mod not_supported;
pub(super) mod steps_list_nested;
pub(super) mod syntax_error;
pub(super) mod too_large;
pub(super) mod unclosed_template;
pub(super) mod unknown_key;
pub(super) mod unknown_section;
pub(super) mod wrong_type;
