//! The `filepath.Match` dialect of Go.
