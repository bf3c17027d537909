//! Time passes; fetcher, sweeper and DynamoDB do their work.

use jiff::SignedDuration;

use super::banks::a_statement_is_corrected;
use super::{Habit, MEANWHILE, habit};
use crate::invocation::{How, Other, Worked};
use crate::random::Random;
use crate::world::World;

pub const HABITS: &[Habit] = &[
    habit!(3, time_passes),
    habit!(8, the_fetcher_works),
    habit!(2, the_fetcher_is_lost),
    habit!(2, two_fetchers_work),
    habit!(4, something_happens_meanwhile),
    habit!(2, a_straggler_is_overtaken),
    habit!(2, the_sweeper_queues_what_is_due),
    habit!(1, the_sweeper_walks_the_links),
    habit!(1, expired_records_go),
];

async fn time_passes(world: &mut World, random: &mut Random) {
    let minutes = *random.pick(&[1, 7, 45, 100, 400, 1500, 4000]);
    world.time.pass(SignedDuration::from_mins(minutes));
    world.note(&format!("{minutes} minutes have passed"));
}

async fn the_fetcher_works(world: &mut World, random: &mut Random) {
    for _ in 0..random.between(1, 6) {
        let patience = match random.below(5) {
            // It starts no page in its last minute.
            0 => SignedDuration::from_millis(random.between(59_000, 62_000) as i64),
            _ => world.setup.patience(),
        };
        let how = How {
            patience,
            ..How::USUAL
        };
        let worked = world.work(how, random).await;
        world.note(&format!(
            "the fetcher had {patience:#} for a batch: {worked:?}"
        ));
        if worked == Worked::Nothing {
            break;
        }
    }
}

/// Lambda loses the process at some await. Its jobs come back, maybe before anything else happens.
async fn the_fetcher_is_lost(world: &mut World, random: &mut Random) {
    let how = How {
        lost_at: Some(random.between(1, 120)),
        ..world.setup.usual()
    };
    let worked = world.work(how, random).await;
    world.note(&format!("the fetcher may be lost: {how:?}, {worked:?}"));
    if worked == Worked::Lost && random.one_in(2) {
        world.time.pass(SignedDuration::from_mins(31));
    }
}

/// On two batches, or both on one.
async fn two_fetchers_work(world: &mut World, random: &mut Random) {
    let (waits, habit) = (random.between(1, 120), *random.pick(MEANWHILE));
    let others = [Other::Twice, Other::Beside, Other::Straggling(waits, habit)];
    let how = How {
        other: *random.pick(&others),
        lost_at: random.one_in(3).then(|| random.between(1, 120)),
        ..world.setup.usual()
    };
    let worked = world.work(how, random).await;
    world.note(&format!("two fetchers work: {how:?}, {worked:?}"));
}

/// What users, banks, Belvo and operators do does not wait for a job to end.
async fn something_happens_meanwhile(world: &mut World, random: &mut Random) {
    let waits = random.between(1, 120);
    let habit = *random.pick(MEANWHILE);
    let how = How {
        other: Other::Interrupted(waits, habit),
        ..world.setup.usual()
    };
    let worked = world.work(how, random).await;
    world.note(&format!("the fetcher was interrupted: {how:?}, {worked:?}"));
}

/// A bank corrects a statement. While one process is at it, another is done with it and with what
/// comes next: another correction, a refresh, or the end of the link.
async fn a_straggler_is_overtaken(world: &mut World, random: &mut Random) {
    world.work_off().await;
    a_statement_is_corrected(world, random).await;
    let next = ["a_statement_is_corrected", "refreshes", "erases_a_link"];
    let (waits, habit) = (random.between(1, 60), *random.pick(&next));
    let how = How {
        other: Other::Straggling(waits, habit),
        ..world.setup.usual()
    };
    let worked = world.work(how, random).await;
    world.note(&format!("a straggler was overtaken: {how:?}, {worked:?}"));
}

async fn the_sweeper_queues_what_is_due(world: &mut World, _: &mut Random) {
    world.note("the sweeper queues due links");
    world.sweep().await;
}

async fn the_sweeper_walks_the_links(world: &mut World, _: &mut Random) {
    world.note("the sweeper walks the list of links");
    world.walk().await;
}

async fn expired_records_go(world: &mut World, random: &mut Random) {
    let late = SignedDuration::from_hours(random.between(0, 48) as i64);
    world.expire(late).await;
}
