//! The FIFO queue between the functions, in memory.
//!
//! A job whose deduplication id was used within five minutes is dropped. Jobs of a group keep their
//! order: the group is locked while its first job is in flight or waits after a failure. A job that
//! was received too often becomes a dead letter. When a process dies, its jobs come back like
//! failed ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::Job;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::random::Random;

/// The template's values.
const BATCH: usize = 10;
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_secs(1800);
const MAX_RECEIVES: u32 = 10;

/// The lifetime of a deduplication id (AWS, "Exactly-once processing in Amazon SQS").
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);

/// The queue and its dead letters.
#[derive(Default)]
pub struct Queue {
    groups: BTreeMap<String, Group>,
    sent: u64,
    /// The time at which each deduplication id of each group was last accepted.
    seen: BTreeMap<(String, String), Timestamp>,
    dead: Vec<Message>,
}

#[derive(Default)]
struct Group {
    messages: VecDeque<Message>,
    hidden_until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: String,
    sent_at: Timestamp,
    receives: u32,
}

/// A batch of received jobs.
pub struct Batch {
    pub event: SqsEvent,
    /// Group and message, in order.
    contents: Vec<(String, String)>,
}

impl Queue {
    /// Sends a job with a random deduplication id, as the functions behind the API do.
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
        let message = Message {
            id: format!("message-{}", self.sent),
            body,
            sent_at: now,
            receives: 0,
        };
        self.groups
            .entry(group)
            .or_default()
            .messages
            .push_back(message);
    }

    /// The number of messages that can be received now or later.
    pub fn waiting(&self) -> usize {
        self.groups.values().map(|group| group.messages.len()).sum()
    }

    /// Receives up to ten jobs of unlocked groups, in any order of groups.
    pub fn receive(&mut self, now: Timestamp, random: &mut Random) -> Option<Batch> {
        self.bury();
        let visible = |group: &Group| group.hidden_until.is_none_or(|until| until <= now);
        let mut names: Vec<String> = self
            .groups
            .iter()
            .filter(|(_, group)| visible(group) && !group.messages.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        random.shuffle(&mut names);
        let mut room = random.between(1, BATCH as u64) as usize;
        let mut records = Vec::new();
        let mut contents = Vec::new();
        for name in names {
            let group = self.groups.get_mut(&name)?;
            for message in group.messages.iter_mut().take(room) {
                message.receives += 1;
                records.push(message.record(&name));
                contents.push((name.clone(), message.id.clone()));
                room -= 1;
            }
            group.hidden_until = Some(now + VISIBILITY_TIMEOUT);
            if room == 0 {
                break;
            }
        }
        if records.is_empty() {
            return None;
        }
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        Some(Batch { event, contents })
    }

    /// Deletes the successful jobs. The others keep their place, and come back after their timeout.
    pub fn done(&mut self, batch: &Batch, response: &SqsBatchResponse) {
        let failed = response.batch_item_failures.iter();
        let failed: BTreeSet<&str> = failed.map(|it| it.item_identifier.as_str()).collect();
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
        for (name, _) in &batch.contents {
            if !kept.contains(name)
                && let Some(group) = self.groups.get_mut(name)
            {
                group.hidden_until = None;
            }
        }
    }

    /// The earliest time at which a failed job can be received again.
    pub fn next_visible(&self) -> Option<Timestamp> {
        let waiting = self.groups.values();
        let waiting = waiting.filter(|group| !group.messages.is_empty());
        waiting.filter_map(|group| group.hidden_until).min()
    }

    /// The dead letters.
    pub fn dead_letters(&self) -> Vec<String> {
        self.dead.iter().map(|it| it.body.clone()).collect()
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
    }
}

impl Message {
    fn record(&self, group: &str) -> serde_json::Value {
        json!({
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.body,
            "attributes": {
                "MessageGroupId": group,
                "SentTimestamp": self.sent_at.as_millisecond().to_string(),
                "ApproximateReceiveCount": self.receives.to_string(),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "awsRegion": "sa-east-1",
        })
    }
}
