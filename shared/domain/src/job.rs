//! What travels over the queue.
//!
//! A job holds ids, codes, counts and hashes, and no personal data: queues keep messages for days
//! and people look into dead letters. Its variants carry a version, because jobs written by the
//! previous release are still queued when a new one starts. `tests/jobs` holds every form.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strum::IntoStaticStr;

use crate::attempt::{AccessMode, Attempt};
use crate::code::InstitutionName;
use crate::event::Event;
use crate::id::{ExternalId, LinkId, ReceiptId, RefreshId, SessionId};
use crate::resource::ResourceKind;
use crate::widget_outcome::WidgetOutcome;

/// Work for the fetcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(tag = "job")]
#[strum(serialize_all = "snake_case")]
pub enum Job {
    /// A token was minted.
    #[serde(rename = "attempt_started.v1")]
    AttemptStarted {
        attempt: Attempt,
        /// Whether the link will be read once or again and again.
        access_mode: AccessMode,
        /// The banks the widget was opened with; empty means all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        institutions: Vec<InstitutionName>,
    },
    /// The widget sent the user back.
    #[serde(rename = "attempt_ended.v1")]
    AttemptEnded {
        /// The attempt, as the signed session holds it.
        attempt: Attempt,
        /// What the redirect said.
        outcome: WidgetOutcome,
    },
    /// The user's app has posted the proof that its user came back with this link.
    #[serde(rename = "link_proven.v1")]
    LinkProven {
        link_id: LinkId,
        external_id: ExternalId,
        /// Through which attempt.
        session_id: SessionId,
    },
    /// Belvo called the webhook about a link.
    #[serde(rename = "webhook_received.v1")]
    WebhookReceived {
        /// The link.
        link_id: LinkId,
        /// What Belvo said.
        event: Event,
    },
    /// An operator wants a webhook of the log to count once more.
    #[serde(rename = "webhook_replayed.v1")]
    WebhookReplayed { link_id: LinkId, event: Event },
    /// The time has come that a link was waiting for.
    #[serde(rename = "link_due.v1")]
    LinkDue {
        link_id: LinkId,
        /// What waits until here is due, even if that lies ahead: an operator may say so.
        until: Timestamp,
    },
    /// Belvo's list of links shows a link, or news of a link, that no webhook told of.
    #[serde(rename = "link_seen.v1")]
    LinkSeen {
        link_id: LinkId,
        /// When Belvo last reached the bank.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_accessed_at: Option<Timestamp>,
    },
    /// An operator wants everything of a link read again.
    #[serde(rename = "link_reread.v1")]
    LinkReread {
        link_id: LinkId,
        /// Not earlier: many links are spread over time.
        not_before: Timestamp,
    },
    /// The user's app wants Belvo to read the bank again. It spends the user's monthly limits.
    #[serde(rename = "link_refresh.v1")]
    LinkRefresh {
        link_id: LinkId,
        /// Which request: however often the job runs, it is one.
        refresh_id: RefreshId,
        /// What to refresh; empty means all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<ResourceKind>,
    },
    /// The user has opened My Belvo Portal to renew the consent of a link, or may do so with it as
    /// with others. What was done there, Belvo knows.
    #[serde(rename = "consent_renewal.v1")]
    ConsentRenewal {
        link_id: LinkId,
        /// When the portal was opened.
        opened_at: Timestamp,
        /// Whether it was opened with all consents, to see, renew or revoke any of them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        manages: bool,
    },
    /// Everything of a link is to be erased, here and at Belvo.
    #[serde(rename = "link_erase.v1")]
    LinkErase {
        link_id: LinkId,
        external_id: ExternalId,
        /// The receipt that says what became of it.
        receipt_id: ReceiptId,
    },
    /// Everything of a user is to be erased, links we never heard of included.
    #[serde(rename = "user_erase.v1")]
    UserErase {
        external_id: ExternalId,
        /// The receipt that says what became of it, and when it was asked for.
        receipt_id: ReceiptId,
        /// The same, for when the receipt is no more: what was connected since stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requested_at: Option<Timestamp>,
    },
}

impl Job {
    /// The FIFO group: jobs of one link, and attempts of one user, never run side by side.
    ///
    /// SQS allows 128 characters; an `external_id` may have 256, so users are hashed.
    pub fn group(&self) -> String {
        match self {
            Self::AttemptStarted { attempt, .. } => user_group(&attempt.external_id),
            Self::AttemptEnded { attempt, outcome } => match outcome.link() {
                Some(link) => link.to_string(),
                None => user_group(&attempt.external_id),
            },
            Self::LinkProven { link_id, .. }
            | Self::WebhookReceived { link_id, .. }
            | Self::WebhookReplayed { link_id, .. }
            | Self::LinkDue { link_id, .. }
            | Self::LinkSeen { link_id, .. }
            | Self::LinkReread { link_id, .. }
            | Self::LinkRefresh { link_id, .. }
            | Self::ConsentRenewal { link_id, .. }
            | Self::LinkErase { link_id, .. } => link_id.to_string(),
            Self::UserErase { external_id, .. } => user_group(external_id),
        }
    }

    /// The variant's name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        self.into()
    }
}

fn user_group(external_id: &ExternalId) -> String {
    let digest = Sha256::digest(external_id.as_str());
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("user-{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decode(value: serde_json::Value) -> Job {
        serde_json::from_value(value).unwrap()
    }

    fn attempt() -> serde_json::Value {
        json!({
            "session_id": "07070707070707070707070707070707",
            "external_id": "HJLSI-897809",
            "started_at": "2026-11-23T12:00:00Z",
            "person": "aGFzaA"
        })
    }

    #[test]
    fn jobs_of_a_link_share_a_group_and_attempts_of_a_user_another() {
        let link = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
        let ended = |outcome| {
            decode(json!({"job": "attempt_ended.v1", "attempt": attempt(), "outcome": outcome}))
        };
        let started = decode(
            json!({"job": "attempt_started.v1", "attempt": attempt(), "access_mode": "single"}),
        );

        assert_eq!(
            ended(json!({"outcome": "success", "link": link})).group(),
            link
        );
        assert_eq!(ended(json!({"outcome": "exit"})).group(), started.group());
        assert!(started.group().starts_with("user-"));
        assert!(!started.group().contains("HJLSI"));
        assert!(started.group().len() <= 128);
    }
}
