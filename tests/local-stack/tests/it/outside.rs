//! Functions started outside the stack, as `cargo lambda watch` does, with the variables of the
//! program's env file.

use std::{
    process::{Command, Stdio},
    sync::Arc,
};

use axum::{Json, Router, http::StatusCode, routing};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use crate::{program::Program, world::LIMIT};

/// A function's answer to one event, or the reason why it does not start.
async fn answered(program: &Program, function: &str, event: Value) -> Value {
    let (runtime_api, mut answers) = runtime_api(event).await;
    // The shell reads quotes as cargo-lambda does, as long as there are only single ones.
    let mut child = Command::new("/bin/sh")
        .args(["-c", r#"set -a; . "$0"; exec "$1""#])
        .arg(&program.env_file)
        .arg(env!("CARGO_BIN_EXE_local-stack"))
        .env_clear()
        .env("LOCAL_STACK_FUNCTION", function)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", function)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let answer = tokio::time::timeout(LIMIT, answers.recv()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    answer.expect("the function does not answer").unwrap()
}

/// The address of a Runtime API with a single event, and all requests to it.
async fn runtime_api(event: Value) -> (String, mpsc::Receiver<Value>) {
    let event = Arc::new(Mutex::new(Some(event)));
    let next = routing::get(move || {
        let event = event.lock().take();
        async {
            let headers = [
                ("lambda-runtime-aws-request-id", "1"),
                ("lambda-runtime-deadline-ms", "4000000000000"),
                ("lambda-runtime-invoked-function-arn", "arn"),
            ];
            match event {
                Some(event) => (headers, Json(event)),
                None => std::future::pending().await,
            }
        }
    });
    let (answers, said) = mpsc::channel(8);
    let say = routing::post(async move |answer: String| {
        let answer = serde_json::from_str(&answer).unwrap();
        answers.send(answer).await.unwrap();
        StatusCode::ACCEPTED
    });
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", next)
        .fallback(say);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    (address.to_string(), said)
}

/// The event of a request by a signed-in user.
fn request(method: &str, path: &str, authorization: &str) -> Value {
    let claims = json!({
        "sub": "user-1", "iss": "i", "cpf": "76109277673", "name": "Tomás Andrade Freire",
    });
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": authorization, "content-type": "application/json"},
        "requestContext": {
            "authorizer": {"jwt": {"claims": claims}},
            "http": {"method": method, "path": path, "sourceIp": "127.0.0.1"},
            "requestId": "1",
            "routeKey": format!("{method} {path}"),
        },
        "isBase64Encoded": false,
        "body": "{}",
    })
}

#[tokio::test]
async fn every_function_finds_the_stack_by_the_env_file() {
    let agreed = "Basic YmVsdm86Y2hhbmdlLW1lLWxhdGVy";
    let program = Program::with(&["--webhook-authorization", agreed]).await;
    assert_eq!(program.ready["webhook_authorization"], agreed);
    for (function, method, path, status) in [
        ("token", "POST", "/token", 201),
        ("callback", "POST", "/callback", 400),
        ("webhook", "POST", "/webhook", 200),
        ("links", "GET", "/links", 200),
    ] {
        let answer = answered(&program, function, request(method, path, agreed)).await;
        assert_eq!(answer["statusCode"], status, "{function}: {answer}");
    }
    let answer = answered(&program, "fetcher", json!({"Records": []})).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let answer = answered(&program, "sweeper", json!({"sweep": "links"})).await;
    assert_eq!(answer["pages"], 1, "{answer}");
}
