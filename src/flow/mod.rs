//! The workspace data flow over a plan: which layers a job makes, which it sees, in what order,
//! and where two of them may collide.

pub mod chart;
mod graph;
mod layers;
mod overlap;
mod place;

pub use graph::Graph;
pub use layers::{Attach, Flow, Layer};
pub use overlap::{Item, Overlap, OverlapKind};
pub use place::{Place, Space};
