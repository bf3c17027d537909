//! Three hundred users and five hundred links, on a bad day of AWS, of Belvo and of the network.

use jiff::SignedDuration;
use serde_json::json;

use super::say;
use crate::history::end;
use crate::invariants;
use crate::invocation::{How, Other};
use crate::parallel::run_all;
use crate::people::Person;
use crate::random::Random;
use crate::sides::network::Weather;
use crate::story::{erase_link, erase_user, finish, mint, play, return_to};
use crate::system::Setup;
use crate::world::World;

const USERS: usize = 300;
const LINKS: usize = 500;

/// Parts of the day; each ends with a check of everything.
const ROUNDS: usize = 10;

/// Two calls of a hundred break, half of them after they took effect, and AWS refuses five.
const WEATHER: Weather = Weather {
    breaks: 50,
    repeats: 500,
    refusals: 20,
    interceptions: 100,
    slow: 500,
    losses: 50,
};

#[test]
fn a_crowd_on_a_bad_day_ends_with_all_data_stored() {
    let modes = [false, true];
    let failed = run_all(&modes, async |mode| bad_day(*mode).await, |_, _| {});
    for failure in &failed {
        println!("body mode {}: {}", failure.case, failure.why);
    }
    assert!(failed.is_empty());
}

async fn bad_day(body_mode: bool) {
    let mut world = World::new(Setup {
        page_size: 20,
        body_mode,
        late_reads: true,
        skews: [20, -15, 5],
        ..Setup::plain(2026)
    })
    .await;
    let mut random = Random::new(2026);
    world.people = (0..USERS).map(Person::invented).collect();
    world.network.set_weather(WEATHER);
    let faults = json!({
        "http_5xx": {"every": 40},
        "status_429": {"every": 40},
        "cut_body": {"every": 50},
    });
    world.bank.fail(&faults).await;
    for round in 0..ROUNDS {
        // The first links of all users first, then the second ones.
        for number in round * LINKS / ROUNDS..(round + 1) * LINKS / ROUNDS {
            visit(&mut world, number % USERS, &mut random).await;
            invariants::check_touched(&mut world).await;
        }
        live(&mut world, &mut random).await;
        deliver(&mut world, &mut random).await;
        work(&mut world, &mut random).await;
        world
            .time
            .pass(SignedDuration::from_mins(random.between(5, 400) as i64));
        world.sweep().await;
        invariants::check(&mut world).await;
    }
    end(&mut world, true).await;
    let counts = world.network.counts();
    let links = world.links.len();
    say(&format!(
        "{USERS} users, {links} links, body mode {body_mode}: {counts:?}"
    ));
}

/// Most come back; some do not, and some use the account of somebody else.
async fn visit(world: &mut World, person: usize, random: &mut Random) {
    let Some(visit) = mint(world, person).await else {
        return;
    };
    let mut how = json!({"transactions": random.between(3, 12)});
    if random.one_in(20) {
        how["owner"] = json!(Person::account_holder_of(person).cpf);
    }
    if let Some((link_id, url)) = finish(world, person, visit, &how).await
        && !random.one_in(15)
    {
        return_to(world, person, &link_id, &url).await;
    }
}

/// Meanwhile banks have news, consents are renewed, and users leave.
async fn live(world: &mut World, random: &mut Random) {
    for link_id in world.standing() {
        match random.below(40) {
            0..=3 => {
                let changes = json!({"add": 2, "update": 1, "delete": 1});
                world.bank.change(&link_id, &changes).await;
            }
            4 => world.bank.refresh(&link_id).await,
            5 => {
                let how = json!({"new_link": false, "new_consent": true});
                world
                    .bank
                    .tell(&format!("links/{link_id}/renew"), &how)
                    .await;
            }
            6 => {
                erase_link(world, &link_id).await;
            }
            _ => continue,
        }
        invariants::check_touched(world).await;
    }
    erase_user(world, random.position(world.people.len())).await;
    for habit in ["rotates_belvos_keys", "rotates_the_session_keys"] {
        play(world, habit, random).await;
    }
    invariants::check_touched(world).await;
}

/// In any order; three of ten come twice, and one of a hundred never.
async fn deliver(world: &mut World, random: &mut Random) {
    world.collect_mail().await;
    let mut mail = std::mem::take(&mut world.mail);
    random.shuffle(&mut mail);
    for body in mail {
        if random.one_in(100) {
            world.lose(&body);
            continue;
        }
        world.call_webhook(&body).await;
        if random.below(10) < 3 {
            world.call_webhook(&body).await;
        }
        invariants::check_touched(world).await;
    }
}

/// One of ten processes is lost.
async fn work(world: &mut World, random: &mut Random) {
    for _ in 0..60 {
        let how = How {
            lost_at: random.one_in(10).then(|| random.between(1, 200)),
            other: *random.pick(&[Other::None, Other::Beside, Other::Beside, Other::Twice]),
            ..How::USUAL
        };
        world.work(how, random).await;
        invariants::check_touched(world).await;
    }
}
