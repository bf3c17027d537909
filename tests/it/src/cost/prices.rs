//! AWS's prices. Money is counted in nano-dollars, billionths of a dollar.
//!
//! **None of these was confirmed.** They are the on-demand prices in São Paulo (`sa-east-1`) as far
//! as known in November 2026; AWS's pages could not be read, and most other pages quote Virginia.
//! [`Source`] gives the origin of each, the output repeats it, and `--price NAME=DOLLARS` replaces
//! it. Free tiers are left out, because they are small and expire.

use anyhow::{Context, bail};

pub type Money = u128;

const DOLLAR: u64 = 1_000_000_000;

/// A billed unit of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    HalfWriteUnits,
    HalfReadUnits,
    StoredBytes,
    BackupBytes,
    StreamReads,
    MegabyteMilliseconds,
    Invocations,
    ApiRequests,
    BytesOut,
    QueueRequests,
    SecretReads,
    Secrets,
    KeyRequests,
    Keys,
    LogBytes,
    LogBytesKept,
    MetricHours,
    AlarmMetrics,
    Dashboards,
    Traces,
    PipeEvents,
    BusEvents,
}

/// The origin of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// AWS's list for São Paulo, from memory.
    SaoPaulo,
    /// The same in all regions, as far as known.
    AllRegions,
    /// Not known for São Paulo: Virginia's price and half as much again, which is the difference
    /// for DynamoDB.
    Estimate,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::SaoPaulo => "São Paulo",
            Self::AllRegions => "all regions",
            Self::Estimate => "estimate",
        }
    }
}

