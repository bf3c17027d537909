//! Records as releases have written them are read by this one, and by every function.
//!
//! **The files of `data/records/` are never edited, only added to**: `link_begun` is the least a
//! LINK may be, `link_ready` all that a release has written. `{{…}}` is filled in here.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::layout::root;
use crate::world::{CPF, User, World, failures, record};

const LINKS: [&str; 3] = ["link_begun", "link_bound", "link_ready"];

/// A record that was written before, or by the next release, which knows more members.
fn written(name: &str, link_id: &str, user: &User, newer: bool) -> Value {
    let path = format!("{}/data/records/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace("{{link_id}}", link_id);
    let text = text.replace("{{external_id}}", &user.external_id);
    let text = text.replace("{{now}}", &Timestamp::now().to_string());
    let mut record: Value = serde_json::from_str(&text).unwrap();
    if newer {
        let more = |place: &mut Value| {
            // Everything of a schedule is a time.
            place["of_a_newer_release"] = json!("2020-01-01T00:00:00Z");
        };
        let resources = record.get_mut("resources").and_then(Value::as_object_mut);
        resources
            .into_iter()
            .flat_map(|it| it.values_mut())
            .for_each(more);
        ["schedule", "consent", "change"]
            .iter()
            .filter_map(|it| record.get_mut(*it).map(more))
            .count();
        more(&mut record);
    }
    record
}

impl World {
    async fn put_record(&self, table: &str, record: &Value) {
        let AttributeValue::M(item) = attribute(record) else {
            panic!("{record}");
        };
        let put = self.stack.dynamodb().put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// Hands jobs to the fetcher, which returns none.
    async fn do_jobs(&self, link_id: &str, jobs: &[Value]) {
        let records = jobs.iter().enumerate();
        let records = records.map(|(n, job)| record(&n.to_string(), link_id, job));
        let batch = json!({"Records": records.collect::<Vec<_>>()});
        let answer = self.stack.invoke("fetcher", batch).await.unwrap();
        assert_eq!(failures(&answer), Vec::<String>::new());
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(it) => AttributeValue::Bool(*it),
        Value::Number(it) => AttributeValue::N(it.to_string()),
        Value::String(it) => AttributeValue::S(it.clone()),
        Value::Array(them) => AttributeValue::L(them.iter().map(attribute).collect()),
        Value::Object(them) => {
            let members = them.iter().map(|(name, it)| (name.clone(), attribute(it)));
            AttributeValue::M(members.collect::<HashMap<_, _>>())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_copes_with_a_link_of_another_release() {
    let world = World::start().await;
    for name in LINKS {
        for newer in [false, true] {
            check(&world, name, newer).await;
        }
    }
}

async fn check(world: &World, name: &str, newer: bool) {
    let user = world.individual().await;
    let wish = json!({
        "external_id": user.external_id,
        "owner": CPF,
        "transactions": 3,
        "webhooks": false,
    });
    let link = world.sandbox("links", &wish).await;
    let link_id = link["link_id"].as_str().unwrap();
    let table = &world.stack.endpoints().link_table;
    let link = written(name, link_id, &user, newer);
    world.put_record(table, &link).await;
    let settled = link.get("external_id").is_some();

    let overview = world.get(&user, "/links").await;
    assert_eq!(overview.status(), 200, "{name}");
    let overview: Value = overview.json().await.unwrap();
    let shown = overview["links"].as_array().unwrap().len();
    assert_eq!(shown, usize::from(settled), "{name}");
    let path = format!("/links/{link_id}");
    let rows = world.get(&user, &format!("{path}/transactions")).await;
    assert_eq!(rows.status(), if settled { 200 } else { 404 }, "{name}");
    // Looks for banks that are connected already; and the attempt is the link's.
    world.mint(&user).await;
    for sweep in [
        json!({"sweep": "due"}),
        json!({"sweep": "links", "page": 1}),
    ] {
        world.stack.invoke("sweeper", sweep).await.unwrap();
    }
    world.settle().await;
    let event = json!({"link_id": link_id, "event": "historical_update", "resource": "OWNERS"});
    let then = "2020-01-01T00:00:00Z";
    let jobs = [
        json!({"job": "webhook_received.v1", "link_id": link_id, "event": event}),
        json!({"job": "link_seen.v1", "link_id": link_id, "last_accessed_at": then}),
        json!({"job": "link_reread.v1", "link_id": link_id, "not_before": then}),
        json!({"job": "link_due.v1", "link_id": link_id, "until": "2099-01-01T00:00:00Z"}),
    ];
    world.do_jobs(link_id, &jobs).await;
    assert_eq!(
        world.link(link_id).await["status"].text(),
        "bound",
        "{name}"
    );
    world.assert_complete(link_id, &user.external_id).await;
    assert_eq!(world.delete(&user, &path).await.status(), 202, "{name}");
    world.settle().await;
    assert!(!world.records(link_id).await.contains_key("LINK"), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_and_receipts_of_another_release_are_shown() {
    let world = World::start().await;
    let table = &world.stack.endpoints().connection_table;
    for newer in [false, true] {
        let user = world.individual().await;
        for name in ["attempt_started", "attempt_succeeded", "receipt"] {
            let record = written(name, "", &user, newer);
            world.put_record(table, &record).await;
        }
        let overview = world.get(&user, "/links").await;
        assert_eq!(overview.status(), 200);
        let overview: Value = overview.json().await.unwrap();
        assert_eq!(overview["sessions"].as_array().unwrap().len(), 2);
        let receipt = "/receipts/3c6cccd6-5577-47be-a26d-2d2f37670a37";
        let receipt = world.get(&user, receipt).await;
        assert_eq!(receipt.status(), 200);
        assert_eq!(world.get(&user, "/export").await.status(), 200);
    }
}

/// `shared/domain/tests/jobs` holds a form of every job; here the fetcher is given all of them, and
/// one of the next release.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_another_release_are_done_and_an_unknown_one_is_set_apart() {
    let world = World::start().await;
    let files = std::fs::read_dir(root().join("shared/domain/tests/jobs")).unwrap();
    let forms = files.flat_map(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    });
    let newer = json!({"job": "something_new.v1", "link_id": uuid::Uuid::new_v4().to_string()});
    let jobs: Vec<Value> = std::iter::once(newer).chain(forms).collect();
    assert!(jobs.len() > 30, "{}", jobs.len());
    let records = jobs.iter().enumerate();
    let records = records.map(|(n, job)| record(&n.to_string(), "group", job));
    let batch = json!({"Records": records.collect::<Vec<_>>()});
    let answer = world.stack.invoke("fetcher", batch).await.unwrap();
    assert!(failures(&answer).is_empty(), "{answer}");
    let logs = world.stack.logs();
    let set_apart = logs.iter().filter(|it| it.contains("a job cannot be read"));
    // In this batch, and maybe once alone by now; there it waits for an hour.
    assert!((1..=2).contains(&set_apart.count()));
}
