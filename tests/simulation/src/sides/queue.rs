//! The FIFO queue between the functions, in memory.
//!
//! A job whose deduplication id was used within five minutes is dropped. Jobs of a group keep their
//! order: the group is locked while any of its jobs is in flight or waits after a failure. A job that
//! was received too often becomes a dead letter. When a process dies, its jobs come back after their
//! visibility timeout; of failed ones the fetcher says when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::Job;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::protection::Protection;
use crate::random::Random;

/// The template's values.
const BATCH: usize = 1;
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_secs(360);
const MAX_RECEIVES: u32 = 250;

/// The lifetime of a deduplication id (AWS, "Exactly-once processing in Amazon SQS").
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);

/// The queue and its dead letters.
#[derive(Debug)]
pub struct Queue {
    without: Option<Protection>,
    /// How far its clock, by which it stamps messages, is ahead.
    skew: SignedDuration,
    groups: BTreeMap<String, Group>,
    sent: u64,
    /// The time at which each deduplication id of each group was last accepted.
    seen: BTreeMap<(String, String), Timestamp>,
    dead: Vec<Message>,
    accepted: Vec<String>,
    /// How many of them [`Queue::take_new`] has given.
    taken: usize,
}

#[derive(Debug, Default)]
struct Group {
    messages: VecDeque<Message>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    /// What the fetcher is told; it differs from the place in this queue only without grouping.
    group: String,
    body: String,
    sent_at: Timestamp,
    received_at: Option<Timestamp>,
    receives: u32,
    /// When its visibility timeout ends, from its first receive on.
    hidden_until: Option<Timestamp>,
}

/// A batch of received jobs.
#[derive(Debug)]
pub struct Batch {
    pub event: SqsEvent,
    /// Group and message, in order.
    contents: Vec<(String, String)>,
}

impl Queue {
    pub fn new(skew: SignedDuration, without: Option<Protection>) -> Self {
        Self {
            without,
            skew,
            groups: BTreeMap::new(),
            sent: 0,
            seen: BTreeMap::new(),
            dead: Vec::new(),
            accepted: Vec::new(),
            taken: 0,
        }
    }

    /// Sends a job with a deduplication id of its own, as the functions behind the API do.
    pub fn send(&mut self, job: &Job, now: Timestamp) {
        let body = serde_json::to_string(job).unwrap();
        let unique = format!("unique-{}", self.sent);
        self.take(job.group(), body, unique, now);
    }

    /// Accepts a message, unless this deduplication id was accepted recently.
    pub fn take(&mut self, group: String, body: String, deduplication_id: String, now: Timestamp) {
        let key = (group.clone(), deduplication_id);
        let seen = self.seen.get(&key);
        if seen.is_some_and(|at| now.duration_since(*at) < REMEMBERED) {
            return;
        }
        self.seen.insert(key, now);
        self.sent += 1;
        self.accepted.push(body.clone());
        let id = format!("message-{}", self.sent);
        let place = match self.without {
            // Each message is a group, so the jobs of a link run side by side and in any order.
            Some(Protection::Grouping) => id.clone(),
            _ => group.clone(),
        };
        let message = Message {
            id,
            group,
            body,
            sent_at: now + self.skew,
            received_at: None,
            receives: 0,
            hidden_until: None,
        };
        self.groups
            .entry(place)
            .or_default()
            .messages
            .push_back(message);
    }

    /// The number of messages that can be received now or later.
    pub fn waiting(&self) -> usize {
        self.groups.values().map(|group| group.messages.len()).sum()
    }

    /// The bodies of the messages that can be received now or later.
    pub fn waiting_bodies(&self) -> impl Iterator<Item = &str> {
        let waiting = self.groups.values().flat_map(|it| &it.messages);
        waiting.map(|it| it.body.as_str())
    }

    /// The bodies of all messages that ever were accepted.
    pub fn accepted(&self) -> &[String] {
        &self.accepted
    }

    /// Those that were accepted since the last time.
    pub fn take_new(&mut self) -> &[String] {
        let new = std::mem::replace(&mut self.taken, self.accepted.len());
        self.accepted.get(new..).unwrap_or_default()
    }

    /// The bodies of all messages, dead ones included.
    pub fn bodies(&self) -> impl Iterator<Item = &str> {
        self.waiting_bodies().chain(self.dead_letters())
    }

