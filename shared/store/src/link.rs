//! The LINK record: whose a link is, and what is known of its resources.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::Totals;
use domain::{
    Code, DocumentHash, ExternalId, Holder, LinkId, ReceiptId, RefreshId, ResourceKind, SessionId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::agenda::Agenda;
use crate::change::Change;
use crate::consents::ConsentFacts;
use crate::journal::JournalEntry;

/// The sort key of the record.
pub(crate) const RECORD: &str = "LINK";

/// What is known of a link.
///
/// `external_id` and `user_record` exist once the link's user is known: only then does it appear
/// among the user's links.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The link.
    pub link_id: LinkId,
    /// Raised by each job; a write of an earlier job fails. A mark may come before the first job.
    #[serde(default)]
    pub epoch: u64,
    /// Whose it is, as far as that is settled.
    #[serde(default)]
    pub status: LinkStatus,
    /// The user.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Key of the index of everything a user has connected.
    #[serde(default)]
    pub(crate) user_record: Option<String>,
    /// Belvo's name of the bank.
    #[serde(default)]
    pub institution: Option<String>,
    /// The same for each link of one person at one bank.
    #[serde(default)]
    pub institution_user_id: Option<String>,
    /// `single` or `recurrent`.
    #[serde(default)]
    pub access_mode: Option<String>,
    /// Belvo's own status of the link.
    #[serde(default)]
    pub belvo_status: Option<String>,
    /// When Belvo made the link.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When Belvo last reached the bank, as far as we have heard.
    #[serde(default)]
    pub last_accessed_at: Option<Timestamp>,
    /// The [`last_accessed_at`](Self::last_accessed_at) up to which nothing is left to be read.
    #[serde(default)]
    pub complete_as_of: Option<Timestamp>,
    /// What Belvo retrieves for the link.
    #[serde(default)]
    pub requested: BTreeSet<ResourceKind>,
    /// The attempt that made the link.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// Whose accounts it holds, as its attempt said.
    #[serde(default)]
    pub holder: Option<Holder>,
    /// The document whose monthly limits it spends, as its attempt hashed it.
    #[serde(default)]
    pub owner: Option<DocumentHash>,
    /// Whether what connecting it spent is counted.
    #[serde(default)]
    pub counted: bool,
    /// The last refresh the app has asked for.
    #[serde(default)]
    pub refresh: Option<Refresh>,
    /// That the user wants it erased. Nothing of it is served or stored any more.
    #[serde(default)]
    pub erase: Option<EraseMark>,
    /// Whether the app has posted the proof (`IDENTITY_SOURCE=body`).
    #[serde(default)]
    pub proven: bool,
    /// Proofs the app has posted for this link: through which attempt, and whose.
    #[serde(default)]
    pub proofs: BTreeMap<SessionId, ExternalId>,
    /// What came of comparing the owner with the documents of the attempt.
    #[serde(default)]
    pub owner_verdict: Option<OwnerVerdict>,
    /// When it was first bound. From then on it stays with its user.
    #[serde(default)]
    pub bound_at: Option<Timestamp>,
    /// The link of the same person at the same bank that this one continues: a renewed consent.
    #[serde(default)]
    pub replaces: Option<LinkId>,
    /// What the link waits for, and until when.
    #[serde(default)]
    pub agenda: Agenda,
    /// Why the last job could not finish.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// Whether Belvo must be asked about the link itself.
    #[serde(default)]
    pub look: bool,
    /// Since when it is not bound.
    #[serde(default)]
    pub unsettled_since: Option<Timestamp>,
    /// When Belvo was last asked whose it is, while it is not bound.
    #[serde(default)]
    pub looked_at: Option<Timestamp>,
    /// How often somebody has looked whose the link is, without finding out.
    #[serde(default)]
    pub looks: u32,
    /// Until when the bank gives nothing more: its Open Finance limits are used up.
    #[serde(default)]
    pub limited_until: Option<Timestamp>,
    /// What the user must mend, by Belvo's code.
    #[serde(default)]
    pub needs_user: Option<Code>,
    /// The consent behind the link.
    #[serde(default)]
    pub consent: Option<ConsentFacts>,
    /// Whether the consent changed and was not read since.
    #[serde(default)]
    pub consent_pending: bool,
    /// Webhooks that came before the link was bound; they enter the journal then.
    #[serde(default)]
    pub unjournaled: Vec<JournalEntry>,
    /// What is known of each resource.
    #[serde(default)]
    pub resources: BTreeMap<ResourceKind, ResourceRecord>,
    /// When everything was stored for the first time, and others were told.
    #[serde(default)]
    pub ready_at: Option<Timestamp>,
    /// Whether rows of TRANSACTIONS were written or removed and others were not told yet.
    #[serde(default)]
    pub transactions_changed: bool,
    /// Whether a job has begun and never written down what it did. Rows may have changed.
    #[serde(default)]
    pub interrupted: bool,
    /// The job that has written the record last.
    #[serde(default)]
    pub saved_epoch: u64,
    /// What others are told with this very write.
    #[serde(default)]
    pub change: Option<Change>,
    /// When the record was last written.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
}

