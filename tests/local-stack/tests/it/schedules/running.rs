//! Schedules in a running stack. The tests move the clock and never wait.

use std::time::Duration;

use local_stack::StackOptions;
use serde_json::{Value, json};

use crate::world::World;

const TEMPLATE: &str = include_str!("template.yaml");
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn world(schedules: bool, parameters: &[(&str, &str)]) -> World {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let world = World::with(StackOptions {
        template: Some(TEMPLATE.to_owned()),
        parameters: parameters.collect(),
        schedules,
        ..StackOptions::default()
    })
    .await;
    // Warmed up, because a starting process would find its time used up when the clock moves.
    world.stack.warm_up().await.unwrap();
    world
}

/// Moves the clock. It runs in real time in between, because processes and sockets do.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

async fn until_logged(world: &World, text: &str, times: usize) {
    world
        .until(&format!("{text:?} {times} times"), async |world| {
            (world.logged(text).len() == times).then_some(())
        })
        .await;
}

fn count(log: &[String], text: &str) -> usize {
    log.iter().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn a_function_is_called_with_its_input_once_every_period() {
    let world = world(true, &[]).await;
    for times in 1..=2 {
        pass(MINUTE).await;
        until_logged(&world, r#"noted {"what":"said"}"#, times).await;
        world.stack.settle().await.unwrap();
    }
    assert_eq!(world.logged("Scheduled Event").len(), 0);
    // Runs that were missed while the machine slept are skipped.
    pass(2 * HOUR).await;
    until_logged(&world, r#"noted {"what":"said"}"#, 3).await;
    until_logged(&world, "Scheduled Event", 1).await;
    world.stack.settle().await.unwrap();
    let log = world.stack.stop().await.unwrap();
    assert_eq!(count(&log, r#"noted {"what":"said"}"#), 3);
    assert_eq!(count(&log, "Scheduled Event"), 1);
    assert_eq!(count(&log, "asleep"), 0, "{log:#?}");
    assert_eq!(count(&log, "disabled"), 0, "{log:#?}");
}

#[tokio::test]
async fn without_an_input_aws_generates_the_event() {
    let world = world(true, &[]).await;
    pass(72 * HOUR).await;
    until_logged(&world, "Scheduled Event", 2).await;
    let events = world.logged("Scheduled Event");
    let event = |source: &str| -> Value {
        let line = events.iter().find(|line| line.contains(source)).unwrap();
        serde_json::from_str(line.strip_prefix("[diary] noted ").unwrap()).unwrap()
    };
    for (source, resource, detail) in [
        (
            "aws.events",
            "arn:aws:events:sa-east-1:000000000000:rule/DiaryFunctionHours",
            json!({}),
        ),
        (
            "aws.scheduler",
            "arn:aws:scheduler:sa-east-1:000000000000:schedule/default/every-third-day",
            json!("{}"),
        ),
    ] {
        let event = event(source);
        let time: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(time.subsec_nanosecond(), 0, "{event}");
        let expected = json!({
            "version": "0",
            "id": event["id"],
            "detail-type": "Scheduled Event",
            "source": source,
            "account": "000000000000",
            "time": event["time"],
            "region": "sa-east-1",
            "resources": [resource],
            "detail": detail,
        });
        assert_eq!(event, expected);
        assert!(event["id"].is_string());
    }
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_failure_is_logged_and_the_next_run_still_comes() {
    let world = world(true, &[]).await;
    for times in 1..=2 {
        pass(5 * MINUTE).await;
        until_logged(&world, "schedule OrdersFunctionFailing failed", times).await;
    }
    let line = world.logged("OrdersFunctionFailing").pop().unwrap();
    assert!(line.contains("ordered to fail"), "{line}");
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_schedule_runs_once_at_a_time_while_others_go_on() {
    let world = world(true, &[("Nightly", "true")]).await;
    for times in 1..=3 {
        pass(MINUTE).await;
        until_logged(&world, r#"noted {"what":"said"}"#, times).await;
        until_running(&world, 1).await;
    }
    // Its own timeout ends the run that hangs.
    pass(10 * MINUTE).await;
    until_logged(&world, "schedule OrdersFunctionHanging failed", 1).await;
    let line = world.logged("OrdersFunctionHanging").pop().unwrap();
    assert!(line.contains("timed out after 600 seconds"), "{line}");
    // Missed runs are skipped, and the schedule goes on.
    world.stack.settle().await.unwrap();
    pass(MINUTE).await;
    until_running(&world, 1).await;
    pass(10 * MINUTE).await;
    until_logged(&world, "schedule OrdersFunctionHanging failed", 2).await;
    world.stack.settle().await.unwrap();
    world.stack.stop().await.unwrap();
}

/// Waits until this many invocations run.
async fn until_running(world: &World, number: usize) {
    world
        .until(&format!("{number} running"), async |world| {
            let unsettled = world.stack.settle_within(Duration::ZERO).await.err();
            let running = unsettled.map_or(0, |unsettled| unsettled.running);
            (running == number).then_some(())
        })
        .await;
}

#[tokio::test]
async fn no_schedule_runs_by_default() {
    assert!(!StackOptions::default().schedules);
    let world = world(false, &[]).await;
    assert_eq!(world.stack.schedules().len(), 7, "they are listed");
    pass(72 * HOUR).await;
    world.stack.settle().await.unwrap();
    let log = world.stack.stop().await.unwrap();
    assert_eq!(count(&log, "noted"), 0, "{log:#?}");
    assert_eq!(count(&log, "schedule"), 0, "{log:#?}");
}

#[tokio::test]
async fn a_test_can_invoke_a_listed_schedule() {
    let world = world(false, &[("Word", "written")]).await;
    let minute = world
        .stack
        .schedules()
        .iter()
        .find(|schedule| schedule.name == "DiaryFunctionMinute")
        .unwrap();
    assert_eq!(
        (minute.function.as_str(), minute.expression.as_str()),
        ("diary", "rate(1 minute)")
    );
    let input = minute.input.clone().unwrap();
    world.stack.invoke(&minute.function, input).await.unwrap();
    until_logged(&world, r#"noted {"what":"written"}"#, 1).await;
    world.stack.stop().await.unwrap();
}
