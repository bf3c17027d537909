//! Deduplication ids made of what a message says: SQS drops a message whose id it has taken within
//! the last five minutes (AWS, "Exactly-once processing in Amazon SQS").

use sha2::{Digest, Sha256};

/// Gives the same 16 bytes for the same parts and different ones for different parts: SHA-256, cut.
///
/// No part may contain a zero byte, which ends each of them. Ids, codes, times and our own words
/// never do.
pub fn dedup_id(parts: &[&str]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in parts {
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
        assert_eq!(dedup_id(&["due", "a"]), dedup_id(&["due", "a"]));
        assert_ne!(dedup_id(&["due", "a"]), dedup_id(&["duea"]));
        assert_ne!(dedup_id(&["due", "a", ""]), dedup_id(&["due", "a"]));
    }
}