/// A refresh the app has asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Which request.
    pub id: RefreshId,
    /// When Belvo was asked.
    pub asked_at: Timestamp,
    /// What was asked for; empty means all.
    #[serde(default)]
    pub resources: Vec<ResourceKind>,
    /// Whether Belvo has begun. `false` while nobody knows.
    #[serde(default)]
    pub accepted: bool,
    /// Why Belvo declined.
    #[serde(default)]
    pub declined: Option<Code>,
}

/// That the user wants a link erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseMark {
    /// The receipt that says what becomes of it.
    pub receipt_id: ReceiptId,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Why the last job could not finish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Belvo's code, or ours where Belvo said nothing.
    pub code: Code,
    /// When it began.
    pub since: Timestamp,
    /// How many jobs have failed since.
    pub failures: u32,
}

/// Whose a link is, as far as that is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkStatus {
    /// Nobody has looked yet.
    #[default]
    Announced,
    /// It belongs to a user; whether to the right owner is known once OWNERS is ready.
    AwaitingOwner,
    /// It belongs to a user, and its data is read.
    Bound,
    /// Its owner is somebody else than the user said. Nothing is read.
    Quarantined,
    /// It belongs to no user of ours. Nothing is read.
    Unclaimed,
    /// Belvo does not know it.
    Gone,
}

/// What came of comparing the link's owner with the documents its token was minted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerVerdict {
    /// They are the same.
    Matched,
    /// They differ.
    Mismatched,
    /// Nobody compared (`OWNER_CHECK=off`, or an adopted link without an attempt).
    NotChecked,
}

/// What is known of one resource of a link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Where it stands.
    #[serde(default)]
    pub state: ResourceState,
    /// When Belvo last announced it.
    #[serde(default)]
    pub announced_at: Option<Timestamp>,
    /// What Belvo announced.
    #[serde(default)]
    pub announced: Totals,
    /// Whether it announced the whole resource, not only what is new.
    #[serde(default)]
    pub announced_whole: bool,
    /// Whether the last complete read agrees with what was announced.
    #[serde(default)]
    pub totals: Option<TotalsVerdict>,
    /// Why Belvo declined the last read.
    #[serde(default)]
    pub declined: Option<Code>,
    /// Codes Belvo sent along.
    #[serde(default)]
    pub errors: Vec<Code>,
    /// What must be read.
    #[serde(default)]
    pub wanted: Option<Scope>,
    /// A read that is under way.
    #[serde(default)]
    pub pass: Option<Pass>,
    /// When the last complete read began. What was announced before that is read.
    #[serde(default)]
    pub sync_started_at: Option<Timestamp>,
    /// How much it read.
    #[serde(default)]
    pub sync_scope: Option<Scope>,
    /// When it ended.
    #[serde(default)]
    pub sync_ended_at: Option<Timestamp>,
    /// When the last complete read of everything began.
    #[serde(default)]
    pub whole_started_at: Option<Timestamp>,
    /// Since when Belvo lists nothing although rows are stored.
    #[serde(default)]
    pub empty_since: Option<Timestamp>,
    /// Rows that are stored.
    #[serde(default)]
    pub rows: u64,
    /// Objects of the last complete read of everything that could not be stored.
    #[serde(default)]
    pub unstorable: u64,
    /// The first of them: id, or position in the list, and why.
    #[serde(default)]
    pub rejected: BTreeMap<String, Code>,
}

/// How much of a resource must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// What can have changed since the last complete read.
    Recent,
    /// All of it if that is short, otherwise what is recent.
    Revised,
    /// All of it.
    Everything,
}

