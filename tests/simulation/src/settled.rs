//! What holds once everybody is well, nothing more happens, and every due time has come: all tables
//! equal Belvo's truth, and so does what the API shows.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use serde_json::Value;
use truth::{Canonical, RESOURCES, Records};

use crate::people::{Made, Outcome};
use crate::sides::aws::CONNECTION_TABLE;
use crate::world::World;

/// Pages of a list of the API; more would be an endless list.
const MOST_PAGES: usize = 200;

/// Compares everything.
///
/// # Panics
/// With all differences and the story.
pub async fn check(world: &mut World) {
    let mut wrong = Vec::new();
    let links: Vec<(String, Made)> = world.links.clone().into_iter().collect();
    for (link_id, made) in &links {
        let records = world.records(link_id).await;
        let found = match (made.erased, made.owner_is_theirs) {
            (true, _) => erased(world, link_id, &records).await,
            _ if made.deleted_at_belvo => lost(&records),
            (false, false) => quarantined(&records),
            (false, true) => equal(world, link_id, made, &records).await,
        };
        wrong.extend(found.into_iter().map(|it| format!("{link_id}: {it}")));
    }
    for person in 0..world.people.len() {
        wrong.extend(shown(world, person).await);
        wrong.extend(attempts(world, person).await);
        wrong.extend(receipts(world, person).await);
    }
    wrong.extend(strangers(world).await);
    report(world, &wrong).await;
}

/// Compares the links of which every webhook has arrived.
///
/// # Panics
/// With all differences and the story.
pub async fn check_heard(world: &World) {
    let mut wrong = Vec::new();
    for link_id in world.standing() {
        let made = &world.links[&link_id];
        if made.owner_is_theirs && !world.unheard.contains(&link_id) {
            let records = world.records(&link_id).await;
            let found = equal(world, &link_id, made, &records).await;
            wrong.extend(found.into_iter().map(|it| format!("{link_id}: {it}")));
        }
    }
    report(world, &wrong).await;
}

/// Whether a link that its user has not erased differs from Belvo's now.
#[cfg(test)]
pub async fn differs(world: &World) -> bool {
    for link_id in world.standing() {
        let records = world.records(&link_id).await;
        let made = &world.links[&link_id];
        if !equal(world, &link_id, made, &records).await.is_empty() {
            return true;
        }
    }
    false
}

/// Differences that are shown.
const MOST_SHOWN: usize = 12;

async fn report(world: &World, wrong: &[String]) {
    if wrong.is_empty() {
        return;
    }
    let mut state = String::new();
    for (link_id, made) in &world.links {
        let link = world.records(link_id).await.remove("LINK");
        state = format!("{state}\n{link_id}: {made:?}\n{link:?}");
    }
    let (shown, count) = (wrong.len().min(MOST_SHOWN), wrong.len());
    let wrong = wrong[..shown].join("\n");
    panic!("{}\n{state}\n{count} differences:\n{wrong}", world.story());
}

/// Of an erased link only its tombstone is left, or nothing, here and at Belvo. A LINK that never
/// had a user may be left, without anything about anybody.
async fn erased(world: &World, link_id: &str, records: &Records) -> Vec<String> {
    let personal = ["external_id", "institution_user_id", "owner_document"];
    let is_empty = |name: &str| {
        let item = &records[name];
        name == "LINK" && !personal.iter().any(|it| item.contains_key(*it))
    };
    let mut wrong: Vec<String> = records
        .keys()
        .filter(|it| *it != "TOMBSTONE" && !is_empty(it))
        .map(|it| format!("{it} is left of an erased link"))
        .collect();
    if world.bank.links().await.iter().any(|it| it == link_id) {
        wrong.push("an erased link is left at Belvo".to_owned());
    }
    wrong
}

fn quarantined(records: &Records) -> Vec<String> {
    let link = records.get("LINK");
    let status = link.and_then(|it| it.get("status"));
    match status {
        Some(Canonical::Text(status)) if status == "quarantined" => Vec::new(),
        other => vec![format!("a link of a stranger is {other:?}")],
    }
}

