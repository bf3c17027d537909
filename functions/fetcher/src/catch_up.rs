//! Doing whatever is outstanding for a link: what every job on a link comes down to.
//!
//! A job notes on LINK what it has to say, and then this is done: find out whose the link is, read
//! what is wanted, and write down what remains. So a job may run any number of times, jobs may
//! come in any order, and what one could not finish any later one does.

use belvo::{BelvoError, Retry, Wait};
use domain::{RequestId, ResourceKind};
use store::LinkStatus;

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;

/// Reads of one resource in one job. A read may show that a larger one is needed, and that one
/// may disagree with what was announced; after that, it waits.
const ROUNDS: usize = 4;

impl Fetcher {
    /// Does what is outstanding, and saves what is known then.
    ///
    /// # Errors
    /// Only what a later delivery of the same job can mend: a table that fails. Whatever Belvo or
    /// time prevents is left on LINK.
    pub(crate) async fn catch_up(&self, link: &mut OpenLink<'_>) -> Result<&'static str, JobError> {
        if self.bring_forward(&mut link.record) {
            self.save(link).await?;
            return Ok("waiting");
        }
        self.catch_up_now(link).await
    }

    /// The same for what a callback says of the link.
    pub(crate) async fn catch_up_with_callback(
        &self,
        link: &mut OpenLink<'_>,
    ) -> Result<&'static str, JobError> {
        if self.bring_look_forward(&mut link.record) {
            self.save(link).await?;
            return Ok("looked at moments ago");
        }
        self.catch_up(link).await
    }

    /// The same, though the link may be waiting: its time has come.
    pub(crate) async fn catch_up_now(
        &self,
        link: &mut OpenLink<'_>,
    ) -> Result<&'static str, JobError> {
        let time = link.batch.deadline.working_time();
        let work = tokio::time::timeout(time, self.work(link)).await;
        let outcome = match work.unwrap_or(Err(JobError::OutOfTime)) {
            Ok(outcome) => {
                self.plan(&mut link.record);
                outcome
            }
            Err(error) => self.put_off(link, error)?,
        };
        self.save_and_tell(link).await?;
        Ok(outcome)
    }

    async fn work(&self, link: &mut OpenLink<'_>) -> Result<&'static str, JobError> {
        if !link.record.is_bound() {
            if link.record.status == LinkStatus::Quarantined
                && !link.record.wants(ResourceKind::Owners)
            {
                return Ok("quarantined");
            }
            self.bind(&mut link.record).await?;
            link.record.looked_at = Some(self.clock.now());
            link.record.look = false;
            link.record.settle_proof();
            if link.record.is_bound() {
                self.count_connecting(&mut link.record).await?;
                // Before any of its data is stored.
                self.save(link).await?;
            }
        } else if link.record.look {
            self.look_again(link).await?;
        }
        match link.record.status {
            LinkStatus::Bound => {}
            LinkStatus::Announced => return Ok("announced"),
            LinkStatus::AwaitingOwner => return Ok("awaiting owners"),
            LinkStatus::Quarantined => return Ok("quarantined"),
            LinkStatus::Unclaimed => return Ok("unclaimed"),
            LinkStatus::Gone => return Ok("gone"),
        }
        let read = self.read_wanted(link).await;
        if read.as_ref().is_err_and(|error| !is_of_one_resource(error)) {
            return read.map(|()| "read");
        }
        if link.record.consent_pending && link.record.is_bound() {
            match self.read_consents(link).await {
                Err(JobError::Belvo(error)) if error.retry() == Retry::Never => {
                    // The link's data is worth having without it.
                    self.notice_refusal(&error);
                    decline_consents(link, &error);
                }
                result => result?,
            }
        }
        read.map(|()| "read")
    }

    /// Reads every resource that is wanted. One that fails does not hold up the others, unless
    /// Belvo as a whole fails.
    async fn read_wanted(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        let mut failure = None;
        for kind in ResourceKind::all() {
            match self.read_one(link, kind).await {
                Ok(()) => {}
                Err(error) if failure.is_none() && is_of_one_resource(&error) => {
                    failure = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    async fn read_one(&self, link: &mut OpenLink<'_>, kind: ResourceKind) -> Result<(), JobError> {
        for _ in 0..ROUNDS {
            // Reading may show that Belvo has lost the link.
            if !link.record.wants(kind) || !link.record.is_bound() {
                return Ok(());
            }
            link.batch.deadline.check()?;
            self.sync(link, kind).await?;
        }
        let what = "a list that agrees with itself";
        match link.record.wants(kind) {
            true => Err(BelvoError::Unexpected { what }.into()),
            false => Ok(()),
        }
    }

    /// Asks Belvo about a link that is bound.
    pub(crate) async fn look_again(&self, link: &mut OpenLink<'_>) -> Result<(), JobError> {
        match self.belvo.link(link.record.link_id).await {
            Ok(found) => self.learn(&mut link.record, &found),
            Err(BelvoError::NotFound { .. }) => {
                link.record.status = LinkStatus::Gone;
                self.report(&link.record);
            }
            Err(error) => return Err(error.into()),
        }
        link.record.look = false;
        Ok(())
    }
}

fn decline_consents(link: &mut OpenLink<'_>, error: &BelvoError) {
    let said = error.api_error();
    tracing::warn!(
        link.id = %link.record.link_id,
        belvo.code = said.map(|it| it.code.as_str()),
        belvo.request_id = said.and_then(|it| it.request_id.as_ref()).map(RequestId::as_str),
        "belvo declined to give a consent"
    );
    link.record.consent_pending = false;
}

/// Whether the failure says nothing about the next request.
fn is_of_one_resource(error: &JobError) -> bool {
    let JobError::Belvo(error) = error else {
        return false;
    };
    let overrun = error.retry() == Retry::Later(Wait::Longer);
    !overrun && !matches!(error, BelvoError::Transport { .. })
}
