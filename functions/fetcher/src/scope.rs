//! What a pass reads: the recent days, or everything.

use belvo::BelvoError;
use domain::{DateRange, ResourceKind};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use runtime::Metric;
use store::{Found, Pass, Scope};

use crate::fetcher::{Fetcher, JobError};
use crate::missing::Verdict;
use crate::open::OpenLink;
use crate::reading::{MAX_REJECTED, Reading, Target};

/// A statement of so many pages is read whole rather than in part.
const SHORT_PAGES: u64 = 5;

/// How a pass ended.
pub(crate) enum End {
    /// What was to be read is stored.
    Complete,
    /// What was read disagrees with itself: the same once more.
    OnceMore,
    /// What was read shows that everything must be read.
    MoreIsNeeded,
}

impl Fetcher {
    /// Does the pass on LINK.
    pub(crate) async fn carry_out(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
    ) -> Result<End, JobError> {
        let Some(external_id) = link.record.external_id.clone() else {
            // Only bound links are read, and a bound link has a user.
            return Ok(End::Complete);
        };
        let resource = link.record.resource(kind);
        let Some(pass) = resource.pass.clone() else {
            return Ok(End::Complete);
        };
        let target = Target {
            kind,
            external_id: &external_id,
            days: DateRange::ALL,
            known_before: None,
        };
        match pass.scope {
            Scope::Recent => self.read_recent(link, target).await,
            Scope::Revised => self.read_revised(link, target).await,
            Scope::Everything => self.read_everything(link, target, pass).await,
        }
    }

    /// Somewhere rows changed or went, and nothing says where. A short statement is read whole; of
    /// a long one what is recent, and the weekly pass finds the rest.
    async fn read_revised(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
    ) -> Result<End, JobError> {
        let first = self
            .belvo
            .page(target.kind, link.record.link_id, DateRange::ALL, 1);
        let first = first.await?;
        if first.count > SHORT_PAGES * u64::from(self.belvo.page_size()) {
            return self.read_recent(link, target).await;
        }
        if let Some(pass) = &mut link.record.resource(target.kind).pass {
            pass.scope = Scope::Everything;
        }
        self.read_at_once(link, target, Some(first)).await
    }

    /// Reads what can have changed since the last complete read, and some days more: banks change
    /// movements of the last days, and Belvo looks six days back (Belvo's support, "avoiding
    /// missing transactions").
    async fn read_recent(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
    ) -> Result<End, JobError> {
        let resource = link.record.resource(target.kind);
        let last_read = resource.sync_started_at.unwrap_or(Timestamp::MIN);
        let known_before = resource.sync_ended_at;
        let last_day = day(last_read.min(self.clock.now()));
        let window = Span::new().days(i64::from(self.config.transaction_window_days));
        let target = Target {
            days: DateRange::since(last_day.saturating_sub(window)),
            known_before,
            ..target
        };
        let (reading, verdict) = self.read_completely(link, target, None).await?;
        if let Verdict::Doubtful = verdict {
            return Ok(End::MoreIsNeeded);
        }
        if reading.missed {
            // It was there when we last read, and we do not have it: there may be more of that.
            return Ok(End::MoreIsNeeded);
        }
        let resource = link.record.resource(target.kind);
        resource.rows = (resource.rows + reading.added).saturating_sub(reading.removed);
        let expected = resource.rows + resource.unstorable;
        if let Some(pass) = &mut resource.pass {
            add(&mut pass.found, reading);
        }
        // Whatever came or went before those days shows in the number of all.
        let all = self
            .belvo
            .count(target.kind, link.record.link_id, DateRange::ALL);
        Ok(match all.await? == expected {
            true => End::Complete,
            false => End::MoreIsNeeded,
        })
    }

    /// Reads everything, at once if that is not too much.
    async fn read_everything(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        pass: Pass,
    ) -> Result<End, JobError> {
        if pass.before.is_none() {
            let kind = target.kind;
            let first = self
                .belvo
                .page(kind, link.record.link_id, DateRange::ALL, 1);
            let first = first.await?;
            // Only transactions can be divided: Belvo has no filter by date for the others.
            let divisible = kind == ResourceKind::Transactions;
            if !divisible || first.count <= pass.portion {
                return self.read_at_once(link, target, Some(first)).await;
            }
        }
        self.read_portions(link, target, pass).await
    }

    /// Reads everything in one go.
    pub(crate) async fn read_at_once(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        first: Option<belvo::Page>,
    ) -> Result<End, JobError> {
        let (reading, verdict) = self.read_completely(link, target, first).await?;
        let (rows, is_empty) = (reading.stored, reading.is_empty());
        let resource = link.record.resource(target.kind);
        resource.rows = rows;
        if let Some(pass) = &mut resource.pass {
            pass.found = Found::default();
            add(&mut pass.found, reading);
        }
        match verdict {
            Verdict::Doubtful if is_empty => {
                // Kept, and looked at again; Belvo may have lost the link as well.
                runtime::count(Metric::ListEmpty, self.clock.now());
                self.look_again(link).await?;
            }
            Verdict::Doubtful | Verdict::Settled => {
                link.record.resource(target.kind).empty_since = None;
            }
        }
        Ok(End::Complete)
    }

    /// Reads until a read is complete and what did not come back is accounted for.
    pub(crate) async fn read_completely(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        mut first: Option<belvo::Page>,
    ) -> Result<(Reading, Verdict), JobError> {
        let link_id = link.record.link_id;
        let (kind, days) = (target.kind, target.days);
        let mut index = self.resources.index(link_id, kind, days).await?;
        let mut doubts = 0;
        for _ in 0..READS {
            let mut reading = self
                .read_pages(link, target, first.take(), &mut index)
                .await?;
            if !reading.is_complete() {
                continue;
            }
            let verdict = self
                .account_for_missing(link, target, &mut reading, &mut index, doubts)
                .await?;
            reading.stored = index.len();
            match verdict {
                Verdict::Doubtful if doubts == 0 && !reading.is_empty() => doubts += 1,
                verdict => return Ok((reading, verdict)),
            }
        }
        let what = "as many rows as it counts";
        Err(BelvoError::Unexpected { what }.into())
    }
}

/// Pages are numbered, so rows shift when Belvo writes meanwhile. Read again this often.
const READS: usize = 3;

/// Adds what a read has found.
pub(crate) fn add(found: &mut Found, reading: Reading) {
    found.rows += reading.ids.len() as u64;
    found.unstorable += reading.unstorable;
    found.inflow += reading.inflow;
    found.outflow += reading.outflow;
    let first = reading.dates.map(|(first, _)| first);
    let last = reading.dates.map(|(_, last)| last);
    found.first_date = [found.first_date, first].into_iter().flatten().min();
    found.last_date = found.last_date.max(last);
    let room = MAX_REJECTED.saturating_sub(found.rejected.len());
    found
        .rejected
        .extend(reading.rejected.into_iter().take(room));
}

/// The day in UTC. A bank's day may be another one; the window is wide enough.
pub(crate) fn day(moment: Timestamp) -> Date {
    moment.to_zoned_datetime(TimeZone::UTC).date()
}
