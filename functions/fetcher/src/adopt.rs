//! A link that continues another one: a renewed consent may come as a new link, and its
//! `external_id` may be null.
//!
//! Belvo gives the links of one person at one bank the same `institution_user_id`. If those we
//! know belong to one user, and the new link has the same owner, so does it.

use std::collections::BTreeSet;

use domain::{LinkId, ResourceKind};
use store::{LinkRecord, LinkStatus};

use crate::config::OwnerCheck;
use crate::fetcher::{Fetcher, JobError};

impl Fetcher {
    /// Gives a link for which Belvo names nobody to the user of its predecessors, or leaves it
    /// with nobody.
    pub(crate) async fn adopt(&self, record: &mut LinkRecord) -> Result<(), JobError> {
        if let Some(predecessor) = self.predecessor(record).await?
            && let Some(external_id) = predecessor.external_id
            && self.have_same_owner(record, predecessor.link_id).await?
        {
            record.replaces = Some(predecessor.link_id);
            record.owner_verdict = predecessor.owner_verdict;
            record.session_id = predecessor.session_id;
            record.holder = predecessor.holder;
            record.owner = predecessor.owner;
            record.proofs = predecessor.proofs;
            self.accept(record, external_id);
        } else {
            record.unassign(LinkStatus::Unclaimed);
        }
        Ok(())
    }

    /// The latest of the bound links of the same person at the same bank, if they have one user.
    async fn predecessor(&self, record: &LinkRecord) -> Result<Option<LinkRecord>, JobError> {
        let person = record.institution_user_id.as_deref();
        let Some(person) = person.filter(|person| !person.is_empty()) else {
            return Ok(None);
        };
        let links = self.belvo.links_of(person).await?;
        // The filter is Belvo's; that it was applied is for us to see.
        let same = |it: &&belvo::Link| it.institution_user_id.as_deref() == Some(person);
        let others = links.iter().filter(same).filter_map(|it| it.id);
        let others: BTreeSet<_> = others.filter(|id| *id != record.link_id).collect();
        let others: Vec<_> = others.into_iter().collect();
        let mut known = self.resources.links(&others).await?;
        known.retain(|it| it.status == LinkStatus::Bound && it.erase.is_none());
        let users: BTreeSet<_> = known
            .iter()
            .filter_map(|it| it.external_id.as_ref().map(ToString::to_string))
            .collect();
        known.sort_by_key(|it| it.bound_at);
        Ok(known.pop().filter(|_| users.len() == 1))
    }

    /// Whether both links name one document. Read before Belvo announces it, OWNERS may be empty.
    async fn have_same_owner(&self, record: &LinkRecord, other: LinkId) -> Result<bool, JobError> {
        if self.config.owner_check == OwnerCheck::Off {
            return Ok(true);
        }
        if !record.wants(ResourceKind::Owners) {
            return Ok(false);
        }
        let documents = self.owners_documents(record.link_id).await?;
        let known = self.owners_documents(other).await?;
        Ok(documents.iter().any(|document| known.contains(document)))
    }
}
