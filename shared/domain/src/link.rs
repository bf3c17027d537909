//! A link's home: what is known of one connection to a bank, and every rule that changes it.
//!
//! The rules are pure. The time, the customer's [`Policy`] and facts from outside come in as
//! arguments; decisions go out as values. `functions/fetcher` does what they decide, and
//! `shared/store` saves the [`Link`] as the LINK record.
//!
//! # The machine
//!
//! | [`LinkStatus`] | becomes | when |
//! |---|---|---|
//! | `announced` | `awaiting_owner` | Belvo names a user with an attempt, and OWNERS is not announced yet or names no document |
//! | | `bound` | the owner's document is the attempt's, or owners are not compared, or the link continues one that is bound |
//! | | `quarantined` | the owner is another person ([`OwnerCheck::Required`]) |
//! | | `unclaimed` | Belvo names no user of this stack, and the link continues none |
//! | | `gone` | Belvo does not know the link |
//! | `awaiting_owner` | any of these | OWNERS is announced, or a check within 30 days finds more |
//! | `unclaimed` | any of these | a check within two days finds more |
//! | `quarantined` | any of these | OWNERS is announced again |
//! | `bound` | `gone` | Belvo answers that it does not know the link |
//! | `gone` | `bound` | it was bound before, and a check within 30 days finds it again |
//! | | any of these | it was never bound, and a check within 30 days finds it |
//! | any | erased | its user wants it erased; only a tombstone remains |
//!
//! # What always holds
//!
//! 1. Rows are stored only while a link is `bound` ([`Link::is_bound`]).
//! 2. A link that was bound never changes its user.
//! 3. What a job cannot do is in [`Pending`], and [`Schedule`] says when a later job tries.
//! 4. A webhook is covered by a sync that started after it was sent, and by no earlier one.
//! 5. An empty list removes rows only if Belvo has announced zero rows, or after a day.
//!
//! | the record | holds |
//! |---|---|
//! | `state` | the LINK record and its status |
//! | `resource` | announcements, syncs and completeness of one resource |
//! | `tally` | what a sync run has found so far |
//! | `pending` | the pending work |
//! | `pace` | how often equal webhooks lead to a read |
//! | `schedule` | what is due when, and why |
//! | `backoff` | how long to leave what has failed |
//! | `consent` | what is known of the consent, and when it is read again |
//! | `refresh` | the last refresh the app has asked for |
//! | `change` | a change that other services are told |
//!
//! | the rules | decide |
//! |---|---|
//! | `ownership` | whose the link is |
//! | `observe` | what a webhook, Belvo's list, Belvo's records or a proof change |
//! | `run` | how a sync run starts and how it ends |
//! | `row_origin` | whose a row is, and when a list was not filtered |
//! | `limit` | when it is asked again whether the bank's monthly limits are used up |
//! | `missing` | when rows that Belvo no longer lists are believed to be gone |
//! | `plan` | when a later job tries what is pending |
//! | `request_refresh` | when Belvo is asked to read the bank again: once |
//! | `outbox` | which change is told next |
//! | `status` | what stands between a user and their data, over all their links |
//! | `policy` | what the customer decided |

mod backoff;
mod change;
mod consent;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod invariants;
mod limit;
mod missing;
mod observe;
mod outbox;
mod owners;
mod ownership;
mod pace;
mod pending;
mod plan;
mod policy;
mod refresh;
mod request_refresh;
mod resource;
mod row_origin;
mod run;
mod schedule;
mod state;
mod status;
mod tally;

pub use backoff::{Backoff, Jitter, LastError};
pub use change::{ChangeEvent, ChangeKind, UntoldRows};
pub use consent::{ConsentEnd, ConsentFacts, ConsentObstacle, HeardChange, ListedConsent};
pub use missing::{MissingDecision, MissingRows};
pub use observe::{LinkFacts, SyncedInBatch, Webhook, WebhookEffect};
pub use owners::{NamedOwner, OwnerEvidence};
pub use ownership::predecessor;
pub use pace::Pace;
pub use pending::{Pending, SyncMode};
pub use policy::{OwnerCheck, Policy};
pub use refresh::{COOL_DOWN, Refresh};
pub use request_refresh::{RefreshAnswer, RefreshStart};
pub use resource::{Deferred, LastSync, Resource, ResourceState, SyncRun, TotalsVerdict};
pub use row_origin::{RowNames, RowOrigin};
pub use run::{RunEnd, Synced, utc_day};
pub use schedule::{Reason, Schedule, later};
pub use state::{EraseMark, Link, LinkStatus, LoggedWebhook, NamedBy, OwnerVerdict, Proof};
pub use status::{SessionReport, SessionStatus, Status, StatusReport, UserStatus};
pub use tally::{MAX_REJECTED, Tally};
