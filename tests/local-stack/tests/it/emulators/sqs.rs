//! SQS FIFO queues.

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};

use crate::world::World;

/// A queue without other readers, and its dead-letter queue.
struct Queue {
    world: World,
    url: String,
    dead_letters: String,
}

impl Queue {
    async fn new() -> Queue {
        let world = World::start().await;
        let sqs = world.stack.sqs();
        let create = async |name: &str, redrive: Option<&str>| {
            let mut request = sqs
                .create_queue()
                .queue_name(name)
                .attributes(QueueAttributeName::FifoQueue, "true")
                .attributes(QueueAttributeName::DeduplicationScope, "messageGroup")
                .attributes(QueueAttributeName::FifoThroughputLimit, "perMessageGroupId");
            if let Some(policy) = redrive {
                request = request.attributes(QueueAttributeName::RedrivePolicy, policy);
            }
            request.send().await.unwrap().queue_url.unwrap()
        };
        let dead_letters = create("dead.fifo", None).await;
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:sa-east-1:000000000000:dead.fifo","maxReceiveCount":3}"#;
        let url = create("own.fifo", Some(policy)).await;
        Queue {
            world,
            url,
            dead_letters,
        }
    }

    fn sqs(&self) -> &Client {
        self.world.stack.sqs()
    }

    async fn send(&self, group: &str, body: &str) -> String {
        self.send_as(group, body, &uuid::Uuid::new_v4().to_string())
            .await
    }

    async fn send_as(&self, group: &str, body: &str, deduplication_id: &str) -> String {
        let request = self
            .sqs()
            .send_message()
            .queue_url(&self.url)
            .message_group_id(group)
            .message_body(body);
        request
            .message_deduplication_id(deduplication_id)
            .send()
            .await
            .unwrap()
            .sequence_number
            .unwrap()
    }

    /// The messages that can be received; they stay invisible for `visibility` seconds.
    async fn receive(&self, visibility: i32) -> Vec<Message> {
        self.receive_from(&self.url, visibility, 0).await
    }

    async fn receive_from(&self, url: &str, visibility: i32, wait: i32) -> Vec<Message> {
        let request = self
            .sqs()
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(wait);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        request
            .visibility_timeout(visibility)
            .send()
            .await
            .unwrap()
            .messages
            .unwrap_or_default()
    }

    async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle().unwrap();
        self.sqs()
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .send()
            .await
            .unwrap();
    }

    /// Makes a message visible again at once, as the end of its visibility timeout would.
    async fn give_back(&self, message: &Message) {
        self.hide(message, 0).await;
    }

    /// Lets the visibility timeout of a message end in so many seconds.
    async fn hide(&self, message: &Message, seconds: i32) {
        let request = self
            .sqs()
            .change_message_visibility()
            .queue_url(&self.url)
            .visibility_timeout(seconds);
        request
            .receipt_handle(message.receipt_handle().unwrap())
            .send()
            .await
            .unwrap();
    }
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

fn attribute(message: &Message, name: MessageSystemAttributeName) -> &str {
    message.attributes().unwrap()[&name].as_str()
}

