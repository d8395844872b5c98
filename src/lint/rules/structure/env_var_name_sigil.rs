//! `env-var-name-sigil`: found while the config is compiled.

use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An argument for a parameter of type `env_var_name` begins with `$`.
    ///
    /// # Why is this bad
    /// The parameter wants the name of a variable, not its value: the service refuses `$TOKEN`.
    ///
    /// # Example
    /// ```yaml
    /// commands:
    ///   login:
    ///     parameters: {token: {type: env_var_name}}
    ///     steps: [run: 'echo "${<< parameters.token >>}" | login']
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - login: {token: $TOKEN}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   login:
    ///     parameters: {token: {type: env_var_name}}
    ///     steps: [run: 'echo "${<< parameters.token >>}" | login']
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - login: {token: TOKEN}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/#environment-variable-name
    ENV_VAR_NAME_SIGIL: "env-var-name-sigil", Structure, Error, |context, out| context.problems(&ENV_VAR_NAME_SIGIL, out)
}
