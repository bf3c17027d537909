//! The bill of a month: parts of the month, their frequency, and the costs without users.

use std::collections::BTreeMap;

use anyhow::Context;
use local_stack::{
    What,
    template::{Account, Template},
};
use serde_json::Value;

use crate::Month;
use crate::part::Time;
use crate::play::Played;
use crate::prices::{HOURS_PER_MONTH, Item};

const TEMPLATE: &str = include_str!("../../../../template.yaml");

const DAYS: u64 = HOURS_PER_MONTH / 24;
const MINUTES: u64 = HOURS_PER_MONTH * 60;
const SECONDS: u64 = MINUTES * 60;

/// Links of a page of the walk.
const PAGE: u64 = 1_000;

/// Lambda polls an empty queue with five pollers for 20 seconds each (Lambda's guide, SQS, scaling;
/// the guide describes standard queues and does not mention FIFO queues).
const IDLE_POLLS: u64 = 5 * SECONDS / 20;

/// A pipe polls each shard of a stream four times a second (EventBridge's guide, Pipes, DynamoDB).
/// Only Lambda's own polls are free (DynamoDB's guide, "Evaluate your Streams usage").
const STREAM_READS_OF_A_SHARD: u64 = 4 * SECONDS;

/// A function in use reads its secrets again after five minutes (`shared/runtime`). This is the
/// upper bound for each of its environments; there is one unless calls overlap.
const SECRET_READS: u64 = HOURS_PER_MONTH * 12;

/// SQS requests data keys: B / D x (2 P + C), with the month B, the queue's reuse period D of an
/// hour, the sending roles P and the receiving roles C (SQS's guide, estimating AWS KMS costs).
const QUEUE_KEY_REQUESTS: u64 = HOURS_PER_MONTH * (2 * 5 + 1);

/// DynamoDB requests a table's key again after five minutes, for each role (DynamoDB's guide,
/// encryption at rest).
const TABLE_KEY_REQUESTS: u64 = HOURS_PER_MONTH * 12;

/// DynamoDB adds this many bytes to each item and to each index entry.
const STORED_BESIDES: u64 = 100;

/// The billed item, and its table, index or function.
pub type Units = BTreeMap<(Item, String), u64>;

pub struct Bill {
    /// Each part's share of the month, and its frequency.
    pub parts: Vec<(String, u64, Units)>,
}

impl Bill {
    pub fn of(month: &Month, played: &Played) -> anyhow::Result<Bill> {
        let account = Stack::read()?;
        let time = Time {
            slower: month.slower,
            belvo_milliseconds: month.belvo_ms,
        };
        let links = month.users * month.links;
        let mut parts = Vec::new();
        let mut calls: BTreeMap<String, u64> = BTreeMap::new();
        for part in &played.parts {
            let happens = happens(month, part.name);
            let mut units = Units::new();
            for ((item, of), amount) in part.billed(&account.memory, time) {
                let is_page = part.name == FIVE_MINUTES && item == Item::HalfReadUnits;
                // The cost of a page depends on the links of the bill instead of those that were
                // played.
                let (times, divided) = match is_page {
                    true => (happens * links.min(PAGE), month.links),
                    false => (happens, part.times),
                };
                *units.entry((item, of)).or_default() += share(amount, times, divided);
            }
            for (it, amount) in &part.used {
                if it.what == What::Invocations {
                    let amount = share(*amount, happens, part.times);
                    *calls.entry(it.function.clone()).or_default() += amount;
                }
            }
            parts.push((part.name.to_owned(), happens, units));
        }
        parts.push(("stored rows".to_owned(), links, stored(month, played)));
        let always = always(month, played, &account, &calls);
        parts.push(("the stack itself".to_owned(), 1, always));
        for (_, _, units) in &mut parts {
            let logs = units
                .iter()
                .filter(|((item, _), _)| *item == Item::LogBytes);
            let kept = logs.map(|(_, bytes)| bytes).sum();
            units.insert((Item::LogBytesKept, String::new()), kept);
        }
        Ok(Bill { parts })
    }

    /// The sum of all parts.
    pub fn all(&self) -> Units {
        let mut all = Units::new();
        for (_, _, units) in &self.parts {
            for (of, amount) in units {
                *all.entry(of.clone()).or_default() += amount;
            }
        }
        all
    }
}

pub const CONNECTING: &str = "connecting a bank";
pub const NEWS: &str = "a day with news";
pub const QUIET: &str = "a day without news";
pub const LOOK: &str = "the daily look at a consent";
pub const WEEKLY: &str = "the weekly read of everything";
pub const CONSENT: &str = "a consent that ends";
pub const VISIT: &str = "a visit of the app";
pub const MINUTE: &str = "each minute: due links";
pub const FIVE_MINUTES: &str = "each five minutes: a page of links";
pub const ERASING: &str = "erasing a bank";

/// Hours of the month in which each metric is sent: its frequency, but at most all hours.
pub fn metric_hours(month: &Month, played: &Played) -> BTreeMap<String, u64> {
    let mut hours: BTreeMap<String, u64> = BTreeMap::new();
    for part in &played.parts {
        for (metric, amount) in &part.metrics {
            let sent = share(*amount, happens(month, part.name), part.times);
            *hours.entry(metric.clone()).or_default() += sent;
        }
    }
    for (metric, hours) in &mut hours {
        // One for each bank; the run has a single bank.
        let banks = if metric.contains("institution=") {
            month.banks
        } else {
            1
        };
        *hours = (*hours).min(banks * HOURS_PER_MONTH);
    }
    hours
}

