//! What connecting and refreshing spend of the user's monthly Open Finance limits.

use domain::{Allowance, Month};
use store::LinkRecord;

use crate::fetcher::{Fetcher, JobError};

impl Fetcher {
    /// Counts what connecting a bank has spent: one read of each resource Belvo retrieves.
    /// The link itself is the occasion, so it is counted once.
    pub(crate) async fn count_connecting(&self, link: &mut LinkRecord) -> Result<(), JobError> {
        let Some(owner) = link.owner.as_ref().filter(|_| !link.counted) else {
            return Ok(());
        };
        let month = Month::of(link.created_at.unwrap_or_else(|| self.clock.now()));
        let spent = self.requested(link);
        let spent = spent.into_iter().map(Allowance::of_connecting);
        self.connections
            .spend(owner, month, &link.link_id.to_string(), spent)
            .await?;
        link.counted = true;
        Ok(())
    }

    /// Counts what a refresh has spent. Its request is the occasion.
    pub(crate) async fn count_refreshing(&self, link: &LinkRecord) -> Result<(), JobError> {
        let (Some(owner), Some(refresh)) = (&link.owner, &link.refresh) else {
            return Ok(());
        };
        let kinds = match refresh.resources.is_empty() {
            true => self.requested(link),
            false => refresh.resources.clone(),
        };
        let spent = kinds.into_iter().map(Allowance::of_refreshing);
        let month = Month::of(refresh.asked_at);
        self.connections
            .spend(owner, month, &refresh.id.to_string(), spent)
            .await?;
        Ok(())
    }
}
