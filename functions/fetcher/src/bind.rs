//! Whose a link is, before anything of it is stored.
//!
//! A callback can be made up and a webhook names users as Belvo knows them, so neither decides.
//! Belvo's own record of the link does, together with an attempt of that user, and the owner of
//! the accounts.

use belvo::{BelvoError, Link};
use domain::{ExternalId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use runtime::Metric;
use store::{AttemptRecord, LinkRecord, LinkStatus, OwnerVerdict};

use crate::config::OwnerCheck;
use crate::jobs::{Fetcher, JobError};

/// How long before a link an attempt may have begun.
const ATTEMPT_WINDOW: SignedDuration = SignedDuration::from_hours(24);

impl Fetcher {
    /// Settles the status of a link that is not bound. Writes nothing.
    pub(crate) async fn bind(&self, record: &mut LinkRecord) -> Result<(), JobError> {
        let now = self.clock.now();
        let link = match self.belvo.link(record.link_id).await {
            Ok(link) => link,
            Err(BelvoError::NotFound { .. }) => {
                runtime::count(Metric::LinkGone, now);
                record.unassign(LinkStatus::Gone);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        learn(record, &link);
        let Some((external_id, attempts)) = self.claimant(&link, now).await? else {
            runtime::count(Metric::LinkUnclaimed, now);
            record.unassign(LinkStatus::Unclaimed);
            return Ok(());
        };
        if self.config.owner_check == OwnerCheck::Off || attempts.is_empty() {
            record.owner_verdict = Some(OwnerVerdict::NotChecked);
            record.session_id = attempts.first().map(|it| it.attempt.session_id.clone());
            record.assign(external_id, LinkStatus::Bound);
            return Ok(());
        }
        // Read before Belvo announces it, OWNERS may be empty or partial.
        if !record.pending.contains(&ResourceKind::Owners) {
            record.assign(external_id, LinkStatus::AwaitingOwner);
            return Ok(());
        }
        let owned = self.attempt_of_owner(record.link_id, &attempts).await?;
        record.owner_verdict = Some(match owned {
            Some(_) => OwnerVerdict::Matched,
            None => OwnerVerdict::Mismatched,
        });
        record.session_id = owned.map(|it| it.attempt.session_id.clone());
        let accepted = owned.is_some() || self.config.owner_check == OwnerCheck::Warn;
        if !accepted {
            runtime::count(Metric::LinkQuarantined, now);
            tracing::warn!(link.id = %record.link_id, "the owner is not the one the token was for");
        }
        let status = match accepted {
            true => LinkStatus::Bound,
            false => LinkStatus::Quarantined,
        };
        record.assign(external_id, status);
        Ok(())
    }

    /// The user Belvo names, if that user set out to connect something, or links are adopted.
    async fn claimant(
        &self,
        link: &Link,
        now: Timestamp,
    ) -> Result<Option<(ExternalId, Vec<AttemptRecord>)>, JobError> {
        let named = link.external_id.as_deref();
        let Some(external_id) = named.and_then(|id| ExternalId::parse(id).ok()) else {
            return Ok(None);
        };
        // Counted back from the link's birth, so that an outage of ours does not age attempts;
        // a birth in the future is a clock that differs.
        let reference = link.created_at.map_or(now, |created| created.min(now));
        let since = reference
            .saturating_sub(ATTEMPT_WINDOW)
            .unwrap_or(Timestamp::MIN);
        let attempts = self.connections.attempts(&external_id, since).await?;
        let claimed = !attempts.is_empty() || self.config.adopt_existing_links;
        Ok(claimed.then_some((external_id, attempts)))
    }
}

/// Keeps what Belvo says of the link.
fn learn(record: &mut LinkRecord, link: &Link) {
    record.institution.clone_from(&link.institution);
    record
        .institution_user_id
        .clone_from(&link.institution_user_id);
    record.access_mode.clone_from(&link.access_mode);
    record.belvo_status.clone_from(&link.status);
    record.created_at = link.created_at;
    record.last_accessed_at = link.last_accessed_at;
}
