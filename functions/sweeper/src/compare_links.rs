//! Belvo's links are compared with ours, page by page.

use std::collections::BTreeMap;

use belvo::Link;
use domain::link::{LinkStatus, Reason};
use domain::resource::LOADING;
use domain::{Job, LinkId, dedup_id};
use jiff::Timestamp;

use crate::report::Report;
use crate::sweeper::{SweepError, Sweeper};

/// Seconds between two scheduled comparisons; the template says the same.
const PERIOD: i64 = 5 * 60;

impl Sweeper {
    /// Compares a page of Belvo's links with ours, and queues links with news.
    pub(crate) async fn compare_links(&self, page: Option<u32>) -> Result<Report, SweepError> {
        let now = self.clock.now();
        let found = self.links_at_belvo().await?;
        let pages = found.count();
        let page_is_scheduled = page.is_none();
        let number = page.unwrap_or_else(|| turn(now, pages));
        let page = self.page_and_rest(found, number).await?;
        let links = by_id(page.links);
        let ids: Vec<LinkId> = links.keys().copied().collect();
        let records = self.links.find_many(&ids).await?;
        let records = records.into_iter().map(|record| (record.link_id, record));
        let records: BTreeMap<LinkId, domain::Link> = records.collect();
        // An operator who asks for a page means every link of it.
        let is_left = |record: &domain::Link| page_is_scheduled && record.is_left();
        let news = links.iter().filter(|(id, link)| {
            let record = records.get(id);
            !record.is_some_and(is_left) && has_news(link, record, now)
        });
        let mut jobs: Vec<_> = news.map(|(id, link)| job(*id, link)).collect();
        let seen = jobs.len();
        if seen > 0 {
            jobs.truncate(self.room().await?);
        }
        Ok(Report::Links {
            page: number,
            pages,
            links: page.count,
            seen,
            enqueued: self.enqueue(&jobs).await?,
        })
    }
}

/// The page of this period. Each page comes once in as many periods as there are pages.
fn turn(now: Timestamp, pages: u64) -> u32 {
    let slot = now.as_second().div_euclid(PERIOD);
    let pages = i64::try_from(pages).unwrap_or(i64::MAX).max(1);
    // Not above the number of pages, which `u32` holds.
    u32::try_from(slot.rem_euclid(pages) + 1).unwrap_or(u32::MAX)
}

/// Pages shift while links are made, so that one may come twice; an id that is none of Belvo's is skipped.
pub(crate) fn by_id(links: Vec<Link>) -> BTreeMap<LinkId, Link> {
    let with_id = |link: Link| Some((link.id?, link));
    links.into_iter().filter_map(with_id).collect()
}

/// Whether Belvo has reached the bank, and we do not have what came of it though it is time.
fn has_news(link: &Link, record: Option<&domain::Link>, now: Timestamp) -> bool {
    if record.is_some_and(|record| record.is_left() || needs_user(link, record)) {
        return true;
    }
    let reached_at = link.last_accessed_at.or(link.created_at);
    if reached_at.is_some_and(|at| now.duration_since(at) < LOADING) {
        return false;
    }
    let (Some(record), Some(accessed_at)) = (record, link.last_accessed_at) else {
        return record.is_none();
    };
    let is_back = record.status == LinkStatus::Gone;
    if record.complete_as_of == Some(accessed_at) && !is_back {
        return false;
    }
    // The fetcher knows of this access. Belvo's next access to the bank is news again.
    let heard = record.last_accessed_at == Some(accessed_at);
    !(heard && is_taken_care_of(record, accessed_at))
}

/// Whether Belvo's list says that the user must act, and we have not heard of it.
fn needs_user(link: &Link, record: &domain::Link) -> bool {
    let status = link.status.as_deref();
    let is_broken = matches!(status, Some("invalid" | "token_required"));
    is_broken && record.is_bound() && record.user_action.is_none()
}

/// Whether a job would find nothing to do: all that is unread is scheduled already, and the
/// comparison must not come before that time, or the link belongs to no user.
fn is_taken_care_of(record: &domain::Link, accessed_at: Timestamp) -> bool {
    let waits = |reason| record.schedule.get(reason).is_some();
    match record.status {
        LinkStatus::Quarantined => true,
        LinkStatus::Bound => {
            let is_waiting = waits(Reason::Retry) || waits(Reason::Continue);
            is_waiting && !record.lacks(accessed_at)
        }
        _ => waits(Reason::CheckLink) || waits(Reason::Retry) || waits(Reason::Continue),
    }
}