/// What was read before stays, and its user is told.
fn lost(records: &Records) -> Vec<String> {
    let status = records.get("LINK").and_then(|it| it.get("status"));
    match status {
        Some(Canonical::Text(status)) if status == "gone" => Vec::new(),
        // It was deleted before anything of it was read.
        Some(Canonical::Text(status)) if status != "bound" => Vec::new(),
        None => Vec::new(),
        other => vec![format!("a link that Belvo has lost is {other:?}")],
    }
}

/// Rows, LINK's own numbers and CONSENT.
async fn equal(world: &World, link_id: &str, made: &Made, records: &Records) -> Vec<String> {
    let truth = world.bank.truth(link_id).await;
    let user = &world.people[made.person].external_id;
    let mut wrong = truth::differences(&truth, records, user);
    let Some(link) = records.get("LINK") else {
        wrong.push("there is no LINK".to_owned());
        return wrong;
    };
    let link = Canonical::Map(link.clone());
    if *link.get("status") != Canonical::Text("bound".to_owned()) {
        wrong.push(format!("it is {:?}", link.get("status")));
        return wrong;
    }
    for (kind, name) in RESOURCES {
        let resource = link.get("resources").get(kind);
        let count = Canonical::from_json(&truth.get(name).list().len().to_string());
        let told = match resource.get("rows") {
            Canonical::Null => Canonical::from_json("0"),
            told => told.clone(),
        };
        if told != count {
            wrong.push(format!("LINK says {kind} has {told:?} rows, not {count:?}"));
        }
        let state = resource.get("state");
        if *state != Canonical::Text("ready".to_owned()) {
            wrong.push(format!("{kind} is {state:?}: {resource:?}"));
        }
    }
    if let Canonical::Map(pending) = link.get("pending") {
        let nothing = |it: &Canonical| match it {
            Canonical::Map(members) => members.is_empty(),
            it => *it != Canonical::Bool(true),
        };
        if !pending.values().all(nothing) {
            wrong.push(format!("something is pending: {pending:?}"));
        }
    }
    wrong.extend(consents(&truth, records));
    wrong
}

/// CONSENT is Belvo's consent.
fn consents(truth: &Canonical, records: &Records) -> Vec<String> {
    let Canonical::Map(_) = truth.get("consent") else {
        return Vec::new();
    };
    let consent = truth.get("consent");
    let key = format!("CONSENT#{}", consent.get("id").text());
    let Some(stored) = records.get(&key) else {
        return vec![format!("{key} is not stored")];
    };
    let members = ["id", "status", "expired_at", "link"];
    let differs = members.iter().find(|it| {
        let (there, here) = (consent.get(it), stored["data"].get(it));
        there != here
    });
    let different = differs.map(|it| {
        let (there, here) = (consent.get(it), stored["data"].get(it));
        format!("{it} of {key} is {here:?}, not {there:?}")
    });
    different.into_iter().collect()
}

/// What the API shows is what is stored, and only what may be shown.
async fn shown(world: &mut World, person: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let answer = world
        .insist(person, Method::GET, "/links", &Value::Null)
        .await;
    let body = answer.json();
    let mut seen = BTreeMap::new();
    for link in body["links"].as_array().into_iter().flatten() {
        let text = |name: &str| link[name].as_str().unwrap_or_default().to_owned();
        seen.insert(text("link_id"), text("status"));
    }
    let own = world.links.clone().into_iter();
    for (link_id, made) in own.filter(|(_, it)| it.person == person && !it.deleted_at_belvo) {
        let status = seen.remove(&link_id);
        let served = !made.erased && made.owner_is_theirs;
        let served = served && (!world.setup.body_mode || made.proven);
        match (&status, made.erased) {
            (Some(status), true) => wrong.push(format!("{link_id}, erased, is shown as {status}")),
            (None, false) => wrong.push(format!("{link_id} is not shown")),
            _ => {}
        }
        let path = format!("/links/{link_id}/transactions");
        let rows = pages(world, person, &path).await;
        let expected = match served {
            true => world.bank.transactions(&link_id).await,
            false => Vec::new(),
        };
        let expected: BTreeSet<String> = expected.into_iter().map(|it| it.id).collect();
        match rows {
            Ok(rows) if served => {
                let ids: BTreeSet<String> = rows.iter().cloned().collect();
                if ids != expected || ids.len() != rows.len() {
                    wrong.push(format!(
                        "{path} shows {} rows of {}",
                        rows.len(),
                        expected.len()
                    ));
                }
            }
            Ok(rows) if rows.is_empty() => {}
            Ok(rows) => wrong.push(format!("{path} shows {} rows", rows.len())),
            Err(status) if served => wrong.push(format!("{path} is answered {status}")),
            Err(_) => {}
        }
    }
    let is_theirs = |id: &String| world.links.get(id).is_some_and(|it| it.person == person);
    let strangers = seen.keys().filter(|it| !is_theirs(it));
    wrong.extend(strangers.map(|it| format!("{it} is shown to person {person}")));
    wrong
}

