//! The table of attempts to connect: who tried, how it ended, and how often.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use domain::{
    AccessMode, Attempt, CallbackId, Code, DocumentHash, ExternalId, InstitutionName, LinkId,
    SessionId, WidgetOutcome,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::error::{self, StoreError};
use crate::resources::incomplete;
use crate::{batch, value};

/// How long an attempt is kept: as long as somebody may ask what happened.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The most callbacks of a session that are taken. Four a visit can have: a warning, an exit, a
/// refusal and a success; each outweighs the ones before, so a success always finds room.
const MAX_CALLBACKS: i64 = 5;

/// Session ids are hex digits; counters, receipts and the like sort behind this.
const BEHIND_SESSIONS: &str = "g";

/// The table of attempts to connect.
#[derive(Clone, Debug)]
pub struct ConnectionStore {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// An attempt as it is stored.
#[derive(Clone, Debug, Deserialize)]
pub struct AttemptRecord {
    /// What is known since its token was minted.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The link it led to, as its callback said.
    #[serde(default)]
    pub linked: Option<LinkId>,
    /// How it ended, as its callback said: `success`, `exit`, `error`, `warning`; `started` before.
    #[serde(default)]
    pub outcome: Option<Code>,
    /// Belvo's code, where there was one.
    #[serde(default)]
    pub code: Option<Code>,
    /// The bank, where one was chosen.
    #[serde(default)]
    pub institution: Option<InstitutionName>,
    /// The callbacks that are done.
    #[serde(default)]
    callbacks: Vec<String>,
}

impl AttemptRecord {
    /// Whether all that this callback leads to was done, or is on LINK.
    pub fn is_done(&self, callback: CallbackId) -> bool {
        self.callbacks.contains(&callback.to_string())
    }
}

/// What is counted within an hour.
#[derive(Clone, Copy, Debug)]
pub enum Cap<'a> {
    /// Attempts of a user.
    User(&'a ExternalId),
    /// Attempts for a CPF or CNPJ.
    Document(&'a DocumentHash),
}

impl ConnectionStore {
    /// The table of this name.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self {
            client: Client::new(config),
            table,
        }
    }

