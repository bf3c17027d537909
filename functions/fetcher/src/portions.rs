//! A long statement, read in portions by `value_date`.
//!
//! Each portion is read, compared and completed alone, so that memory stays flat however long the
//! statement is, and a later job goes on where this one stops.

use belvo::BelvoError;
use domain::{Code, DateRange, ResourceKind};
use jiff::civil::Date;
use store::Pass;

use crate::fetcher::{Fetcher, JobError};
use crate::open::OpenLink;
use crate::reading::Target;
use crate::scope::{End, add, day};

/// So many pages fit well into an invocation.
const FEW_PAGES: u64 = 20;

impl Fetcher {
    /// Reads a statement from its end to its beginning: the latest movements are wanted first.
    pub(crate) async fn read_portions(
        &self,
        link: &mut OpenLink<'_>,
        target: Target<'_>,
        mut pass: Pass,
    ) -> Result<End, JobError> {
        let link_id = link.record.link_id;
        let resource = link.record.resource(target.kind);
        let known_before = resource.whole_started_at.and(resource.sync_ended_at);
        loop {
            link.batch.deadline.check()?;
            let (days, last) = self.next_portion(link, target.kind, &pass).await?;
            let target = Target {
                days,
                known_before,
                ..target
            };
            let (reading, _) = self.read_completely(link, target, None).await?;
            add(&mut pass.found, reading);
            pass.before = days.from.or(pass.before);
            link.progressed = true;
            if last {
                break;
            }
            link.record.resource(target.kind).pass = Some(pass.clone());
            self.save(link).await?;
        }
        let all = self
            .belvo
            .count(target.kind, link_id, DateRange::ALL)
            .await?;
        let found = pass.found.rows + pass.found.unstorable;
        if all != found {
            let dated = DateRange::since(Date::constant(1, 1, 1));
            let dated = self.belvo.count(target.kind, link_id, dated).await?;
            if dated != found {
                return self.changed_meanwhile(link, target.kind, pass);
            }
            // The others have no date, and are found by none.
            if all <= FEW_PAGES * u64::from(self.belvo.page_size()) {
                return self.read_at_once(link, target, None).await;
            }
            pass.found.unstorable += all - found;
            let undated = Code::lenient("undated");
            pass.found
                .rejected
                .insert("rows without a date".to_owned(), undated);
        }
        let stored = self.resources.count(link_id, target.kind).await?;
        let resource = link.record.resource(target.kind);
        resource.rows = stored;
        let moved = stored != pass.found.rows && !pass.again;
        let started = pass.started_at;
        resource.pass = Some(pass);
        if moved {
            // Rows have moved from one portion to another while those were read. Whatever is
            // there now is known.
            resource.whole_started_at = resource.whole_started_at.or(Some(started));
            resource.sync_ended_at = Some(self.clock.now());
            return Ok(End::OnceMore);
        }
        Ok(End::Complete)
    }

    /// Belvo has written into portions that were read already.
    fn changed_meanwhile(
        &self,
        link: &mut OpenLink<'_>,
        kind: ResourceKind,
        mut pass: Pass,
    ) -> Result<End, JobError> {
        let again = pass.again;
        if again {
            pass.before = None;
            pass.again = false;
        }
        link.record.resource(kind).pass = Some(pass);
        match again {
            false => Ok(End::OnceMore),
            // A list in such motion is better read later.
            true => {
                let what = "as many rows as it counts";
                Err(BelvoError::Unexpected { what }.into())
            }
        }
    }

    /// The days to read next, and whether nothing is left before them.
    async fn next_portion(
        &self,
        link: &OpenLink<'_>,
        kind: ResourceKind,
        pass: &Pass,
    ) -> Result<(DateRange, bool), JobError> {
        let link_id = link.record.link_id;
        let today = day(self.clock.now());
        let to = pass.before.and_then(|before| before.yesterday().ok());
        let all = DateRange { from: None, to };
        if pass.before.is_some() && self.belvo.count(kind, link_id, all).await? <= pass.portion {
            return Ok((all, true));
        }
        let mut days = DateRange {
            from: Some(to.unwrap_or(today).first_of_month()),
            to,
        };
        while self.belvo.count(kind, link_id, days).await? > pass.portion {
            match days.later_half(today) {
                Some(half) => days = half,
                None => break,
            }
        }
        Ok((days, false))
    }
}
