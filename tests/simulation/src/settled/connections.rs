//! Attempts and receipts say what users did.

use std::collections::BTreeSet;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use truth::Canonical;

use crate::people::{Made, Outcome, Visit};
use crate::tables::Tables;
use crate::world::World;

/// Outcomes without a link.
const LEFT: [&str; 3] = ["exit", "error", "warning"];

/// How the records of a person differ from what the person did.
pub async fn differences(world: &mut World, tables: &Tables, person: usize) -> Vec<String> {
    let mut items = tables.connections_of(&world.people[person].external_id);
    let mut wrong = Vec::new();
    for visit in &world.people[person].visits {
        let item = items.remove(&visit.session_id);
        wrong.extend(attempt(world, person, visit, item));
    }
    for id in &world.people[person].receipts {
        if !items.contains_key(&format!("receipt#{id}")) {
            wrong.push(format!("receipt {id} is lost"));
        }
    }
    // There may be some of which the answer was lost.
    for (key, item) in items
        .extract_if(.., |key, _| key.starts_with("receipt#"))
        .collect::<Vec<_>>()
    {
        let id = key.trim_start_matches("receipt#");
        wrong.extend(receipt(world, person, id, &item).await);
    }
    let was_erased = items.remove("user#erased").is_some();
    if was_erased != world.people[person].erased_at.is_some() {
        wrong.push(format!("user#erased of person {person}: {was_erased}"));
    }
    // Counters of hours expire.
    let now = world.time.now();
    items.retain(|key, _| {
        key.strip_prefix("hour#")
            .is_none_or(|hour| is_old(hour, now))
    });
    // Visits of which the answer was lost, and which nobody has made.
    items.retain(|key, it| {
        key.contains('#') || *it.get("outcome") != Canonical::Text("started".into())
    });
    wrong.extend(
        items
            .keys()
            .map(|it| format!("{it} of person {person} is left")),
    );
    wrong
}

/// Whether DynamoDB must have deleted the counter of an hour: after two hours, and two days.
fn is_old(hour: &str, now: Timestamp) -> bool {
    let began: Result<Timestamp, _> = format!("{hour}:00:00Z").parse();
    began.is_ok_and(|began| now.duration_since(began) > SignedDuration::from_hours(51))
}

/// An attempt is recorded, with its link and its outcome if the browser came back.
fn attempt(world: &World, person: usize, visit: &Visit, item: Option<Canonical>) -> Option<String> {
    let session = &visit.session_id;
    let of_visit = |it: &&Made| it.session_id == *session;
    let mut links = world.links.values().filter(of_visit);
    // A link that continues another one has the visit of that one, and an attempt goes with either.
    let made = links.clone().find(|it| it.erased).or_else(|| links.next());
    let erased_at = world.people[person].erased_at;
    let is_void = erased_at.is_some_and(|at| visit.begun_at <= at);
    let Some(item) = item else {
        let may_lack = is_void || made.is_some_and(|it| it.erased);
        return (!may_lack).then(|| format!("attempt {session} is not recorded"));
    };
    let told = match item.get("outcome") {
        Canonical::Text(told) => told.as_str(),
        _ => "nothing",
    };
    let stands = |it: &Made| it.owner_is_theirs && !it.deleted_at_belvo;
    let fits = match visit.outcome {
        // It may be recorded after its link or its user was erased, and its callback is ignored then.
        _ if is_void || made.is_some_and(|it| it.erased) => told == "started",
        Some(Outcome::Success { returned: true }) if made.is_some_and(stands) => told == "success",
        Some(Outcome::Other { returned: true }) => LEFT.contains(&told),
        Some(Outcome::Success { returned: true }) => true,
        // It may have come back, and the answer was lost.
        Some(Outcome::Other { returned: false }) => told == "started" || LEFT.contains(&told),
        Some(Outcome::Success { returned: false }) => ["started", "success"].contains(&told),
        None => told == "started",
    };
    (!fits).then(|| format!("attempt {session} is {told}: {visit:?}"))
}

/// A receipt says that nothing is left, and the API says so too.
async fn receipt(world: &mut World, person: usize, id: &str, item: &Canonical) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Canonical::Map(links) = item.get("links") {
        let open = links
            .iter()
            .filter(|(_, it)| *it.get("completed_at") == Canonical::Null);
        wrong.extend(open.map(|(link, _)| format!("receipt {id} is open for {link}")));
    }
    let path = format!("/receipts/{id}");
    let shown = world.insist(person, Method::GET, &path, &Value::Null).await;
    let shown = shown.json();
    if shown["status"] != "complete" {
        wrong.push(format!("{path} is shown as {shown}"));
    }
    wrong
}

/// Every erased link is on a receipt of its user, and every erasure is remembered for whoever
/// restores a backup.
pub fn erasures(world: &World, tables: &Tables) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut on_receipts, mut remembered) = (BTreeSet::new(), BTreeSet::new());
    for (user, key, item) in tables.connections() {
        if let Some(receipt) = key.strip_prefix("receipt#") {
            let scope = item.get("scope").text();
            if scope == "user" && *item.get("listed_at") == Canonical::Null {
                wrong.push(format!("receipt {receipt}: Belvo's list was never read"));
            }
            if let Canonical::Map(links) = item.get("links") {
                let links = links.keys();
                on_receipts.extend(links.map(|it| (user.clone(), it.clone())));
            }
        }
        if user.starts_with("ERASED#") {
            remembered.insert(key.clone());
        }
        let is_known = ["ERASED#", "DOCUMENT#", "CODE#"]
            .iter()
            .any(|it| user.starts_with(it));
        if !is_known && !world.people.iter().any(|it| it.external_id == *user) {
            wrong.push(format!("{key} of {user} is nobody's"));
        }
    }
    for (link_id, made) in world.links.iter().filter(|(_, it)| it.erased) {
        let user = world.people[made.person].external_id.clone();
        let was_theirs = world.tombstones.contains(link_id);
        if was_theirs && !on_receipts.contains(&(user, link_id.clone())) {
            wrong.push(format!("{link_id} is erased and on no receipt"));
        }
        if was_theirs && !remembered.contains(link_id) {
            wrong.push(format!("{link_id} is erased and not remembered"));
        }
    }
    let receipts = world.people.iter().flat_map(|it| &it.erasures);
    let forgotten = receipts.filter(|it| !remembered.contains(*it));
    wrong.extend(forgotten.map(|it| format!("the erasure of a user, {it}, is not remembered")));
    wrong
}
