//! Repeatable chance: every number, id and choice follows from a seed and a name.
//!
//! A [`Seed`] is a point in a tree instead of a generator with a state. The amount of the 900,000th
//! transaction therefore does not depend on the 899,999 before it.

use uuid::Uuid;

/// A point in the tree of choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The root of a tree.
    pub fn new(number: u64) -> Self {
        Self(mix(number.wrapping_add(0x9E37_79B9_7F4A_7C15)))
    }

    /// The branch with this name.
    pub fn child(self, name: &str) -> Self {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(mix(self.0 ^ hash))
    }

    /// The branch with this number.
    pub fn at(self, index: u64) -> Self {
        Self(mix(
            self.0 ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ))
    }

    /// A number from 0 up to, not including, `limit`; 0 when the limit is 0.
    pub fn below(self, limit: u64) -> u64 {
        self.0.checked_rem(limit).unwrap_or(0)
    }

    /// A number from `low` to `high`, both possible.
    pub fn between(self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).unsigned_abs().saturating_add(1);
        low.saturating_add_unsigned(self.below(width))
    }

    /// True once in `n` times on average.
    pub fn one_in(self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of the choices; the fallback if there is none.
    pub fn pick<'a, T: ?Sized>(self, choices: &[&'a T], fallback: &'a T) -> &'a T {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices.get(index).copied().unwrap_or(fallback)
    }

    /// This many decimal digits, the first of them not zero.
    pub fn digits(self, count: usize) -> String {
        let mut text = String::with_capacity(count);
        for position in 0..count {
            let digit = self.at(position as u64);
            let digit = if position == 0 {
                digit.between(1, 9)
            } else {
                digit.between(0, 9)
            };
            text.push_str(&digit.to_string());
        }
        text
    }

    /// An id in the form of a random UUID.
    pub fn uuid(self) -> Uuid {
        let high = u128::from(self.child("high").0);
        let low = u128::from(self.child("low").0);
        version_four(high << 64 | low)
    }

    /// An id whose last 48 bits are the tag, so that a row's link can be found from the row's id.
    pub fn tagged_uuid(self, tag: Tag) -> Uuid {
        let id = self.uuid().as_u128();
        Uuid::from_u128(id >> 48 << 48 | u128::from(tag.0))
    }

    /// 32 hexadecimal digits, the form of Belvo's request ids.
    pub fn hex(self) -> String {
        self.uuid().simple().to_string()
    }

    pub fn number(self) -> u64 {
        self.0
    }
}

/// The 48 bits shared by all rows of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u64);

impl Tag {
    /// The tag of a link with this seed.
    pub fn of(seed: Seed) -> Self {
        Self(seed.child("tag").0 & 0xFFFF_FFFF_FFFF)
    }

    /// The tag inside a row's id.
    pub fn in_id(id: Uuid) -> Self {
        Self((id.as_u128() & 0xFFFF_FFFF_FFFF) as u64)
    }
}

fn version_four(bits: u128) -> Uuid {
    let mut bytes = bits.to_be_bytes();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    Uuid::from_bytes(bytes)
}

/// The finalizer of splitmix64: small, and every bit of the input reaches every bit of the output.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
