//! Webhooks on their way, and the network.

use serde_json::Value;

use super::{Habit, habit};
use crate::random::Random;
use crate::sides::network::Weather;
use crate::world::World;

pub const HABITS: &[Habit] = &[
    habit!(6, webhooks_arrive),
    habit!(1, webhooks_arrive_without_the_user),
    habit!(1, a_webhook_is_forged),
    habit!(2, the_weather_changes),
];

/// In order or not, once or repeatedly, some late and some never.
async fn webhooks_arrive(world: &mut World, random: &mut Random) {
    let mut mail = std::mem::take(&mut world.mail);
    if random.one_in(3) {
        random.shuffle(&mut mail);
    }
    let count = random.between(0, mail.len() as u64) as usize;
    for body in mail.drain(..count) {
        let times = match random.below(10) {
            0 => 0,
            1..=3 => random.between(2, 3),
            _ => 1,
        };
        let (kind, code) = (&body["webhook_type"], &body["webhook_code"]);
        let link_id = &body["link_id"];
        world.note(&format!(
            "webhook {kind} {code} of {link_id} arrives {times} times"
        ));
        if times == 0 {
            world.lose(&body);
        }
        for _ in 0..times {
            world.call_webhook(&body).await;
        }
    }
    world.mail = mail;
}

async fn webhooks_arrive_without_the_user(world: &mut World, _: &mut Random) {
    for mut body in std::mem::take(&mut world.mail) {
        body.insert("external_id".to_owned(), Value::Null);
        world.call_webhook(&body).await;
    }
    world.note("webhooks arrive, and their external_id is null");
}

/// Somebody who knows the address, but not the value agreed with Belvo, gets nothing queued.
async fn a_webhook_is_forged(world: &mut World, _: &mut Random) {
    let before = world.queue.lock().unwrap().waiting();
    world.forge_webhook().await;
    assert_eq!(world.queue.lock().unwrap().waiting(), before);
}

async fn the_weather_changes(world: &mut World, random: &mut Random) {
    let kinds = [
        Weather::default(),
        // Two calls of a hundred break, and AWS refuses five.
        Weather {
            breaks: 50,
            repeats: 200,
            refusals: 20,
            interceptions: 200,
            slow: 100,
            losses: 20,
        },
        Weather {
            breaks: 10,
            repeats: 50,
            refusals: 5,
            interceptions: 20,
            slow: 20,
            losses: 5,
        },
        Weather {
            slow: 4,
            ..Weather::default()
        },
    ];
    let weather = *random.pick(&kinds);
    world.network.set_weather(weather);
    world.note(&format!("{weather:?}"));
}
