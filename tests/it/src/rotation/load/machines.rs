//! The callers that are machines: the queue, the schedules, and Belvo.

use aws_lambda_events::sqs::SqsEvent;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::Load;
use crate::rotation::call::Call;
use crate::world::record_sent;

/// A call of Belvo, which waits for the response.
pub(super) struct Webhook {
    authorization: String,
    body: Value,
    answer: oneshot::Sender<u16>,
}

impl Load<'_> {
    /// The queue: it passes jobs to the fetcher, and deletes those that are done.
    pub(super) async fn work(&self, slot: usize) {
        let (sqs, queue) = (self.site.world.stack.sqs(), &self.site.queue_url);
        loop {
            let receive = sqs.receive_message().queue_url(queue);
            let receive = receive.max_number_of_messages(10).wait_time_seconds(1);
            let group = aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
            let receive = receive.message_system_attribute_names(group.clone());
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            let _invocation = self.jump.read().await;
            let now = self.site.time.now();
            let records = messages.iter().map(|message| {
                let (id, group) = (
                    message.message_id(),
                    message.attributes().unwrap().get(&group),
                );
                let body = serde_json::from_str(message.body().unwrap()).unwrap();
                // The queue has a clock of its own.
                let sent = now.as_millisecond().to_string();
                record_sent(id.unwrap(), group.unwrap(), &body, &sent)
            });
            let event = json!({"Records": records.collect::<Vec<_>>()});
            let event: SqsEvent = serde_json::from_value(event).unwrap();
            let deadline = now + SignedDuration::from_secs(300);
            let process = self.processes[slot].read().await;
            let response = Box::pin(process.fetcher.handle(event, deadline)).await;
            for failure in response.batch_item_failures {
                self.fail(format!("process {slot} has returned {failure:?}"));
            }
            for message in messages {
                let delete = sqs.delete_message().queue_url(queue);
                let delete = delete.receipt_handle(message.receipt_handle.unwrap());
                delete.send().await.unwrap();
                self.note("job", slot);
            }
        }
    }

    pub(super) async fn sweep(&self, slot: usize) {
        loop {
            self.sweep_once(slot).await;
            self.go_on(50).await;
        }
    }

    pub(super) async fn sweep_once(&self, slot: usize) {
        for event in [
            json!({"sweep": "due"}),
            json!({"sweep": "links", "page": 1}),
        ] {
            let process = self.processes[slot].read().await;
            if let Err(error) = Box::pin(process.sweeper.handle(&event)).await {
                self.fail(format!("{event} by process {slot}: {error}"));
            }
        }
        self.note("sweep", slot);
    }

    pub(super) async fn serve_webhooks(&self) {
        let mut webhooks = self.webhooks.lock().await;
        let mut slot = 0;
        while let Some(webhook) = webhooks.recv().await {
            slot = 1 - slot;
            let call = Call {
                authorization: Some(&webhook.authorization),
                ..Call::new("POST /webhook", "/webhook").with(webhook.body)
            };
            let process = self.processes[slot].read().await;
            let status = process.status(&call).await;
            match status {
                200 => self.note("webhook", slot),
                _ => self.fail(format!("webhook by process {slot}: {status}")),
            }
            // Belvo may have timed out.
            webhook.answer.send(status).unwrap_or_default();
        }
    }

    pub(super) async fn change_what_banks_hold(&self) {
        loop {
            let link = self.ready_link().await;
            let path = format!("links/{}/changes", link.link_id);
            let change = json!({"add": 1, "update": 1});
            self.site.world.sandbox(&path, &change).await;
            self.go_on(200).await;
            if *self.closing.borrow() {
                std::future::pending().await
            }
        }
    }
}

/// The receiver of Belvo's webhooks, and the webhooks received so far.
pub(super) async fn webhook_address() -> (String, mpsc::Receiver<Webhook>) {
    let (sender, receiver) = mpsc::channel(1);
    let take = async move |headers: HeaderMap, body: String| {
        let (answer, answered) = oneshot::channel();
        let webhook = Webhook {
            authorization: headers["authorization"].to_str().unwrap().to_owned(),
            body: serde_json::from_str(&body).unwrap(),
            answer,
        };
        sender.send(webhook).await.unwrap_or_default();
        StatusCode::from_u16(answered.await.unwrap_or(503)).unwrap()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let routes = Router::new().route("/", post(take));
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    (url, receiver)
}
