//! What must be stored, worked out without the code under test: Belvo's objects in the form and
//! under the keys in which the tables hold them.
//!
//! [`Canonical`] compares JSON without losing a digit, [`records`] reads the tables.

mod canonical;
mod stored;

pub use canonical::Canonical;
pub use stored::{RESOURCES, Records, differences, key_of, records, stored_form};
