//! What LINK knows of its consent, and when Belvo is asked about it again.

use std::ops::RangeInclusive;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

use super::pace::Pace;
use super::schedule::later;
use crate::event::ConsentChange;
use crate::id::ConsentId;

use ConsentObstacle::{Expired, Rejected, Unfinished};

/// Belvo warns so long before the end, where it warns; from then on users are asked to renew.
const EXPIRING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// DateRange before the end at which the consent is read.
const DAYS_BEFORE_END: [i64; 3] = [30, 7, 1];

/// Belvo needs a moment to notice the end.
const END_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Days after the end at which the consent is read: it may be renewed without a webhook.
const DAYS_AFTER_END: RangeInclusive<i64> = 1..=30;

/// After this time, Belvo's record of a consent counts for more than an earlier webhook.
const WEBHOOK_COUNTS: SignedDuration = SignedDuration::from_hours(1);

/// Minutes after the portal was opened at which the consent is read: most users take a few
/// minutes, and a bank waits an hour (Open Finance Brasil, Consents API 3.3).
const PORTAL_MINUTES: [i64; 4] = [3, 10, 30, 65];

/// A consent is read so often whatever else happens: a user may revoke it in the bank's app or
/// confirm it there, and of single links no webhook tells it.
const SLOW_CLOCK: SignedDuration = SignedDuration::from_hours(24);

/// The same once it has ended. A user renews it late, if ever.
const SLOW_CLOCK_OF_ENDED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What LINK knows of its consent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsentFacts {
    pub id: Option<ConsentId>,
    /// `AUTHORISED`, `EXPIRED`, …; an open set.
    pub status: Option<String>,
    /// When it ends; `None` for an indefinite one.
    pub expires_at: Option<Timestamp>,
    /// What the last webhook about it said, until Belvo's record says otherwise.
    pub change: Option<ConsentChange>,
    /// When that webhook was sent.
    pub changed_at: Option<Timestamp>,
    /// What the last webhook about a consent said, whatever Belvo's record has said since.
    pub heard: Option<HeardChange>,
    /// How often webhooks that said the same again have led to a read.
    pub pace: Option<Pace>,
    /// When it is read because of one that was put off.
    pub deferred_until: Option<Timestamp>,
    /// When the user last opened the portal to renew it.
    pub renewal_opened_at: Option<Timestamp>,
    /// When the user last opened the portal, to renew this consent or with all of them.
    pub portal_opened_at: Option<Timestamp>,
    /// When Belvo was last asked about it.
    pub read_at: Option<Timestamp>,
    /// The end that the last `consent.expiring` event was about.
    pub announced_end: Option<ConsentEnd>,
}

/// An end of a consent. A renewed consent ends anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsentEnd {
    pub id: Option<ConsentId>,
    /// `None` for a consent that was revoked, or ended without a date.
    pub at: Option<Timestamp>,
}

/// What a webhook said of which consent, to tell one that says the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardChange {
    pub change: ConsentChange,
    pub id: Option<ConsentId>,
}

/// One of Belvo's consents for a link, as far as a rule decides by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedConsent {
    pub id: Option<ConsentId>,
    pub status: Option<String>,
    pub created_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// Why a consent lets no new data through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentObstacle {
    Rejected,
    Expired,
    /// The user has begun to consent and not finished.
    Unfinished,
}