/// Lambda traces the first call of a function in each second and a twentieth of the others
/// (Lambda's guide, X-Ray).
fn traces(calls: u64) -> u64 {
    let first = calls.min(SECONDS);
    first + (calls - first) / 20
}

/// The frequency of a part in a month.
pub fn happens(month: &Month, part: &str) -> u64 {
    let links = month.users * month.links;
    match part {
        CONNECTING | CONSENT | ERASING => links / month.months.max(1),
        NEWS => links * month.news_days,
        QUIET => links * month.quiet_days,
        LOOK => links * DAYS,
        WEEKLY => links * DAYS / 7,
        VISIT => month.users * month.visits,
        MINUTE => MINUTES,
        FIVE_MINUTES => MINUTES / 5,
        _ => 0,
    }
}

fn share(amount: u64, times: u64, divided: u64) -> u64 {
    let exact = u128::from(amount) * u128::from(times) / u128::from(divided.max(1));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

fn stored(month: &Month, played: &Played) -> Units {
    let links = month.users * month.links;
    let it = &played.stored;
    let bytes = it.table_bytes + it.index_bytes + it.items * STORED_BESIDES;
    Units::from([
        ((Item::StoredBytes, String::new()), links * bytes),
        ((Item::BackupBytes, String::new()), links * it.table_bytes),
    ])
}

fn always(month: &Month, played: &Played, stack: &Stack, calls: &BTreeMap<String, u64>) -> Units {
    let reads = played.secrets.iter().map(|(function, secrets)| {
        let calls = calls.get(function).copied().unwrap_or_default();
        secrets * calls.min(SECRET_READS)
    });
    let secret_reads: u64 = reads.sum();
    let keys = secret_reads + QUEUE_KEY_REQUESTS + played.tables * TABLE_KEY_REQUESTS;
    let none = String::new;
    Units::from([
        ((Item::QueueRequests, none()), IDLE_POLLS),
        (
            (Item::StreamReads, none()),
            month.shards * STREAM_READS_OF_A_SHARD,
        ),
        ((Item::SecretReads, none()), secret_reads),
        ((Item::KeyRequests, none()), keys),
        ((Item::Secrets, none()), stack.secrets),
        ((Item::Keys, none()), stack.keys),
        ((Item::AlarmMetrics, none()), stack.alarm_metrics),
        ((Item::Dashboards, none()), stack.dashboards),
        (
            (Item::MetricHours, none()),
            metric_hours(month, played).values().sum(),
        ),
        (
            (Item::Traces, none()),
            calls.values().map(|calls| traces(*calls)).sum(),
        ),
    ])
}

/// The template's resources that are billed by the month.
struct Stack {
    /// The memory of each function in megabytes.
    memory: BTreeMap<String, u64>,
    secrets: u64,
    keys: u64,
    alarm_metrics: u64,
    dashboards: u64,
}

impl Stack {
    fn read() -> anyhow::Result<Stack> {
        let account = Account {
            region: "sa-east-1".to_owned(),
            id: "000000000000".to_owned(),
            sqs_url: "https://sqs.sa-east-1.amazonaws.com".to_owned(),
            secrets: ["Belvo", "Webhook", "Session", "ExternalId"]
                .map(|name| (format!("{name}Secret"), format!("arn:{name}")))
                .into(),
        };
        // The one parameter without a default; no result here depends on it.
        let issuer = (
            "JwtIssuer".to_owned(),
            "https://issuer.example.com".to_owned(),
        );
        let template = Template::parse(TEMPLATE, &[issuer].into())?;
        let functions = template.system(&account)?.functions;
        let memory = functions.into_iter().map(|it| (it.name, it.memory.into()));
        let template = template.evaluated(&account)?;
        let resources = template["Resources"].as_object().context("no resources")?;
        let of = |kind: &str| {
            let kind = format!("AWS::{kind}");
            resources.values().filter(move |it| it["Type"] == *kind)
        };
        // An alarm over an expression is billed for each of its metrics.
        let metrics = of("CloudWatch::Alarm").map(|alarm| {
            let metrics = alarm["Properties"]["Metrics"].as_array();
            let metrics = metrics.into_iter().flatten();
            let own = |it: &&Value| it.get("MetricStat").is_some();
            metrics.filter(own).count().max(1)
        });
        Ok(Stack {
            memory: memory.collect(),
            alarm_metrics: metrics.sum::<usize>() as u64,
            secrets: of("SecretsManager::Secret").count() as u64,
            keys: of("KMS::Key").count() as u64,
            dashboards: of("CloudWatch::Dashboard").count() as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_traces_the_first_call_of_a_second_and_a_twentieth_of_the_others() {
        assert_eq!(traces(1_000), 1_000);
        assert_eq!(traces(SECONDS + 2_000), SECONDS + 100);
    }

    #[test]
    fn a_share_relates_to_the_played_parts() {
        assert_eq!(share(196, 40_000, 10), 784_000);
        assert_eq!(share(1, 1, 0), 1);
    }

    #[test]
    fn the_templates_resources_are_counted() {
        let stack = Stack::read().unwrap();
        assert_eq!((stack.keys, stack.secrets, stack.dashboards), (1, 4, 1));
        // The two alarms over all functions have six metrics each.
        assert!(stack.alarm_metrics > 12);
        assert_eq!(stack.memory["fetcher"], 512);
    }
}
