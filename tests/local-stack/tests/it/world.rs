//! A stack with the test template, and verbs to use it.

use std::time::Duration;

use local_stack::{Stack, StackOptions};
use serde_json::Value;

/// The template of these tests.
pub const TEMPLATE: &str = include_str!("template.yaml");
/// Arguments that make this binary play a function: the one test that does.
pub const FUNCTION_TEST: [&str; 3] = ["functions", "--exact", "--nocapture"];
/// A limit that a working machine never reaches.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A running stack.
pub struct World {
    pub stack: Stack,
    pub http: reqwest::Client,
}

impl World {
    /// A stack with the options of these tests.
    pub async fn start() -> World {
        World::with(StackOptions::default()).await
    }

    /// A stack with other options.
    pub async fn with(options: StackOptions) -> World {
        let stack = Stack::start(StackOptions {
            template: Some(options.template.unwrap_or_else(|| TEMPLATE.to_owned())),
            arguments: FUNCTION_TEST.map(str::to_owned).to_vec(),
            ..options
        })
        .await
        .unwrap();
        World {
            stack,
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    /// An address of the API.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.endpoints().api_url)
    }

    /// A token with these claims.
    pub async fn token(&self, claims: &Value) -> String {
        let url = format!("{}/token", self.stack.endpoints().issuer_url);
        let answer: Value = self
            .http
            .post(url)
            .json(claims)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Sends a message of `group` to the queue.
    pub async fn send(&self, group: &str, body: &str) {
        self.stack
            .sqs()
            .send_message()
            .queue_url(&self.stack.endpoints().queue_url)
            .message_group_id(group)
            .message_deduplication_id(uuid::Uuid::new_v4().to_string())
            .message_body(body)
            .send()
            .await
            .unwrap();
    }

    /// The log's lines that contain `text`, in order.
    pub fn logged(&self, text: &str) -> Vec<String> {
        self.stack
            .logs()
            .into_iter()
            .filter(|line| line.contains(text))
            .collect()
    }

    /// Waits until `condition` returns a value.
    pub async fn until<T>(
        &self,
        what: &str,
        mut condition: impl AsyncFnMut(&World) -> Option<T>,
    ) -> T {
        let attempt = async {
            let mut interval = tokio::time::interval(Duration::from_millis(20));
            loop {
                interval.tick().await;
                if let Some(value) = condition(self).await {
                    return value;
                }
            }
        };
        match tokio::time::timeout(LIMIT, attempt).await {
            Ok(value) => value,
            Err(_) => panic!(
                "{what} did not happen within {LIMIT:?}; log: {:#?}",
                self.stack.logs()
            ),
        }
    }
}
