//! What other services are told of a link.
//!
//! The table's stream carries every write of LINK; the pipe of the template makes an event of a
//! write that carries a change. What is to be told is read off LINK and taken off it by the write
//! that tells it. So a job that dies tells everything later, and the same change is told twice
//! only if a job died between a write and its answer.

use jiff::{SignedDuration, Timestamp};

use super::change::{ChangeKind, UntoldRows};
use super::schedule::{Reason, later};
use super::state::Link;
use crate::resource::ResourceKind;

/// No invocation of the fetcher lasts as long (the template's timeout).
const STOPPED_BY: SignedDuration = SignedDuration::from_mins(15);

impl Link {
    /// Notes whether the job before this one was not done. It has died; or it goes on, in a second
    /// process that AWS has invoked with the same jobs. Then it may write rows that are old by now,
    /// so everything is read again when it cannot be running any more.
    pub fn observe_interruption(&mut self, now: Timestamp) {
        let interrupted = self.updated_at.is_some() && self.saved_token + 1 < self.fencing_token;
        if interrupted {
            for resource in self.resources.values_mut() {
                resource.revise();
            }
        }
        if interrupted && self.untold_rows == UntoldRows::Unchanged {
            self.untold_rows = UntoldRows::Suspected;
        }
        if interrupted && self.is_bound() {
            self.schedule.set(Reason::Reread, later(now, STOPPED_BY));
        }
    }

    /// Rows of a resource were written or removed.
    pub fn observe_rows(&mut self, kind: ResourceKind, changed: u64) {
        if changed > 0 {
            self.resource(kind).revise();
        }
        if kind == ResourceKind::Transactions && changed > 0 {
            self.untold_rows = UntoldRows::Changed;
        }
    }

