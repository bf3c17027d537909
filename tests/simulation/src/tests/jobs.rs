//! Every kind of job, and how it comes about in a world.

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use crate::people::Person;
use crate::story::{connect, erase_link, erase_user, finish, mint, return_to};
use crate::world::World;

/// Rows of a link: three pages.
pub const TRANSACTIONS: u64 = 25;

/// A kind of job.
pub struct Case {
    /// Its name on the queue, without the version.
    pub job: &'static str,
    /// Whether a link is connected and read before.
    pub connected: bool,
    /// What queues it.
    pub queue: for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, ()>,
}

macro_rules! case {
    ($job:literal, $connected:literal, $queue:expr) => {
        Case {
            job: $job,
            connected: $connected,
            queue: |world| $queue(world).boxed_local(),
        }
    };
}

pub const CASES: &[Case] = &[
    case!("attempt_started", false, begins),
    case!("attempt_ended", false, comes_back),
    case!("link_proven", false, proves),
    case!("webhook_received", true, hears_of_changes),
    case!("webhook_replayed", true, replays),
    case!("link_due", true, is_due),
    case!("link_seen", true, is_seen),
    case!("link_reread", true, is_read_again),
    case!("link_refresh", true, refreshes),
    case!("consent_renewal", true, renews),
    case!("link_erase", true, erases_the_link),
    case!("user_erase", true, erases_the_user),
];

impl Case {
    /// Makes the world in which the job is next. A link that is connected before has so many rows.
    pub async fn prepare(&self, world: &mut World, transactions: u64) {
        world.people.push(Person::invented(0));
        if self.connected {
            connect(world, 0, transactions).await;
            world.work_off().await;
            world.deliver_all().await;
            world.work_off().await;
            world.time.pass(SignedDuration::from_hours(3));
        }
        (self.queue)(world).await;
        let queue = world.queue.lock().unwrap();
        let name = format!("\"{}.v1\"", self.job);
        assert!(queue.bodies().any(|it| it.contains(&name)), "{}", self.job);
    }
}

/// The only link.
pub fn link(world: &World) -> String {
    world.links.keys().next().cloned().unwrap()
}

async fn begins(world: &mut World) {
    mint(world, 0).await.unwrap();
}

async fn comes_back(world: &mut World) {
    let visit = mint(world, 0).await.unwrap();
    world.work_off().await;
    let how = json!({"transactions": TRANSACTIONS});
    let (link_id, url) = finish(world, 0, visit, &how).await.unwrap();
    return_to(world, 0, &link_id, &url).await;
}

/// The proof is a job of its own, behind that of the callback.
async fn proves(world: &mut World) {
    comes_back(world).await;
    world.deliver_all().await;
}

async fn hears_of_changes(world: &mut World) {
    let link_id = link(world);
    let changes = json!({"add": 2, "update": 3, "delete": 2});
    world.bank.change(&link_id, &changes).await;
    world.deliver_all().await;
}

async fn replays(world: &mut World) {
    let link_id = link(world);
    change_silently(world, &link_id).await;
    let event = json!({"sweep": "replay", "link_id": link_id});
    world.operate(&event).await;
}

/// The weekly full read.
async fn is_due(world: &mut World) {
    let link_id = link(world);
    change_silently(world, &link_id).await;
    let until = world.time.now() + SignedDuration::from_hours(9 * 24);
    let event = json!({"sweep": "due", "link_id": link_id, "until": until.to_string()});
    world.operate(&event).await;
}

/// Belvo has reached the bank again and found new rows, and its webhooks are lost. (Changes of old
/// rows would only be found by the weekly full read.)
async fn is_seen(world: &mut World) {
    let link_id = link(world);
    world.bank.change(&link_id, &json!({"add": 3})).await;
    world.bank.refresh(&link_id).await;
    world.collect_mail().await;
    world.mail.clear();
    world.time.pass(SignedDuration::from_hours(3));
    world.walk().await;
}

async fn is_read_again(world: &mut World) {
    let link_id = link(world);
    change_silently(world, &link_id).await;
    let event = json!({"sweep": "reread", "link_id": link_id});
    world.operate(&event).await;
}

async fn refreshes(world: &mut World) {
    let path = format!("/links/{}/refresh", link(world));
    world.insist(0, Method::POST, &path, &json!({})).await;
}

async fn renews(world: &mut World) {
    let link_id = link(world);
    let mut body = json!({"mode": "renew", "link_id": link_id});
    if world.setup.body_mode {
        let person = &world.people[0];
        body["identification"] = person.identification();
    }
    world.insist(0, Method::POST, "/portal", &body).await;
    let how = json!({"new_link": false, "new_consent": true, "webhooks": false});
    let path = format!("links/{link_id}/renew");
    world.bank.tell(&path, &how).await;
}

async fn erases_the_link(world: &mut World) {
    let link_id = link(world);
    erase_link(world, &link_id).await;
}

async fn erases_the_user(world: &mut World) {
    erase_user(world, 0).await;
}

/// Something changes at the bank, and no webhook tells of it.
async fn change_silently(world: &mut World, link_id: &str) {
    let changes = json!({"add": 2, "update": 3, "delete": 2, "webhooks": false});
    world.bank.change(link_id, &changes).await;
}
