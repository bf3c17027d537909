//! Compares the stored data with Belvo's.

use std::collections::{BTreeMap, BTreeSet};

use super::bank::Movement;
use super::world::World;
use crate::canonical::Canonical;
use crate::world::{RESOURCES, Records, key_of, stored_form};

/// The part of a key that stands for a missing date.
const NO_DATE: &str = "0000-00-00";

/// Compares all data of every link, and requires that there are no dead letters.
pub async fn assert_all_is_well(world: &World) {
    let mut differences = Vec::new();
    for (link_id, external_id) in &world.links {
        let truth = world.bank.truth(link_id).await;
        let records = world.records(link_id).await;
        differences.extend(compare(&truth, &records, external_id));
    }
    let dead = world.queue.lock().unwrap().dead_letters();
    differences.extend(
        dead.into_iter()
            .map(|body| format!("a dead letter: {body}")),
    );
    let unknown = world.bank.unknown_requests().await;
    if unknown != "{}" {
        differences.push(format!("requests for unknown paths of Belvo: {unknown}"));
    }
    if !differences.is_empty() {
        let mut state = String::new();
        for link_id in world.links.keys() {
            state = format!("{state}\n{:?}", world.link_record(link_id).await);
        }
        panic!("{}\n{state}\n{}", world.story(), differences.join("\n"));
    }
}

/// Checks the transactions of a link in the middle of a sync: a reader must find each row that
/// existed all the time, and none of them twice.
pub fn assert_readable(before: &[Movement], after: &[Movement], records: &Records, story: &str) {
    let after: BTreeSet<&str> = after.iter().map(|row| row.id.as_str()).collect();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for record in records.keys().filter(|it| it.starts_with("TRANSACTIONS#")) {
        let (_, id) = record.rsplit_once('#').unwrap();
        *seen.entry(id).or_default() += 1;
    }
    for (id, times) in &seen {
        assert_eq!(*times, 1, "{story}\n{id} is stored {times} times");
    }
    for row in before.iter().filter(|row| after.contains(row.id.as_str())) {
        assert!(
            seen.contains_key(row.id.as_str()),
            "{story}\n{row:?} is missing"
        );
    }
}

fn compare(truth: &Canonical, records: &Records, external_id: &str) -> Vec<String> {
    let mut differences = Vec::new();
    for (kind, name) in RESOURCES {
        let mut expected = BTreeMap::new();
        for object in truth.get(name).list() {
            let object = stored_form(kind, object.clone()).without_read_marks();
            expected.insert(record_of(kind, &object), object);
        }
        let prefix = format!("{kind}#");
        for (record, item) in records
            .iter()
            .filter(|(record, _)| record.starts_with(&prefix))
        {
            let stored = item["data"].clone().without_read_marks();
            match expected.remove(record) {
                None => differences.push(format!("{record} is stored, but Belvo does not have it")),
                Some(object) if object != stored => {
                    differences.push(format!("{record} is {stored:?} instead of {object:?}"));
                }
                Some(_) => {}
            }
            if item["external_id"].text() != external_id {
                differences.push(format!("{record} has another user"));
            }
        }
        let missing = expected.keys();
        differences.extend(missing.map(|record| format!("{record} is not stored")));
    }
    differences
}

fn record_of(kind: &str, object: &Canonical) -> String {
    let is_movement = kind.ends_with("TRANSACTIONS");
    match object.get("value_date") {
        Canonical::Null if is_movement => format!("{kind}#{NO_DATE}#{}", object.get("id").text()),
        _ => key_of(kind, object),
    }
}