/// A price.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    pub item: Item,
    /// Its name in `--price`.
    pub name: &'static str,
    /// The price, and the amount of units it buys.
    pub unit: (&'static str, u64),
    /// The unit of the output, and its size.
    pub shown: (&'static str, u64),
    pub nano_dollars: u64,
    pub source: Source,
    /// The page to check it at, below `https://aws.amazon.com/`.
    pub page: &'static str,
}

const MILLION: u64 = 1_000_000;
const MEGABYTE: u64 = 1 << 20;
const GIGABYTE: u64 = 1 << 30;
/// In megabytes times milliseconds.
const GB_SECOND: u64 = 1_024 * 1_000;
/// CloudWatch bills a custom metric by the hours in which it is sent.
pub const HOURS_PER_MONTH: u64 = 720;

const fn price(
    item: Item,
    name: &'static str,
    unit: (&'static str, u64),
    shown: (&'static str, u64),
    nano_dollars: u64,
    source: Source,
    page: &'static str,
) -> Price {
    Price {
        item,
        name,
        unit,
        shown,
        nano_dollars,
        source,
        page,
    }
}

/// A ten-thousandth of a dollar, in nano-dollars.
const X: u64 = DOLLAR / 10_000;

/// All prices.
#[rustfmt::skip]
pub const PRICES: [Price; 22] = [
    price(Item::HalfWriteUnits, "write", ("million write units", 2 * MILLION), ("units", 2), 9_375 * X, Source::SaoPaulo, "dynamodb/pricing/on-demand/"),
    price(Item::HalfReadUnits, "read", ("million read units", 2 * MILLION), ("units", 2), 1_875 * X, Source::SaoPaulo, "dynamodb/pricing/on-demand/"),
    price(Item::StoredBytes, "stored", ("GB and month", GIGABYTE), ("MB", MEGABYTE), 3_750 * X, Source::SaoPaulo, "dynamodb/pricing/on-demand/"),
    price(Item::BackupBytes, "backup", ("GB and month", GIGABYTE), ("MB", MEGABYTE), 3_000 * X, Source::SaoPaulo, "dynamodb/pricing/on-demand/"),
    price(Item::StreamReads, "stream", ("100,000 stream reads", 100_000), ("reads", 1), 300 * X, Source::SaoPaulo, "dynamodb/pricing/on-demand/"),
    price(Item::MegabyteMilliseconds, "duration", ("million GB-seconds", MILLION * GB_SECOND), ("GB-seconds", GB_SECOND), 133_334 * X, Source::AllRegions, "lambda/pricing/"),
    price(Item::Invocations, "invocation", ("million invocations", MILLION), ("calls", 1), 2_000 * X, Source::AllRegions, "lambda/pricing/"),
    price(Item::ApiRequests, "api", ("million requests", MILLION), ("requests", 1), 15_000 * X, Source::Estimate, "api-gateway/pricing/"),
    price(Item::BytesOut, "out", ("GB to the internet", GIGABYTE), ("MB", MEGABYTE), 1_500 * X, Source::SaoPaulo, "ec2/pricing/on-demand/"),
    price(Item::QueueRequests, "queue", ("million FIFO requests", MILLION), ("requests", 1), 7_500 * X, Source::Estimate, "sqs/pricing/"),
    price(Item::SecretReads, "secret-read", ("10,000 reads", 10_000), ("reads", 1), 500 * X, Source::AllRegions, "secrets-manager/pricing/"),
    price(Item::Secrets, "secret", ("secret and month", 1), ("", 1), 4_000 * X, Source::AllRegions, "secrets-manager/pricing/"),
    price(Item::KeyRequests, "key-request", ("10,000 requests", 10_000), ("requests", 1), 300 * X, Source::AllRegions, "kms/pricing/"),
    price(Item::Keys, "key", ("key and month", 1), ("", 1), 10_000 * X, Source::AllRegions, "kms/pricing/"),
    price(Item::LogBytes, "log", ("GB taken in", GIGABYTE), ("MB", MEGABYTE), 9_000 * X, Source::SaoPaulo, "cloudwatch/pricing/"),
    price(Item::LogBytesKept, "log-kept", ("GB and month", GIGABYTE), ("MB", MEGABYTE), 408 * X, Source::SaoPaulo, "cloudwatch/pricing/"),
    price(Item::MetricHours, "metric", ("metric and month", HOURS_PER_MONTH), ("metric-hours", 1), 3_000 * X, Source::AllRegions, "cloudwatch/pricing/"),
    price(Item::AlarmMetrics, "alarm", ("metric of an alarm and month", 1), ("", 1), 1_000 * X, Source::AllRegions, "cloudwatch/pricing/"),
    price(Item::Dashboards, "dashboard", ("dashboard and month", 1), ("", 1), 30_000 * X, Source::AllRegions, "cloudwatch/pricing/"),
    price(Item::Traces, "trace", ("million traces", MILLION), ("traces", 1), 50_000 * X, Source::AllRegions, "xray/pricing/"),
    price(Item::PipeEvents, "pipe", ("million events", MILLION), ("events", 1), 6_000 * X, Source::Estimate, "eventbridge/pricing/"),
    price(Item::BusEvents, "event", ("million events", MILLION), ("events", 1), 15_000 * X, Source::Estimate, "eventbridge/pricing/"),
];

impl Price {
    /// The cost of an amount.
    pub fn of(&self, amount: u64) -> Money {
        Money::from(amount) * Money::from(self.nano_dollars) / Money::from(self.unit.1)
    }
}

/// The prices, with the `NAME=DOLLARS` of the command line in place of the defaults.
pub fn with(given: &[String]) -> anyhow::Result<Vec<Price>> {
    let mut prices = PRICES.to_vec();
    for text in given {
        let (name, dollars) = text.split_once('=').context("--price is NAME=DOLLARS")?;
        let price = prices.iter_mut().find(|it| it.name == name);
        let price = price.with_context(|| format!("there is no price {name}"))?;
        price.nano_dollars = nano_dollars(dollars)?;
    }
    Ok(prices)
}

fn nano_dollars(text: &str) -> anyhow::Result<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 9 {
        bail!("{text} is not an amount of dollars with up to nine digits after the point");
    }
    let nano = format!("{whole}{fraction:0<9}").parse();
    nano.with_context(|| format!("{text} is not an amount of dollars"))
}

/// Dollars and cents, rounded.
pub fn dollars(money: Money) -> String {
    let cents = (money + 5_000_000) / 10_000_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_counted_to_the_billionth() {
        let prices = with(&["write=0.9375".to_owned(), "key=2".to_owned()]).unwrap();
        let of = |item| *prices.iter().find(|it| it.item == item).unwrap();
        // A unit is two halves, and the price is for a million of them.
        assert_eq!(of(Item::HalfWriteUnits).of(2_000_000), 937_500_000);
        assert_eq!(of(Item::HalfWriteUnits).of(2), 937);
        assert_eq!(of(Item::Keys).of(1), 2_000_000_000);
        assert_eq!(dollars(937_500_000), "0.94");
        assert_eq!(dollars(123_454_999_999), "123.45");
    }

    #[test]
    fn a_malformed_price_is_refused() {
        for text in [
            "write",
            "nothing=1",
            "write=",
            "write=.5",
            "write=-1",
            "write=1.0123456789",
        ] {
            assert!(with(&[text.to_owned()]).is_err(), "{text}");
        }
    }

    #[test]
    fn every_billed_unit_has_one_price() {
        let mut names: Vec<&str> = PRICES.iter().map(|it| it.name).collect();
        let mut items: Vec<Item> = PRICES.iter().map(|it| it.item).collect();
        names.sort_unstable();
        names.dedup();
        items.sort_unstable();
        items.dedup();
        assert_eq!((names.len(), items.len()), (PRICES.len(), PRICES.len()));
    }
}
