//! A history: what happens in a world, one habit after the other, and then nothing until the data
//! is equal to Belvo's.
//!
//! Each step has a salt, from which what it does follows, so a step means the same however many steps
//! are left out before it. That is what makes a history short that fails.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::sides::network::Weather;
use crate::sides::protection::Protection;
use crate::story::{Habit, habits, heal, play};
use crate::system::Setup;
use crate::world::World;
use crate::{invariants, settled};

/// An empty list is believed after a day.
const SOON: SignedDuration = SignedDuration::from_hours(26);

/// Long enough for the weekly recheck, whose start is spread over a day.
const LATER: SignedDuration = SignedDuration::from_hours(8 * 24);

/// What happens in a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The settings of the world follow from it.
    pub seed: u64,
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub habit: String,
    pub salt: u64,
}

impl History {
    /// The history of a seed. It means something else once habits or weights have changed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let all: Vec<&Habit> = habits().collect();
        let total = all.iter().map(|it| it.weight).sum();
        let pick = |random: &mut Random| {
            let mut place = random.below(total);
            let habit = all.iter().find(|it| {
                let found = place < it.weight;
                place = place.saturating_sub(it.weight);
                found
            });
            habit.map(|it| it.name).unwrap_or_default().to_owned()
        };
        let count = random.between(20, 45);
        let mut steps: Vec<Step> = Vec::new();
        for number in 0..count {
            let habit = match number {
                0 => "connects".to_owned(),
                _ => pick(&mut random),
            };
            let salt = random.number();
            steps.push(Step { habit, salt });
        }
        Self { seed, steps }
    }

    fn setup(&self, without: Option<Protection>) -> Setup {
        let mut random = Random::new(self.seed);
        let hurried = random.one_in(6);
        Setup {
            seed: self.seed,
            hurried,
            page_size: if hurried { 10 } else { random.between(10, 50) } as u32,
            chunk_size: *random.pick(if hurried { &[50] } else { &[50, 20_000] }),
            body_mode: random.one_in(3),
            late_reads: random.one_in(3),
            late_deletions: random.one_in(3),
            skews: [0; 3].map(|_| match random.one_in(2) {
                true => random.between(0, 60) as i64 - 30,
                false => 0,
            }),
            without,
        }
    }

    /// Plays the history, and checks the invariants after each step and everything at the end.
    ///
    /// # Panics
    /// When something does not hold, with the story.
    pub async fn play(&self) -> World {
        self.play_without(None).await
    }

    /// The same in a world without this protection.
    pub async fn play_without(&self, without: Option<Protection>) -> World {
        let mut world = World::new(self.setup(without)).await;
        let setup = format!("{:?}", world.setup);
        world.note(&setup);
        for step in &self.steps {
            self.step(&mut world, step).await;
        }
        end(&mut world, self.seed.is_multiple_of(2)).await;
        world
    }

    async fn step(&self, world: &mut World, step: &Step) {
        world.reseed(step.salt);
        world.collect_mail().await;
        world.time.pass(SignedDuration::from_secs(1));
        play(world, &step.habit, &mut Random::new(step.salt)).await;
        invariants::check(world).await;
    }
}

/// Everybody is well, and nothing more happens: what is still on its way arrives, or never does. What
/// Belvo has announced is soon there, and a while later so is what no webhook has told of.
pub async fn end(world: &mut World, arrives: bool) {
    world.note("the end: everybody is well, and nothing more happens");
    world.network.set_weather(Weather::default());
    heal(world).await;
    world.collect_mail().await;
    match arrives {
        true => world.deliver_all().await,
        false => world.lose_mail(),
    }
    world.time.pass(SignedDuration::from_hours(2));
    world.walk().await;
    world.rest(SOON).await;
    invariants::check(world).await;
    world.heard = settled::check_heard(world).await;
    world.rest(LATER).await;
    invariants::check(world).await;
    settled::check(world).await;
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        f.write_str(&json)
    }
}
