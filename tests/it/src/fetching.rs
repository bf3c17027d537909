//! Pages, batches, order and retries.

use serde_json::{Value, json};

use crate::world::{Connected, User, World, event, events, failures, record, record_sent};

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_batch_has_its_outcome() {
    let outcomes: [(&str, &[&str]); 14] = [
        ("attempt_exited", &[]),
        ("attempt_started", &[]),
        ("attempt_succeeded", &[]),
        ("consent_renewal", &[]),
        ("link_due", &[]),
        ("link_erase", &[]),
        ("link_proven", &[]),
        ("link_refresh", &[]),
        ("link_reread", &[]),
        ("link_seen", &[]),
        // What cannot be read is set apart, and is none of this batch any more.
        ("two_groups_one_unreadable", &[]),
        ("user_erase", &[]),
        ("webhook_received", &[]),
        ("webhook_replayed", &[]),
    ];
    let names: Vec<&str> = outcomes.iter().map(|(name, _)| *name).collect();
    assert_eq!(events("fetcher"), names);

    let world = World::start().await;
    for (name, failed) in outcomes {
        let answer = world
            .stack
            .invoke("fetcher", event("fetcher", name, &[]))
            .await
            .unwrap();
        assert_eq!(failures(&answer), failed, "{name}");
    }
    // The attempt of the samples is recorded, and their links are checked at Belvo.
    let attempts = world.attempts_of("user-0190f3c6").await;
    let attempt = &attempts["0190f3c67d5c7bb29c401d4c4a3c0a11"];
    assert_eq!(attempt["outcome"].text(), "success");
    assert_eq!(
        attempt["code"].text(),
        "login_error",
        "the exit before was recorded too"
    );
    for link in [
        "2f8ca7a1-c28f-46f2-bb41-21633099a280",
        "16f68516-bcbc-4cf7-b815-c500d4204e28",
    ] {
        assert_eq!(world.link(link).await["status"].text(), "gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_group_run_in_order_and_wait_for_the_first_that_fails() {
    // LINK can be neither read nor written, but attempts can.
    let world = World::without_link_table().await;
    let link = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
    let owners = json!({
        "job": "webhook_received.v1",
        "link_id": link,
        "event": {"link_id": link, "event": "historical_update", "resource": "OWNERS"},
    });
    let attempt = |user: &str| {
        json!({
            "job": "attempt_started.v1",
            "attempt": {
                "session_id": "0190f3c67d5c7bb29c401d4c4a3c0a11",
                "external_id": user,
                "started_at": "2026-11-23T12:00:00Z",
                "person": "aGFzaA",
            },
            "access_mode": "single",
        })
    };
    let batch = json!({"Records": [
        record("1", "a", &attempt("user-before")),
        record("2", "a", &owners),
        record("3", "b", &attempt("user-beside")),
        record("4", "a", &attempt("user-behind")),
    ]});
    let answer = world.stack.invoke("fetcher", batch).await.unwrap();
    assert_eq!(failures(&answer), ["2", "4"]);
    assert_eq!(world.attempts_of("user-before").await.len(), 1);
    assert_eq!(world.attempts_of("user-beside").await.len(), 1);
    assert_eq!(world.attempts_of("user-behind").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_webhooks_in_a_batch_cause_one_read() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let url = format!("{}/_sandbox/requests", world.stack.endpoints().belvo_url);
    world.http.delete(url).send().await.unwrap();
    let (link, owners) = (connected.link_id.as_str(), webhook(&connected, "OWNERS"));
    let records: Vec<Value> = (0..5)
        .map(|n| record(&n.to_string(), link, &owners))
        .collect();
    let answer = world
        .stack
        .invoke("fetcher", json!({"Records": records}))
        .await
        .unwrap();
    assert!(failures(&answer).is_empty());
    let requests = world.ask_sandbox("requests").await;
    assert_eq!(requests.matches("/api/owners/").count(), 1, "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_belvo_refuses_is_scheduled_and_done_later() {
    let world = World::start().await;
    world
        .sandbox("faults", &json!({"webhooks": {"hold": true}}))
        .await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    // Everything is announced before OWNERS; then OWNERS binds, and the next read fails.
    for kind in [
        "ACCOUNTS",
        "TRANSACTIONS",
        "BILLS",
        "INVESTMENTS",
        "INVESTMENT_TRANSACTIONS",
    ] {
        assert!(deliver(&world, &connected, kind).await.is_empty(), "{kind}");
    }
    let faults = json!({"fail_next": {"count": 9, "status": 429, "path": "/api/accounts/"}});
    world.sandbox("faults", &faults).await;
    assert!(deliver(&world, &connected, "OWNERS").await.is_empty());
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["last_error"].get("code").text(), "throttled");
    assert!(link.contains_key("due_at"));
    world.sandbox("faults", &json!({})).await;

    world.let_time_pass(&connected.link_id).await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
    let link = world.link(&connected.link_id).await;
    assert!(!link.contains_key("last_error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_owners_neither_prove_nor_disprove_ownership() {
    let world = World::start().await;
    world.sandbox("faults", &json!({"loading": true})).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    assert!(deliver(&world, &connected, "OWNERS").await.is_empty());
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "awaiting_owner");

    world.sandbox("faults", &json!({})).await;
    world.settle().await;
    assert_eq!(
        world.link(&connected.link_id).await["status"].text(),
        "bound"
    );
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_resource_is_recorded_on_the_link_and_delays_no_other() {
    let world = World::start().await;
    for (status, code) in [
        (400, "operational_limits_reached"),
        // A code counts under whatever status it comes.
        (403, "operational_limits_reached"),
        (429, "operational_limits_reached"),
        (401, "consent_without_accounts"),
        (403, "access_to_resource_denied"),
    ] {
        let user = world.individual().await;
        let minted = world.mint(&user).await;
        let fail = json!({"count": 1, "status": status, "code": code, "path": "/api/bills/"});
        world.sandbox("faults", &json!({"fail_next": fail})).await;
        let connected = world.connect(&user, &minted).await;
        world.settle().await;
        let link = world.link(&connected.link_id).await;
        let bills = link["resources"].get("BILLS");
        assert_eq!(bills.get("state").text(), "unavailable");
        assert_eq!(bills.get("declined").text(), code);
        let limited = code == "operational_limits_reached";
        assert_eq!(link.contains_key("limited_until"), limited);
        let user_must_act = code == "consent_without_accounts";
        assert_eq!(link.contains_key("user_action"), user_must_act);
        assert_eq!(
            link["resources"].get("INVESTMENTS").get("state").text(),
            "ready"
        );

        // The next webhook causes another try.
        let path = format!("links/{}/status", connected.link_id);
        world.sandbox(&path, &json!({"refresh": true})).await;
        world.settle().await;
        world
            .assert_complete(&connected.link_id, &user.external_id)
            .await;
        let link = world.link(&connected.link_id).await;
        assert_eq!(link["resources"].get("BILLS").get("state").text(), "ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_failed_halfway_does_not_count_as_read() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    world
        .sandbox("faults", &json!({"webhooks": {"lose": true}}))
        .await;
    let path = format!("links/{}/changes", connected.link_id);
    world.sandbox(&path, &json!({"add": 3})).await;
    let failing = json!({"fail_next": {"count": 9, "status": 429, "path": "/api/transactions/"}});
    world.sandbox("faults", &failing).await;
    // Sent an hour ago, so that any later read would do.
    let sent = "1700000000000";
    let job = webhook(&connected, "TRANSACTIONS");
    let batch = json!({"Records": [record_sent("m", &connected.link_id, &job, sent)]});
    let answer = world.stack.invoke("fetcher", batch).await.unwrap();
    // The first sync came after that time and was complete.
    assert!(failures(&answer).is_empty());

    let now = record("m", &connected.link_id, &job);
    let answer = world
        .stack
        .invoke("fetcher", json!({"Records": [now]}))
        .await
        .unwrap();
    assert!(failures(&answer).is_empty());
    world.sandbox("faults", &json!({})).await;
    world.let_time_pass(&connected.link_id).await;
    let truth = world
        .ask_sandbox(&format!("links/{}/truth", connected.link_id))
        .await;
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let records = world.records(&connected.link_id).await;
    let rows = records
        .keys()
        .filter(|record| record.starts_with("TRANSACTIONS#"));
    assert_eq!(
        rows.count(),
        truth["transactions"].as_array().unwrap().len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_belvo_lost_for_a_while_keeps_its_user() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let deleted = json!({
        "job": "webhook_received.v1",
        "link_id": connected.link_id,
        "event": {"link_id": connected.link_id, "event": "link_deleted"},
    });
    let path = format!("/api/links/{}/", connected.link_id);
    let faults =
        json!({"fail_next": {"count": 2, "status": 404, "code": "not_found", "path": path}});
    world.sandbox("faults", &faults).await;
    let record = |job: &Value| json!({"Records": [record("m", &connected.link_id, job)]});
    world
        .stack
        .invoke("fetcher", record(&deleted))
        .await
        .unwrap();
    world
        .stack
        .invoke("fetcher", record(&webhook(&connected, "OWNERS")))
        .await
        .unwrap();
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "gone");
    assert_eq!(link["external_id"].text(), user.external_id);

    world
        .stack
        .invoke("fetcher", record(&webhook(&connected, "OWNERS")))
        .await
        .unwrap();
    let link = world.link(&connected.link_id).await;
    assert_eq!(link["status"].text(), "bound");
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brief_failure_of_belvo_is_not_noticed() {
    let world = World::start().await;
    let user = world.individual().await;
    for fault in [
        json!({"http_5xx": 1}),
        json!({"timeout_408": 1}),
        json!({"cut_body": 1}),
        json!({"null_results": 1}),
        json!({"shift_rows": 1}),
    ] {
        let minted = world.mint(&user).await;
        let mut scoped = fault.clone();
        scoped["path"] = json!("/api/transactions/");
        world.sandbox("faults", &scoped).await;
        let connected = world.connect(&user, &minted).await;
        world.settle().await;
        world.sandbox("faults", &json!({})).await;
        let counts = world
            .assert_complete(&connected.link_id, &user.external_id)
            .await;
        assert!(counts["TRANSACTIONS"] > 2000, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_failure_ends_well_when_belvo_recovers() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    world
        .sandbox("faults", &json!({"path": "/api/", "status_429": 1}))
        .await;
    let connected = world.connect(&user, &minted).await;
    world.settle().await;
    world.let_time_pass(&connected.link_id).await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_never_sent_to_a_next_address_elsewhere() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    world
        .sandbox("faults", &json!({"next_elsewhere": true}))
        .await;
    let connected = world.connect(&user, &minted).await;
    world.settle().await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_break_belvos_schema_are_stored() {
    let world = World::start().await;
    world.sandbox("faults", &json!({"quirks": true})).await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    world
        .assert_complete(&connected.link_id, &user.external_id)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_of_any_length_arrive_exactly() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let truth = world
        .ask_sandbox(&format!("links/{}/truth", connected.link_id))
        .await;
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let id = truth["transactions"][0]["id"].as_str().unwrap();
    // As text, so that no float is involved.
    let body = format!(r#"{{"update":[{{"id":"{id}","amount":123456789012345.6789}}]}}"#);
    let url = format!(
        "{}/_sandbox/links/{}/changes",
        world.stack.endpoints().belvo_url,
        connected.link_id
    );
    let request = world
        .http
        .post(url)
        .header("content-type", "application/json");
    assert!(
        request
            .body(body)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    world.settle().await;
    let records = world.records(&connected.link_id).await;
    let stored = records
        .iter()
        .find(|(record, _)| record.ends_with(id))
        .unwrap()
        .1;
    let expected = truth::Canonical::from_json("123456789012345.6789");
    assert_eq!(*stored["data"].get("amount"), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_row_is_not_written_again() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let marked = mark_rows(&world, &user, &connected).await;
    world
        .sandbox(
            &format!("links/{}/status", connected.link_id),
            &json!({"refresh": true}),
        )
        .await;
    world.settle().await;
    let records = world.records(&connected.link_id).await;
    let kept = records
        .values()
        .filter(|item| item.contains_key("mark"))
        .count();
    assert_eq!(kept, marked, "a rewritten row would have lost its mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_moves_to_another_day_is_there_once() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let truth = world
        .ask_sandbox(&format!("links/{}/truth", connected.link_id))
        .await;
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let id = truth["transactions"][3]["id"].as_str().unwrap();
    let change = json!({"update": [{"id": id, "value_date": "2026-01-15"}]});
    world
        .sandbox(&format!("links/{}/changes", connected.link_id), &change)
        .await;
    world.settle().await;
    let records = world.records(&connected.link_id).await;
    let keys: Vec<&String> = records
        .keys()
        .filter(|record| record.ends_with(id))
        .collect();
    assert_eq!(keys, [&format!("TRANSACTIONS#2026-01-15#{id}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_and_two_banks_do_not_mix() {
    let world = World::start().await;
    let (ana, rui) = (world.individual().await, world.company().await);
    let connect = async |user: &User| {
        let minted = world.mint(user).await;
        world.connect(user, &minted).await
    };
    let (first, second) = (connect(&ana).await, connect(&ana).await);
    let third = connect(&rui).await;
    world.settle().await;
    for (connected, user) in [(&first, &ana), (&second, &ana), (&third, &rui)] {
        world
            .assert_complete(&connected.link_id, &user.external_id)
            .await;
    }
}

/// Marks every resource row. A put would replace the whole item, and with it the mark.
async fn mark_rows(world: &World, user: &User, connected: &Connected) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue;
    let records = world.records(&connected.link_id).await;
    let resource = |record: &&String| {
        record.contains('#') && !record.starts_with("EVENT#") && !record.starts_with("CONSENT#")
    };
    let rows: Vec<String> = records.keys().filter(resource).take(400).cloned().collect();
    for record in &rows {
        let update = world.stack.dynamodb().update_item();
        let update = update
            .table_name(&world.stack.endpoints().resource_table)
            .key("external_id", AttributeValue::S(user.external_id.clone()))
            .key(
                "record",
                AttributeValue::S(format!("{}#{record}", connected.link_id)),
            )
            .update_expression("SET mark = :mark")
            .expression_attribute_values(":mark", AttributeValue::Bool(true));
        update.send().await.unwrap();
    }
    rows.len()
}

fn webhook(connected: &Connected, kind: &str) -> Value {
    json!({
        "job": "webhook_received.v1",
        "link_id": connected.link_id,
        "event": {
            "link_id": connected.link_id,
            "event": "historical_update",
            "resource": kind,
        },
    })
}

/// Invokes the fetcher with one webhook after the queue is empty, and returns its answer.
async fn deliver(world: &World, connected: &Connected, kind: &str) -> Vec<String> {
    world.stack.settle().await.unwrap();
    let record = record(kind, &connected.link_id, &webhook(connected, kind));
    let answer = world
        .stack
        .invoke("fetcher", json!({"Records": [record]}))
        .await
        .unwrap();
    failures(&answer)
}
