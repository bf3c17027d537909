//! Events at the bank, and the bank's data.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The simulated Belvo's control routes.
pub struct Sandbox {
    url: String,
    http: reqwest::Client,
}

/// The summary of a link.
#[derive(Debug, Deserialize)]
pub struct Link {
    pub id: String,
    /// Belvo's name of the institution.
    pub institution: String,
}

/// Belvo's data of a link.
#[derive(Debug, Deserialize)]
pub struct Truth {
    pub accounts: Vec<Account>,
    pub transactions: Vec<Movement>,
}

#[derive(Debug, Deserialize)]
pub struct Account {
    pub id: String,
    pub category: String,
    pub balance: Balance,
}

#[derive(Debug, Deserialize)]
pub struct Balance {
    current: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
pub struct Movement {
    pub id: String,
    pub value_date: String,
    pub amount: Box<RawValue>,
    account: Id,
    currency: String,
    #[serde(rename = "type")]
    way: String,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: String,
}

impl Sandbox {
    /// The sandbox at this address.
    pub fn new(url: &str) -> Sandbox {
        Sandbox {
            url: url.to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// Calls a control route, such as `links/{id}/consent`.
    pub async fn control(&self, path: &str, body: impl ToString) -> anyhow::Result<()> {
        let url = format!("{}/_sandbox/{path}", self.url);
        let answer = self.http.post(url).body(body.to_string()).send().await?;
        ensure!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await?
        );
        Ok(())
    }

    /// The link at the institution of this name.
    pub async fn link_at(&self, institution: &str) -> anyhow::Result<Link> {
        let links = self.http.get(format!("{}/_sandbox/links", self.url)).send();
        let links: Vec<Link> = links.await?.json().await?;
        let link = links
            .into_iter()
            .find(|link| link.institution == institution);
        link.with_context(|| format!("no link at {institution}"))
    }

    /// All data of a link.
    pub async fn truth(&self, link: &Link) -> anyhow::Result<Truth> {
        let url = format!("{}/_sandbox/links/{}/truth", self.url, link.id);
        let text = self.http.get(url).send().await?.text().await?;
        // A number must not become a float on its way.
        Ok(serde_json::from_str(&text)?)
    }
}

impl Balance {
    /// A transaction as the page shows it.
    pub fn shown(&self) -> String {
        reais(cents(self.current.get()))
    }
}

impl Truth {
    /// The number of transactions between these dates, both included.
    pub fn between(&self, from: &str, to: &str) -> usize {
        let days = from..=to;
        let found = self.transactions.iter();
        found
            .filter(|it| days.contains(&it.value_date.as_str()))
            .count()
    }

    /// Money in and out by month since a date, in centavos. Card purchases do not count.
    pub fn months(&self, from: &str) -> BTreeMap<String, (i128, i128)> {
        let cards = self
            .accounts
            .iter()
            .filter(|it| it.category == "CREDIT_CARD");
        let cards: Vec<&str> = cards.map(|card| card.id.as_str()).collect();
        let mut months = BTreeMap::new();
        for movement in &self.transactions {
            let counts = movement.currency == "BRL"
                && movement.value_date.as_str() >= from
                && !cards.contains(&movement.account.id.as_str());
            if counts {
                let month = movement.value_date.get(..7).unwrap_or_default();
                let (inflow, outflow): &mut (i128, i128) =
                    months.entry(month.to_owned()).or_default();
                match movement.way.as_str() {
                    "INFLOW" => *inflow += cents(movement.amount.get()),
                    _ => *outflow += cents(movement.amount.get()),
                }
            }
        }
        months
    }
}

/// Parses `12.5` as 1250. The sandbox's amounts have at most two decimals.
fn cents(amount: &str) -> i128 {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap_or_default()
}

/// `-R$ 1.234,50`
pub fn reais(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let whole = (cents.abs() / 100).to_string();
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    format!("{sign}R$ {grouped},{:02}", cents.abs() % 100)
}
