//! Asking Belvo to read the bank again. It spends the user's monthly limits, so it is asked once.

use jiff::{SignedDuration, Timestamp};

use super::policy::Policy;
use super::refresh::Refresh;
use super::schedule::{Reason, later};
use super::state::Link;
use crate::code::{Code, RequestId};
use crate::id::RefreshId;
use crate::resource::{LOADING, ResourceKind};

/// How long a request is repeated whose fate is unknown: as long as Belvo remembers it for
/// certain. Later, asking again could spend twice.
const REPEATED: SignedDuration = SignedDuration::from_mins(8);

/// Between two of these tries.
const PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// Whether an app's request leads to a request to Belvo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshStart {
    /// For the first time. LINK must be saved before Belvo is asked.
    Ask,
    /// A job has asked before and died; Belvo may have received the request.
    AskAgain,
    /// Belvo has answered this very request.
    Answered,
    /// Another refresh was less than ten minutes ago.
    CoolingDown,
}

/// What Belvo's answer to a refresh means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshAnswer {
    /// With Belvo's id of the request, if it names one.
    Accepted(Option<RequestId>),
    /// Belvo has refreshed the link within the last ten minutes.
    RefreshedRecently,
    /// The request may be repeated soon.
    Unavailable(Option<Code>),
    Declined(Option<Code>),
    /// The bank's monthly limits are used up.
    LimitReached(Option<Code>),
}

impl Link {
    /// When the link may be refreshed again, if not now.
    pub fn refresh_available_at(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.refresh.as_ref().and_then(Refresh::cools_until);
        until.filter(|until| *until > now)
    }

    /// The user's app wants fresh data.
    pub fn start_refresh(
        &mut self,
        id: RefreshId,
        resources: Vec<ResourceKind>,
        now: Timestamp,
    ) -> RefreshStart {
        match self.refresh.as_ref().filter(|it| it.id == id) {
            Some(known) if known.is_open() => RefreshStart::AskAgain,
            Some(_) => RefreshStart::Answered,
            None if self.refresh_available_at(now).is_some() => RefreshStart::CoolingDown,
            None => {
                self.schedule.clear(Reason::Refresh);
                let before = self.refresh.take();
                self.refresh = Some(Refresh {
                    id,
                    asked_at: now,
                    resources,
                    accepted: false,
                    declined: None,
                    request_id: None,
                    earlier: before.and_then(|it| it.request_id.or(it.earlier)),
                });
                RefreshStart::Ask
            }
        }
    }

    /// Whether Belvo is to be asked for the refresh on LINK. One that is too old to be asked for
    /// again is settled here. `asked_before` says that Belvo may have received the request.
    pub fn asks_for_refresh(&mut self, asked_before: bool, now: Timestamp) -> bool {
        let announced = self.resources.values().filter_map(|it| it.announced_at);
        let announced = announced.max();
        let Some(refresh) = self.refresh.as_mut().filter(|it| it.is_open()) else {
            return false;
        };
        if !asked_before || now < later(refresh.asked_at, REPEATED) {
            return true;
        }
        // Too late to ask again. A webhook that came since is taken for its effect.
        match announced.is_some_and(|at| at > refresh.asked_at) {
            true => self.accept_refresh(None),
            false => refresh.declined = Some(no_answer()),
        }
        false
    }

    /// Keeps Belvo's answer, and schedules the next try where one is allowed.
    pub fn observe_refresh(&mut self, answer: RefreshAnswer, asked_before: bool, now: Timestamp) {
        let Some(refresh) = self.refresh.as_mut().filter(|it| it.is_open()) else {
            return;
        };
        let again = later(now, PAUSE);
        let is_limited = matches!(answer, RefreshAnswer::LimitReached(_));
        let declined = match answer {
            RefreshAnswer::Accepted(id) => return self.accept_refresh(id),
            // By the request whose answer was lost.
            RefreshAnswer::RefreshedRecently if asked_before => return self.accept_refresh(None),
            RefreshAnswer::RefreshedRecently => Some(Code::lenient("link_refreshed")),
            RefreshAnswer::Unavailable(_) if again < later(refresh.asked_at, REPEATED) => {
                return self.schedule.set(Reason::Refresh, again);
            }
            RefreshAnswer::LimitReached(code)
            | RefreshAnswer::Unavailable(code)
            | RefreshAnswer::Declined(code) => code,
        };
        refresh.declined = Some(declined.unwrap_or_else(no_answer));
        if is_limited {
            self.limit(now);
        }
    }

    fn accept_refresh(&mut self, request_id: Option<RequestId>) {
        if let Some(refresh) = &mut self.refresh {
            refresh.accepted = true;
            refresh.request_id = request_id;
        }
        // Belvo reads the bank, so the bank gives data.
        self.lift_limit();
    }

    /// What the refresh on LINK spends, once Belvo has accepted it.
    pub fn refreshed(&self, policy: &Policy) -> Option<(&Refresh, Vec<ResourceKind>)> {
        let refresh = self.refresh.as_ref().filter(|it| it.accepted)?;
        let kinds = match refresh.resources.is_empty() {
            true => self.requested(policy),
            false => refresh.resources.clone(),
        };
        Some((refresh, kinds))
    }

    /// Whether a refresh the app has asked for may still bring data.
    pub fn is_refreshing(&self, now: Timestamp) -> bool {
        let Some(refresh) = self.refresh.as_ref().filter(|it| it.declined.is_none()) else {
            return false;
        };
        let kinds = match refresh.resources.is_empty() {
            true => self.fetch_resources.iter().copied().collect(),
            false => refresh.resources.clone(),
        };
        let since = refresh.asked_at;
        let came = |kind: &ResourceKind| {
            let resource = self.resources.get(kind);
            let announced = resource.and_then(|it| it.announced_at);
            announced.is_some_and(|at| at > since) && self.is_settled(*kind)
        };
        now.duration_since(since) < LOADING && !kinds.iter().all(came)
    }
}

fn no_answer() -> Code {
    Code::lenient("no_answer")
}

#[cfg(test)]
mod tests;