/// The ids of all rows of a list, or the status of what is no list.
async fn pages(world: &mut World, person: usize, path: &str) -> Result<Vec<String>, u16> {
    let mut rows = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..MOST_PAGES {
        let answer = world.insist(person, Method::GET, &next, &Value::Null).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        let body = answer.json();
        let list = body["items"].as_array().into_iter().flatten();
        rows.extend(list.map(|it| it["id"].as_str().unwrap_or_default().to_owned()));
        match body["next_cursor"].as_str() {
            None => return Ok(rows),
            Some(cursor) => {
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("cursor", cursor)
                    .finish();
                next = format!("{path}?{query}");
            }
        }
    }
    panic!("{}\n{path} never ends", world.story());
}

/// Every attempt is recorded, with its link and its outcome if the browser came back.
async fn attempts(world: &World, person: usize) -> Vec<String> {
    let items = connections(world, person).await;
    let mut wrong = Vec::new();
    for visit in &world.people[person].visits {
        let Some(item) = items.get(&visit.session_id) else {
            continue;
        };
        let mut links = world.links.values();
        let made = links.find(|it| it.session_id == visit.session_id);
        let (told, session) = (item.get("outcome"), &visit.session_id);
        let says = |outcome: &str| *told == Canonical::Text(outcome.to_owned());
        // It may be recorded after its link was erased and its callback ignored.
        if made.is_some_and(|it| it.erased) && !says("started") {
            wrong.push(format!("attempt {session} of an erased link is {told:?}"));
        }
        let stands = |it: &Made| it.owner_is_theirs && !it.deleted_at_belvo && !it.erased;
        let returned = visit.outcome == Some(Outcome::Success { returned: true });
        if returned && made.is_some_and(stands) && !says("success") {
            wrong.push(format!("attempt {session} is {told:?}"));
        }
    }
    wrong
}

/// Every receipt says that nothing is left.
async fn receipts(world: &World, person: usize) -> Vec<String> {
    let items = connections(world, person).await;
    let mut wrong = Vec::new();
    for id in &world.people[person].receipts {
        let Some(receipt) = items.get(&format!("receipt#{id}")) else {
            wrong.push(format!("receipt {id} is lost"));
            continue;
        };
        if let Canonical::Map(links) = receipt.get("links") {
            let open = links
                .iter()
                .filter(|(_, it)| *it.get("completed_at") == Canonical::Null);
            wrong.extend(open.map(|(link, _)| format!("receipt {id} is open for {link}")));
        }
    }
    wrong
}

async fn connections(world: &World, person: usize) -> BTreeMap<String, Canonical> {
    let user = AttributeValue::S(world.people[person].external_id.clone());
    let query = world
        .client
        .query()
        .table_name(CONNECTION_TABLE)
        .consistent_read(true)
        .key_condition_expression("external_id = :user")
        .expression_attribute_values(":user", user);
    let items = query.send().await.unwrap().items.unwrap_or_default();
    let canonical = |item: std::collections::HashMap<String, AttributeValue>| {
        let members = item.iter();
        let members = members.map(|(k, v)| (k.clone(), Canonical::from_attribute(v)));
        let members: BTreeMap<String, Canonical> = members.collect();
        let key = members["session_id"].text().to_owned();
        (key, Canonical::Map(members))
    };
    items.into_iter().map(canonical).collect()
}

/// Dead letters, and requests for what Belvo does not have.
async fn strangers(world: &World) -> Vec<String> {
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
