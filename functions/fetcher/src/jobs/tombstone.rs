//! What remains to be done after an erasure: Belvo must say that the link is gone, and what a job
//! that began earlier may have written is purged once more.

use belvo::{BelvoError, Deletion};
use domain::link::{Backoff, Jitter, Reason, later};
use domain::{ExternalId, LinkId};
use jiff::{SignedDuration, Timestamp};
use store::{ErasureScope, Tombstone};

use crate::deadline::Deadline;
use crate::error::{JobError, Result, log_refusal};
use crate::fetcher::Fetcher;
use crate::metrics;

/// Belvo's clock and ours agree within this time, which is less than a consent takes.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(30);

/// Belvo is asked a second time after this: a link that it does not show may only be hidden.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// What Belvo says about something that is to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It does not show it, or not any more.
    NotShown,
    /// It still has it, or does not answer.
    Open,
}

/// Erases what a user wants erased, in one job.
pub(crate) struct Eraser<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) deadline: &'a Deadline,
}

impl Eraser<'_> {
    /// Does what is due by then for an erased link, or an erased user. Anything else that is heard
    /// of them is ignored.
    pub(crate) async fn tend(&self, mut tombstone: Tombstone, until: Timestamp) -> Result<()> {
        let now = self.fetcher.clock.now();
        let purge_at = tombstone.schedule.get(Reason::Purge);
        let mut due = tombstone.schedule.take_due(until);
        // An operator may bring the rest forward; a job that began before the first purge may still
        // be running.
        if let Some(at) = purge_at.filter(|at| *at > now) {
            tombstone.schedule.set(Reason::Purge, at);
            due.retain(|reason| *reason != Reason::Purge);
        }
        if self.deadline.check().is_err() {
            return Ok(());
        }
        let Some(user) = tombstone.external_id.clone().filter(|_| !due.is_empty()) else {
            return Ok(());
        };
        if due.contains(&Reason::Purge) {
            let purged = match tombstone.of {
                ErasureScope::Link => self.purge(&user, tombstone.link_id).await?,
                ErasureScope::User => self.purge_lost(&user).await?,
            };
            if !purged {
                return Ok(());
            }
        }
        if due.contains(&Reason::CheckLink) {
            let answer = match tombstone.of {
                ErasureScope::Link => self.look(tombstone.link_id).await,
                ErasureScope::User => self.mark_listed(&tombstone, now).await?,
            };
            enter(&mut tombstone, answer, now);
        }
        if tombstone.schedule.next().is_none() {
            tombstone.erasure.completed_at = Some(now);
            tombstone.external_id = None;
        }
        if tombstone.of == ErasureScope::Link {
            let entered = self.fetcher.connections.enter(&user, &tombstone);
            entered.await?;
        }
        self.fetcher.links.put_tombstone(&tombstone).await?;
        Ok(())
    }

    /// Removes all that is stored of a link in both tables, but for LINK and TOMBSTONE. Says
    /// whether time was enough.
    pub(crate) async fn purge(&self, user: &ExternalId, link_id: LinkId) -> Result<bool> {
        let (resources, links) = (&self.fetcher.resources, &self.fetcher.links);
        loop {
            if self.deadline.check().is_err() {
                return Ok(false);
            }
            let rows = resources.purge_some(user, link_id).await?;
            let records = links.purge_some(link_id).await?;
            if !rows && !records {
                return Ok(true);
            }
        }
    }

    /// Removes the rows under a user whose LINK is lost: its erasure cannot reach them. A job writes
    /// rows only while LINK names their user, so what lacks it was erased, or lost its LINK; a job
    /// since may have made an empty one.
    async fn purge_lost(&self, user: &ExternalId) -> Result<bool> {
        for link_id in self.fetcher.resources.link_ids(user).await? {
            let known = self.fetcher.links.find(link_id).await?;
            let is_theirs = known.is_some_and(|it| it.external_id.as_ref() == Some(user));
            if !is_theirs && !self.purge(user, link_id).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Belvo lists a link that was erased. Unless a deletion is under way, it is deleted again: a
    /// link that was hidden when it was looked for has come to light.
    pub(crate) async fn listed(&self, tombstone: &Tombstone) {
        let is_looked_for = tombstone.schedule.get(Reason::CheckLink).is_some();
        if tombstone.of == ErasureScope::Link && !is_looked_for {
            tracing::warn!(link.id = %tombstone.link_id, "belvo lists an erased link");
            self.delete_at_belvo(tombstone.link_id).await;
        }
    }

    /// Asks Belvo to delete a link. A failure is looked into later; it does not hold up what
    /// follows.
    pub(crate) async fn delete_at_belvo(&self, link_id: LinkId) -> Answer {
        let time = self.deadline.working_time();
        let error = match tokio::time::timeout(time, self.fetcher.belvo.delete(link_id)).await {
            Ok(Ok(Deletion::Gone)) => return Answer::NotShown,
            Ok(Ok(Deletion::Requested)) => return Answer::Open,
            Ok(Err(error)) => error.into(),
            Err(_) => JobError::OutOfTime,
        };
        self.report_undeleted(link_id, &error).await;
        Answer::Open
    }

    /// Asks Belvo for a link. If it is still there, Belvo is asked again to delete it.
    async fn look(&self, link_id: LinkId) -> Answer {
        match self.fetcher.belvo.link(link_id).await {
            Err(BelvoError::NotFound { .. }) => Answer::NotShown,
            Ok(_) => self.delete_at_belvo(link_id).await,
            Err(error) => {
                self.report_undeleted(link_id, &error.into()).await;
                Answer::Open
            }
        }
    }

    /// Marks the links of a user that Belvo lists, but for those connected since the request.
    ///
    /// Belvo's clock says when a link was made, and ours when the request came. So the attempts that
    /// the user has begun since say from when on a link is new, if there are any.
    async fn mark_listed(&self, tombstone: &Tombstone, now: Timestamp) -> Result<Answer> {
        let Some(user) = &tombstone.external_id else {
            return Ok(Answer::NotShown);
        };
        let listed = match self.fetcher.belvo.links_of_user(user).await {
            Ok(listed) => listed,
            Err(error) => {
                let link_id = tombstone.link_id;
                self.report_undeleted(link_id, &error.into()).await;
                return Ok(Answer::Open);
            }
        };
        let (receipt, mark) = (tombstone.receipt_id, tombstone.mark(now));
        let (links, connections) = (&self.fetcher.links, &self.fetcher.connections);
        let attempts = connections.attempts(user, mark.requested_at).await?;
        let begun = attempts.iter().map(|it| it.attempt.started_at);
        let begun = begun.filter(|at| *at > mark.requested_at).min();
        let has_begun = begun.is_some();
        let since = match begun {
            Some(begun) => later(begun, -CLOCKS_DIFFER),
            None => later(mark.requested_at, CLOCKS_DIFFER),
        };
        let mut is_unclear = false;
        for (link, created_at) in listed.iter().filter_map(|it| Some((it.id?, it.created_at))) {
            let connected_since = match created_at {
                Some(at) => at > since,
                // It may have been connected since, so it stays until Belvo says when it was made.
                None => {
                    is_unclear |= has_begun;
                    has_begun
                }
            };
            if !connected_since && links.mark_listed(user, link, &mark).await? {
                connections.enter_link(user, receipt, link).await?;
            }
        }
        connections.enter_listed(user, receipt, now).await?;
        Ok(match is_unclear {
            true => Answer::Open,
            // A list may lack a link.
            false => Answer::NotShown,
        })
    }

    async fn report_undeleted(&self, link_id: LinkId, error: &JobError) {
        metrics::hear_if_unknown(self.fetcher, error).await;
        log_refusal(link_id, None, error, "belvo has not deleted a link");
        runtime::count(error.metric(), self.fetcher.clock.now());
    }
}

/// Enters what Belvo said. What it does not show is believed to be gone when it does not show it an
/// hour later either.
pub(crate) fn enter(tombstone: &mut Tombstone, answer: Answer, now: Timestamp) {
    let (erasure, schedule) = (&mut tombstone.erasure, &mut tombstone.schedule);
    match answer {
        Answer::NotShown => {
            if erasure.confirmed_at.replace(now).is_none() {
                schedule.set(Reason::CheckLink, later(now, ASKED_AGAIN_AFTER));
            }
        }
        Answer::Open => {
            erasure.confirmed_at = None;
            let backoff = Backoff::next(tombstone.backoff.as_ref(), now);
            let jitter = Jitter::new(tombstone.link_id, backoff.attempts.into());
            schedule.set(Reason::CheckLink, later(now, backoff.delay(jitter)));
            tombstone.backoff = Some(backoff);
        }
    }
}
