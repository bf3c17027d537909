//! LINK, rows and consents are Belvo's.

use truth::{Canonical, RESOURCES, Records};

use crate::people::{Made, Outcome};
use crate::tables::Tables;
use crate::world::World;

/// How what is stored of a link differs from what should be.
pub async fn differences(
    world: &World,
    tables: &Tables,
    link_id: &str,
    made: &Made,
) -> Vec<String> {
    let records = tables.records(link_id);
    match (made.erased, made.owner_is_theirs) {
        (true, _) => erased(world, link_id, &records).await,
        _ if made.deleted_at_belvo => lost(&records),
        _ if may_be_nobodys(world, made) && is_unclaimed(&records) => Vec::new(),
        (false, false) => quarantined(&records),
        (false, true) => equal(world, link_id, made, &records).await,
    }
}

/// Whether Belvo names nobody, and neither did the browser come back from a visit that counts, nor is
/// a link there that it continues.
fn may_be_nobodys(world: &World, made: &Made) -> bool {
    let former = made.continues.as_ref().and_then(|it| world.links.get(it));
    let is_left_alone =
        former.is_some_and(|it| it.erased || it.deleted_at_belvo || may_be_nobodys(world, it));
    is_left_alone || (made.names_nobody && !came_back(world, made))
}

fn came_back(world: &World, made: &Made) -> bool {
    let person = &world.people[made.person];
    let mut visits = person.visits.iter();
    let visit = visits.find(|it| it.session_id == made.session_id);
    visit.is_some_and(|it| {
        it.outcome == Some(Outcome::Success { returned: true })
            && person.erased_at.is_none_or(|at| it.begun_at > at)
    })
}

fn is_unclaimed(records: &Records) -> bool {
    let is_row = |key: &String| {
        RESOURCES
            .iter()
            .any(|(kind, _)| key.starts_with(&format!("{kind}#")))
    };
    let status = records.get("LINK").and_then(|it| it.get("status"));
    status == Some(&Canonical::Text("unclaimed".to_owned())) && !records.keys().any(is_row)
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
pub async fn equal(world: &World, link_id: &str, made: &Made, records: &Records) -> Vec<String> {
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
    for (kind, _) in RESOURCES {
        let resource = link.get("resources").get(kind);
        // What exists only embedded is stored beside what Belvo lists.
        let prefix = format!("{kind}#");
        let stored = records.keys().filter(|it| it.starts_with(&prefix)).count();
        let count = Canonical::from_json(&stored.to_string());
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
    wrong.extend(webhooks(world, link_id, records));
    wrong
}

/// Webhooks that came before a link was bound are kept for the log up to this number.
const MOST_UNLOGGED: usize = 20;

/// Each webhook that was queued is in the log once.
fn webhooks(world: &World, link_id: &str, records: &Records) -> Option<String> {
    let logged = records.keys().filter(|it| it.starts_with("EVENT#")).count();
    let queue = world.queue.lock().unwrap();
    let of_link = |body: &&String| body.contains(WEBHOOK) && body.contains(link_id);
    let queued = queue.accepted().iter().filter(of_link).count();
    let fits = match queued {
        0..=MOST_UNLOGGED => logged == queued,
        _ => (MOST_UNLOGGED..=queued).contains(&logged),
    };
    (!fits).then(|| format!("{logged} webhooks are logged of {queued}"))
}

/// The name of the job that a webhook leads to.
const WEBHOOK: &str = "\"webhook_received.v1\"";

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
