//! Plays the events of a user's links, part by part, and counts the usage of each part.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use local_stack::{Stack, Used, What};
use reqwest::{Client, Method, header};
use serde_json::{Value, json};

use crate::bill;
use crate::part::{Part, sent};
use crate::stored::{Stored, link_record};

/// The sandbox's person whose banks are connected.
const CPF: &str = "76109277673";
const NAME: &str = "Ralph Bragg";
const USER: &str = "user-who-pays";

/// The number of times a varying part is played.
pub const REPEATS: u64 = 5;

/// The results of the run.
pub struct Played {
    pub parts: Vec<Part>,
    pub stored: Stored,
    /// The secrets that each function reads, and its tables.
    pub secrets: BTreeMap<String, u64>,
    pub tables: u64,
}

pub struct Player<'a> {
    stack: &'a Stack,
    http: Client,
    jwt: String,
    parts: Vec<Part>,
    used: Used,
    lines: usize,
    bytes_out: u64,
    events: u64,
    change: Option<String>,
}

impl<'a> Player<'a> {
    pub async fn new(stack: &'a Stack) -> anyhow::Result<Self> {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.build()?;
        let url = format!("{}/token", stack.endpoints().issuer_url);
        let claims = json!({"sub": USER, "cpf": CPF, "name": NAME});
        let answer = http.post(url).json(&claims).send().await?;
        let answer: Value = answer.json().await?;
        let jwt = text(&answer, "access_token")?;
        Ok(Self {
            stack,
            http,
            jwt,
            parts: Vec::new(),
            used: Used::new(),
            lines: 0,
            bytes_out: 0,
            events: 0,
            change: None,
        })
    }

    /// Plays all parts. The user connects this many links, and gets this many new transactions a
    /// day.
    pub async fn play(mut self, links: u64, new_transactions: u64) -> anyhow::Result<Played> {
        // Work done once for each process belongs to no part.
        self.stack.warm_up().await?;
        self.finish("", 1).await?;
        self.parts.clear();

        let link = self.connect().await?;
        // The completion of a link is a change event of its own, beside that of its transactions.
        self.notice(&link).await?;
        self.events += 1;
        self.finish(bill::CONNECTING, 1).await?;
        let stored = Stored::read(self.stack, &link).await?;

        for _ in 0..REPEATS {
            // Long after the last read, as on another day: a row that may have been made before it is
            // looked for in the whole statement.
            let made = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
            let row = json!({"created_at": made.to_string()});
            let changes = json!({"add": vec![row; usize::try_from(new_transactions)?]});
            self.belvo(&format!("links/{link}/changes"), &changes)
                .await?;
            self.settle().await?;
            self.notice(&link).await?;
        }
        self.finish(bill::NEWS, REPEATS).await?;

        for repeat in 0..REPEATS {
            // Belvo was at the bank without a webhook, and the walk over its links detects it.
            let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(100);
            let at = at + jiff::SignedDuration::from_secs(i64::try_from(repeat)?);
            let access = json!({"at": at.to_string()});
            self.belvo(&format!("links/{link}/access"), &access).await?;
            let report = self.sweep(json!({"sweep": "links"})).await?;
            expect(&report, "enqueued", 1)?;
            self.settle().await?;
        }
        self.finish(bill::QUIET, REPEATS).await?;

        let day = json!({"sweep": "due", "link_id": link, "until": in_hours(25)});
        let report = self.sweep(day).await?;
        expect(&report, "enqueued", 1)?;
        self.settle().await?;
        self.finish(bill::LOOK, 1).await?;

        let week = json!({"sweep": "due", "link_id": link, "until": in_hours(8 * 24)});
        let report = self.sweep(week).await?;
        expect(&report, "enqueued", 1)?;
        self.settle().await?;
        self.notice(&link).await?;
        self.finish(bill::WEEKLY, 1).await?;

        let reminder = json!({"about_to_expire": true});
        self.belvo(&format!("links/{link}/consent"), &reminder)
            .await?;
        self.settle().await?;
        self.notice(&link).await?;
        // A day before the end, which the sandbox sets six days ahead.
        let last_day = json!({"sweep": "due", "link_id": link, "until": in_hours(5 * 24 + 1)});
        let report = self.sweep(last_day).await?;
        expect(&report, "enqueued", 1)?;
        self.settle().await?;
        self.notice(&link).await?;
        self.finish(bill::CONSENT, 1).await?;

        let mut all = vec![link.clone()];
        for _ in 1..links {
            all.push(self.connect().await?);
        }
        self.finish("", 1).await?;
        self.parts.pop();

        self.visit(&link).await?;
        self.finish(bill::VISIT, 1).await?;

        expect(&self.sweep(json!({"sweep": "due"})).await?, "due", 0)?;
        self.finish(bill::MINUTE, 1).await?;
        self.sweep(json!({"sweep": "links"})).await?;
        self.finish(bill::FIVE_MINUTES, 1).await?;

        for link in &all {
            self.app(Method::DELETE, &format!("/links/{link}"), None)
                .await?;
        }
        self.settle().await?;
        // The second purge; the tombstone expires after 90 days.
        for hours in [2, 100 * 24] {
            self.sweep(json!({"sweep": "due", "until": in_hours(hours)}))
                .await?;
            self.settle().await?;
        }
        self.events += links;
        self.finish(bill::ERASING, links).await?;

        let (secrets, tables) = read_by(&self.stack.used());
        Ok(Played {
            parts: self.parts,
            stored,
            secrets,
            tables,
        })
    }

