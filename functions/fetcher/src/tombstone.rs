//! What remains to be done after an erasure: Belvo must say that the link is gone, and what a job
//! that began earlier may have written is purged once more.

use belvo::BelvoError;
use jiff::Timestamp;
use store::{Due, EraseMark, ErasureScope, Marked, Tombstone};

use crate::calendar;
use crate::fetcher::{Deadline, Fetcher, JobError};

impl Fetcher {
    /// Does what is due by then for an erased link, or an erased user. Anything else that is heard of them
    /// is ignored.
    pub(crate) async fn tend(
        &self,
        mut tombstone: Tombstone,
        until: Timestamp,
        deadline: &Deadline,
    ) -> Result<(), JobError> {
        let now = self.clock.now();
        let due = tombstone.agenda.take_due(until);
        if deadline.check().is_err() {
            return Ok(());
        }
        let Some(external_id) = tombstone.external_id.clone().filter(|_| !due.is_empty()) else {
            return Ok(());
        };
        if due.contains(&Due::Purge) {
            while self.resources.purge_some(tombstone.link_id).await? {
                if deadline.check().is_err() {
                    return Ok(());
                }
            }
        }
        if due.contains(&Due::Look) {
            let settled = match tombstone.of {
                ErasureScope::Link => self.confirm(&mut tombstone, now, deadline).await,
                ErasureScope::User => self.list(&tombstone, now).await?,
            };
            if !settled {
                tombstone.failures = tombstone.failures.saturating_add(1);
                let chance = calendar::chance(tombstone.link_id, tombstone.failures.into());
                let pause = calendar::longer(tombstone.failures, chance);
                tombstone.agenda.set(Due::Look, calendar::later(now, pause));
            }
        }
        if tombstone.agenda.next().is_none() {
            tombstone.erasure.completed_at = Some(now);
            tombstone.external_id = None;
        }
        if tombstone.of == ErasureScope::Link {
            let (receipt, link) = (tombstone.receipt_id, tombstone.link_id);
            self.connections
                .enter_erasure(&external_id, receipt, link, &tombstone.erasure)
                .await?;
        }
        self.resources.put_tombstone(&tombstone).await?;
        Ok(())
    }

    /// Whether Belvo says that the link is gone. If it is still there, Belvo is asked again to
    /// delete it.
    async fn confirm(
        &self,
        tombstone: &mut Tombstone,
        now: Timestamp,
        deadline: &Deadline,
    ) -> bool {
        let gone = match self.belvo.link(tombstone.link_id).await {
            Err(BelvoError::NotFound { .. }) => true,
            Ok(_) => self.delete_at_belvo(tombstone.link_id, deadline).await,
            Err(error) => {
                self.report_undeleted(tombstone.link_id, &error.into());
                false
            }
        };
        if gone {
            tombstone.erasure.confirmed_at = Some(now);
        }
        gone
    }

    /// Marks the links of a user that Belvo knows, but for those connected since. Says whether
    /// Belvo has told.
    async fn list(&self, tombstone: &Tombstone, now: Timestamp) -> Result<bool, JobError> {
        let Some(external_id) = &tombstone.external_id else {
            return Ok(true);
        };
        let links = match self.belvo.links_of_user(external_id).await {
            Ok(links) => links,
            Err(error) => {
                self.report_undeleted(tombstone.link_id, &error.into());
                return Ok(false);
            }
        };
        let (receipt_id, requested_at) = (tombstone.receipt_id, tombstone.requested_at);
        let requested_at = requested_at.unwrap_or(now);
        let mark = EraseMark {
            receipt_id,
            requested_at,
        };
        let since = |it: &&belvo::Link| it.created_at.is_some_and(|at| at > requested_at);
        for link in links.iter().filter(|it| !since(it)).filter_map(|it| it.id) {
            let marking = self.resources.mark_listed(external_id, link, &mark);
            if marking.await? == Marked::Now {
                self.connections
                    .enter_link(external_id, receipt_id, link)
                    .await?;
            }
        }
        self.connections
            .enter_listed(external_id, receipt_id, now)
            .await?;
        Ok(true)
    }
}
