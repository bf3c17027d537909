//! Reads a resource from Belvo and writes what is new.

use std::collections::{BTreeMap, HashSet};

use belvo::{BelvoError, Page};
use domain::event::Totals;
use domain::{Code, ExternalId, LinkId, ResourceKind};
use jiff::civil::Date;
use runtime::Metric;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Index, ResourceRow, ResourceState, TotalsVerdict, Unstorable};

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;

/// Pages are numbered, so rows shift when Belvo writes meanwhile. Read again this often.
const READS: usize = 3;

/// A million rows. A list that goes on after that is not one.
pub(crate) const MAX_PAGES: u32 = 1000;

/// Objects named on the link; whoever looks needs some, not thousands.
const MAX_REJECTED: usize = 50;

/// What is read.
#[derive(Clone, Copy)]
struct Target<'a> {
    link_id: LinkId,
    kind: ResourceKind,
    external_id: &'a ExternalId,
}

/// What one read of a whole list found.
#[derive(Default)]
struct Reading {
    /// Rows Belvo counts.
    count: u64,
    /// Rows that came, with repetitions.
    seen: u64,
    /// Rows that were new or had changed.
    written: u64,
    /// Different rows that can be stored.
    ids: HashSet<String>,
    /// Of those, rows of type INFLOW.
    inflow: u64,
    /// Of those, rows of type OUTFLOW.
    outflow: u64,
    /// Their earliest and latest `value_date`.
    dates: Option<(Date, Date)>,
    /// Rows that cannot.
    unstorable: u64,
    /// The first of those, by name, and why.
    rejected: BTreeMap<String, Code>,
}

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
        let mut index = self.resources.index(link_id, kind).await?;
        let mut reading = self.read_completely(target, &mut index).await?;
        let resource = link.record.resource(kind);
        let announced = Some(resource.announced.clone()).filter(|_| resource.announced_whole);
        let agrees = |reading: &Reading| {
            announced
                .as_ref()
                .map(|announced| announced.agree_with(&reading.totals(kind)))
        };
        if agrees(&reading) == Some(false) {
            // Belvo may have written while we read.
            reading = self.read_completely(target, &mut index).await?;
        }
        let verdict = agrees(&reading);
        if verdict == Some(false) {
            runtime::count(Metric::TotalsDiffer, self.clock.now());
        }

        let ended = self.clock.now();
        tracing::info!(
            link.id = %link_id,
            resource.kind = kind.name(),
            rows = reading.ids.len(),
            written = reading.written,
            rejected = reading.unstorable,
            duration_ms = ended.duration_since(started).as_millis(),
            "resource read"
        );
        link.read.insert(kind);
        link.record.pending.remove(&kind);
        let resource = link.record.resource(kind);
        resource.sync_ended_at = Some(ended);
        resource.rows = reading.ids.len() as u64;
        resource.state = match reading.rejected.is_empty() {
            true => ResourceState::Ready,
            false => ResourceState::Partial,
        };
        resource.totals = verdict.map(|agrees| match agrees {
            true => TotalsVerdict::Agree,
            false => TotalsVerdict::Differ,
        });
        resource.rejected = reading.rejected;
        self.save(link).await
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

impl Reading {
    /// Turns a page into rows, and keeps by name what cannot be stored.
    fn take(&mut self, page: &Page, target: Target<'_>) -> Vec<ResourceRow> {
        self.count = page.count;
        let mut rows = Vec::with_capacity(page.rows.len());
        for object in &page.rows {
            self.seen += 1;
            match ResourceRow::new(target.kind, target.link_id, target.external_id, object) {
                Ok(row) => {
                    if self.ids.insert(row.id.clone()) {
                        self.add_up(&row);
                    }
                    rows.push(row);
                }
                Err(reason) => self.reject(object, reason),
            }
        }
        rows
    }

    fn reject(&mut self, object: &RawValue, reason: Unstorable) {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        self.unstorable += 1;
        if self.rejected.len() < MAX_REJECTED {
            let named: Option<Named> = serde_json::from_str(object.get()).ok();
            let name = named.map(|named| named.id);
            // Neither nothing nor a novel may become a name on the link.
            let name = name.filter(|id| (1..=64).contains(&id.len()));
            let name = name.unwrap_or_else(|| format!("row {}", self.seen));
            self.rejected
                .insert(name, Code::lenient(&reason.to_string()));
        }
    }

    fn add_up(&mut self, row: &ResourceRow) {
        match row.flow() {
            Some("INFLOW") => self.inflow += 1,
            Some("OUTFLOW") => self.outflow += 1,
            _ => {}
        }
        if let Some(date) = row.value_date() {
            let (first, last) = self.dates.unwrap_or((date, date));
            self.dates = Some((first.min(date), last.max(date)));
        }
    }

    /// What Belvo would have announced, had it announced this.
    fn totals(&self, kind: ResourceKind) -> Totals {
        let rows = Some(self.ids.len() as u64 + self.unstorable);
        match kind {
            ResourceKind::Transactions | ResourceKind::InvestmentTransactions => Totals {
                rows,
                inflow: Some(self.inflow),
                outflow: Some(self.outflow),
                first_date: self.dates.map(|(first, _)| first),
                last_date: self.dates.map(|(_, last)| last),
            },
            ResourceKind::Owners
            | ResourceKind::Accounts
            | ResourceKind::Bills
            | ResourceKind::Investments => Totals {
                rows,
                ..Totals::default()
            },
        }
    }

    fn is_complete(&self) -> bool {
        self.ids.len() as u64 + self.unstorable >= self.count
    }
}
