//! Rules on the comments that silence others.

pub(in crate::lint) mod suppression_unbalanced;
pub(in crate::lint) mod unknown_rule_in_suppression;
pub(in crate::lint) mod unused_suppression;
