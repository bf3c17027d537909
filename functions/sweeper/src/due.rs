//! Links that are due.

use domain::{Job, LinkId, dedup_id};
use jiff::{SignedDuration, Timestamp};
use runtime::Metric;
use store::{DueLink, SHARDS};

use crate::report::Report;
use crate::sweeper::{SweepError, Sweeper};

/// A link that is due for longer has been left out by many sweeps, or its job fails each time.
const OVERDUE: SignedDuration = SignedDuration::from_mins(15);

/// Minutes in which each overdue link has one turn.
const OVERDUE_TURNS: i64 = 30;

impl Sweeper {
    /// Queues the links that are due for longest, as many as the fetchers can take.
    ///
    /// Links that are still queued from the last sweep are among them. SQS drops their second job, so
    /// that a sweep adds only as many jobs as the fetchers have done since.
    pub(crate) async fn due(&self, given: Option<Timestamp>) -> Result<Report, SweepError> {
        let now = self.clock.now();
        let until = later(now, given);
        let at_most = self.throttle().due_per_sweep();
        let found = self.find(now, until, at_most).await?;
        if given.is_none() {
            runtime::gauge(Metric::LinksOverdue, found.overdue, now);
        }
        let room = match found.links.is_empty() {
            true => 0,
            false => self.room().await?,
        };
        let mut links = found.links;
        if given.is_none() {
            links.retain(|link| link.due_at > found.overdue_at || is_turn(link.link_id, now));
        }
        let links = longest_due(links, at_most.min(room));
        let jobs: Vec<_> = links.iter().map(|due| job(due, until, given)).collect();
        Ok(Report::Due {
            due: found.due,
            enqueued: self.enqueue(&jobs).await?,
        })
    }

    /// Queues this link, if it is due.
    pub(crate) async fn due_link(
        &self,
        link_id: LinkId,
        given: Option<Timestamp>,
    ) -> Result<Report, SweepError> {
        let until = later(self.clock.now(), given);
        let records = self.links.find_many(&[link_id]).await?;
        let next = records.first().and_then(|record| match &record.erase {
            Some(mark) => Some(mark.requested_at),
            None => record.schedule.next(),
        });
        let due = next.filter(|due_at| due_at.as_second() <= until.as_second());
        let jobs: Vec<_> = due
            .map(|due_at| job(&DueLink { link_id, due_at }, until, given))
            .into_iter()
            .collect();
        Ok(Report::Due {
            due: u64::from(due.is_some()),
            enqueued: self.enqueue(&jobs).await?,
        })
    }

    /// Queries every shard of the index. A count is needed only for a shard with more than the limit.
    async fn find(
        &self,
        now: Timestamp,
        until: Timestamp,
        at_most: usize,
    ) -> Result<Found, SweepError> {
        let overdue_at = now.checked_sub(OVERDUE).unwrap_or(Timestamp::MIN);
        // A query reads up to a megabyte, which is a few thousand of these records.
        let limit = i32::try_from(at_most).unwrap_or(i32::MAX);
        let mut found = Found {
            overdue_at,
            ..Found::default()
        };
        for shard in 0..SHARDS {
            let links = self.links.due(shard, until, limit).await?;
            if links.len() < at_most {
                let overdue = links.iter().filter(|link| link.due_at <= overdue_at);
                found.overdue += overdue.count() as u64;
                found.due += links.len() as u64;
            } else {
                found.overdue += self.links.count_due(shard, overdue_at).await?;
                found.due += self.links.count_due(shard, until).await?;
            }
            found.links.extend(links);
        }
        Ok(found)
    }
}

#[derive(Default)]
struct Found {
    /// The first links of each shard.
    links: Vec<DueLink>,
    due: u64,
    overdue: u64,
    overdue_at: Timestamp,
}

fn later(now: Timestamp, given: Option<Timestamp>) -> Timestamp {
    given.map_or(now, |given| given.max(now))
}

/// Whether it is this overdue link's minute. An overdue link is queued once in half an hour, so that
/// a job that always fails neither takes the places of other links nor fills the queue.
fn is_turn(link_id: LinkId, now: Timestamp) -> bool {
    let minute = now.as_second().div_euclid(60).rem_euclid(OVERDUE_TURNS);
    let [first, ..] = dedup_id(&["turn", &link_id.to_string()]);
    i64::from(first) % OVERDUE_TURNS == minute
}

fn longest_due(mut links: Vec<DueLink>, at_most: usize) -> Vec<DueLink> {
    links.sort_by_key(|link| (link.due_at, link.link_id));
    links.truncate(at_most);
    links
}

/// The id holds the time the link is due, which changes when a job has worked on the link.
fn job(due: &DueLink, until: Timestamp, given: Option<Timestamp>) -> (Job, [u8; 16]) {
    let link_id = due.link_id;
    let due_at = due.due_at.as_second().to_string();
    let given = given.map(|given| given.to_string()).unwrap_or_default();
    let unique = dedup_id(&["due", &link_id.to_string(), &due_at, &given]);
    (Job::LinkDue { link_id, until }, unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn due(number: u8, second: i64) -> DueLink {
        let id = format!("00000000-0000-4000-8000-0000000000{number:02}");
        DueLink {
            link_id: LinkId::parse(&id).unwrap(),
            due_at: at(second),
        }
    }

    #[test]
    fn the_link_that_is_due_for_longest_goes_first() {
        let links = vec![due(1, 30), due(2, 10), due(3, 20)];
        assert_eq!(longest_due(links.clone(), 2), [due(2, 10), due(3, 20)]);
        assert_eq!(longest_due(links.clone(), 9).len(), 3);
        assert_eq!(longest_due(links, 0), []);
    }

    #[test]
    fn an_overdue_link_has_one_turn_in_half_an_hour() {
        for number in 1..20 {
            let link = due(number, 0).link_id;
            let turns = (0..30).filter(|minute| is_turn(link, at(minute * 60)));
            assert_eq!(turns.count(), 1);
        }
    }

    #[test]
    fn until_is_never_in_the_past() {
        assert_eq!(later(at(10), None), at(10));
        assert_eq!(later(at(10), Some(at(5))), at(10));
        assert_eq!(later(at(10), Some(at(20))), at(20));
    }

    #[test]
    fn a_link_that_is_still_queued_has_the_same_id() {
        let id = |link: &DueLink, until, given| job(link, until, given).1;
        let first = id(&due(1, 10), at(20), None);
        assert_eq!(first, id(&due(1, 10), at(80), None), "a minute later");
        assert_ne!(first, id(&due(1, 50), at(80), None), "tried meanwhile");
        assert_ne!(first, id(&due(2, 10), at(20), None), "another link");
        assert_ne!(first, id(&due(1, 10), at(80), Some(at(80))), "by hand");
    }
}
