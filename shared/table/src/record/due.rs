//! When LINK or TOMBSTONE is due, as the sparse index `by_due` has it: the sweeper finds it there.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::LinkId;
use domain::link::Schedule;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::item::{number, text};

/// How many parts the index has, so that no single one takes all writes of the table.
pub const SHARDS: u8 = 8;

/// The members that put a record into the index, or keep it out.
pub fn index_members(link: LinkId, schedule: &Schedule) -> [(String, Option<AttributeValue>); 2] {
    let (shard, at) = schedule.next().map(|at| due(link, at)).unzip();
    [("due_at".to_owned(), at), ("due_shard".to_owned(), shard)]
}

/// The members of a record that is due at a moment: shard and time.
pub fn due(link: LinkId, at: Timestamp) -> (AttributeValue, AttributeValue) {
    (text(shard(link)), number(at.as_second()))
}

fn shard(link: LinkId) -> u8 {
    let digest = Sha256::digest(link.to_string());
    digest.first().copied().unwrap_or_default() % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::link::Reason;

    #[test]
    fn only_a_link_with_a_schedule_is_in_the_index() {
        let link = LinkId::parse("30cb4806-6e00-48a4-91c9-ca55968576c8").unwrap();
        let mut schedule = Schedule::default();
        let absent = index_members(link, &schedule).map(|(_, value)| value);
        assert_eq!(absent, [None, None]);
        schedule.set(Reason::CheckLink, Timestamp::from_second(7).unwrap());
        let [(_, due_at), (_, shard)] = index_members(link, &schedule);
        assert_eq!(due_at, Some(AttributeValue::N("7".to_owned())));
        let shard: u8 = shard.unwrap().as_s().unwrap().parse().unwrap();
        assert!(shard < SHARDS);
    }
}
