//! `matrix-persist-conflict`: arms of one matrix write one path of the workspace.

use super::concurrent_persist_conflict::find;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Jobs of one matrix persist the same path, and a job attaches the layers of all of them.
    ///
    /// # Why is this bad
    /// The arms of a matrix run side by side, so the attach fails: "Concurrent upstream jobs
    /// persisted the same file(s) into the workspace". A path that does not hold a value of the
    /// matrix is the same in every arm.
    ///
    /// It is an error where the path is a file. Where it is a folder or a pattern it is a warning:
    /// the arms may well fill it with different files.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {os: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make test > report.xml
    ///       - persist_to_workspace: {root: ., paths: ["report.xml"]}
    ///   publish:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test: {matrix: {parameters: {os: [linux, mac]}}}
    ///       - publish: {requires: [test]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     parameters: {os: {type: string}}
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make test > << parameters.os >>.xml
    ///       - persist_to_workspace: {root: ., paths: ["<< parameters.os >>.xml"]}
    ///   publish:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - test: {matrix: {parameters: {os: [linux, mac]}}}
    ///       - publish: {requires: [test]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What a command writes into a folder that both persist.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    /// - https://circleci.com/docs/configuration-reference/#matrix
    MATRIX_PERSIST_CONFLICT: "matrix-persist-conflict", Workspace, Error,
    |context, out| find(context, &MATRIX_PERSIST_CONFLICT, true, out), There
}
