//! Deduplication ids: SQS drops a message whose id it has seen in the last five minutes.

use sha2::{Digest, Sha256};

/// The same for the same parts, and different for different ones.
pub(crate) fn of(parts: &[&str]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in parts {
        // No part contains a zero byte: they are ids, times and our own words.
        digest.update(part);
        digest.update([0]);
    }
    let mut id = [0; 16];
    for (slot, byte) in id.iter_mut().zip(digest.finalize()) {
        *slot = byte;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_parts_have_the_same_id() {
        assert_eq!(of(&["due", "a"]), of(&["due", "a"]));
        assert_ne!(of(&["due", "a"]), of(&["duea"]));
        assert_ne!(of(&["due", "a", ""]), of(&["due", "a"]));
    }
}
