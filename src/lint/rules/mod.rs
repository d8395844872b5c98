//! The registry: one line a rule, by group and name.

mod graph;
mod references;
mod structure;
mod workspace;

use super::Rule;

/// Every rule.
pub(super) const ALL: &[&Rule] = &[
    &structure::syntax_error::SYNTAX_ERROR,
    &structure::missing_version::MISSING_VERSION,
    &structure::missing_key::MISSING_KEY,
    &structure::wrong_type::WRONG_TYPE,
    &structure::duplicate_key::DUPLICATE_KEY,
    &structure::unknown_key::UNKNOWN_KEY,
    &structure::unknown_section::UNKNOWN_SECTION,
    &structure::misindented_step::MISINDENTED_STEP,
    &structure::steps_list_nested::STEPS_LIST_NESTED,
    &structure::unclosed_template::UNCLOSED_TEMPLATE,
    &structure::enum_value::ENUM_VALUE,
    &structure::argument_type::ARGUMENT_TYPE,
    &structure::no_executor::NO_EXECUTOR,
    &structure::executor_combination::EXECUTOR_COMBINATION,
    &structure::too_large::TOO_LARGE,
    &structure::not_supported::NOT_SUPPORTED,
    &structure::invalid_condition::INVALID_CONDITION,
    &structure::invalid_expression::INVALID_EXPRESSION,
    &references::undefined_alias::UNDEFINED_ALIAS,
    &references::undefined_parameter::UNDEFINED_PARAMETER,
    &references::missing_argument::MISSING_ARGUMENT,
    &references::unknown_argument::UNKNOWN_ARGUMENT,
    &references::undefined_command::UNDEFINED_COMMAND,
    &references::undefined_job::UNDEFINED_JOB,
    &references::undefined_executor::UNDEFINED_EXECUTOR,
    &references::undefined_orb::UNDEFINED_ORB,
    &references::recursive_command::RECURSIVE_COMMAND,
    &references::undefined_pipeline_value::UNDEFINED_PIPELINE_VALUE,
    &graph::requires_unknown_job::REQUIRES_UNKNOWN_JOB,
    &graph::requires_ambiguous_job::REQUIRES_AMBIGUOUS_JOB,
    &graph::requires_cycle::REQUIRES_CYCLE,
    &graph::condition_unknown_operator::CONDITION_UNKNOWN_OPERATOR,
    &graph::condition_mixes_expression::CONDITION_MIXES_EXPRESSION,
    &graph::regex_unsupported::REGEX_UNSUPPORTED,
    &workspace::path_absolute::PATH_ABSOLUTE,
    &workspace::path_escapes_root::PATH_ESCAPES_ROOT,
    &workspace::path_shell_variable::PATH_SHELL_VARIABLE,
    &workspace::path_cache_template::PATH_CACHE_TEMPLATE,
    &workspace::path_globstar::PATH_GLOBSTAR,
    &workspace::path_unsupported_glob::PATH_UNSUPPORTED_GLOB,
    &workspace::path_invalid_glob::PATH_INVALID_GLOB,
    &workspace::path_backslash::PATH_BACKSLASH,
    &workspace::path_repeats_root::PATH_REPEATS_ROOT,
    &workspace::path_redundant::PATH_REDUNDANT,
    &workspace::paths_not_a_list::PATHS_NOT_A_LIST,
    &workspace::attach_before_checkout::ATTACH_BEFORE_CHECKOUT,
    &workspace::attach_without_upstream::ATTACH_WITHOUT_UPSTREAM,
    &workspace::cross_workflow_attach::CROSS_WORKFLOW_ATTACH,
    &workspace::concurrent_persist_conflict::CONCURRENT_PERSIST_CONFLICT,
    &workspace::matrix_persist_conflict::MATRIX_PERSIST_CONFLICT,
    &workspace::layer_never_attached::LAYER_NEVER_ATTACHED,
];