fn job(link_id: LinkId, link: &Link) -> (Job, [u8; 16]) {
    let last_accessed_at = link.last_accessed_at;
    let accessed = last_accessed_at.map(|at| at.to_string());
    let accessed = accessed.unwrap_or_default();
    let unique = dedup_id(&["seen", &link_id.to_string(), &accessed]);
    let job = Job::LinkSeen {
        link_id,
        last_accessed_at,
    };
    (job, unique)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ID: &str = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
    const EARLIER: &str = "2026-11-23T08:00:00Z";
    const LATER: &str = "2026-11-23T10:00:00Z";
    const JUST_NOW: &str = "2026-11-23T11:00:00Z";

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn link(members: Value) -> Link {
        Link::read(&members.to_string())
    }

    fn record(members: Value) -> domain::Link {
        let mut record = json!({"link_id": ID, "fencing_token": 1});
        for (name, value) in members.as_object().unwrap() {
            record[name] = value.clone();
        }
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn each_page_has_its_turn() {
        for pages in [1, 2, 7, 100] {
            let turn_of = |slot: i64| {
                let second = now().as_second() + slot * PERIOD;
                turn(Timestamp::from_second(second).unwrap(), pages)
            };
            let slots = i64::try_from(pages).unwrap();
            let mut turns: Vec<_> = (0..slots).map(turn_of).collect();
            assert_eq!(turn_of(0), turn_of(slots), "the round begins again");
            turns.sort_unstable();
            let all: Vec<u32> = (1..).take(turns.len()).collect();
            assert_eq!(turns, all);
        }
        assert_eq!(turn(Timestamp::MIN, 0), 1);
    }

    #[test]
    fn a_link_we_lack_is_news_once_its_data_has_loaded() {
        let check = |members: Value, expected: bool| {
            assert_eq!(
                has_news(&link(members.clone()), None, now()),
                expected,
                "{members}"
            );
        };
        check(json!({"last_accessed_at": EARLIER}), true);
        check(json!({"last_accessed_at": JUST_NOW}), false);
        check(json!({"created_at": EARLIER}), true);
        check(json!({"created_at": JUST_NOW}), false);
        check(
            json!({"created_at": EARLIER, "last_accessed_at": JUST_NOW}),
            false,
        );
        check(json!({}), true);
    }

    #[test]
    fn a_link_we_have_is_news_when_belvo_reached_the_bank_since() {
        let check = |accessed: Value, members: Value, expected: bool| {
            let link = link(json!({"created_at": EARLIER, "last_accessed_at": accessed}));
            let record = record(members.clone());
            assert_eq!(has_news(&link, Some(&record), now()), expected, "{members}");
        };
        check(json!(LATER), json!({"complete_as_of": LATER}), false);
        check(json!(LATER), json!({"complete_as_of": EARLIER}), true);
        check(json!(LATER), json!({}), true);
        check(json!(JUST_NOW), json!({"complete_as_of": EARLIER}), false);
        check(json!(null), json!({"complete_as_of": EARLIER}), false);
        check(json!(null), json!({}), false);
        check(json!(LATER), json!({"last_accessed_at": LATER}), true);
        let gone = json!({"status": "gone", "complete_as_of": LATER});
        check(json!(LATER), gone, true);
    }

    #[test]
    fn a_link_whose_user_must_act_is_news_until_we_have_heard_of_it() {
        let check = |status: &str, members: Value, expected: bool| {
            let link = link(json!({"status": status, "last_accessed_at": JUST_NOW}));
            let mut record = record(members.clone());
            record.complete_as_of = JUST_NOW.parse().ok();
            let news = has_news(&link, Some(&record), now());
            assert_eq!(news, expected, "{status} {members}");
        };
        let bound = json!({"status": "bound"});
        for (status, expected) in [
            ("invalid", true),
            ("token_required", true),
            ("valid", false),
            ("unconfirmed", false),
        ] {
            check(status, bound.clone(), expected);
        }
        check("invalid", json!({"status": "unclaimed"}), false);
        let heard = json!({"status": "bound", "user_action": "invalid_link"});
        check("invalid", heard, false);
    }

    #[test]
    fn a_link_that_has_its_own_time_is_left_alone_until_belvo_has_more() {
        let link = link(json!({"last_accessed_at": LATER}));
        let check = |members: Value, heard: &str, expected: bool| {
            let mut record = record(members.clone());
            record.last_accessed_at = heard.parse().ok();
            assert_eq!(has_news(&link, Some(&record), now()), expected, "{members}");
        };
        let waiting = |status: &str, reason: &str, resources: Value| {
            json!({
                "status": status,
                "schedule": {reason: "2026-11-23T18:00:00Z"},
                "fetch_resources": ["BILLS", "OWNERS"],
                "pending": {"resources": {"BILLS": "full"}},
                "resources": resources,
            })
        };
        let covered = json!({"OWNERS": {"last_sync": {
            "mode": "full", "started_at": JUST_NOW, "ended_at": JUST_NOW,
        }, "announced_at": LATER}});
        for (status, reason) in [
            ("announced", "retry"),
            ("awaiting_owner", "check_link"),
            ("bound", "retry"),
            ("bound", "continue"),
        ] {
            let waits = waiting(status, reason, covered.clone());
            check(waits.clone(), LATER, false);
            check(waits, EARLIER, true);
        }
        // That bills are tried again says nothing about owners.
        check(waiting("bound", "retry", json!({})), LATER, true);
        check(waiting("bound", "empty_list", covered), LATER, true);
        check(
            json!({"schedule": {"full_sync": "2026-11-30T12:00:00Z"}}),
            LATER,
            true,
        );
        check(json!({"status": "quarantined"}), LATER, false);
        check(json!({"status": "quarantined"}), EARLIER, true);
    }
}