impl ConsentFacts {
    /// Whether Belvo's record of the consent allows reading the bank.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        let authorised = self.status.as_deref() == Some("AUTHORISED");
        authorised && self.expires_at.is_none_or(|end| end > now)
    }

    /// Its end, if that is within a week, or Belvo has warned of it.
    pub fn near_end(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.expires_at?;
        let near = end.duration_since(now) <= EXPIRING;
        (near || self.change == Some(ConsentChange::AboutToExpire)).then_some(end)
    }

    /// Whether it has ended: its time is over, or it was revoked.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        matches!(self.obstacle(now), Some(Rejected | Expired))
    }

    /// Why it lets no new data through, if it does not.
    pub fn obstacle(&self, now: Timestamp) -> Option<ConsentObstacle> {
        let past = self.expires_at.is_some_and(|end| end <= now);
        match self.status.as_deref() {
            // Belvo documents the first; Open Finance and other aggregators write the others.
            Some("REJECTED" | "REVOKED" | "CANCELLED" | "CANCELED") => Some(Rejected),
            Some("EXPIRED") => Some(Expired),
            _ if past || self.change == Some(ConsentChange::Expired) => Some(Expired),
            Some("AWAITING_AUTHORISATION" | "AWAITING_AUTHORISATION_CONFIRMATION") => {
                Some(Unfinished)
            }
            _ => None,
        }
    }

    /// The end that is near or past. A job on the very day may come a moment early.
    pub fn end(&self, now: Timestamp) -> Option<ConsentEnd> {
        let soon = later(now, SignedDuration::from_mins(1));
        let at = self.near_end(soon);
        (at.is_some() || self.has_ended(now)).then_some(ConsentEnd { id: self.id, at })
    }

    /// When a webhook that says the same as the one before it leads to a read, if not at once.
    pub(super) fn put_off(&mut self, now: Timestamp) -> Option<Timestamp> {
        let known = self.deferred_until.filter(|until| *until > now);
        if known.is_none() {
            self.deferred_until = Pace::count(&mut self.pace, now);
        }
        self.deferred_until
    }

    /// When the consent must be read next.
    pub fn next_check(&self, now: Timestamp) -> Timestamp {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        let around_end = self.expires_at.into_iter().flat_map(|end| {
            let before = DAYS_BEFORE_END.map(|it| later(end, days(-it)));
            let after = DAYS_AFTER_END.map(move |it| later(end, days(it)));
            before
                .into_iter()
                .chain([later(end, END_MARGIN)])
                .chain(after)
        });
        let after_webhook = self.changed_at.map(|at| later(at, WEBHOOK_COUNTS));
        let opened = self.renewal_opened_at.max(self.portal_opened_at);
        let portal = opened.into_iter().flat_map(|at| {
            PORTAL_MINUTES.map(|minutes| later(at, SignedDuration::from_mins(minutes)))
        });
        let put_off = self.deferred_until;
        let period = match self.has_ended(now) {
            true => SLOW_CLOCK_OF_ENDED,
            false => SLOW_CLOCK,
        };
        let slowly = later(self.read_at.unwrap_or(now), period);
        let dates = around_end
            .chain(after_webhook)
            .chain(portal)
            .chain(put_off)
            .chain([slowly]);
        // To the second as the index of due links counts, and not before the time has come.
        let up = TimestampRound::new()
            .smallest(Unit::Second)
            .mode(RoundMode::Ceil);
        let dates = dates.map(|at| at.round(up).unwrap_or(at));
        // A look that was due and came to nothing is made up for.
        let first = dates.filter(|at| *at > now).min();
        first.unwrap_or_else(|| later(now, period))
    }

    /// Keeps the consent that counts among those Belvo lists: one in force, or else the last one
    /// that was, or else the latest. A renewal that was begun and abandoned says nothing about the
    /// others.
    pub(super) fn observe_listed(&mut self, listed: &[ListedConsent], now: Timestamp) {
        let rank = |it: &&ListedConsent| {
            let rank = match it.status.as_deref() {
                Some("AUTHORISED") => 3,
                Some("EXPIRED") => 2,
                Some("AWAITING_AUTHORISATION_CONFIRMATION" | "AWAITING_AUTHORISATION") => 1,
                _ => 0,
            };
            (rank, it.created_at)
        };
        let Some(consent) = listed.iter().max_by_key(rank) else {
            return;
        };
        let renewed = self.id != consent.id || self.expires_at != consent.expires_at;
        self.id = consent.id;
        self.status.clone_from(&consent.status);
        self.expires_at = consent.expires_at;
        // A webhook may come before Belvo's own record changes.
        let record_counts = self
            .changed_at
            .is_none_or(|at| now.duration_since(at) >= WEBHOOK_COUNTS);
        if self.is_in_force(now) && (renewed || record_counts) {
            self.change = self.change.filter(|change| match change {
                ConsentChange::Expired | ConsentChange::AboutToExpire => false,
                ConsentChange::UnrecoverableResources => !renewed,
                ConsentChange::ExpirationChanged
                | ConsentChange::UnavailableResources
                | ConsentChange::Other => true,
            });
        }
    }
}

#[cfg(test)]
mod tests;