    /// Receives jobs of unlocked groups, in any order of groups.
    pub fn receive(&mut self, now: Timestamp, random: &mut Random) -> Option<Batch> {
        self.bury();
        let visible = |group: &Group| group.hidden_until().is_none_or(|until| until <= now);
        let groups = self.groups.iter();
        let groups = groups.filter(|(_, group)| visible(group) && !group.messages.is_empty());
        let mut names: Vec<String> = groups.map(|(name, _)| name.clone()).collect();
        random.shuffle(&mut names);
        let batch = self.hand_out(names, random.between(1, BATCH as u64) as usize, now);
        if self.without == Some(Protection::Visibility) {
            // What is in flight is lost unless it is done.
            for group in self.groups.values_mut() {
                group.messages.retain(|it| it.receives == 0);
            }
        }
        batch
    }

    /// Receives every job, also those that are in flight.
    pub fn receive_at_once(&mut self, now: Timestamp) -> Batch {
        let names = self.groups.keys().cloned().collect();
        let batch = self.hand_out(names, usize::MAX, now);
        batch.expect("a job is queued")
    }

    fn hand_out(&mut self, names: Vec<String>, mut room: usize, now: Timestamp) -> Option<Batch> {
        let mut records = Vec::new();
        let mut contents = Vec::new();
        for name in names {
            let group = self.groups.get_mut(&name)?;
            for message in group.messages.iter_mut().take(room) {
                message.receives += 1;
                message.received_at.get_or_insert(now + self.skew);
                message.hidden_until = Some(now + VISIBILITY_TIMEOUT);
                records.push(message.record());
                contents.push((name.clone(), message.id.clone()));
                room -= 1;
            }
            if room == 0 {
                break;
            }
        }
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        (!contents.is_empty()).then_some(Batch { event, contents })
    }

    /// Lets a received job be received again after `wait`, instead of when its visibility timeout
    /// ends. The handle of an earlier receive does nothing.
    pub fn change_visibility(
        &mut self,
        receipt_handle: &str,
        wait: SignedDuration,
        now: Timestamp,
    ) {
        let messages = self.groups.values_mut().flat_map(|it| &mut it.messages);
        let message = messages
            .into_iter()
            .find(|it| it.receipt_handle() == receipt_handle);
        if let Some(message) = message {
            message.hidden_until = Some(now + wait);
        }
    }

    /// Deletes the successful jobs. The others keep their place, and come back at their time.
    pub fn done(&mut self, batch: &Batch, response: &SqsBatchResponse) {
        let failed = response.batch_item_failures.iter();
        let mut failed: BTreeSet<&str> = failed.map(|it| it.item_identifier.as_str()).collect();
        if self.without == Some(Protection::PartialFailures) {
            failed.clear();
        }
        let mut kept = BTreeSet::new();
        for (name, id) in &batch.contents {
            let Some(group) = self.groups.get_mut(name) else {
                continue;
            };
            if failed.contains(id.as_str()) {
                kept.insert(name);
                continue;
            }
            assert!(!kept.contains(name), "{id} overtook a failure of its group");
            group.messages.retain(|message| message.id != *id);
        }
    }

    /// The earliest time at which a failed job can be received again.
    pub fn next_visible(&self) -> Option<Timestamp> {
        self.groups.values().filter_map(Group::hidden_until).min()
    }

    /// The dead letters.
    pub fn dead_letters(&self) -> impl Iterator<Item = &str> {
        self.dead.iter().map(|it| it.body.as_str())
    }

    fn bury(&mut self) {
        for group in self.groups.values_mut() {
            while let Some(dead) = group
                .messages
                .pop_front_if(|it| it.receives >= MAX_RECEIVES)
            {
                self.dead.push(dead);
            }
        }
        self.groups.retain(|_, it| !it.messages.is_empty());
    }
}

impl Group {
    /// Until when the group is locked, at least.
    fn hidden_until(&self) -> Option<Timestamp> {
        self.messages.iter().filter_map(|it| it.hidden_until).max()
    }
}

impl Message {
    /// Each receive has its own.
    fn receipt_handle(&self) -> String {
        format!("{}-{}", self.id, self.receives)
    }

    fn record(&self) -> serde_json::Value {
        let stamp = |at: Timestamp| at.as_millisecond().to_string();
        json!({
            "messageId": self.id,
            "receiptHandle": self.receipt_handle(),
            "body": self.body,
            "attributes": {
                "MessageGroupId": self.group,
                "SentTimestamp": stamp(self.sent_at),
                "ApproximateFirstReceiveTimestamp": self.received_at.map(stamp),
                "ApproximateReceiveCount": self.receives.to_string(),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "awsRegion": "sa-east-1",
        })
    }
}
