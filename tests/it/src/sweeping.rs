//! Scheduled links, lost webhooks, and the sweeps that an operator starts.

use jiff::{SignedDuration, Timestamp};
use local_stack::InvokeError;
use serde_json::{Value, json};

use crate::world::{World, event, events};

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_has_its_answer() {
    let nothing_due = json!({"due": 0, "enqueued": 0});
    let empty_page = json!({"page": 1, "pages": 1, "links": 0, "seen": 0, "enqueued": 0});
    let answers = [
        ("due", nothing_due.clone()),
        ("due_after_an_outage", nothing_due.clone()),
        ("due_of_one_link", nothing_due),
        ("erased", json!({"erased": 0, "enqueued": 0, "next": null})),
        ("links", empty_page.clone()),
        ("links_of_one_page", empty_page),
        ("replay", json!({"events": 0, "enqueued": 0})),
        ("reread", json!({"links": 0, "enqueued": 0})),
        (
            "reread_all",
            json!({"page": 1, "pages": 1, "links": 0, "enqueued": 0, "next": null}),
        ),
        // Belvo answers 404 to the second page of an empty list.
        ("reread_all_continued", json!("NoSuchPage")),
    ];
    let names: Vec<&str> = answers.iter().map(|(name, _)| *name).collect();
    assert_eq!(events("sweeper"), names);

    let world = World::start().await;
    for (name, expected) in answers {
        let answer = match sweep(&world, event("sweeper", name, &[])).await {
            Ok(answer) => answer,
            Err(error) => error["errorType"].clone(),
        };
        assert_eq!(answer, expected, "{name}");
    }
}

