//! Reads a resource from Belvo and writes what is new.

use belvo::{BelvoError, Retry};
use domain::event::Totals;
use domain::{Code, RequestId, ResourceKind};
use jiff::Timestamp;
use runtime::Metric;
use store::{Index, ResourceState, TotalsVerdict};

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;
use crate::reading::{Reading, Target};

/// Pages are numbered, so rows shift when Belvo writes meanwhile. Read again this often.
const READS: usize = 3;

/// A million rows. A list that goes on after that is not one.
pub(crate) const MAX_PAGES: u32 = 1000;

impl Fetcher {
    /// Makes what is stored of a resource what Belvo holds.
    pub(crate) async fn sync(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
    ) -> Result<(), JobError> {
        let Some(external_id) = link.record.external_id.clone() else {
            // Only bound links are read, and a bound link has a user.
            return Ok(());
        };
        let link_id = link.record.link_id;
        let started = self.clock.now();
        let resource = link.record.resource(kind);
        resource.state = ResourceState::Syncing;
        resource.sync_started_at = Some(started);
        self.save(link).await?;

        let target = Target {
            link_id,
            kind,
            external_id: &external_id,
        };
        let resource = link.record.resource(kind);
        let announced = Some(resource.announced.clone()).filter(|_| resource.announced_whole);
        match self.read_and_compare(target, announced.as_ref()).await {
            Ok((reading, verdict)) => self.conclude(link, kind, reading, verdict, started),
            Err(JobError::Belvo(error)) if error.retry() == Retry::Never => {
                // The link carries on; whoever looks at it sees what is missing, and why.
                decline(link, kind, &error);
            }
            Err(error) => return Err(error),
        }
        link.read.insert(kind);
        link.record.pending.remove(&kind);
        self.save(link).await
    }

    /// Reads everything and, if it disagrees with what was announced, once more: Belvo may have
    /// written meanwhile. Says whether it agrees, if anything was announced.
    async fn read_and_compare(
        &self,
        target: Target<'_>,
        announced: Option<&Totals>,
    ) -> Result<(Reading, Option<bool>), JobError> {
        let agrees = |reading: &Reading| {
            announced.map(|announced| announced.agree_with(&reading.totals(target.kind)))
        };
        let mut index = self.resources.index(target.link_id, target.kind).await?;
        let mut reading = self.read_completely(target, &mut index).await?;
        if agrees(&reading) == Some(false) {
            reading = self.read_completely(target, &mut index).await?;
        }
        let verdict = agrees(&reading);
        Ok((reading, verdict))
    }

    fn conclude(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
        reading: Reading,
        verdict: Option<bool>,
        started: Timestamp,
    ) {
        let ended = self.clock.now();
        tracing::info!(
            link.id = %link.record.link_id,
            resource.kind = kind.name(),
            rows = reading.ids.len(),
            written = reading.written,
            rejected = reading.unstorable,
            duration_ms = ended.duration_since(started).as_millis(),
            "resource read"
        );
        if verdict == Some(false) {
            runtime::count(Metric::TotalsDiffer, ended);
        }
        let resource = link.record.resource(kind);
        resource.sync_ended_at = Some(ended);
        resource.rows = reading.ids.len() as u64;
        resource.declined = None;
        resource.state = match reading.rejected.is_empty() {
            true => ResourceState::Ready,
            false => ResourceState::Partial,
        };
        resource.totals = verdict.map(|agrees| match agrees {
            true => TotalsVerdict::Agree,
            false => TotalsVerdict::Differ,
        });
        resource.rejected = reading.rejected;
    }

    /// Reads until a read found as many different rows as Belvo counts.
    async fn read_completely(
        &self,
        target: Target<'_>,
        index: &mut Index,
    ) -> Result<Reading, JobError> {
        for _ in 0..READS {
            let reading = self.read_once(target, index).await?;
            if reading.is_complete() {
                return Ok(reading);
            }
        }
        Err(BelvoError::Unexpected {
            what: "as many rows as it counts",
        }
        .into())
    }

    /// Reads all pages, the next one while the current one is written.
    async fn read_once(&self, target: Target<'_>, index: &mut Index) -> Result<Reading, JobError> {
        let mut reading = Reading::default();
        let mut page = self.belvo.page(target.kind, target.link_id, 1).await?;
        for number in 2..=MAX_PAGES {
            let last = !page.has_next || page.rows.is_empty();
            let rows = reading.take(&page, target);
            if last {
                reading.written += self.resources.write(rows, index).await?;
                self.count_rejected(&reading);
                return Ok(reading);
            }
            let next = self.belvo.page(target.kind, target.link_id, number);
            let (next, written) = futures::join!(next, self.resources.write(rows, index));
            reading.written += written?;
            page = next?;
        }
        Err(BelvoError::Unexpected {
            what: "a list that ends",
        }
        .into())
    }

    fn count_rejected(&self, reading: &Reading) {
        for reason in reading.rejected.values() {
            runtime::count_by(Metric::RowRejected, reason, self.clock.now());
        }
    }
}

fn decline(link: &mut OpenLink<'_>, kind: ResourceKind, error: &BelvoError) {
    let code = error.api_error().map(|error| error.code.clone());
    tracing::warn!(
        link.id = %link.record.link_id,
        resource.kind = kind.name(),
        belvo.code = code.as_ref().map(Code::as_str),
        belvo.request_id = error.api_error().and_then(|it| it.request_id.as_ref()).map(RequestId::as_str),
        "belvo declined to give a resource"
    );
    let resource = link.record.resource(kind);
    resource.state = ResourceState::Failed;
    resource.declined = code;
}
