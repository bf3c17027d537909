//! JSON as Belvo sends it: not always JSON.
//!
//! One value that a parser refuses, such as `NaN` or half of a character, would make it refuse the
//! whole text. Here a text is mended ([`text`]) and divided where brackets and texts end, so that each
//! value is read by itself, and one that cannot be read spoils no other.

mod divide;
mod members;
pub mod text;

pub use divide::{elements, whole};
pub use members::Members;
