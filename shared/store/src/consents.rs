//! CONSENT records: what the user allowed, and until when.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::event::ConsentChange;
use domain::{ConsentId, Document, ExternalId, LinkId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::resources::{Hold, ResourceStore};
use crate::row;
use crate::value;

/// What LINK repeats of its consent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConsentFacts {
    /// Belvo's id of the consent.
    #[serde(default)]
    pub id: Option<ConsentId>,
    /// The last thing Belvo told about it.
    #[serde(default)]
    pub change: Option<ConsentChange>,
    /// `AUTHORISED`, `EXPIRED`, …; an open set.
    #[serde(default)]
    pub status: Option<String>,
    /// When it runs out; none for an indefinite one.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When Belvo told the last thing about it.
    #[serde(default)]
    pub changed_at: Option<Timestamp>,
    /// When the user last opened the portal to renew it.
    #[serde(default)]
    pub renewal_opened_at: Option<Timestamp>,
    /// The end that other services were told of.
    #[serde(default)]
    pub told: Option<ConsentEnd>,
}

/// An end of a consent. One that is renewed ends anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEnd {
    /// Which consent.
    #[serde(default)]
    pub id: Option<ConsentId>,
    /// When; none for one that was revoked, or ended without a date.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// A consent is renewed from then on: Belvo warns of its end as early, where it warns.
const EXPIRING: SignedDuration = SignedDuration::from_hours(7 * 24);

impl ConsentFacts {
    /// Whether Belvo's record of the consent allows reading the bank.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        let authorised = self.status.as_deref() == Some("AUTHORISED");
        authorised && self.expires_at.is_none_or(|end| end > now)
    }

    /// Its end, if that is within a week, or Belvo says that it is near.
    pub fn near_end(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.expires_at?;
        let near = end.duration_since(now) <= EXPIRING;
        (near || self.change == Some(ConsentChange::AboutToExpire)).then_some(end)
    }

    /// Whether it has ended: its time is over, or it was revoked.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        let status = self.status.as_deref();
        matches!(status, Some("EXPIRED" | "REJECTED"))
            || self.expires_at.is_some_and(|end| end <= now)
            || self.change == Some(ConsentChange::Expired)
    }

    /// The end that is near or past. Whoever looks on the day may come a moment early.
    pub fn end(&self, now: Timestamp) -> Option<ConsentEnd> {
        let soon = now.saturating_add(SignedDuration::from_mins(1));
        let soon = soon.unwrap_or(Timestamp::MAX);
        let ends = self.near_end(soon).is_some() || self.has_ended(now);
        ends.then_some(ConsentEnd {
            id: self.id,
            at: self.expires_at,
        })
    }
}

/// What a user sees of a consent, and whose it is. Members of another form than documented are left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentDetails {
    /// The CPF of the person who consented, also where that person acts for a company (Belvo's
    /// `document_number`). It is compared, and shown to no user.
    pub consented_by: Option<Document>,
    /// Belvo's name of the bank.
    pub institution: Option<String>,
    /// The bank's name as people know it.
    pub institution_display_name: Option<String>,
    /// Where its logo is.
    pub institution_icon_logo: Option<String>,
    /// Whether it has no end.
    pub indefinite: Option<bool>,
    /// What was allowed, by group.
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// The consents that are stored of a link: for each id, a hash of what is stored.
pub type StoredConsents = HashMap<ConsentId, Vec<u8>>;

impl ResourceStore {
    /// Reads ids and hashes of a link's consents.
    pub async fn consents(&self, link: LinkId) -> Result<StoredConsents, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("link_id = :link AND begins_with(#record, :kind)")
            .projection_expression("#record, #hash")
            .expression_attribute_names("#record", "record")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":link", AttributeValue::S(link.to_string()))
            .expression_attribute_values(":kind", AttributeValue::S("CONSENT#".to_owned()))
            .into_paginator()
            .send();
        let mut stored = StoredConsents::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::failed("reading consents"))?;
            for item in page.items() {
                let record = item.get("record").and_then(|it| it.as_s().ok());
                let id = record.and_then(|it| it.strip_prefix("CONSENT#"));
                let id = id.and_then(|id| ConsentId::parse(id).ok());
                // One of an earlier release has no hash, and is written again.
                let hash = item.get("hash").and_then(|it| it.as_b().ok());
                let hash = hash.map(|it| it.as_ref().to_vec()).unwrap_or_default();
                stored.extend(id.map(|id| (id, hash)));
            }
        }
        Ok(stored)
    }

    /// What is stored of a consent of a link.
    pub async fn consent(
        &self,
        link: LinkId,
        id: ConsentId,
    ) -> Result<Option<ConsentDetails>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("link_id", AttributeValue::S(link.to_string()))
            .key("record", AttributeValue::S(record(id)))
            .send()
            .await
            .map_err(StoreError::failed("reading a consent"))?;
        let data = answer.item.and_then(|mut item| item.remove("data"));
        Ok(data.as_ref().and_then(|it| it.as_m().ok()).map(details))
    }

    /// Writes a consent as Belvo holds it, unless that is what is stored. Says whether it can be
    /// stored at all.
    pub async fn put_consent(
        &self,
        link: LinkId,
        external_id: &ExternalId,
        id: ConsentId,
        object: &RawValue,
        stored: &StoredConsents,
    ) -> Result<bool, StoreError> {
        let Ok(data @ AttributeValue::M(_)) = value::from_json(object) else {
            return Ok(false);
        };
        let hash = row::hash(&data);
        if stored.get(&id).is_some_and(|it| *it == hash) {
            return Ok(true);
        }
        let record = record(id);
        let text = |text: String| AttributeValue::S(text);
        let item = HashMap::from([
            ("link_id".to_owned(), text(link.to_string())),
            ("user_record".to_owned(), text(format!("{link}#{record}"))),
            ("record".to_owned(), text(record)),
            ("external_id".to_owned(), text(external_id.to_string())),
            ("hash".to_owned(), AttributeValue::B(Blob::new(hash))),
            ("data".to_owned(), data),
        ]);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map(|_| true)
            .map_err(StoreError::failed("writing a consent"))
    }

    /// Removes a consent that Belvo says is no more.
    pub async fn remove_consent(&self, hold: Hold, id: ConsentId) -> Result<(), StoreError> {
        let deletion = self.deletion(hold.link_id, &record(id))?;
        self.change_together(hold, vec![deletion], "removing a consent")
            .await
    }
}

fn details(data: &HashMap<String, AttributeValue>) -> ConsentDetails {
    let text = |name: &str| data.get(name)?.as_s().ok().cloned();
    let groups = data.get("permissions").and_then(|it| it.as_m().ok());
    let permissions = groups.into_iter().flatten().filter_map(|(group, list)| {
        let names = list.as_l().ok()?.iter();
        let names = names.filter_map(|name| name.as_s().ok().cloned());
        Some((group.clone(), names.collect()))
    });
    let document = text("document_number");
    ConsentDetails {
        consented_by: document.and_then(|it| Document::from_text(&it)),
        institution: text("belvo_institution_name"),
        institution_display_name: text("institution_display_name"),
        institution_icon_logo: text("institution_icon_logo"),
        indefinite: data
            .get("undefined_consent_expiration")
            .and_then(|it| it.as_bool().ok().copied()),
        permissions: permissions.collect(),
    }
}

fn record(id: ConsentId) -> String {
    format!("CONSENT#{id}")
}