#[tokio::test]
async fn a_group_with_a_message_in_flight_is_locked() {
    let queue = Queue::new().await;
    queue.send("a", "a1").await;
    queue.send("a", "a2").await;
    queue.send("b", "b1").await;
    let first = queue.receive(1_800).await;
    assert_eq!(bodies(&first), ["a1", "b1"]);
    assert!(
        queue.receive(1_800).await.is_empty(),
        "both groups are locked"
    );
    queue.delete(&first[0]).await;
    assert_eq!(bodies(&queue.receive(1_800).await), ["a2"]);
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_that_fails_comes_back_before_its_followers() {
    let queue = Queue::new().await;
    queue.send("a", "a1").await;
    queue.send("a", "a2").await;
    let first = queue.receive(1_800).await;
    queue.give_back(&first[0]).await;
    let again = queue.receive(1_800).await;
    assert_eq!(bodies(&again), ["a1"]);
    assert_eq!(
        attribute(
            &again[0],
            MessageSystemAttributeName::ApproximateReceiveCount
        ),
        "2"
    );
    queue.delete(&again[0]).await;
    // The failure does not count as a receive of its followers.
    let follower = queue.receive(1_800).await;
    assert_eq!(
        attribute(
            &follower[0],
            MessageSystemAttributeName::ApproximateReceiveCount
        ),
        "1"
    );
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_whose_visibility_is_changed_locks_its_group_until_then() {
    let queue = Queue::new().await;
    queue.send("a", "a1").await;
    queue.send("a", "a2").await;
    let first = queue.receive(1_800).await;
    queue.hide(&first[0], 3).await;
    assert!(queue.receive(1_800).await.is_empty(), "not yet");
    let again = queue.receive_from(&queue.url, 1_800, 10).await;
    assert_eq!(bodies(&again), ["a1"], "it came within ten seconds");
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_visibility_timeout_that_ends_makes_the_receipt_handle_worthless() {
    let queue = Queue::new().await;
    queue.send("a", "a1").await;
    let stale = queue.receive(1).await;
    let fresh = queue.receive_from(&queue.url, 1_800, 10).await;
    assert_eq!(
        bodies(&fresh),
        ["a1"],
        "the message returned within ten seconds"
    );
    queue.delete(&stale[0]).await;
    queue.give_back(&fresh[0]).await;
    assert_eq!(
        bodies(&queue.receive(1_800).await),
        ["a1"],
        "the stale handle deleted nothing"
    );
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn the_fourth_receive_of_three_goes_to_the_dead_letter_queue_instead() {
    let queue = Queue::new().await;
    queue.send("a", "a1").await;
    queue.send("a", "a2").await;
    for _ in 0..3 {
        let received = queue.receive(1_800).await;
        assert_eq!(bodies(&received), ["a1"]);
        queue.give_back(&received[0]).await;
    }
    // The receive that would be one too many moves the message and unlocks the group.
    let next = queue
        .world
        .until("the follower", async |_| queue.receive(1_800).await.pop())
        .await;
    assert_eq!(next.body(), Some("a2"));
    let dead = queue.receive_from(&queue.dead_letters, 1_800, 10).await;
    assert_eq!(bodies(&dead), ["a1"]);
    assert_eq!(
        attribute(&dead[0], MessageSystemAttributeName::MessageGroupId),
        "a"
    );
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn dead_letters_of_a_group_keep_their_order() {
    let queue = Queue::new().await;
    for body in ["a1", "a2", "a3"] {
        queue.send("a", body).await;
    }
    let mut dead = Vec::new();
    let failing = async {
        loop {
            for message in queue.receive(1_800).await {
                queue.give_back(&message).await;
            }
            for message in queue.receive_from(&queue.dead_letters, 1_800, 0).await {
                dead.push(message.body().unwrap().to_owned());
                let handle = message.receipt_handle().unwrap();
                queue
                    .sqs()
                    .delete_message()
                    .queue_url(&queue.dead_letters)
                    .receipt_handle(handle)
                    .send()
                    .await
                    .unwrap();
            }
            if dead.len() == 3 {
                return;
            }
        }
    };
    tokio::time::timeout(crate::world::LIMIT, failing)
        .await
        .expect("three dead letters");
    assert_eq!(dead, ["a1", "a2", "a3"]);
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_deduplication_id_counts_within_its_group_even_after_delivery() {
    let queue = Queue::new().await;
    let first = queue.send_as("a", "one", "id-1").await;
    assert_eq!(
        queue.send_as("a", "two", "id-1").await,
        first,
        "the second is swallowed"
    );
    assert_ne!(
        queue.send_as("b", "three", "id-1").await,
        first,
        "another group is another scope"
    );
    let received = queue.receive(1_800).await;
    assert_eq!(bodies(&received), ["one", "three"]);
    queue.delete(&received[0]).await;
    queue.send_as("a", "four", "id-1").await;
    assert!(
        queue.receive(1_800).await.is_empty(),
        "remembered although it was delivered and deleted"
    );
    queue.world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_receive_gives_one_message_of_each_group() {
    let queue = Queue::new().await;
    for number in 0..3 {
        queue.send("a", &format!("a{number}")).await;
        queue.send("b", &format!("b{number}")).await;
    }
    // SQS itself may return several of a group, in order, so no code may depend on this.
    assert_eq!(bodies(&queue.receive(1_800).await), ["a0", "b0"]);
    queue.world.stack.stop().await.unwrap();
}
