//! Pages of another size than was asked for, and pages that cannot be had in time.

use std::time::Duration;

use belvo::{Belvo, BelvoError, KeySource, Keys, PageSize, Transport, TransportError};
use domain::{DateRange, LinkId, ResourceKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;

/// A stack that adopts links without attempts, with so many links whose webhooks were lost.
async fn unheard_links(count: usize) -> World {
    let parameters = [
        ("AdoptExistingLinks", "true"),
        ("BelvoRequestsPer30Seconds", "10000"),
    ];
    let world = World::with(&parameters).await;
    let long_ago = Timestamp::now() - SignedDuration::from_hours(3);
    let clock = json!({"set": long_ago.to_string()});
    world.sandbox("clock", &clock).await;
    let lost = json!({"external_id": "user-lost", "transactions": 3, "webhooks": false});
    for _ in 0..count {
        world.sandbox("links", &lost).await;
    }
    world
}

/// Invokes the sweeper for page after page, and gives how many there were, and how many links it has
/// queued.
async fn swept_pages(world: &World) -> (u64, u64) {
    let (mut page, mut enqueued) = (0, 0);
    loop {
        page += 1;
        let event = json!({"sweep": "links", "page": page});
        let report = world.stack.invoke("sweeper", event).await.unwrap();
        enqueued += report["enqueued"].as_u64().unwrap();
        if report["pages"] == page {
            return (page, enqueued);
        }
    }
}

/// Follows a reread of all links to its end, and adds up what it has queued.
async fn reread_all(world: &World) -> u64 {
    let mut event = json!({"sweep": "reread", "all": true, "over": "PT1H"});
    let mut enqueued = 0;
    while event != Value::Null {
        let mut report = world.stack.invoke("sweeper", event).await.unwrap();
        enqueued += report["enqueued"].as_u64().unwrap();
        event = report["next"].take();
    }
    enqueued
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_is_found_though_belvo_gives_smaller_pages_or_none_of_that_size() {
    let uncounted = json!({"path": "/api/links/", "from": "\"count\":", "to": "\"another\":"});
    for fault in [
        json!({"largest_page": 3, "path": "/api/links/"}),
        json!({"largest_page": 1, "path": "/api/links/"}),
        json!({"large_pages": {"rows": 8, "status": 504}, "path": "/api/links/"}),
        json!({"largest_page": 3, "count_lies": -9, "path": "/api/links/"}),
        json!({"largest_page": 3, "rewrite": [uncounted], "path": "/api/links/"}),
    ] {
        let world = unheard_links(10).await;
        world.sandbox("faults", &fault).await;
        let (pages, enqueued) = swept_pages(&world).await;
        assert!(pages > 1, "{fault}");
        assert_eq!(enqueued, 10, "{fault}");
        let walk = json!({"sweep": "links"});
        let report = world.stack.invoke("sweeper", walk).await.unwrap();
        assert_eq!(report["pages"], pages, "{fault}");
        world.settle().await;
        assert_eq!(
            swept_pages(&world).await,
            (pages, 0),
            "all are known: {fault}"
        );
        assert_eq!(reread_all(&world).await, 10, "{fault}");
    }
}

/// The first answer says by which size the pages behind it are numbered.
#[tokio::test(flavor = "multi_thread")]
async fn a_reread_goes_on_where_it_was_though_belvo_gives_more_links_at_once_by_then() {
    let world = unheard_links(10).await;
    swept_pages(&world).await;
    world.settle().await;
    let large = json!({"large_pages": {"rows": 8, "status": 504}, "path": "/api/links/"});
    for (first, later) in [
        (large.clone(), json!({})),
        (json!({"largest_page": 8}), large),
    ] {
        world.sandbox("faults", &first).await;
        let begin = json!({"sweep": "reread", "all": true, "over": "PT1H"});
        let mut report = world.stack.invoke("sweeper", begin).await.unwrap();
        let mut enqueued = report["enqueued"].as_u64().unwrap();
        assert_eq!(enqueued, 8);
        world.sandbox("faults", &later).await;
        while report["next"] != Value::Null {
            let next = report["next"].take();
            report = world.stack.invoke("sweeper", next).await.unwrap();
            enqueued += report["enqueued"].as_u64().unwrap();
        }
        assert_eq!(enqueued, 10, "{first}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_read_completely_though_pages_are_smaller_than_asked_for() {
    let world = World::with(&[("BelvoRequestsPer30Seconds", "10000")]).await;
    world.sandbox("faults", &json!({"largest_page": 100})).await;
    let bank = Bank::connected_in(world).await;
    let user = &bank.user.external_id;
    bank.world.assert_identical(bank.link_id(), user).await;
    bank.control("changes", &json!({"add": 7, "update": 6, "delete": 5}))
        .await;
    bank.world.settle().await;
    bank.assert_complete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_comes_in_smaller_pages_where_a_large_one_cannot_be_had() {
    for status in [504, 413, 408, 524] {
        let world = World::with(&[("BelvoRequestsPer30Seconds", "10000")]).await;
        let fault = json!({
            "large_pages": {"rows": 300, "status": status}, "path": "/api/transactions/",
        });
        world.sandbox("faults", &fault).await;
        let bank = Bank::connected_in(world).await;
        let user = &bank.user.external_id;
        bank.world.assert_identical(bank.link_id(), user).await;
        let requests = bank.requests().await;
        let of_size = |size: u32| {
            let lists = requests
                .iter()
                .filter(|it| it.contains("/api/transactions/?"));
            lists
                .filter(|it| it.contains(&format!("page_size={size}&")))
                .count()
        };
        assert!(of_size(1000) <= 2, "{status}: {requests:?}");
        assert!(of_size(200) > 10, "{status}: {requests:?}");
        assert_eq!(of_size(40), 0, "{status}");
    }
}

/// Somebody waits for it, but rather for fifteen seconds than in vain.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_token_is_a_token() {
    let world = World::start().await;
    let slow = json!({"latency_ms": 15_000, "path": "/api/token/"});
    world.sandbox("faults", &slow).await;
    let user = world.individual().await;
    let minted = world.mint(&user).await;
    assert!(!minted.access_token.is_empty());
}

/// A fetcher that waits for Belvo does nothing else, and a page must end before its time does.
#[tokio::test(start_paused = true)]
async fn a_belvo_that_does_not_answer_is_given_up_within_a_minute() {
    let transport = Transport::from_fn(|_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Err(TransportError::TimedOut)
        })
    });
    let keys = Keys::from_json(r#"{"id": "id", "password": "x"}"#).unwrap();
    let url = "http://127.0.0.1:1".parse().unwrap();
    let belvo = Belvo::new(url, transport, KeySource::fixed(keys));
    let link_id = LinkId::parse("2f8ca7a1-c28f-46f2-bb41-21633099a280").unwrap();
    let began = tokio::time::Instant::now();
    let link = belvo.link(link_id).await;
    assert!(matches!(link, Err(BelvoError::Transport { .. })));
    assert_eq!(began.elapsed().as_secs(), 30, "once");
    let (kind, size) = (ResourceKind::Transactions, PageSize::of(1000));
    let page = belvo.first_page(kind, link_id, DateRange::default(), size);
    assert!(matches!(page.await, Err(BelvoError::Transport { .. })));
    assert_eq!(
        began.elapsed().as_secs(),
        90,
        "and once with a smaller page"
    );
}
