//! A part of the month: its counts, and their billed units.

use std::collections::BTreeMap;

use local_stack::{Used, What};
use serde_json::Value;

use crate::bill::Units;
use crate::prices::Item;

/// The bytes that Lambda logs for each call, `platform.start` and `platform.report`: about the
/// length of the samples in its guide, and 26 bytes more for each line.
const PLATFORM_LINES: u64 = 2 * 26 + 155 + 420;
/// The bytes that API Gateway logs for each request: the template's `AccessLogSettings`, filled in.
const ACCESS_LINE: u64 = 26 + 110;

/// A part of the month, and its usage.
pub struct Part {
    pub name: &'static str,
    pub used: Used,
    /// The number of times it was played.
    pub times: u64,
    /// Requests to Belvo, by function.
    pub belvo: BTreeMap<String, u64>,
    /// The number of times each metric was sent.
    pub metrics: BTreeMap<String, u64>,
    /// Bytes sent to the app.
    pub bytes_out: u64,
    /// Change events for other services.
    pub events: u64,
}

impl Part {
    /// The amount of one unit, over all functions.
    pub fn all(&self, what: What) -> u64 {
        let found = self.used.iter().filter(|(it, _)| it.what == what);
        found.map(|(_, amount)| amount).sum()
    }

    /// The billed units.
    pub fn billed(&self, memory: &BTreeMap<String, u64>, time: Time) -> Units {
        let mut billed = Units::new();
        let mut add = |item, of: &str, amount: u64| {
            if amount > 0 {
                *billed.entry((item, of.to_owned())).or_default() += amount;
            }
        };
        for (it, amount) in &self.used {
            match it.what {
                What::HalfWriteUnits => add(Item::HalfWriteUnits, &it.of, *amount),
                What::HalfReadUnits => add(Item::HalfReadUnits, &it.of, *amount),
                What::RefusedWrites => add(Item::HalfWriteUnits, &it.of, 2 * amount),
                What::QueueRequests => add(Item::QueueRequests, "", *amount),
                What::LogBytes => add(Item::LogBytes, &it.function, *amount),
                What::Invocations => {
                    add(Item::Invocations, &it.function, *amount);
                    add(Item::LogBytes, &it.function, amount * PLATFORM_LINES);
                    if !["fetcher", "sweeper"].contains(&it.function.as_str()) {
                        add(Item::ApiRequests, "", *amount);
                        add(Item::LogBytes, "api", amount * ACCESS_LINE);
                    }
                }
                What::Milliseconds => {
                    let asked = self.belvo.get(&it.function).copied().unwrap_or_default();
                    let milliseconds = amount * time.slower + asked * time.belvo_milliseconds;
                    let megabytes = memory.get(&it.function).copied().unwrap_or_default();
                    add(
                        Item::MegabyteMilliseconds,
                        &it.function,
                        milliseconds * megabytes,
                    );
                }
                // Secrets are read every five minutes instead of with each call.
                What::SecretReads | What::LogLines => {}
            }
        }
        add(Item::BytesOut, "", self.bytes_out);
        add(Item::PipeEvents, "", self.events);
        add(Item::BusEvents, "", self.events);
        billed
    }
}

/// The duration of calls in Lambda.
#[derive(Clone, Copy)]
pub struct Time {
    /// The factor from this machine to Lambda.
    pub slower: u64,
    /// The duration of a Belvo request.
    pub belvo_milliseconds: u64,
}

/// The metrics of a line: name and dimensions, which make a metric in CloudWatch.
pub fn sent(line: &str) -> Vec<String> {
    let Some((_, json)) = line.split_once("] {") else {
        return Vec::new();
    };
    let value: Value = serde_json::from_str(&format!("{{{json}")).unwrap_or_default();
    let mut sent = Vec::new();
    for directive in value["_aws"]["CloudWatchMetrics"]
        .as_array()
        .into_iter()
        .flatten()
    {
        for metric in directive["Metrics"].as_array().into_iter().flatten() {
            for dimensions in directive["Dimensions"].as_array().into_iter().flatten() {
                let named = dimensions.as_array().into_iter().flatten();
                let named =
                    named.filter_map(|it| Some((it.as_str()?, value[it.as_str()?].as_str()?)));
                let named: Vec<String> = named.map(|(name, it)| format!("{name}={it}")).collect();
                let name = metric["Name"].as_str().unwrap_or_default();
                sent.push(format!("{name} {}", named.join(" ")).trim().to_owned());
            }
        }
    }
    sent
}
