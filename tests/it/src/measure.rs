//! Measures the sync of links of any size: its duration, and the fetcher's memory.
//!
//! `cargo run --release -p it --bin measure -- 1000 100000 1000000` connects a link of each size
//! and prints a line for each: rows stored, seconds of the first sync, seconds of a second one
//! without changes, and the peak memory of the fetcher's process. Memory comes from `/proc`, so
//! this needs Linux.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use local_stack::{Stack, StackOptions};
use serde_json::{Value, json};

/// The largest number of jobs for one sync; each runs for two minutes at most.
const JOBS: usize = 100;

fn main() -> anyhow::Result<()> {
    if let Some(result) = local_stack::child_main() {
        return result;
    }
    let sizes: Result<Vec<u64>, _> = std::env::args().skip(1).map(|it| it.parse()).collect();
    let sizes = sizes.context("usage: measure TRANSACTIONS...")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        println!("transactions  stored     first sync  unchanged   peak memory");
        for size in sizes {
            measure(size).await?;
        }
        Ok(())
    })
}

/// Each size has a stack of its own, so that the peak is its own too.
async fn measure(size: u64) -> anyhow::Result<()> {
    let parameters = [("OwnerCheck", "off"), ("AdoptExistingLinks", "true")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let stack = Stack::start(StackOptions {
        parameters: parameters.into(),
        ..StackOptions::default()
    })
    .await?;
    let url = format!("{}/_sandbox/links", stack.endpoints().belvo_url);
    let order = json!({"external_id": "measured-user", "transactions": size, "webhooks": false});
    let made = reqwest::Client::new().post(url).json(&order).send().await?;
    let made: Value = made.json().await?;
    let link_id = made["link_id"].as_str().context("no link was made")?;

    let first = sync(&stack, link_id).await?;
    let stored = rows(&stack, link_id).await?;
    let second = sync(&stack, link_id).await?;
    let memory = peak_memory()?;
    println!(
        "{size:>12}  {stored:>9}  {:>9.1}s  {:>8.1}s  {:>7} MB",
        first.as_secs_f64(),
        second.as_secs_f64(),
        memory / 1024,
    );
    stack.stop().await?;
    Ok(())
}

/// Triggers a full sync, in as many jobs as it takes.
async fn sync(stack: &Stack, link_id: &str) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let reread = json!({
        "job": "link_reread.v1", "link_id": link_id, "not_before": "2020-01-01T00:00:00Z",
    });
    run(stack, link_id, &reread).await?;
    // The chunks left for a later job run now; work scheduled in days does not.
    for _ in 0..JOBS {
        let link = link(stack, link_id).await?;
        let schedule = link.get("schedule").and_then(|it| it.as_m().ok());
        if !schedule.is_some_and(|it| it.contains_key("continue") || it.contains_key("retry")) {
            return Ok(start.elapsed());
        }
        let soon = "2000-01-01T00:00:00Z";
        let due = json!({"job": "link_due.v1", "link_id": link_id, "until": soon});
        run(stack, link_id, &due).await?;
    }
    bail!("the link is not complete after {JOBS} jobs")
}

async fn run(stack: &Stack, link_id: &str, job: &Value) -> anyhow::Result<()> {
    let record = json!({
        "messageId": "measure",
        "receiptHandle": "measure",
        "body": job.to_string(),
        "attributes": {"MessageGroupId": link_id, "SentTimestamp": "4000000000000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "sa-east-1",
    });
    let answer = stack
        .invoke("fetcher", json!({"Records": [record]}))
        .await?;
    if answer["batchItemFailures"] != json!([]) {
        let logs = stack.logs();
        let last: Vec<&String> = logs.iter().rev().take(5).collect();
        bail!("the fetcher returned the job: {last:#?}");
    }
    Ok(())
}

type Item = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

async fn link(stack: &Stack, link_id: &str) -> anyhow::Result<Item> {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let request = stack.dynamodb().get_item().consistent_read(true);
    let request = request.table_name(&stack.endpoints().link_table);
    let request = request
        .key("link_id", S(link_id.to_owned()))
        .key("record", S("LINK".to_owned()));
    request.send().await?.item.context("there is no LINK")
}

async fn rows(stack: &Stack, link_id: &str) -> anyhow::Result<String> {
    let link = link(stack, link_id).await?;
    let resources = link.get("resources").and_then(|it| it.as_m().ok());
    let transactions = resources.and_then(|it| it.get("TRANSACTIONS")?.as_m().ok());
    let rows = transactions.and_then(|it| it.get("rows")?.as_n().ok());
    rows.cloned().context("TRANSACTIONS was not read")
}

/// `VmHWM` in kB of the child that is the fetcher.
fn peak_memory() -> anyhow::Result<u64> {
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let environment = std::fs::read(path.join("environ")).unwrap_or_default();
        let is_fetcher = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == b"LOCAL_STACK_FUNCTION=fetcher");
        if !is_fetcher {
            continue;
        }
        let status = std::fs::read_to_string(path.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        return Ok(number.context("no VmHWM")?.parse()?);
    }
    bail!("the fetcher does not run")
}