    /// Counts an attempt, unless `limit` of them were counted in this hour. Says whether it did.
    pub async fn count(
        &self,
        cap: Cap<'_>,
        limit: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let owner = match cap {
            Cap::User(external_id) => external_id.to_string(),
            // `#` is not allowed in an external_id, so this is never a user's key.
            Cap::Document(hash) => format!("DOCUMENT#{}", hash.as_str()),
        };
        let hour = now.strftime("hour#%Y-%m-%dT%H");
        let expires_at = now.as_second() + SignedDuration::from_hours(2).as_secs();
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("external_id", AttributeValue::S(owner))
            .key("session_id", AttributeValue::S(hour.to_string()))
            .update_expression("ADD attempts :one SET expires_at = :expires_at")
            .condition_expression("attribute_not_exists(attempts) OR attempts < :limit")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":limit", AttributeValue::N(limit.to_string()))
            .expression_attribute_values(":expires_at", AttributeValue::N(expires_at.to_string()))
            .send()
            .await;
        error::whether_written(result, "counting attempts")
    }

    /// Records that an attempt began.
    pub async fn put_started(
        &self,
        attempt: &Attempt,
        access_mode: AccessMode,
        institutions: &[InstitutionName],
    ) -> Result<(), StoreError> {
        let names = institutions.iter().map(|name| text(name.as_str()));
        let update = Update::new(attempt)
            .set_once("outcome", text("started"))
            .set_once("outcome_rank", number(0))
            .set("access_mode", text(access_mode.name()))
            .set("institutions", AttributeValue::L(names.collect()));
        self.apply(update, None).await.map(|_| ())
    }

    /// Records how an attempt ended, and says whether the callback is taken.
    ///
    /// A later word never undoes a stronger one: a warning may be followed by a success, but a
    /// success is followed by nothing else, and by no other link. Otherwise one session could have
    /// us look at any number of links. Of what remains, the same callback is taken once, and at
    /// most five different ones of a session are.
    ///
    /// A callback that names a link is done only once the link was looked at: until
    /// [`put_callback_done`](Self::put_callback_done) it is taken again, so that a job that dies
    /// in between leads to a look when SQS delivers it again, or an operator sends it back from
    /// the dead letters under another message id.
    pub async fn put_ended(
        &self,
        attempt: &Attempt,
        outcome: &WidgetOutcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (rank, institution) = match outcome {
            WidgetOutcome::Warning { .. } => (1, None),
            // Somebody may still say why.
            WidgetOutcome::Exit {
                code: None,
                institution,
                ..
            } => (2, institution.as_ref()),
            WidgetOutcome::Error { .. } => (3, None),
            WidgetOutcome::Exit { institution, .. } => (3, institution.as_ref()),
            WidgetOutcome::Success { institution, .. } => (4, institution.as_ref()),
        };
        let mut update = Update::new(attempt)
            .set("outcome", text(outcome.name()))
            .set("outcome_rank", number(rank))
            .set("ended_at", text(&now.to_string()));
        if let Some(code) = outcome.code() {
            update = update.set("code", text(code.as_str()));
        }
        if let Some(institution) = institution {
            update = update.set("institution", text(institution.as_str()));
        }
        let callback = CallbackId::of_outcome(&attempt.session_id, outcome);
        match outcome.link() {
            Some(link) => update = update.set("linked", text(&link.to_string())),
            // There is no link to look at, so the callback is done with this write.
            None => update = update.append("callbacks", text(&callback.to_string())),
        }
        self.apply(update, Some((rank, callback))).await
    }

    /// Notes that a callback of an attempt is done. Does nothing if it was noted before, or if the
    /// attempt was erased meanwhile.
    pub async fn put_callback_done(
        &self,
        external_id: &ExternalId,
        session_id: &SessionId,
        callback: CallbackId,
    ) -> Result<(), StoreError> {
        let update =
            Update::of(external_id, session_id).append("callbacks", text(&callback.to_string()));
        let request = self
            .request(update)
            .condition_expression(
                "attribute_exists(session_id) AND NOT contains(callbacks, :callback)",
            )
            .expression_attribute_values(":callback", text(&callback.to_string()));
        let result = request.send().await;
        error::whether_written(result, "noting that a callback is done").map(|_| ())
    }

    /// One attempt of a user.
    pub async fn attempt(
        &self,
        external_id: &ExternalId,
        session_id: &SessionId,
    ) -> Result<Option<AttemptRecord>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(external_id, session_id.as_str())))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::failed("reading an attempt"))?;
        answer.item().map(read).transpose()
    }

    /// The attempts of a user that began at `since` or later.
    pub async fn attempts(
        &self,
        external_id: &ExternalId,
        since: Timestamp,
    ) -> Result<Vec<AttemptRecord>, StoreError> {
        let mut found = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("external_id = :user AND session_id < :end")
            .expression_attribute_values(":user", text(external_id.as_str()))
            .expression_attribute_values(":end", text(BEHIND_SESSIONS))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for item in page
                .map_err(StoreError::failed("reading attempts"))?
                .items()
            {
                found.push(read(item)?);
            }
        }
        found.retain(|record: &AttemptRecord| record.attempt.started_at >= since);
        Ok(found)
    }

    /// Notes that a user was erased: attempts that began before are void.
    pub async fn put_user_erased(
        &self,
        external_id: &ExternalId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(erased_key(external_id)))
            .update_expression("SET erased_at = :at, expires_at = :expires_at")
            // An erasure that is repeated after a restore may be older than the last one.
            .condition_expression("attribute_not_exists(erased_at) OR erased_at < :at")
            .expression_attribute_values(":at", number(at.as_second()))
            .expression_attribute_values(":expires_at", number(at.as_second() + KEPT.as_secs()))
            .send()
            .await;
        error::whether_written(result, "noting that a user was erased").map(|_| ())
    }

    /// Whether an attempt began before its user was erased. Its browser may still come back.
    pub async fn is_void(&self, attempt: &Attempt) -> Result<bool, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(erased_key(&attempt.external_id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::failed("looking for an erased user"))?;
        let at = answer
            .item()
            .and_then(|it| it.get("erased_at")?.as_n().ok());
        let at = at.and_then(|text| text.parse::<i64>().ok());
        Ok(at.is_some_and(|at| attempt.started_at.as_second() <= at))
    }

    /// Removes the attempts that led to a link.
    pub async fn remove_attempts_to(
        &self,
        external_id: &ExternalId,
        link: LinkId,
    ) -> Result<(), StoreError> {
        self.remove_attempts(external_id, |it| it.linked == Some(link))
            .await
    }

    /// Removes the attempts of a user that began by then.
    pub async fn remove_attempts_until(
        &self,
        external_id: &ExternalId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.remove_attempts(external_id, |it| it.attempt.started_at <= until)
            .await
    }

    async fn remove_attempts(
        &self,
        external_id: &ExternalId,
        are_meant: impl Fn(&AttemptRecord) -> bool,
    ) -> Result<(), StoreError> {
        let attempts = self.attempts(external_id, Timestamp::MIN).await?;
        let requests = attempts.iter().filter(|it| are_meant(it)).map(|it| {
            let request = DeleteRequest::builder()
                .key("external_id", text(external_id.as_str()))
                .key("session_id", text(it.attempt.session_id.as_str()))
                .build()
                .map_err(incomplete)?;
            Ok(WriteRequest::builder().delete_request(request).build())
        });
        let requests: Result<Vec<_>, StoreError> = requests.collect();
        batch::write(&self.client, &self.table, requests?).await
    }

    async fn apply(
        &self,
        update: Update,
        callback: Option<(i64, CallbackId)>,
    ) -> Result<bool, StoreError> {
        let links = update.values.contains_key(":linked");
        let mut request = self.request(update);
        if let Some((rank, callback)) = callback {
            let stronger = "attribute_not_exists(#outcome_rank) OR #outcome_rank < :rank";
            let counts = match links {
                true => format!("{stronger} OR #linked = :linked"),
                false => stronger.to_owned(),
            };
            let fits = "attribute_not_exists(callbacks) OR \
                        (size(callbacks) < :most AND NOT contains(callbacks, :callback))";
            request = request
                .condition_expression(format!("({counts}) AND ({fits})"))
                .expression_attribute_values(":rank", number(rank))
                .expression_attribute_values(":most", number(MAX_CALLBACKS))
                .expression_attribute_values(":callback", text(&callback.to_string()));
        }
        error::whether_written(request.send().await, "recording an attempt")
    }

    fn request(&self, update: Update) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(update.key))
            .update_expression(format!("SET {}", update.assignments.join(", ")))
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
    }
}

