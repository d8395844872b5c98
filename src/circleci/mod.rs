//! circleci
