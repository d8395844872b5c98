//! The expression language: `pipeline.git.branch == "main" or not parameters.nightly`.
//!
//! It stands bare in a job's `filters` and a workflow's `when` and `unless`, and between `<<` and
//! `>>` elsewhere (circleci-semantics §5.9). This room reads texts and computes values; it knows
//! nothing of YAML, of where names come from, or of how errors are shown.

mod ast;
mod error;
mod eval;
mod lexer;
mod parser;
mod pattern;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use ast::{Expr, Kind, Link, Op, names};
pub(crate) use error::{Error, ErrorKind};
pub(crate) use eval::{Evaluation, Outcome, evaluate};
pub(crate) use parser::parse;
pub(crate) use pattern::Pattern;
pub(crate) use value::{Lookup, Scalar, Truth};
