//! A refresh: Belvo reads the bank again, because the app has asked for it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::schedule::later;
use crate::code::{Code, RequestId};
use crate::id::RefreshId;
use crate::resource::{LOADING, ResourceKind};

/// Belvo refreshes a link once in ten minutes (OpenAPI 1.223.0, `link_refreshed`).
pub const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);

/// A refresh the app has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    pub id: RefreshId,
    /// When the first request to Belvo was made.
    pub asked_at: Timestamp,
    /// What was asked for; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceKind>,
    /// Whether Belvo has begun. `false` while that is unknown.
    #[serde(default)]
    pub accepted: bool,
    /// Belvo's code if it declined, `no_answer` if it never said.
    pub declined: Option<Code>,
    /// Belvo's id of the request, which its webhooks carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The same of the refresh before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<RequestId>,
}

impl Refresh {
    /// Whether Belvo's answer is not known yet.
    pub fn is_open(&self) -> bool {
        !self.accepted && self.declined.is_none()
    }

    /// Whether a webhook that comes while data of this refresh may come is of another request: it
    /// tells of what Belvo had read before. One without an id is taken for one of this refresh.
    pub(super) fn is_of_another(&self, webhook: Option<&RequestId>, sent_at: Timestamp) -> bool {
        let Some(theirs) = webhook.filter(|_| sent_at < later(self.asked_at, LOADING)) else {
            return false;
        };
        match (&self.request_id, &self.earlier) {
            (Some(ours), _) => !ours.is_same(theirs),
            (None, Some(earlier)) => earlier.is_same(theirs),
            (None, None) => false,
        }
    }

    /// When the link may be refreshed again.
    pub(super) fn cools_until(&self) -> Option<Timestamp> {
        self.declined
            .is_none()
            .then(|| later(self.asked_at, COOL_DOWN))
    }
}
