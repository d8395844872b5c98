//! transpile