    async fn connect(&mut self) -> anyhow::Result<String> {
        let answer = self.app(Method::POST, "/token", None).await?.1;
        let token = text(&answer, "access_token")?;
        // A user spends more time in the widget than the queue needs for the attempt.
        self.settle().await?;
        let order = json!({"access_token": token, "external_id": USER});
        let connected = self.belvo("connect", &order).await?;
        let url = text(&connected, "redirect_url")?;
        let answer = self.http.get(url).send().await?.error_for_status()?;
        self.bytes_out += u64::try_from(answer.bytes().await?.len())?;
        self.settle().await?;
        text(&connected, "link_id")
    }

    /// The list of links and a page of transactions, then both again unchanged.
    async fn visit(&mut self, link: &str) -> anyhow::Result<()> {
        for path in ["/links", &format!("/links/{link}/transactions")] {
            let (etag, _) = self.app(Method::GET, path, None).await?;
            let etag = etag.context("a read without ETag")?;
            self.app(Method::GET, path, Some(etag)).await?;
        }
        Ok(())
    }

    /// Calls the API as the app does. An unchanged answer must be a 304.
    async fn app(
        &mut self,
        method: Method,
        path: &str,
        known: Option<String>,
    ) -> anyhow::Result<(Option<String>, Value)> {
        let url = format!("{}{path}", self.stack.endpoints().api_url);
        let mut request = self
            .http
            .request(method.clone(), url)
            .bearer_auth(&self.jwt);
        if method == Method::POST {
            request = request.json(&json!({}));
        }
        if let Some(etag) = &known {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let answer = request.send().await?.error_for_status()?;
        if known.is_some() != (answer.status() == 304) {
            bail!("{path} was answered with {}", answer.status());
        }
        let etag = answer.headers().get(header::ETAG);
        let etag = etag.and_then(|it| it.to_str().ok()).map(str::to_owned);
        let body = answer.bytes().await?;
        self.bytes_out += u64::try_from(body.len())?;
        Ok((etag, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// Calls a control route of the simulated Belvo.
    async fn belvo(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/_sandbox/{path}", self.stack.endpoints().belvo_url);
        let answer = self.http.post(url).json(body).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    async fn sweep(&self, event: Value) -> anyhow::Result<Value> {
        Ok(self.stack.invoke("sweeper", event).await?)
    }

    /// Waits until every webhook has arrived and every job is done.
    async fn settle(&self) -> anyhow::Result<()> {
        self.belvo("settle", &json!({})).await?;
        self.stack.settle().await?;
        Ok(())
    }

    /// Counts a change event if LINK's outbox has changed since the last check.
    async fn notice(&mut self, link: &str) -> anyhow::Result<()> {
        let item = link_record(self.stack, link).await?;
        let change = item.get("change").and_then(|it| it.as_m().ok());
        let id = change.and_then(|it| it.get("id")?.as_s().ok()).cloned();
        if id.is_some() && id != self.change {
            self.events += 1;
            self.change = id;
        }
        Ok(())
    }

    /// Ends a part: the usage since the end of the previous one is its own.
    async fn finish(&mut self, name: &'static str, times: u64) -> anyhow::Result<()> {
        self.settle().await?;
        let now = self.stack.used();
        let logs = self.stack.logs();
        let mut used = now.clone();
        for (of, before) in &self.used {
            if let Some(amount) = used.get_mut(of) {
                *amount -= before;
            }
        }
        used.retain(|it, amount| *amount > 0 && it.function != "local-stack");
        let mut metrics: BTreeMap<String, u64> = BTreeMap::new();
        for metric in logs.iter().skip(self.lines).flat_map(|line| sent(line)) {
            *metrics.entry(metric).or_default() += 1;
        }
        let mut belvo = self.belvo_requests().await?;
        if ![bill::MINUTE, bill::FIVE_MINUTES].contains(&name) {
            // A sweep inside a part is one of the minutely sweeps; only its job counts here.
            used.retain(|it, _| it.function != "sweeper" || it.what == What::QueueRequests);
            metrics.retain(|metric, _| !metric.starts_with("SweepDone"));
            belvo.remove("sweeper");
        }
        let part = Part {
            name,
            times,
            belvo,
            metrics,
            bytes_out: std::mem::take(&mut self.bytes_out),
            events: std::mem::take(&mut self.events),
            used,
        };
        self.parts.push(part);
        self.used = now;
        self.lines = logs.len();
        Ok(())
    }

    /// Requests to Belvo since the last part, by function. Only walks list links.
    async fn belvo_requests(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let url = format!("{}/_sandbox/requests", self.stack.endpoints().belvo_url);
        let requests: Value = self.http.get(&url).send().await?.json().await?;
        self.http.delete(&url).send().await?;
        let mut by_function = BTreeMap::new();
        for request in requests.as_array().into_iter().flatten() {
            let function = match request["path"].as_str() {
                Some("/api/token/") => "token",
                Some("/api/links/") => "sweeper",
                _ => "fetcher",
            };
            *by_function.entry(function.to_owned()).or_default() += 1;
        }
        Ok(by_function)
    }
}

/// The number of secrets that each function reads, and of pairs of function and table.
fn read_by(used: &Used) -> (BTreeMap<String, u64>, u64) {
    let mut secrets = BTreeMap::new();
    let mut tables = BTreeSet::new();
    for it in used.keys() {
        match it.what {
            What::SecretReads => *secrets.entry(it.function.clone()).or_default() += 1,
            What::HalfReadUnits | What::HalfWriteUnits => {
                let table = it.of.split('/').next().unwrap_or_default();
                tables.insert((it.function.clone(), table.to_owned()));
            }
            _ => {}
        }
    }
    (secrets, tables.len() as u64)
}

fn in_hours(hours: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours)).to_string()
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value[name].as_str();
    Ok(text
        .with_context(|| format!("no {name} in an answer"))?
        .to_owned())
}

/// The run must go as planned.
fn expect(report: &Value, name: &str, number: u64) -> anyhow::Result<()> {
    match report[name] == number {
        true => Ok(()),
        false => bail!("the sweeper reported {report} instead of {name} {number}"),
    }
}