    /// Takes one change off the record, of which other services were not told yet. A link without
    /// a user has none.
    pub fn next_change(&mut self, now: Timestamp) -> Option<ChangeKind> {
        self.external_id.as_ref().filter(|_| self.is_bound())?;
        let changed = self.untold_rows == UntoldRows::Changed;
        if changed && !self.needs_sync(ResourceKind::Transactions) {
            self.untold_rows = UntoldRows::Unchanged;
            return Some(ChangeKind::TransactionsChanged);
        }
        if self.ready_at.is_none() && self.has_loaded() {
            self.ready_at = Some(now);
            return Some(ChangeKind::LinkReady);
        }
        let consent = self.consent.as_mut()?;
        let end = consent.end(now)?;
        if consent.announced_end.as_ref() == Some(&end) {
            return None;
        }
        consent.announced_end = Some(end);
        Some(ChangeKind::ConsentExpiring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExternalId;
    use crate::link::fixtures::*;
    use crate::link::{ChangeEvent, ConsentEnd, ConsentFacts, LinkStatus, SyncMode};

    #[test]
    fn the_stored_name_is_the_events_name() {
        for kind in [
            ChangeKind::LinkReady,
            ChangeKind::TransactionsChanged,
            ChangeKind::ConsentExpiring,
            ChangeKind::LinkErased,
        ] {
            let link = link_id(1);
            let user = ExternalId::parse("user-1").unwrap();
            let change = ChangeEvent::new((link, 7), user, kind, now());
            let stored = serde_json::to_value(&change).unwrap();
            let name: &str = kind.into();
            assert_eq!(stored["type"], name);
            assert_eq!(stored["at"], "2026-11-23T12:00:00Z");
            assert_eq!(stored["id"], format!("{link}.7.{name}"));
        }
    }

    #[test]
    fn a_job_that_died_without_saving_may_have_written_rows() {
        let check = |saved: Option<u64>, token, before, after| {
            let mut link = loaded();
            link.updated_at = saved.map(|_| days(-1));
            link.saved_token = saved.unwrap_or_default();
            link.fencing_token = token;
            link.untold_rows = before;
            link.observe_interruption(now());
            assert_eq!(link.untold_rows, after, "{saved:?} {token} {before:?}");
        };
        use UntoldRows::{Changed, Suspected, Unchanged};
        check(None, 9, Unchanged, Unchanged);
        check(Some(5), 6, Unchanged, Unchanged);
        check(Some(5), 7, Unchanged, Suspected);
        check(Some(5), 7, Suspected, Suspected);
        check(Some(5), 7, Changed, Changed);
    }

    #[test]
    fn rows_of_transactions_alone_are_told() {
        for kind in ResourceKind::all() {
            let check = |rows, changed| {
                let mut link = loaded();
                link.observe_rows(kind, rows);
                let changed = changed && kind == ResourceKind::Transactions;
                assert_eq!(link.untold_rows == UntoldRows::Changed, changed, "{kind}");
            };
            check(0, false);
            check(1, true);
        }
    }

    /// Everything that is told of a link at noon, one write after the other.
    fn told(link: &mut Link) -> Vec<ChangeKind> {
        std::iter::from_fn(|| link.next_change(now())).collect()
    }

    /// A link of which three changes are to be told.
    fn untold() -> Link {
        let mut link = loaded();
        link.untold_rows = UntoldRows::Changed;
        link.consent = Some(ConsentFacts {
            id: Some(consent_id(1)),
            expires_at: Some(days(2)),
            ..ConsentFacts::default()
        });
        link
    }

    use ChangeKind::{ConsentExpiring, LinkReady, TransactionsChanged};

    #[test]
    fn each_change_is_told_once() {
        let mut link = untold();
        let all = [TransactionsChanged, LinkReady, ConsentExpiring];
        assert_eq!(told(&mut link), all);
        assert_eq!(link.untold_rows, UntoldRows::Unchanged);
        assert_eq!(link.ready_at, Some(now()));
        let end = link
            .consent
            .as_ref()
            .and_then(|it| it.announced_end.clone());
        let expected = ConsentEnd {
            id: Some(consent_id(1)),
            at: Some(days(2)),
        };
        assert_eq!(end, Some(expected));
        assert_eq!(told(&mut link), []);
    }

    #[test]
    fn a_change_is_told_when_its_time_has_come() {
        let check = |change: fn(&mut Link), expected: &[ChangeKind]| {
            let mut link = untold();
            change(&mut link);
            assert_eq!(told(&mut link), expected, "{link:?}");
        };
        let syncing = |it: &mut Link| {
            it.pending
                .request_sync(ResourceKind::Transactions, SyncMode::Full);
        };
        check(syncing, &[LinkReady, ConsentExpiring]);
        let suspected = |it: &mut Link| it.untold_rows = UntoldRows::Suspected;
        check(suspected, &[LinkReady, ConsentExpiring]);
        let loading = |it: &mut Link| it.resource(ResourceKind::Owners).last_sync = None;
        check(loading, &[TransactionsChanged, ConsentExpiring]);
        let ready = |it: &mut Link| it.ready_at = Some(days(-3));
        check(ready, &[TransactionsChanged, ConsentExpiring]);
        let no_consent = |it: &mut Link| it.consent = None;
        check(no_consent, &[TransactionsChanged, LinkReady]);
        let renewed = |it: &mut Link| {
            let consent = it.consent.get_or_insert_default();
            consent.expires_at = Some(days(365));
        };
        check(renewed, &[TransactionsChanged, LinkReady]);
    }

    #[test]
    fn a_renewed_consent_that_ends_is_told_again() {
        let mut link = untold();
        told(&mut link);
        link.consent.get_or_insert_default().expires_at = Some(days(3));
        assert_eq!(told(&mut link), [ConsentExpiring]);
    }

    #[test]
    fn only_a_bound_link_with_a_user_has_something_to_tell() {
        for status in [
            LinkStatus::Announced,
            LinkStatus::AwaitingOwner,
            LinkStatus::Quarantined,
            LinkStatus::Unclaimed,
            LinkStatus::Gone,
        ] {
            let mut link = untold();
            link.status = status;
            assert_eq!(told(&mut link), [], "{status:?}");
        }
        let mut link = untold();
        link.external_id = None;
        assert_eq!(told(&mut link), []);
    }
}
