//! A part of the month: what was counted, and what of it is billed.

use std::collections::BTreeMap;

use local_stack::{Used, What};
use serde_json::Value;

use crate::bill::Units;
use crate::prices::Item;

/// What Lambda writes for each call besides, `platform.start` and `platform.report`: about as long
/// as the samples in its guide, and 26 bytes more for each line.
const PLATFORM_LINES: u64 = 2 * 26 + 155 + 420;
/// What API Gateway writes for each request: the template's `AccessLogSettings`, filled in.
const ACCESS_LINE: u64 = 26 + 110;

/// A part of the month, and what it used.
pub struct Part {
    pub name: &'static str,
    pub used: Used,
    /// How often it was played.
    pub times: u64,
    /// Requests to Belvo, by function.
    pub belvo: BTreeMap<String, u64>,
    /// How often which metric was sent.
    pub metrics: BTreeMap<String, u64>,
    /// Bytes that the app was sent.
    pub bytes_out: u64,
    /// Events for other services.
    pub events: u64,
}

impl Part {
    /// How much of one thing, of all functions.
    pub fn all(&self, what: What) -> u64 {
        let found = self.used.iter().filter(|(it, _)| it.what == what);
        found.map(|(_, amount)| amount).sum()
    }

    /// What is billed for it.
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
                // Secrets are read when five minutes have passed, not with each call.
                What::SecretReads | What::LogLines => {}
            }
        }
        add(Item::BytesOut, "", self.bytes_out);
        add(Item::PipeEvents, "", self.events);
        add(Item::BusEvents, "", self.events);
        billed
    }
}

/// How long calls take where they are billed.
#[derive(Clone, Copy)]
pub struct Time {
    /// How many times as long as here.
    pub slower: u64,
    /// What Belvo takes for an answer.
    pub belvo_milliseconds: u64,
}

/// The metrics a line sends: name and dimensions, as CloudWatch keeps them apart.
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
