//! The LINK record: whose a link is, and what is known of its resources.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::event::Totals;
use domain::{Code, ExternalId, LinkId, ResourceKind, SessionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::consents::ConsentFacts;
use crate::error::{self, StoreError};
use crate::journal::JournalEntry;
use crate::resources::ResourceStore;
use crate::value;

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
    /// Raised by each job; a write of an earlier job fails.
    pub epoch: u64,
    /// Whose it is, as far as that is settled.
    #[serde(default)]
    pub status: LinkStatus,
    /// The user.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Key of the index of everything a user has connected.
    #[serde(default)]
    user_record: Option<String>,
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
    /// When Belvo last reached the bank, as of our last look.
    #[serde(default)]
    pub last_accessed_at: Option<Timestamp>,
    /// The attempt that made the link.
    #[serde(default)]
    pub session_id: Option<SessionId>,
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
    /// Announced by a webhook and not read yet.
    #[serde(default)]
    pub pending: BTreeSet<ResourceKind>,
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
    /// When the record was last written.
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
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
    /// When the last read began. What was announced before that is read.
    #[serde(default)]
    pub sync_started_at: Option<Timestamp>,
    /// When the last read was complete.
    #[serde(default)]
    pub sync_ended_at: Option<Timestamp>,
    /// Rows of the last complete read.
    #[serde(default)]
    pub rows: u64,
    /// Objects that could not be stored: id, or position in the list, and why.
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

    /// What is known of a resource.
    pub fn resource(&mut self, kind: ResourceKind) -> &mut ResourceRecord {
        self.resources.entry(kind).or_default()
    }
}

impl ResourceStore {
    /// Begins a job on a link: raises its epoch, and gives what is known of it.
    ///
    /// From here on, writes of a job that began earlier fail.
    pub async fn begin(&self, link: LinkId) -> Result<LinkRecord, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("link_id", AttributeValue::S(link.to_string()))
            .key("record", AttributeValue::S(RECORD.to_owned()))
            .update_expression("ADD epoch :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(StoreError::failed("beginning a job on a link"))?;
        read(answer.attributes.unwrap_or_default())
    }

    /// Writes what this job knows of the link.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when a later job has begun.
    pub async fn save(&self, link: &mut LinkRecord, now: Timestamp) -> Result<(), StoreError> {
        link.updated_at = Some(now);
        let mut set = Vec::new();
        let mut remove = Vec::new();
        let mut names = HashMap::from([("#epoch".to_owned(), "epoch".to_owned())]);
        let epoch = AttributeValue::N(link.epoch.to_string());
        let mut values = HashMap::from([(":epoch".to_owned(), epoch)]);
        for (position, (name, value)) in attributes(link)?.into_iter().enumerate() {
            names.insert(format!("#a{position}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#a{position} = :v{position}"));
                    values.insert(format!(":v{position}"), value);
                }
                None => remove.push(format!("#a{position}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("link_id", AttributeValue::S(link.link_id.to_string()))
            .key("record", AttributeValue::S(RECORD.to_owned()))
            .update_expression(expression)
            .condition_expression("#epoch = :epoch")
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match error::whether_written(result, "saving a link")? {
            true => Ok(()),
            false => Err(StoreError::Superseded),
        }
    }
}

/// The record's attributes but for its key and epoch; `None` for what must not be there.
fn attributes(link: &LinkRecord) -> Result<BTreeMap<String, Option<AttributeValue>>, StoreError> {
    let malformed = |_| StoreError::Malformed { what: "LINK" };
    let json = serde_json::to_string(link).map_err(malformed)?;
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&json).map_err(malformed)?;
    let ours = |name: &str| !matches!(name, "link_id" | "record" | "epoch");
    let convert = |(name, json): (String, &RawValue)| {
        let value = value::from_json(json).map_err(|_| StoreError::Malformed { what: "LINK" })?;
        let present = !matches!(value, AttributeValue::Null(_));
        Ok((name, Some(value).filter(|_| present)))
    };
    members
        .into_iter()
        .filter(|(name, _)| ours(name))
        .map(convert)
        .collect()
}

fn read(item: HashMap<String, AttributeValue>) -> Result<LinkRecord, StoreError> {
    let json = value::to_json(&AttributeValue::M(item));
    serde_json::from_str(&json).map_err(|_| StoreError::Malformed { what: "LINK" })
}