/// A read of a resource that is under way. It may take more than one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// How much is read.
    pub scope: Scope,
    /// When it began.
    pub started_at: Timestamp,
    /// What Belvo announced of the whole resource, if that is what this read is for.
    #[serde(default)]
    pub announced: Option<Totals>,
    /// Whether it is the second try, after the first one disagreed with something.
    #[serde(default)]
    pub again: bool,
    /// The most rows read at once; more are divided by date.
    pub portion: u64,
    /// Movements dated before this day remain to be read; `None` while nothing has been.
    #[serde(default)]
    pub before: Option<Date>,
    /// What was found so far.
    #[serde(default)]
    pub found: Found,
}

/// What reads have found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Rows that can be stored.
    #[serde(default)]
    pub rows: u64,
    /// Rows that cannot.
    #[serde(default)]
    pub unstorable: u64,
    /// Rows of type INFLOW.
    #[serde(default)]
    pub inflow: u64,
    /// Rows of type OUTFLOW.
    #[serde(default)]
    pub outflow: u64,
    /// The earliest `value_date`.
    #[serde(default)]
    pub first_date: Option<Date>,
    /// The latest `value_date`.
    #[serde(default)]
    pub last_date: Option<Date>,
    /// The first rows that cannot be stored: id, or position in the list, and why.
    #[serde(default)]
    pub rejected: BTreeMap<String, Code>,
}

/// What came of comparing a read with Belvo's announcement of the whole resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotalsVerdict {
    /// Counts and dates are the same.
    Agree,
    /// They differ, also after a second read.
    Differ,
}

/// Where a resource stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceState {
    /// Belvo has not announced it.
    #[default]
    Waiting,
    /// It is being read.
    Syncing,
    /// Everything Belvo holds is stored.
    Ready,
    /// Stored, but for objects that cannot be.
    Partial,
    /// Belvo declined, and asking again cannot help. What was stored before is still there.
    Failed,
}

impl LinkRecord {
    /// Whether the link's data may be read and stored.
    pub fn is_bound(&self) -> bool {
        self.status == LinkStatus::Bound
    }

    /// Whether its user may read its data. With `proof_wanted`, the user must have proven to be
    /// the one who connected it.
    ///
    /// A link that Belvo has lost keeps what was read of it.
    pub fn is_served(&self, proof_wanted: bool) -> bool {
        let settled = matches!(self.status, LinkStatus::Bound | LinkStatus::Gone);
        let proven = self.proven || !proof_wanted;
        settled && self.bound_at.is_some() && proven && self.erase.is_none()
    }

    /// Gives the link to a user and puts it into the user's index.
    pub fn assign(&mut self, external_id: ExternalId, status: LinkStatus) {
        self.user_record = Some(format!("{}#{RECORD}", self.link_id));
        self.external_id = Some(external_id);
        self.status = status;
    }

    /// Leaves the link with nobody.
    pub fn unassign(&mut self, status: LinkStatus) {
        self.user_record = None;
        self.external_id = None;
        self.status = status;
    }

    /// Whether the user the link belongs to has proven to be the one who connected it.
    pub fn settle_proof(&mut self) {
        let user = self.external_id.as_ref();
        self.proven = user.is_some_and(|user| self.proofs.values().any(|it| it == user));
    }

    /// Whether anything is left to be read.
    pub fn wants_anything(&self) -> bool {
        let wanted = |it: &ResourceRecord| it.wanted.is_some() || it.pass.is_some();
        self.consent_pending || self.resources.values().any(wanted)
    }

    /// Whether everything Belvo retrieves for the link was read once, or was declined.
    pub fn has_loaded(&self) -> bool {
        let read = |kind: &ResourceKind| {
            let resource = self.resources.get(kind);
            resource.is_some_and(|it| it.sync_ended_at.is_some() || it.declined.is_some())
        };
        !self.requested.is_empty() && self.requested.iter().all(read)
    }

    /// Whether this resource is to be read, or is being read.
    pub fn wants(&self, kind: ResourceKind) -> bool {
        let resource = self.resources.get(&kind);
        resource.is_some_and(|it| it.wanted.is_some() || it.pass.is_some())
    }

    /// Forgets what was to be read.
    pub fn forget_wants(&mut self) {
        for resource in self.resources.values_mut() {
            resource.wanted = None;
            resource.pass = None;
        }
    }

    /// Notes that a resource must be read; the larger scope counts.
    pub fn want(&mut self, kind: ResourceKind, scope: Scope) {
        let resource = self.resource(kind);
        resource.wanted = resource.wanted.max(Some(scope));
    }

    /// What is known of a resource.
    pub fn resource(&mut self, kind: ResourceKind) -> &mut ResourceRecord {
        self.resources.entry(kind).or_default()
    }
}
