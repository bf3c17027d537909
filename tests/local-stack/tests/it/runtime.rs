//! Functions as processes behind the Runtime API.

use std::time::Duration;

use local_stack::InvokeError;
use serde_json::{Value, json};

use crate::{
    process,
    world::{self, LIMIT, World},
};

#[tokio::test]
async fn a_function_gets_exactly_the_environment_of_a_lambda() {
    let world = World::start().await;
    let shown = world
        .stack
        .invoke("echo", json!({"show": "context"}))
        .await
        .unwrap();
    let environment = shown["environment"].as_object().unwrap();
    let mut names: Vec<&str> = environment.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL_DYNAMODB",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            "AWS_ENDPOINT_URL_SQS",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_FORMAT",
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_LEVEL",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "GREETING",
            "LOCAL_STACK_FUNCTION",
            "QUEUE_URL",
            "SECRET",
            "TZ",
            // The runtime sets this one from the invocation's header.
            "_X_AMZN_TRACE_ID",
        ]
    );
    assert_eq!(environment["GREETING"], "hello");
    assert_eq!(
        environment["QUEUE_URL"],
        world.stack.endpoints().queue_url.as_str()
    );
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "echo");
    let secret = world
        .stack
        .secretsmanager()
        .get_secret_value()
        .secret_id(environment["SECRET"].as_str().unwrap());
    let value: Value =
        serde_json::from_str(secret.send().await.unwrap().secret_string().unwrap()).unwrap();
    assert_eq!(value["kind"], "test");
    assert_eq!(value["current"].as_str().unwrap().len(), 64);
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn an_idle_process_is_used_again_and_a_busy_one_is_not() {
    let world = World::start().await;
    let show = || world.stack.invoke("echo", json!({"show": "context"}));
    let first = show().await.unwrap();
    let second = show().await.unwrap();
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        first["arn"],
        "arn:aws:lambda:sa-east-1:000000000000:function:echo"
    );
    assert!(first["deadline"].as_i64().unwrap() > jiff::Timestamp::now().as_millisecond());

    let (third, fourth) = tokio::join!(show(), show());
    assert_ne!(third.unwrap()["pid"], fourth.unwrap()["pid"]);
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn an_error_keeps_the_process_and_an_exit_replaces_it() {
    let world = World::start().await;
    let order = |order: &'static str| world.stack.invoke("orders", json!({"order": order}));
    let pid = async || {
        world
            .stack
            .invoke("orders", json!({"show": "context"}))
            .await
            .unwrap()["pid"]
            .clone()
    };

    let before = pid().await;
    let error = order("fail").await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Function { error } if error["errorMessage"] == "ordered to fail"),
        "{error}"
    );
    assert_eq!(pid().await, before);

    let error = order("exit").await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Exited { status } if status.contains('7')),
        "{error}"
    );
    assert_ne!(pid().await, before);
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_that_hangs_is_killed_at_its_timeout() {
    let world = World::start().await;
    let pid = world
        .stack
        .invoke("orders", json!({"show": "context"}))
        .await
        .unwrap()["pid"]
        .clone();
    let hanging = world.stack.invoke("orders", json!({"order": "hang"}));
    let error = tokio::time::timeout(LIMIT, hanging)
        .await
        .expect("it hangs")
        .unwrap_err();
    assert!(
        matches!(error, InvokeError::TimedOut { after } if after.as_secs() == 1),
        "{error}"
    );
    assert!(!process::is_alive(&pid), "the process survived its timeout");
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_ends_when_its_parent_does() {
    // It requests no invocation, so only the closed pipe can end it.
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(world::FUNCTION_TEST)
        .env("LOCAL_STACK_FUNCTION", "sleeper")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let ended = tokio::time::timeout(LIMIT, child.wait())
        .await
        .expect("it runs without its parent");
    assert!(ended.unwrap().success());
}

#[tokio::test]
async fn settle_waits_for_an_invocation_without_a_queue() {
    let world = World::start().await;
    let (hanging, early) = tokio::join!(
        world.stack.invoke("orders", json!({"order": "hang"})),
        async { world.stack.settle_within(Duration::from_millis(100)).await }
    );
    assert!(hanging.is_err());
    assert_eq!(early.unwrap_err().running, 1);
    world.stack.settle().await.unwrap();
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_that_cannot_start_says_so() {
    let world = World::start().await;
    let error = world.stack.invoke("broken", Value::Null).await.unwrap_err();
    assert!(matches!(error, InvokeError::Exited { .. }), "{error}");
    assert_ne!(world.logged("cannot start"), Vec::<String>::new());
    assert!(matches!(
        world.stack.invoke("nobody", Value::Null).await.unwrap_err(),
        InvokeError::UnknownFunction { .. }
    ));
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_functions_output_is_logged_under_its_name() {
    let world = World::start().await;
    world
        .stack
        .invoke("orders", json!({"order": "log"}))
        .await
        .unwrap();
    let printed = world.logged("a line on");
    assert_eq!(
        printed,
        ["[orders] a line on stdout", "[orders] a line on stderr"]
    );
    world.stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_complete_once_the_answer_is_there() {
    let world = World::start().await;
    for times in 1..=10 {
        let order = json!({"order": "log much"});
        world.stack.invoke("orders", order).await.unwrap();
        let log = world.stack.logs();
        assert_eq!(log.last().map(String::as_str), Some("[orders] line 4999"));
        assert_eq!(world.logged("[orders] line ").len(), times * 5_000);
    }
    let log = world.stack.logs();
    assert_eq!(world.stack.stop().await.unwrap(), log);
}

#[tokio::test]
async fn the_last_output_of_a_killed_process_is_logged() {
    let world = World::start().await;
    let order = json!({"order": "stop short"});
    world.stack.invoke("orders", order).await.unwrap_err();
    let log = world.stack.logs();
    let end = [
        "[orders] half a sen",
        "[orders] the function timed out after 1 seconds",
    ];
    assert!(log.ends_with(&end.map(str::to_owned)), "{log:#?}");
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn no_process_survives_the_stack() {
    for stop in [true, false] {
        let world = World::start().await;
        let pid = world
            .stack
            .invoke("echo", json!({"show": "context"}))
            .await
            .unwrap()["pid"]
            .clone();
        assert!(process::is_alive(&pid));
        if stop {
            world.stack.stop().await.unwrap();
        } else {
            drop(world);
        }
        process::gone(&pid).await;
    }
}

#[tokio::test]
async fn the_invoke_api_answers_as_lambda_does() {
    let world = World::start().await;
    let invoke = async |function: &str, payload: Value| {
        let url = world.url(&format!("/2015-03-31/functions/{function}/invocations"));
        let answer = world.http.post(url).json(&payload).send().await.unwrap();
        let error = answer
            .headers()
            .get("x-amz-function-error")
            .map(|value| value.to_str().unwrap().to_owned());
        (
            answer.status().as_u16(),
            error,
            answer.json::<Value>().await.unwrap(),
        )
    };
    assert_eq!(
        invoke("orders", json!({"a": 1})).await,
        (200, None, json!({"a": 1}))
    );
    let (status, error, body) = invoke("orders", json!({"order": "fail"})).await;
    assert_eq!((status, error.as_deref()), (200, Some("Unhandled")));
    assert_eq!(body["errorMessage"], "ordered to fail");
    assert_eq!(invoke("nobody", json!({})).await.0, 404);
    world.stack.stop().await.unwrap();
}