/// An update of an attempt's row. Whichever job comes first creates the row with all facts.
struct Update {
    key: HashMap<String, AttributeValue>,
    assignments: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    /// An update that holds all facts of the attempt.
    fn new(attempt: &Attempt) -> Self {
        let update = Self::of(&attempt.external_id, &attempt.session_id)
            .set("started_at", text(&attempt.started_at.to_string()))
            .set(
                "expires_at",
                number(attempt.started_at.as_second() + KEPT.as_secs()),
            )
            .set("person", text(attempt.person.as_str()));
        match &attempt.company {
            Some(company) => update.set("company", text(company.as_str())),
            None => update,
        }
    }

    /// An update that holds nothing yet.
    fn of(external_id: &ExternalId, session_id: &SessionId) -> Self {
        Self {
            key: key(external_id, session_id.as_str()),
            assignments: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        }
    }

    fn set(self, name: &str, value: AttributeValue) -> Self {
        self.assign(name, value, |name, value| format!("{name} = {value}"))
    }

    fn set_once(self, name: &str, value: AttributeValue) -> Self {
        self.assign(name, value, |name, value| {
            format!("{name} = if_not_exists({name}, {value})")
        })
    }

    /// Adds an element to a list.
    fn append(mut self, name: &str, value: AttributeValue) -> Self {
        let none = AttributeValue::L(Vec::new());
        self.values.insert(":none".to_owned(), none);
        let one = AttributeValue::L(vec![value]);
        self.assign(name, one, |name, value| {
            format!("{name} = list_append(if_not_exists({name}, :none), {value})")
        })
    }

    fn assign(
        mut self,
        name: &str,
        value: AttributeValue,
        form: impl FnOnce(&str, &str) -> String,
    ) -> Self {
        let (alias, placeholder) = (format!("#{name}"), format!(":{name}"));
        self.assignments.push(form(&alias, &placeholder));
        self.names.insert(alias, name.to_owned());
        self.values.insert(placeholder, value);
        self
    }
}

fn erased_key(external_id: &ExternalId) -> HashMap<String, AttributeValue> {
    key(external_id, "user#erased")
}

fn key(external_id: &ExternalId, record: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("external_id".to_owned(), text(external_id.as_str())),
        ("session_id".to_owned(), text(record)),
    ])
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn read(item: &HashMap<String, AttributeValue>) -> Result<AttemptRecord, StoreError> {
    let json = value::to_json(&AttributeValue::M(item.clone()));
    serde_json::from_str(&json).map_err(|_| StoreError::Malformed { what: "an attempt" })
}
