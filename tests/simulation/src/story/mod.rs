//! What can happen, each as a habit with a name: of users, of banks, of Belvo, of the network, of
//! AWS, of operators.
//!
//! A habit is a function from the world and chance. To add one, write the function in the module
//! it belongs to and name it in that module's list; the numbers say how often it happens. Nothing
//! else knows of it: the script picks it, the player plays it, a failing history names it.
//!
//! | module | who |
//! |---|---|
//! | `users` | connect, come back, leave, renew, revoke, refresh, erase, abuse |
//! | `banks` | rows come, change and go |
//! | `belvo` | is unwell, loses links, refreshes |
//! | `transit` | webhooks and the network |
//! | `machines` | fetcher, sweeper and DynamoDB |
//! | `operators` | rotate secrets, read again, replay |

mod banks;
mod belvo;
mod machines;
mod operators;
mod transit;
mod users;

use futures::future::LocalBoxFuture;

pub use belvo::heal;
#[cfg(test)]
pub use users::{connect, erase_link, erase_user, finish, mint, return_to};

use crate::random::Random;
use crate::world::World;

/// Something that happens now and then.
pub struct Habit {
    pub name: &'static str,
    /// How often, compared with the others.
    pub weight: u64,
    pub play: for<'a> fn(&'a mut World, &'a mut Random) -> LocalBoxFuture<'a, ()>,
}

/// Every habit.
pub fn habits() -> impl Iterator<Item = &'static Habit> {
    let all: [&'static [Habit]; 6] = [
        users::HABITS,
        banks::HABITS,
        belvo::HABITS,
        transit::HABITS,
        machines::HABITS,
        operators::HABITS,
    ];
    all.into_iter().flatten()
}

/// Plays the habit of this name.
///
/// # Panics
/// If there is none.
pub async fn play(world: &mut World, name: &str, random: &mut Random) {
    let habit = habits().find(|it| it.name == name);
    let habit = habit.unwrap_or_else(|| panic!("there is no habit {name}"));
    (habit.play)(world, random).await;
}

/// Habits that are played in the middle of a job too.
const MEANWHILE: &[&str] = &[
    "connects",
    "comes_back_late_or_again",
    "renews",
    "refreshes",
    "erases_a_link",
    "erases_a_link",
    "erases_everything",
    "movements_change",
    "other_objects_change",
    "belvo_is_unwell",
    "belvo_is_well",
    "belvo_deletes_a_link",
    "webhooks_arrive",
    "webhooks_arrive",
    "the_sweeper_queues_what_is_due",
    "the_sweeper_walks_the_links",
    "rotates_belvos_keys",
    "rotates_the_session_keys",
];

/// The habit of an asynchronous function.
macro_rules! habit {
    ($weight:literal, $name:ident) => {
        $crate::story::Habit {
            name: stringify!($name),
            weight: $weight,
            play: |world, random| Box::pin($name(world, random)),
        }
    };
}
use habit;

/// Some link that stands, if there is one.
fn some_link(world: &World, random: &mut Random) -> Option<String> {
    let links = world.standing();
    (!links.is_empty()).then(|| random.pick(&links).clone())
}
