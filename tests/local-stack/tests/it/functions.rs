//! The functions of the test template.

use std::pin::Pin;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use local_stack::FunctionMain;
use serde_json::{Value, json};

pub const ALL: &[(&str, FunctionMain)] = &[
    ("echo", || serve(echo)),
    ("orders", || serve(orders)),
    ("worker", || serve(worker)),
    ("diary", || serve(diary)),
    ("sleeper", || Box::pin(std::future::pending())),
    ("broken", || {
        Box::pin(async { anyhow::bail!("cannot start") })
    }),
];

type Answer = Result<Value, Error>;

fn serve(function: fn(Value) -> Answer) -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>> {
    Box::pin(async move {
        let service = service_fn(move |event: LambdaEvent<Value>| async move {
            let (event, context) = event.into_parts();
            // Values that only the runtime knows, for the tests that ask for them.
            if event["show"] == "context" {
                return Ok(json!({
                    "id": context.request_id,
                    "arn": context.invoked_function_arn,
                    "deadline": context.deadline,
                    "pid": std::process::id(),
                    "environment": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
                }));
            }
            function(event)
        });
        lambda_runtime::run(service)
            .await
            .map_err(|error| anyhow::anyhow!(error))
    })
}

/// Answers by the body: `{"answer": …}` is the result, otherwise the event itself.
fn echo(event: Value) -> Answer {
    let body: Value = event["body"]
        .as_str()
        .and_then(|body| serde_json::from_str(body).ok())
        .unwrap_or_default();
    if body["answer"].is_null() {
        return Ok(json!({
            "statusCode": 200,
            "headers": {"content-type": "application/json"},
            "body": event.to_string(),
        }));
    }
    Ok(body["answer"].clone())
}

/// Carries out the orders in the event.
fn orders(event: Value) -> Answer {
    match event["order"].as_str() {
        Some("fail") => Err("ordered to fail".into()),
        Some("exit") => std::process::exit(7),
        Some("hang") => loop {
            std::thread::park();
        },
        Some("stop short") => {
            eprint!("half a sen");
            loop {
                std::thread::park();
            }
        }
        Some("log much") => {
            for number in 0..5_000 {
                println!("line {number}");
            }
            Ok(Value::Null)
        }
        Some("log") => {
            println!("a line on stdout");
            eprintln!("a line on stderr");
            Ok(Value::Null)
        }
        // A request through the API gives no orders, but a variable may.
        _ if std::env::var("HANG").is_ok() => loop {
            std::thread::park();
        },
        _ => Ok(event),
    }
}

/// Logs every event.
fn diary(event: Value) -> Answer {
    println!("noted {event}");
    Ok(Value::Null)
}

/// Fails every record whose body asks for it, and logs each record.
fn worker(event: Value) -> Answer {
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let mut failures = Vec::new();
    for record in &records {
        let count = record["attributes"]["ApproximateReceiveCount"]
            .as_str()
            .unwrap_or_default();
        println!(
            "record {} of {} seen {count}",
            record["body"], record["attributes"]["MessageGroupId"]
        );
        match record["body"].as_str() {
            Some("fail") => failures.push(json!({"itemIdentifier": record["messageId"]})),
            Some("fail once") if count == "1" => {
                failures.push(json!({"itemIdentifier": record["messageId"]}))
            }
            Some("panic") => return Err("ordered to fail the batch".into()),
            Some("unknown") => failures.push(json!({"itemIdentifier": "nobody"})),
            Some("show") => println!("event {event}"),
            _ => {}
        }
    }
    Ok(json!({"batchItemFailures": failures}))
}
