//! The Lambda Runtime API (2018-06-01) of one process.
//!
//! A process requests its next invocation, which blocks until there is one, and posts a result or
//! an error. An answer must carry the id of the current invocation.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
};

/// Lambda accepts no larger result of a synchronous invocation, in bytes.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// An invocation for a process.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) deadline_ms: i64,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// The answer of a process.
#[derive(Debug)]
pub(super) enum Answer {
    /// The function's result.
    Response(Bytes),
    /// The function's error: `errorType`, `errorMessage` and perhaps more.
    Error(Value),
}

/// The progress of a process's start.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Start {
    /// It has not requested an invocation yet.
    Underway,
    /// It requests invocations.
    Finished,
    /// It reported that it cannot start.
    Failed(Value),
}

/// The stack's handle on one process's Runtime API.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) work: mpsc::Sender<Work>,
    pub(super) start: watch::Receiver<Start>,
}

struct Process {
    work: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    start: watch::Sender<Start>,
}

impl RuntimeApi {
    /// The API's handle, and the server that must run beside the process.
    pub(super) fn new(
        listener: TcpListener,
    ) -> (RuntimeApi, impl Future<Output = ()> + Send + 'static) {
        let (work, receiver) = mpsc::channel(1);
        let (start, started) = watch::channel(Start::Underway);
        let process = Arc::new(Process {
            work: receiver.into(),
            current: Mutex::new(None),
            start,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(LARGEST_ANSWER))
            .with_state(process);
        let listener = listener.tap_io(|stream| {
            // The process waits for each of these small responses.
            stream.set_nodelay(true).ok();
        });
        let server = async move {
            // The server ends only when it is dropped.
            axum::serve(listener, router).await.ok();
        };
        (
            RuntimeApi {
                work,
                start: started,
            },
            server,
        )
    }
}

async fn next(State(process): State<Arc<Process>>) -> Response {
    process.start.send_replace(Start::Finished);
    let Some(work) = process.work.lock().await.recv().await else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the stack is stopping").into_response();
    };
    let header = HeaderName::from_static;
    let headers = [
        (header("lambda-runtime-aws-request-id"), work.id.clone()),
        (
            header("lambda-runtime-deadline-ms"),
            work.deadline_ms.to_string(),
        ),
        (
            header("lambda-runtime-invoked-function-arn"),
            work.function_arn,
        ),
        (header("lambda-runtime-trace-id"), work.trace_id),
        (header("content-type"), "application/json".to_owned()),
    ];
    *process.current.lock() = Some((work.id, work.reply));
    (headers, work.payload).into_response()
}

async fn response(
    State(process): State<Arc<Process>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    process.answer(&id, Answer::Response(body))
}

async fn error(
    State(process): State<Arc<Process>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    process.answer(&id, Answer::Error(error_body(&body)))
}

async fn init_error(State(process): State<Arc<Process>>, body: Bytes) -> Response {
    process.start.send_replace(Start::Failed(error_body(&body)));
    accepted()
}

impl Process {
    fn answer(&self, id: &str, answer: Answer) -> Response {
        let current = self.current.lock().take_if(|(current, _)| current == id);
        let Some((_, reply)) = current else {
            let body =
                json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"});
            return (StatusCode::BAD_REQUEST, Json(body)).into_response();
        };
        // An invocation that has just timed out has no receiver any more.
        reply.send(answer).ok();
        accepted()
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response()
}

fn error_body(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(
        |_| json!({"errorType": "Unknown", "errorMessage": "the error was not JSON"}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulators::listen;

    #[tokio::test]
    async fn only_the_current_invocation_can_be_answered_and_only_once() {
        let (listener, address) = listen().await.unwrap();
        let (mut api, server) = RuntimeApi::new(listener);
        tokio::spawn(server);
        assert_eq!(*api.start.borrow(), Start::Underway);
        let (reply, answer) = oneshot::channel();
        let work = Work {
            id: "1".to_owned(),
            payload: Bytes::from_static(b"{}"),
            deadline_ms: 1_700_000_000_000,
            function_arn: "arn".to_owned(),
            trace_id: "Root=1".to_owned(),
            reply,
        };
        api.work.send(work).await.unwrap();

        let base = format!("http://{address}/2018-06-01/runtime");
        let next = reqwest::get(format!("{base}/invocation/next"))
            .await
            .unwrap();
        assert_eq!(next.headers()["lambda-runtime-aws-request-id"], "1");
        assert_eq!(
            next.headers()["lambda-runtime-deadline-ms"],
            "1700000000000"
        );
        assert_eq!(next.headers()["lambda-runtime-invoked-function-arn"], "arn");
        assert_eq!(next.headers()["lambda-runtime-trace-id"], "Root=1");
        assert_eq!(next.text().await.unwrap(), "{}");
        assert_eq!(*api.start.borrow_and_update(), Start::Finished);

        let client = reqwest::Client::new();
        let post = async |path: &str| {
            client
                .post(format!("{base}/invocation/{path}"))
                .body("7")
                .send()
                .await
                .unwrap()
                .status()
        };
        assert_eq!(post("2/response").await, 400);
        assert_eq!(post("2/error").await, 400);
        assert_eq!(post("1/response").await, 202);
        assert_eq!(post("1/response").await, 400);
        assert!(matches!(answer.await.unwrap(), Answer::Response(body) if body == "7"));
    }

    #[tokio::test]
    async fn a_failed_start_is_told_with_its_reason() {
        let (listener, address) = listen().await.unwrap();
        let (api, server) = RuntimeApi::new(listener);
        tokio::spawn(server);
        let url = format!("http://{address}/2018-06-01/runtime/init/error");
        let body = r#"{"errorType":"Config","errorMessage":"QUEUE_URL is missing"}"#;
        assert_eq!(
            reqwest::Client::new()
                .post(url)
                .body(body)
                .send()
                .await
                .unwrap()
                .status(),
            202
        );
        let Start::Failed(error) = api.start.borrow().clone() else {
            panic!("it did not fail")
        };
        assert_eq!(error["errorMessage"], "QUEUE_URL is missing");
    }
}
