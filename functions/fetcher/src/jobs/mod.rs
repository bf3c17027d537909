//! What each job says of a link; then the link is reconciled.

pub(crate) mod attempt;
mod erase;
pub(crate) mod refresh;
pub(crate) mod scheduled;
pub(crate) mod tombstone;
pub(crate) mod webhook;