/// The period of the schedule is the length of the walk's time slots.
#[tokio::test(flavor = "multi_thread")]
async fn the_schedules_sweep_due_links_and_a_page_of_links() {
    let world = World::start().await;
    let schedules = world.stack.schedules().iter();
    let schedules = schedules.filter(|it| it.function == "sweeper" && it.enabled);
    let mut found: Vec<_> = schedules
        .map(|it| (it.period.as_secs(), it.input.clone().unwrap()))
        .collect();
    found.sort_by_key(|(seconds, _)| *seconds);
    let expected = [
        (60, event("sweeper", "due", &[])),
        (300, event("sweeper", "links", &[])),
    ];
    assert_eq!(found, expected);
    for (_, input) in found {
        sweep(&world, input).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_event_is_an_error_that_names_field_and_rule() {
    let world = World::start().await;
    for (event, complaint) in [
        (
            json!({"sweep": "due", "until": "soon"}),
            "until must be a time",
        ),
        (
            json!({"sweep": "links", "page": 0}),
            "page must be a whole number",
        ),
        (json!({"sweep": "replay"}), "link_id must be a UUID"),
        (
            json!({"sweep": "due", "page": 1}),
            "page is not a field of this sweep",
        ),
        // A schedule without its input.
        (
            json!({"version": "0", "detail-type": "Scheduled Event", "detail": {}}),
            "sweep must be one of",
        ),
    ] {
        let error = sweep(&world, event.clone()).await.unwrap_err();
        assert_eq!(error["errorType"], "InvalidEvent", "{event}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(complaint), "{event}: {message}");
    }
    // The function can still be invoked.
    sweep(&world, json!({"sweep": "due"})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_webhooks_were_all_lost_is_found_and_synced() {
    let world = adopting().await;
    let lost = json!({"external_id": "user-lost", "transactions": 40, "webhooks": false});
    set_clock(&world, -SignedDuration::from_hours(3)).await;
    let link = made(&world, &lost).await;
    // The data of this one may still be loading.
    set_clock(&world, SignedDuration::ZERO).await;
    let young = made(&world, &lost).await;

    let answer = sweep(&world, json!({"sweep": "links"})).await.unwrap();
    let expected = json!({"page": 1, "pages": 1, "links": 2, "seen": 1, "enqueued": 1});
    assert_eq!(answer, expected);
    world.settle().await;
    world.assert_identical(&link, "user-lost").await;
    assert!(world.records(&young).await.is_empty());

    let answer = sweep(&world, json!({"sweep": "links", "page": 1})).await;
    assert_eq!(answer.unwrap()["seen"], 0, "it is known now");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_known_link_without_a_webhook_are_synced() {
    let world = adopting().await;
    let link = announced_in_part(&world).await;
    let walk = || sweep(&world, json!({"sweep": "links"}));
    set_clock(&world, -SignedDuration::from_hours(2)).await;
    lose_webhooks(&world).await;
    let changes = json!({"add": 3, "update": 2, "delete": 1});
    world
        .sandbox(&format!("links/{link}/changes"), &changes)
        .await;
    assert_eq!(walk().await.unwrap()["enqueued"], 1);
    world.settle().await;
    world.assert_complete(&link, "user-in-part").await;
    assert_eq!(walk().await.unwrap()["seen"], 0, "everything is read");

    // Belvo reports another time of its last access than LINK has.
    let hundred_minutes_ago = Timestamp::now() - SignedDuration::from_mins(100);
    let access = json!({"at": hundred_minutes_ago.to_string()});
    world
        .sandbox(&format!("links/{link}/access"), &access)
        .await;
    assert_eq!(walk().await.unwrap()["enqueued"], 1);
    world.settle().await;
    assert_eq!(walk().await.unwrap()["seen"], 0, "it was checked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_leaves_a_link_in_backoff_alone() {
    let world = adopting().await;
    set_clock(&world, -SignedDuration::from_hours(3)).await;
    let faults = json!({"fail_next": {"count": 100, "status": 429, "path": "/api/accounts/"}});
    world.sandbox("faults", &faults).await;
    let wish = json!({"external_id": "user-waits", "transactions": 40});
    let link = made(&world, &wish).await;
    world.settle().await;
    assert!(world.link(&link).await.contains_key("last_error"));
    let answer = sweep(&world, json!({"sweep": "links"})).await.unwrap();
    assert_eq!(answer["seen"], 0, "it has a backoff of its own");

    // Unless Belvo has reached the bank once more.
    set_clock(&world, -SignedDuration::from_hours(2)).await;
    lose_webhooks(&world).await;
    let changes = format!("links/{link}/changes");
    world.sandbox(&changes, &json!({"add": 1})).await;
    let answer = sweep(&world, json!({"sweep": "links"})).await.unwrap();
    assert_eq!(answer["enqueued"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_and_reread_reach_the_last_page() {
    let world = adopting().await;
    set_clock(&world, -SignedDuration::from_hours(3)).await;
    let wish = json!({"external_id": "user-many", "transactions": 0, "webhooks": false});
    for _ in 0..1001 {
        made(&world, &wish).await;
    }
    let last = json!({"sweep": "links", "page": 2});
    let answer = sweep(&world, last).await.unwrap();
    let expected = json!({"page": 2, "pages": 2, "links": 1001, "seen": 1, "enqueued": 1});
    assert_eq!(answer, expected);
    world.settle().await;

    let all = json!({"sweep": "reread", "all": true});
    let first = sweep(&world, all).await.unwrap();
    assert_eq!(first["enqueued"], 0, "the known one is on the other page");
    let second = sweep(&world, first["next"].clone()).await.unwrap();
    let expected = json!({"page": 2, "pages": 2, "links": 1001, "enqueued": 1, "next": null});
    assert_eq!(second, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_queues_no_job_while_the_queue_is_long() {
    let slow = [
        ("AdoptExistingLinks", "true"),
        ("BelvoRequestsPer30Seconds", "4"),
    ];
    let world = World::with(&slow).await;
    set_clock(&world, -SignedDuration::from_hours(3)).await;
    let lost = json!({"external_id": "user-lost", "transactions": 5, "webhooks": false});
    made(&world, &lost).await;
    // The group is locked by a message that was set apart and cannot be read yet.
    for number in 0..60 {
        let message = world.stack.sqs().send_message();
        let message = message.queue_url(&world.stack.endpoints().queue_url);
        let message = message.message_group_id("unreadable-").message_body("?");
        let message = message.message_deduplication_id(number.to_string());
        message.send().await.unwrap();
    }
    let answer = sweep(&world, json!({"sweep": "links"})).await.unwrap();
    assert_eq!(answer["seen"], 1);
    assert_eq!(answer["enqueued"], 0);

    let purge = world.stack.sqs().purge_queue();
    let purge = purge.queue_url(&world.stack.endpoints().queue_url);
    purge.send().await.unwrap();
    let answer = sweep(&world, json!({"sweep": "links"})).await.unwrap();
    assert_eq!(answer["enqueued"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_without_a_webhook_are_read_when_they_are_due() {
    let world = adopting().await;
    let link = announced_in_part(&world).await;
    let answer = sweep(&world, json!({"sweep": "due"})).await.unwrap();
    assert_eq!(answer, json!({"due": 0, "enqueued": 0}), "not yet");

    let until = (Timestamp::now() + SignedDuration::from_mins(10)).to_string();
    let answer = sweep(&world, json!({"sweep": "due", "until": until})).await;
    assert_eq!(answer.unwrap(), json!({"due": 1, "enqueued": 1}));
    world.settle().await;
    world.assert_identical(&link, "user-in-part").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_an_operator_can_expedite_waiting_links() {
    let world = adopting().await;
    let faults = json!({"fail_next": {"count": 100, "status": 429, "path": "/api/accounts/"}});
    world.sandbox("faults", &faults).await;
    let wish = json!({"external_id": "user-waits", "transactions": 40});
    let links = [made(&world, &wish).await, made(&world, &wish).await];
    world.settle().await;
    world.sandbox("faults", &json!({})).await;

    // Later than any backoff, and earlier than the weekly recheck.
    let until = (Timestamp::now() + SignedDuration::from_hours(7)).to_string();
    let [first, second] = &links;
    let one = json!({"sweep": "due", "link_id": first, "until": until});
    let answer = sweep(&world, one.clone()).await.unwrap();
    assert_eq!(answer, json!({"due": 1, "enqueued": 1}));
    world.settle().await;
    world.assert_complete(first, "user-waits").await;
    let last_error = world.link(second).await.contains_key("last_error");
    assert!(last_error, "the other one still waits");

    let answer = sweep(&world, json!({"sweep": "due", "until": until})).await;
    assert_eq!(answer.unwrap(), json!({"due": 1, "enqueued": 1}));
    world.settle().await;
    world.assert_complete(second, "user-waits").await;
    let answer = sweep(&world, one).await.unwrap();
    assert_eq!(answer, json!({"due": 0, "enqueued": 0}), "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_log_is_replayed() {
    let world = World::start().await;
    let connected = world.connected(&world.individual().await).await;
    let link = connected.link_id.as_str();
    let log = world.records(link).await;
    let log = log.keys().filter(|it| it.starts_with("EVENT#")).count();
    forget_requests(&world).await;

    let replay = json!({"sweep": "replay", "link_id": link});
    for _ in 0..2 {
        // Every replay by an operator is intended, so none is dropped as a duplicate.
        let answer = sweep(&world, replay.clone()).await.unwrap();
        assert_eq!(answer["events"], log);
        assert!(answer["enqueued"].as_u64().unwrap() >= 6, "{answer}");
        world.settle().await;
        for path in ["/api/owners/", "/api/transactions/", "/api/bills/"] {
            assert!(asked_for(&world, path).await, "{path}");
        }
        forget_requests(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_have_a_link_read_again() {
    let world = World::start().await;
    let user = world.individual().await;
    let connected = world.connected(&user).await;
    let link = connected.link_id.as_str();
    lose_webhooks(&world).await;
    let changes = json!({"add": 3, "update": 2, "delete": 1});
    world
        .sandbox(&format!("links/{link}/changes"), &changes)
        .await;

    let reread = json!({"sweep": "reread", "link_id": link});
    let answer = sweep(&world, reread).await.unwrap();
    assert_eq!(answer, json!({"links": 1, "enqueued": 1}));
    world.settle().await;
    world.assert_complete(link, &user.external_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_have_all_links_read_again() {
    let world = adopting().await;
    let wish = |webhooks: bool| json!({"external_id": "user-all", "transactions": 5, "webhooks": webhooks});
    let mut ours = Vec::new();
    for _ in 0..3 {
        ours.push(made(&world, &wish(true)).await);
    }
    world.settle().await;
    // Belvo has it and we do not, so it has a time slot and no job.
    let foreign = made(&world, &wish(false)).await;

    let from: Timestamp = "2100-01-01T00:00:00Z".parse().unwrap();
    let reread = json!({"sweep": "reread", "all": true, "over": "PT4H", "from": from});
    let answer = sweep(&world, reread).await.unwrap();
    let expected = json!({"page": 1, "pages": 1, "links": 4, "enqueued": 3, "next": null});
    assert_eq!(answer, expected);
    world.settle().await;

    let mut all: Vec<&String> = ours.iter().chain([&foreign]).collect();
    all.sort();
    for (place, link) in (0..).zip(all).filter(|(_, link)| **link != foreign) {
        let record = world.link(link).await;
        let expected = from + SignedDuration::from_hours(place);
        let reread = record["schedule"].get("reread").text();
        assert_eq!(reread.parse::<Timestamp>().unwrap(), expected, "{place}");
    }
    assert!(world.records(&foreign).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_belvo_fails_only_the_walk() {
    let world = World::start().await;
    let faults = json!({"fail_next": {"count": 100, "status": 429, "path": "/api/links/"}});
    world.sandbox("faults", &faults).await;
    let error = sweep(&world, json!({"sweep": "links"})).await.unwrap_err();
    assert_eq!(error["errorType"], "BelvoFailed");
    let counted = world.stack.logs();
    let counted = counted.iter().filter(|it| it.contains("\"BelvoFailed\":1"));
    assert_eq!(counted.count(), 1);
    sweep(&world, json!({"sweep": "due"})).await.unwrap();

    world.sandbox("faults", &json!({})).await;
    sweep(&world, json!({"sweep": "links"})).await.unwrap();
}

/// A stack that adopts links without attempts, so that they can have any age.
async fn adopting() -> World {
    World::with(&[("AdoptExistingLinks", "true")]).await
}

/// A bound link made four hours ago, of which only OWNERS was announced.
async fn announced_in_part(world: &World) -> String {
    set_clock(world, -SignedDuration::from_hours(4)).await;
    let wish = json!({"external_id": "user-in-part", "transactions": 40, "webhooks": false});
    let link = made(world, &wish).await;
    let owners = json!({
        "webhook_type": "OWNERS", "webhook_code": "historical_update",
        "link_id": link, "external_id": "user-in-part", "data": {},
    });
    world.sandbox("webhook", &owners).await;
    world.settle().await;
    assert_eq!(world.link(&link).await["status"].text(), "bound");
    link
}

/// Invokes the sweeper, and returns its answer or its `errorType` and `errorMessage`.
async fn sweep(world: &World, event: Value) -> Result<Value, Value> {
    match world.stack.invoke("sweeper", event).await {
        Ok(answer) => Ok(answer),
        Err(InvokeError::Function { error }) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

async fn made(world: &World, wish: &Value) -> String {
    let answer = world.sandbox("links", wish).await;
    answer["link_id"].as_str().unwrap().to_owned()
}

/// Sets Belvo's clock this far from ours.
async fn set_clock(world: &World, offset: SignedDuration) {
    let present = (Timestamp::now() + offset).to_string();
    world.sandbox("clock", &json!({"set": present})).await;
}

async fn lose_webhooks(world: &World) {
    let faults = json!({"webhooks": {"lose": true}});
    world.sandbox("faults", &faults).await;
}

async fn forget_requests(world: &World) {
    let url = format!("{}/_sandbox/requests", world.stack.endpoints().belvo_url);
    world.http.delete(url).send().await.unwrap();
}

async fn asked_for(world: &World, path: &str) -> bool {
    world.ask_sandbox("requests").await.contains(path)
}
