//! The LINK record: one link, with all that the rules beside this file decide by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use super::backoff::{Backoff, LastError};
use super::change::{ChangeEvent, UntoldRows};
use super::consent::ConsentFacts;
use super::held_account::HeldAccount;
use super::pending::{Pending, SyncMode};
use super::policy::Policy;
use super::refresh::Refresh;
use super::resource::Resource;
use super::schedule::Schedule;
use crate::code::Code;
use crate::event::Event;
use crate::id::{ExternalId, LinkId, ReceiptId, SessionId};
use crate::identity::Holder;
use crate::resource::ResourceKind;
use crate::tax_id::DocumentHash;

/// A link: whose it is, what is known of its resources, what is to be done next.
///
/// `DATA.md` lists every member. A record that was only acquired, or marked for erasure, has few of
/// them. A member that an older release wrote and this one does not know stays in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    pub link_id: LinkId,
    /// Raised by each job that acquires the link; a write with a lower token fails. A link that is
    /// marked for erasure before its first job has none.
    pub fencing_token: u64,
    /// The token of the job that saved the record last.
    pub saved_token: u64,
    pub updated_at: Option<Timestamp>,

    /// How far it is settled whose the link is.
    pub status: LinkStatus,
    /// The user. Belvo names it, or the link continues another one; see [`super::ownership`].
    pub external_id: Option<ExternalId>,
    /// When it was first bound. From then on it never changes its user.
    pub bound_at: Option<Timestamp>,
    /// Since when it is not bound, and how often Belvo was asked about it since.
    pub unresolved: Option<Backoff>,
    /// When Belvo's record of the link was last read while it was not bound.
    pub checked_at: Option<Timestamp>,
    /// The attempt that made the link.
    pub session_id: Option<SessionId>,
    /// Whose accounts it holds, as its attempt said.
    pub holder: Option<Holder>,
    /// The CPF or CNPJ its token was minted for, hashed. Its monthly limits are spent.
    pub owner_document: Option<DocumentHash>,
    /// What came of comparing that document with the owner Belvo names.
    pub owner_verdict: Option<OwnerVerdict>,
    /// The attempts whose callbacks have named the link, until it is bound.
    pub named_by: Vec<NamedBy>,
    /// Proofs the app has posted, by their attempt (`IdentitySource=body`).
    pub proofs: BTreeMap<SessionId, Proof>,
    /// When Belvo told that it has deleted the link, until its record of the link says otherwise.
    pub deleted_at: Option<Timestamp>,
    /// The link of the same person at the same bank that this one continues.
    pub replaces: Option<LinkId>,
    /// That its user wants it erased. From then on nothing of it is served or stored.
    pub erase: Option<EraseMark>,

    /// Belvo's name of the bank.
    pub institution: Option<String>,
    /// Belvo's id of the person at the bank: the same for each of their links there.
    pub institution_user_id: Option<String>,
    /// `single` or `recurrent`.
    pub access_mode: Option<String>,
    /// What Belvo retrieves for the link; empty until Belvo's record of it was read.
    pub fetch_resources: BTreeSet<ResourceKind>,
    /// When Belvo made the link.
    pub created_at: Option<Timestamp>,
    /// When Belvo last reached the bank, as far as Belvo has told.
    pub last_accessed_at: Option<Timestamp>,
    /// The [`last_accessed_at`](Self::last_accessed_at) whose data is read completely.
    pub complete_as_of: Option<Timestamp>,

    pub pending: Pending,
    pub schedule: Schedule,
    /// Why the last job could not finish.
    pub last_error: Option<LastError>,
    /// Since when the bank gives no more data: its monthly Open Finance limits are used up.
    pub limited_since: Option<Timestamp>,
    /// Until when that is believed without asking again.
    pub limited_until: Option<Timestamp>,
    /// Belvo's code for what only the user can mend.
    pub user_action: Option<Code>,
    pub consent: Option<ConsentFacts>,
    /// The last refresh the app has asked for.
    pub refresh: Option<Refresh>,
    pub resources: BTreeMap<ResourceKind, Resource>,
    /// Its accounts, by Belvo's id.
    pub accounts: BTreeMap<String, HeldAccount>,
    /// Webhooks that came before the link was bound; they enter the webhook log then.
    pub unlogged: Vec<LoggedWebhook>,

    /// When all resources were settled for the first time, and the event was sent.
    pub ready_at: Option<Timestamp>,
    pub untold_rows: UntoldRows,
    /// The event that this very write sends.
    pub change: Option<ChangeEvent>,
}

/// That the callback of an attempt has named a link. Its session is signed, and the link in it is
/// whatever the browser says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedBy {
    pub external_id: ExternalId,
    pub session_id: SessionId,
}

/// That a user has come back from the widget to their app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub external_id: ExternalId,
    /// The CPF or CNPJ their token was minted for, hashed.
    pub document: DocumentHash,
}

/// That the user wants a link erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseMark {
    pub receipt_id: ReceiptId,
    pub requested_at: Timestamp,
}

/// A webhook for the webhook log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedWebhook {
    /// When it was queued.
    pub received_at: Timestamp,
    /// The queue's id of its message: delivered twice, it is logged once.
    pub message_id: String,
    pub event: Event,
}

