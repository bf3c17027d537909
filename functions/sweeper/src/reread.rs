//! A full read of one link or of all links. It spends no Open Finance quota.

use std::collections::BTreeSet;

use domain::{Job, LinkId, dedup_id};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::compare_links::by_id;
use crate::report::Report;
use crate::sweeper::{SweepError, Sweeper};

impl Sweeper {
    /// Queues the link, if LINK exists.
    pub(crate) async fn reread(&self, link_id: LinkId) -> Result<Report, SweepError> {
        let not_before = self.clock.now();
        let mut jobs = Vec::new();
        for record in self.links.find_many(&[link_id]).await? {
            let link_id = record.link_id;
            let job = Job::LinkReread {
                link_id,
                not_before,
            };
            jobs.push((job, self.randomness.sixteen()?));
        }
        Ok(Report::Reread {
            links: jobs.len(),
            enqueued: self.enqueue(&jobs).await?,
        })
    }

    /// Queues the links of a page of which LINK exists. The jobs are spread over the whole time.
    pub(crate) async fn reread_all(
        &self,
        number: u32,
        size: Option<u32>,
        over: Option<SignedDuration>,
        from: Option<Timestamp>,
    ) -> Result<Report, SweepError> {
        let found = self.links_at_belvo().await?;
        // Belvo may give fewer links at once by now, and the number of a page would mean another place.
        let found = found.in_pages_of(size);
        let (pages, size) = (found.count(), found.size.rows());
        let page = self.page(found, number).await?;
        let from = from.unwrap_or_else(|| self.clock.now());
        let over = over.unwrap_or_else(|| self.throttle().reread_of(page.count));
        let first = u64::from(number.saturating_sub(1)) * u64::from(size);

        let places = (first..).zip(by_id(page.links).into_keys());
        let places: Vec<(u64, LinkId)> = places.collect();
        let ids: Vec<LinkId> = places.iter().map(|(_, id)| *id).collect();
        let records = self.links.find_many(&ids).await?;
        let ours: BTreeSet<LinkId> = records.iter().map(|record| record.link_id).collect();
        let jobs = places.iter().filter(|(_, id)| ours.contains(id));
        let jobs = jobs.map(|(place, id)| job(*id, from, over, share(over, *place, page.count)));
        let jobs: Vec<_> = jobs.collect();
        Ok(Report::RereadAll {
            page: number,
            pages,
            links: page.count,
            enqueued: self.enqueue(&jobs).await?,
            // Belvo's count is a hint; that there is no more, it says itself.
            next: page.has_next.then(|| next(number, size, over, from)),
        })
    }
}

/// How long after the start the link in this place, of so many, is read.
fn share(over: SignedDuration, place: u64, links: u64) -> SignedDuration {
    let links = i128::from(links.max(1));
    let millis = over.as_millis() * i128::from(place).min(links) / links;
    i64::try_from(millis).map_or(over, SignedDuration::from_millis)
}

/// The request that continues. It repeats the size of the pages, by which they are numbered, and the
/// start and the length of the whole time, so that all pages share them however late each page is
/// asked for.
fn next(page: u32, size: u32, over: SignedDuration, from: Timestamp) -> Value {
    json!({
        "sweep": "reread",
        "all": true,
        "page": page.saturating_add(1),
        "size": size,
        "over": over.to_string(),
        "from": from.to_string(),
    })
}

/// The id is the same when Lambda repeats a request at once, so that the page is queued once.
fn job(
    link_id: LinkId,
    from: Timestamp,
    over: SignedDuration,
    delay: SignedDuration,
) -> (Job, [u8; 16]) {
    let not_before = from.checked_add(delay).unwrap_or(Timestamp::MAX);
    let [link, began, span] = [link_id.to_string(), from.to_string(), over.to_string()];
    let unique = dedup_id(&["reread", &link, &began, &span]);
    let job = Job::LinkReread {
        link_id,
        not_before,
    };
    (job, unique)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Sweep;

    #[test]
    fn links_are_spread_evenly() {
        let over = SignedDuration::from_hours(6);
        let check = |place, links, minutes| {
            let expected = SignedDuration::from_mins(minutes);
            assert_eq!(share(over, place, links), expected, "{place} of {links}");
        };
        check(0, 6, 0);
        check(3, 6, 180);
        check(5, 6, 300);
        // A link that was made meanwhile is read at the end, and not later.
        check(9, 6, 360);
        check(0, 0, 0);
    }

    #[test]
    fn the_answer_continues_the_reread() {
        let over = SignedDuration::from_secs(45_333);
        let from: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let expected = Sweep::RereadAll {
            page: 2,
            size: Some(200),
            over: Some(over),
            from: Some(from),
        };
        assert_eq!(Sweep::read(&next(1, 200, over, from)).unwrap(), expected);
    }

    #[test]
    fn a_page_that_is_sent_twice_is_queued_once() {
        let id = LinkId::parse("2f8ca7a1-c28f-46f2-bb41-21633099a280").unwrap();
        let (from, over) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(6));
        let first = job(id, from, over, SignedDuration::ZERO);
        assert_eq!(first, job(id, from, over, SignedDuration::ZERO));
        let later = job(id, Timestamp::MAX, over, SignedDuration::ZERO);
        assert_ne!(first.1, later.1, "another reread");
    }
}
