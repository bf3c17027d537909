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
//! 5. Belvo is asked for the rows that an empty list lacks only if it has announced zero rows, or
//!    after a day.
//! 6. Many missing rows stay until two full reads, two minutes apart, agree that they are missing.
//!
//! | the record | holds |
//! |---|---|
//! | `state` | the LINK record and its status |
//! | `resource` | announcements, syncs and completeness of one resource |
//! | `held_account` | the days of an account, and the same account in other links |
//! | `tally` | what a sync run has found so far |
//! | `missing_mark` | what is kept of a read that lacked many stored rows |
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
//! | `counts` | what follows where Belvo's numbers are not what came |
//! | `missing` | when rows that Belvo no longer lists are believed to be gone |
//! | `plan` | when a later job tries what is pending |
//! | `request_refresh` | when Belvo is asked to read the bank again: once |
//! | `outbox` | which change is told next |
//! | `status` | what stands between a user and their data, over all their links |
//! | `same_accounts` | which accounts of two links are the same |
//! | `coverage` | which of a person's links at a bank shows which days of an account |
//! | `policy` | what the customer decided |

mod backoff;
mod change;
mod consent;
mod counts;
mod coverage;
#[cfg(test)]
mod fixtures;
mod held_account;
#[cfg(test)]
mod invariants;
mod limit;
mod missing;
mod missing_mark;
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
mod same_accounts;
mod schedule;
mod state;
mod status;
mod tally;

pub use backoff::{Backoff, Jitter, LastError};
pub use change::{ChangeEvent, ChangeKind, UntoldRows};
pub use consent::{ConsentEnd, ConsentFacts, ConsentObstacle, HeardChange, ListedConsent};
pub use coverage::ShownElsewhere;
pub use held_account::{AccountDays, HeldAccount};
pub use missing::{MissingDecision, MissingRows, sample};
pub use missing_mark::MissingMark;
pub use observe::{LinkFacts, SyncedInBatch, Webhook, WebhookEffect};
pub use owners::{NamedOwner, OwnerEvidence};
pub use ownership::predecessor;
pub use pace::Pace;
pub use pending::{Pending, SyncMode};
pub use policy::{OwnerCheck, Policy};
pub use refresh::{COOL_DOWN, Refresh};
pub use request_refresh::{RefreshAnswer, RefreshStart};
pub use resource::{Deferred, LastSync, Miscount, Resource, ResourceState, SyncRun, TotalsVerdict};
pub use row_origin::{RowNames, RowOrigin};
pub use run::{RunEnd, Synced, utc_day};
pub use same_accounts::AccountIdentity;
pub use schedule::{Reason, Schedule, later};
pub use state::{EraseMark, Link, LinkStatus, LoggedWebhook, NamedBy, OwnerVerdict, Proof};
pub use status::{SessionReport, SessionStatus, Status, StatusReport, UserStatus};
pub use tally::{MAX_REJECTED, Tally};
