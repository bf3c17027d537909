//! Links of one person at one bank.
//!
//! Belvo gives them the same `institution_user_id`. Each holds the same accounts and movements, so
//! where everything of a user is shown, one of them serves: the newest that is healthy. Until a new
//! one has its statement, an old one serves, whatever is wrong with it.

use std::collections::BTreeMap;

use domain::{LinkId, ResourceKind};
use jiff::Timestamp;
use store::LinkRecord;

use crate::standing::standing;

/// Which link serves in place of which other.
#[derive(Debug, Default)]
pub(crate) struct Duplicates(BTreeMap<LinkId, LinkId>);

impl Duplicates {
    /// Finds those among the links of a user.
    pub(crate) fn among(links: &[LinkRecord], proof_wanted: bool, now: Timestamp) -> Self {
        let mut serving: BTreeMap<&str, &LinkRecord> = BTreeMap::new();
        let served = || {
            let served = links.iter().filter(|it| it.is_served(proof_wanted));
            served.filter_map(|it| {
                let person = it.institution_user_id.as_deref();
                Some((person.filter(|person| !person.is_empty())?, it))
            })
        };
        let rank = |link: &LinkRecord| {
            let healthy = standing(link, proof_wanted, now).is_healthy();
            (has_statement(link), healthy, link.created_at, link.link_id)
        };
        for (person, link) in served() {
            let best = serving.entry(person).or_insert(link);
            if rank(link) > rank(best) {
                *best = link;
            }
        }
        let pairs = served().filter_map(|(person, link)| {
            let best = serving.get(person)?.link_id;
            (best != link.link_id).then_some((link.link_id, best))
        });
        Self(pairs.collect())
    }

    /// The link that serves in place of this one.
    pub(crate) fn of(&self, link: LinkId) -> Option<LinkId> {
        self.0.get(&link).copied()
    }
}

/// Whether its statement was read, and Belvo still gives it.
fn has_statement(link: &LinkRecord) -> bool {
    let statement = link.resources.get(&ResourceKind::Transactions);
    statement.is_some_and(|it| it.sync_ended_at.is_some() && it.declined.is_none())
}
