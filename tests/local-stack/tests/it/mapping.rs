//! The queue that invokes its function.

use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use local_stack::StackOptions;
use serde_json::Value;

use crate::world::World;

/// Long enough to examine a record, short enough to wait for its return.
const SHORT_VISIBILITY: u32 = 1;

async fn impatient() -> World {
    World::with(StackOptions {
        visibility_timeout: Some(SHORT_VISIBILITY),
        ..StackOptions::default()
    })
    .await
}

#[tokio::test]
async fn a_record_reaches_the_function_as_lambda_would_hand_it() {
    let world = World::start().await;
    world.send("link-1", "show").await;
    world.stack.settle().await.unwrap();
    let line = world
        .until("the event in the log", async |world| {
            world.logged("[worker] event ").pop()
        })
        .await;
    let event: Value = serde_json::from_str(line.strip_prefix("[worker] event ").unwrap()).unwrap();
    let record = &event["Records"][0];
    assert_eq!(record["body"], "show");
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(
        record["eventSourceARN"],
        "arn:aws:sqs:sa-east-1:000000000000:FetchQueue.fifo"
    );
    assert_eq!(record["awsRegion"], "sa-east-1");
    let attributes = &record["attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert_eq!(attributes["MessageGroupId"], "link-1");
    for name in [
        "SentTimestamp",
        "SequenceNumber",
        "SenderId",
        "MessageDeduplicationId",
        "ApproximateFirstReceiveTimestamp",
    ] {
        assert!(attributes[name].is_string(), "{name}: {attributes}");
    }
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_jobs_of_a_group_run_in_order_and_settle_waits_for_all() {
    let world = World::start().await;
    for number in 0..20 {
        world
            .send(["a", "b", "c"][number % 3], &format!("job {number}"))
            .await;
    }
    world.stack.settle().await.unwrap();
    world
        .until("twenty lines", async |world| {
            (world.logged("record").len() == 20).then_some(())
        })
        .await;
    for group in ["a", "b", "c"] {
        let lines = world.logged(&format!("of \"{group}\""));
        let numbers: Vec<u32> = lines
            .iter()
            .map(|line| {
                line.split("job ")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert!(numbers.is_sorted(), "{group}: {numbers:?}");
    }
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_record_comes_back_and_holds_its_group_only() {
    let world = impatient().await;
    world.send("a", "fail once").await;
    world.send("a", "after").await;
    world.send("b", "other").await;
    world.stack.settle().await.unwrap();
    world
        .until("four lines", async |world| {
            (world.logged("record").len() == 4).then_some(())
        })
        .await;
    let position = |text: &str| {
        world
            .logged("record")
            .iter()
            .position(|line| line.contains(text))
            .unwrap()
    };
    assert!(
        position("seen 2") < position("after"),
        "{:?}",
        world.logged("record")
    );
    assert!(
        position("other") < position("seen 2"),
        "{:?}",
        world.logged("record")
    );
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_record_that_fails_too_often_ends_in_the_dead_letter_queue() {
    let world = impatient().await;
    for body in ["fail", "panic", "unknown"] {
        world.send(body, body).await;
    }
    world.send("fail", "behind it").await;
    let mut dead = Vec::new();
    while dead.len() < 3 {
        let received = world
            .stack
            .sqs()
            .receive_message()
            .queue_url(&world.stack.endpoints().dead_letter_queue_url)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .max_number_of_messages(10)
            .wait_time_seconds(10)
            .send()
            .await
            .unwrap();
        let messages = received.messages.unwrap_or_default();
        assert!(
            !messages.is_empty(),
            "only {dead:?} within ten seconds: {:#?}",
            world.stack.logs()
        );
        dead.extend(messages.into_iter().filter_map(|message| message.body));
    }
    dead.sort();
    assert_eq!(dead, ["fail", "panic", "unknown"]);
    // Each was received as often as the redrive policy allows.
    assert_eq!(world.logged("record \"fail\"").len(), 2);
    // Later jobs of the group went on.
    world.stack.settle().await.unwrap();
    let log = world.stack.stop().await.unwrap();
    assert_eq!(
        log.iter()
            .filter(|line| line.contains("record \"behind it\""))
            .count(),
        1
    );
}

#[tokio::test]
async fn settle_gives_up_and_names_the_remaining_work() {
    let world = World::start().await;
    world.send("a", "fail").await;
    world.send("a", "behind it").await;
    world
        .until("the failure", async |world| {
            world.logged("record \"fail\"").pop()
        })
        .await;
    let error = world
        .stack
        .settle_within(Duration::from_millis(100))
        .await
        .unwrap_err();
    assert!(error.queues.ends_with("FetchQueue.fifo 1 + 1"), "{error}");
    world.stack.stop().await.unwrap();
}
