//! The system and everything around it, in one thread and under simulated time. Whatever happens to
//! users, at banks, at Belvo, in transit, to the processes and at AWS: the stored data ends equal
//! to Belvo's, and no rule is broken on the way.
//!
//! The six functions are the real ones, with their real clients of Belvo and AWS and with the
//! variables and routes of the template. Only the other sides are simulated. Chance comes from a
//! seed, so a failure can be repeated:
//!
//! ```text
//! cargo run --release -p simulation -- seeds 0 10000      any number of seeds, on all cores
//! cargo run -p simulation -- seed 17                      one seed; its shortest failing history
//! cargo run -p simulation -- history failed.json          a history from a file
//! ```
//!
//! A seed means something else once a habit is added. So a history that failed is kept as a file in
//! `histories/`, and is played by the tests from then on.
//!
//! | module | content |
//! |---|---|
//! | `history` | what happens in a world, and how it is played |
//! | `story` | the habits: everything that can happen |
//! | `invariants` | what holds after every step |
//! | `settled` | what holds in the end |
//! | `shrink` | the shortest history that fails |
//! | `world` | all sides together |
//! | `people` | users, their visits and links |
//! | `api` | requests to the HTTP functions |
//! | `invocation` | an invocation of the fetcher, which may be lost |
//! | `tables` | what the tables hold |
//! | `system` | the six functions as their `main`s make them |
//! | `sides` | AWS, Belvo, the network and time |
//! | `random`, `parallel` | seeded chance, and parallel runs |
//! | `tests` | what the simulation shows |

mod api;
mod history;
mod invariants;
mod invocation;
mod parallel;
mod people;
mod random;
mod settled;
mod shrink;
mod sides;
mod story;
mod system;
mod tables;
mod world;

pub use history::{History, Step};
pub use parallel::{Failure, attempt, be_quiet, run_all};
pub use shrink::shrink;
pub use sides::time::Time;

#[cfg(test)]
mod tests;
