//! The shortest history that still fails: parts are left out as long as it does.

use crate::history::History;

/// Leaves out halves, then quarters, down to single steps, and begins anew whenever something
/// could be left out. `fails` is asked for each candidate.
pub fn shrink(history: &History, fails: impl Fn(&History) -> bool) -> History {
    let mut shortest = history.clone();
    let mut part = shortest.steps.len().div_ceil(2);
    while part > 0 {
        let mut left_out = false;
        let mut from = 0;
        while from < shortest.steps.len() {
            let to = (from + part).min(shortest.steps.len());
            let mut candidate = shortest.clone();
            candidate.steps.drain(from..to);
            if fails(&candidate) {
                shortest = candidate;
                left_out = true;
            } else {
                from = to;
            }
        }
        part = match (left_out, part) {
            (true, 1) => 1,
            (false, 1) => 0,
            _ => part.div_ceil(2),
        };
    }
    shortest
}
