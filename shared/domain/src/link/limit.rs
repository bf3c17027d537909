//! The bank's monthly limits: since when they are used up, and when it is worth asking again.
//!
//! Months turn at different moments here, at Belvo and at the bank, and news come late. So what is
//! told in the first hours of a month may be about the month before, and that a limit ends with the
//! month is a guess: data that comes ends it at once.

use jiff::{SignedDuration, Timestamp};

use super::schedule::{Reason, later};
use super::state::Link;
use crate::code::Code;
use crate::event::Event;
use crate::month::Month;

/// For so long after a month has begun it may not have begun elsewhere.
const TURN: SignedDuration = SignedDuration::from_hours(24);

/// Between two questions within that time.
const SOON: SignedDuration = SignedDuration::from_hours(6);

/// Between two questions later, about a limit that should have been lifted.
const DAILY: SignedDuration = SignedDuration::from_hours(24);

/// Whether a code says that a limit is used up.
pub(super) fn is_limit(code: &Code) -> bool {
    code.as_str() == "operational_limits_reached"
}

impl Link {
    /// Notes what a webhook says of the limits: that they are used up, or, by announcing data, that
    /// they are not.
    pub(super) fn observe_limit(&mut self, event: &Event, sent_at: Timestamp) {
        if event.errors.iter().any(is_limit) {
            return self.limit(sent_at);
        }
        // One of an earlier refresh tells of what Belvo had read before.
        let refresh = self.refresh.as_ref();
        let is_late =
            refresh.is_some_and(|it| it.is_of_another(event.request_id.as_ref(), sent_at));
        if event.kind.resource().is_some() && !is_late {
            self.lift_limit();
        }
    }

    /// The limits are used up, as was told at this moment.
    pub(super) fn limit(&mut self, told_at: Timestamp) {
        let since = *self.limited_since.get_or_insert(told_at);
        let until = asked_again_at(since, told_at);
        self.limited_until = Some(until);
        self.schedule.set(Reason::LimitLifted, until);
    }

    /// Data comes, so the limits are not used up; unless a resource is still held back by one.
    pub(super) fn lift_limit(&mut self) {
        if !self.is_held_back() {
            self.limited_since = None;
            self.limited_until = None;
            self.schedule.clear(Reason::LimitLifted);
        }
    }

    /// A time up to which no data was expected is over once it has come.
    pub(super) fn forget_past_limit(&mut self, now: Timestamp) {
        self.limited_until = self.limited_until.filter(|until| *until > now);
        if self.limited_until.is_none() && !self.is_held_back() {
            self.limited_since = None;
        }
    }

    fn is_held_back(&self) -> bool {
        self.declined().any(is_limit)
    }
}

/// When it is asked again whether a limit holds that was first told of at `since`, and last at
/// `told_at`. One that was told of in the middle of a month holds until the month ends. One that may
/// be of the month before is asked about in the first hours of the month, and then daily.
fn asked_again_at(since: Timestamp, told_at: Timestamp) -> Timestamp {
    let month = Month::of(told_at);
    let sure_from = later(month.start(), TURN);
    if since >= sure_from {
        month.end()
    } else if told_at < sure_from {
        later(told_at, SOON)
    } else {
        later(told_at, DAILY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::RequestId;
    use crate::event::EventKind;
    use crate::link::Refresh;
    use crate::link::fixtures::*;
    use crate::resource::ResourceKind::{Bills, Transactions};

    #[test]
    fn a_limit_is_asked_about_after_the_turn_of_the_month_and_never_put_off_by_a_month() {
        let check = |since, told_at, expected| {
            let (since, told_at) = (at(since), at(told_at));
            let again = asked_again_at(since, told_at);
            assert_eq!(again, at(expected), "{since} {told_at}");
        };
        let november = "2026-11-20T12:00:00Z";
        let turn = "2026-12-01T03:00:00Z";
        check(november, november, turn);
        check(november, "2026-12-01T02:59:59Z", turn);
        // Told anew after the turn: what was true a moment ago may be over.
        check(november, turn, "2026-12-01T09:00:00Z");
        check(november, "2026-12-01T21:00:00Z", "2026-12-02T03:00:00Z");
        check(november, "2026-12-02T03:00:00Z", "2026-12-03T03:00:00Z");
        check(november, "2026-12-30T03:00:00Z", "2026-12-31T03:00:00Z");
        let at_once = "2026-12-01T03:00:20Z";
        check(at_once, at_once, "2026-12-01T09:00:20Z");
        check(at_once, "2026-12-05T09:00:20Z", "2026-12-06T09:00:20Z");
        let next_day = "2026-12-02T03:00:00Z";
        check(next_day, next_day, "2027-01-01T03:00:00Z");
    }

    #[test]
    fn a_limit_is_lifted_by_data_unless_a_resource_is_held_back_by_one() {
        let limit = code("operational_limits_reached");
        let mut link = loaded();
        let mut told = historical_update(Transactions);
        told.errors = vec![limit.clone()];
        link.observe_limit(&told, now());
        let month_end = Some(at("2026-12-01T03:00:00Z"));
        assert_eq!(link.limited_since, Some(now()));
        assert_eq!(link.limited_until, month_end);
        assert_eq!(link.schedule.get(Reason::LimitLifted), month_end);

        link.observe_limit(&event(EventKind::LinkDeleted), hours(1));
        assert_eq!(link.limited_until, month_end, "that is no data");
        link.refresh = Some(Refresh {
            id: refresh_id(2),
            asked_at: now(),
            resources: Vec::new(),
            accepted: false,
            declined: Some(limit.clone()),
            request_id: None,
            earlier: RequestId::parse(&"1".repeat(32)).ok(),
        });
        let mut late = new_rows(Transactions);
        late.request_id = RequestId::parse(&"1".repeat(32)).ok();
        link.observe_limit(&late, minutes(1));
        assert_eq!(link.limited_until, month_end, "that was read before");
        link.resource(Bills).declined = Some(limit);
        link.observe_limit(&new_rows(Transactions), hours(1));
        assert_eq!(link.limited_until, month_end, "bills are held back");
        link.resource(Bills).declined = Some(code("unavailable_data"));
        link.observe_limit(&new_rows(Transactions), hours(1));
        assert_eq!((link.limited_since, link.limited_until), (None, None));
        assert_eq!(link.schedule.get(Reason::LimitLifted), None);
    }

    #[test]
    fn a_limit_that_is_still_told_of_is_the_same_one() {
        let mut link = loaded();
        link.limit(now());
        link.forget_past_limit(days(8));
        assert_eq!((link.limited_since, link.limited_until), (None, None));
        link.limit(now());
        link.resource(Bills).declined = Some(code("operational_limits_reached"));
        link.forget_past_limit(days(8));
        assert_eq!(
            (link.limited_since, link.limited_until),
            (Some(now()), None)
        );
        link.limit(days(8));
        assert_eq!(link.limited_until, Some(hours(8 * 24 + 6)));
    }
}