/// How far it is settled whose a link is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LinkStatus {
    /// Belvo was not asked about it yet.
    #[default]
    Announced,
    /// Belvo names its user. The owner is compared once OWNERS is announced.
    AwaitingOwner,
    /// It is its user's, and its data is read.
    Bound,
    /// Its owner is not the one its token was minted for. Its data is not read.
    Quarantined,
    /// It belongs to no user of this stack. Its data is not read.
    Unclaimed,
    /// Belvo does not know it.
    Gone,
}

/// What came of comparing a link's owner with the document its token was minted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerVerdict {
    Matched,
    /// The owner is another one, and is related to the one that consented: see
    /// [`NamedOwner`](super::NamedOwner).
    Related,
    /// The owner's document is masked or cannot be read.
    Unclear,
    Mismatched,
    /// Not compared: `OwnerCheck=off`, or an existing link that was adopted without an attempt.
    NotChecked,
}

impl Link {
    /// A link of which only the id is known.
    pub fn new(link_id: LinkId) -> Self {
        Self {
            link_id,
            ..Self::default()
        }
    }

    /// Whether the link's data may be read from Belvo and stored.
    pub fn is_bound(&self) -> bool {
        self.status == LinkStatus::Bound
    }

    /// Whether Belvo reads it once, and sends no webhook later.
    pub(super) fn is_single(&self) -> bool {
        self.access_mode.as_deref() == Some("single")
    }

    /// Whether the user has proven to be the one who connected it. A user can come back from a visit
    /// of their own and name any link, so the visit must have been for this link's owner.
    pub fn is_proven(&self) -> bool {
        let owner = self.owner_document.as_ref();
        let mut proofs = self.proofs.values();
        proofs.any(|proof| {
            let of_owner = owner.is_none_or(|owner| *owner == proof.document);
            of_owner && self.external_id.as_ref() == Some(&proof.external_id)
        })
    }

    /// Whether its user may read its data. A link that Belvo has lost keeps what was read of it.
    ///
    /// With `proof_required`, only if the user has proven to be the one who connected it.
    pub fn is_served(&self, proof_required: bool) -> bool {
        let settled = matches!(self.status, LinkStatus::Bound | LinkStatus::Gone);
        let proven = self.is_proven() || !proof_required;
        settled && self.bound_at.is_some() && proven && self.erase.is_none()
    }

    /// The codes of the resources that Belvo declined to give.
    pub(super) fn declined(&self) -> impl Iterator<Item = &Code> {
        self.resources
            .values()
            .filter_map(|it| it.declined.as_ref())
    }

    /// What Belvo retrieves for the link; what the stack asks for, until Belvo's record was read.
    pub fn requested(&self, policy: &Policy) -> Vec<ResourceKind> {
        match self.fetch_resources.is_empty() {
            true => policy.fetch_resources.iter().collect(),
            false => self.fetch_resources.iter().copied().collect(),
        }
    }

    /// Whether a job may be writing rows, or has died while it did.
    pub fn is_being_read(&self) -> bool {
        let is_taken = self.saved_token != self.fencing_token;
        is_taken || self.resources.values().any(|it| it.run.is_some())
    }

    /// The resources that Belvo does not give.
    pub fn unavailable(&self) -> impl Iterator<Item = ResourceKind> {
        let resources = self.resources.iter();
        resources.filter_map(|(kind, it)| it.declined.as_ref().map(|_| *kind))
    }

    /// Whether every resource Belvo retrieves for the link was synced once, or is unavailable.
    /// Without its accounts, a link has nothing to show.
    pub fn has_loaded(&self) -> bool {
        let accounts = self.resources.get(&ResourceKind::Accounts);
        let has_accounts = accounts.is_some_and(|it| it.last_sync.is_some())
            || !self.fetch_resources.contains(&ResourceKind::Accounts);
        has_accounts && self.is_all_settled()
    }

    /// Whether no resource is on its way for the first time.
    pub(super) fn is_all_settled(&self) -> bool {
        let mut requested = self.fetch_resources.iter();
        !self.fetch_resources.is_empty() && requested.all(|kind| self.is_settled(*kind))
    }

    pub(super) fn is_settled(&self, kind: ResourceKind) -> bool {
        let resource = self.resources.get(&kind);
        resource.is_some_and(Resource::is_settled)
    }

    /// Whether this resource is still to be synced, or its sync is under way.
    pub fn needs_sync(&self, kind: ResourceKind) -> bool {
        let resource = self.resources.get(&kind);
        let running = resource.is_some_and(|it| it.run.is_some());
        running || self.pending.resources.contains_key(&kind)
    }

    /// Asks for a sync of those requested resources for which this holds.
    pub(super) fn request_where(
        &mut self,
        policy: &Policy,
        mode: SyncMode,
        holds: impl Fn(&Resource) -> bool,
    ) {
        for kind in self.requested(policy) {
            if holds(self.resource(kind)) {
                self.pending.request_sync(kind, mode);
            }
        }
    }

    /// Asks for a full sync of all requested resources.
    pub(super) fn request_everything(&mut self, policy: &Policy) {
        self.request_where(policy, SyncMode::Full, |_| true);
    }

    /// A resource of the link; a new one, if no webhook and no job has touched it yet.
    pub fn resource(&mut self, kind: ResourceKind) -> &mut Resource {
        self.resources.entry(kind).or_default()
    }
}

#[cfg(test)]
mod tests;
