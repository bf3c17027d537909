//! What holds once everybody is well, nothing more happens, and every due time has come: all tables
//! equal Belvo's truth, and so does what the API shows.
//!
//! | module | compares |
//! |---|---|
//! | `links` | LINK, rows and consents with Belvo's truth |
//! | `shown` | what the API shows with what is stored |
//! | `connections` | attempts and receipts with what users did |
//! | `counters` | what was spent of a month's limits with what happened |

mod connections;
mod counters;
mod links;
mod shown;

use truth::{Canonical, RESOURCES, Records};

use crate::people::Made;
use crate::system::JOBS;
use crate::tables::Tables;
use crate::world::{LATEST_EXPIRY, World};

/// Compares everything.
///
/// # Panics
/// With all differences and the story.
pub async fn check(world: &mut World) {
    // DynamoDB has had the time to delete what expired.
    world.expire(LATEST_EXPIRY).await;
    let tables = Tables::all(&world.client).await;
    let mut wrong = Vec::new();
    let made: Vec<(String, Made)> = world.links.clone().into_iter().collect();
    for (link_id, made) in &made {
        let found = links::differences(world, &tables, link_id, made).await;
        wrong.extend(found.into_iter().map(|it| format!("{link_id}: {it}")));
    }
    for person in 0..world.people.len() {
        wrong.extend(shown::differences(world, &tables, person).await);
        wrong.extend(connections::differences(world, &tables, person).await);
    }
    wrong.extend(connections::erasures(world, &tables));
    wrong.extend(counters::differences(world, &tables));
    wrong.extend(left_over(world).await);
    report(world, &tables, &wrong);
}

/// Compares the links of which everything was told: no webhook is lost, and whatever was not shown
/// when it was told was read again since. Says how many these are, of how many.
///
/// # Panics
/// With all differences and the story.
pub async fn check_heard(world: &World) -> (u64, u64) {
    let tables = Tables::all(&world.client).await;
    let mut wrong = Vec::new();
    let (mut heard, mut all) = (0, 0);
    for link_id in world.standing() {
        let made = &world.links[&link_id];
        if !made.owner_is_theirs {
            continue;
        }
        all += 1;
        if is_heard(world, &link_id, &tables.records(&link_id)) {
            heard += 1;
            let found = links::differences(world, &tables, &link_id, made).await;
            wrong.extend(found.into_iter().map(|it| format!("{link_id}: {it}")));
        }
    }
    report(world, &tables, &wrong);
    (heard, all)
}

/// Whether everything was told of a link, or LINK says that all was read since.
fn is_heard(world: &World, link_id: &str, records: &Records) -> bool {
    let Some(since) = world.unheard.get(link_id) else {
        return true;
    };
    let Some(resources) = records.get("LINK").and_then(|it| it.get("resources")) else {
        return false;
    };
    // A job says by its own clock when it read.
    let since = *since + world.setup.skew(JOBS);
    RESOURCES.iter().all(|(kind, _)| {
        let full = resources.get(kind).get("last_full_sync");
        matches!(full, Canonical::Text(at) if at.parse().is_ok_and(|at: jiff::Timestamp| at > since))
    })
}

/// Whether a link that its user has not erased differs from Belvo's now.
#[cfg(test)]
pub async fn differs(world: &World) -> bool {
    let tables = Tables::all(&world.client).await;
    for link_id in world.standing() {
        let records = tables.records(&link_id);
        let made = &world.links[&link_id];
        let differences = links::equal(world, &link_id, made, &records).await;
        if !differences.is_empty() {
            return true;
        }
    }
    false
}

/// Dead letters, and requests for what Belvo does not have.
async fn left_over(world: &World) -> Vec<String> {
    let mut wrong: Vec<String> = {
        let queue = world.queue.lock().unwrap();
        let dead = queue.dead_letters();
        dead.map(|body| format!("a dead letter: {body}")).collect()
    };
    let unknown = world.bank.unknown_requests().await;
    if unknown != "{}" {
        wrong.push(format!("requests for unknown paths of Belvo: {unknown}"));
    }
    wrong
}

/// Differences that are shown.
const MOST_SHOWN: usize = 12;

fn report(world: &World, tables: &Tables, wrong: &[String]) {
    if wrong.is_empty() {
        return;
    }
    let mut state = String::new();
    for (link_id, made) in &world.links {
        let link = tables.link(link_id, "LINK");
        state = format!("{state}\n{link_id}: {made:?}\n{link:?}");
    }
    let (shown, count) = (wrong.len().min(MOST_SHOWN), wrong.len());
    let wrong = wrong[..shown].join("\n");
    panic!("{}\n{state}\n{count} differences:\n{wrong}", world.story());
}
