//! The counters of a month say what connecting and refreshing has spent of a person's limits.

use std::collections::BTreeSet;

use truth::Canonical;

use crate::tables::{Item, Tables};
use crate::world::World;

/// Read once for each occasion.
const ALWAYS: [&str; 5] = [
    "OWNERS",
    "ACCOUNTS",
    "BILLS",
    "INVESTMENTS",
    "INVESTMENT_TRANSACTIONS",
];

/// How the counters differ from the occasions, and the occasions from what happened.
pub fn differences(world: &World, tables: &Tables) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut counted: BTreeSet<(String, String)> = BTreeSet::new();
    for (partition, month, item) in tables.connections() {
        let Some(document) = partition.strip_prefix("DOCUMENT#") else {
            continue;
        };
        if !month.starts_with("month#") {
            continue;
        }
        let occasions = item.get("occasions").list();
        let occasions: Vec<&str> = occasions.iter().map(Canonical::text).collect();
        let is_link = |it: &&&str| world.links.contains_key(**it);
        let connected = occasions.iter().filter(is_link).count();
        let refreshed = occasions.len() - connected;
        let expected = ALWAYS.map(|it| (it, occasions.len())).into_iter();
        let expected = expected.chain([
            ("TRANSACTIONS", connected),
            ("RECENT_TRANSACTIONS", refreshed),
        ]);
        for (name, count) in expected {
            let told = match item.get(name) {
                Canonical::Null => &Canonical::from_json("0"),
                told => told,
            };
            if *told != Canonical::from_json(&count.to_string()) {
                wrong.push(format!("{month} has {told:?} {name}, not {count}"));
            }
        }
        counted.extend(
            occasions
                .iter()
                .map(|it| (document.to_owned(), (*it).to_owned())),
        );
    }
    for link_id in world.standing() {
        let Some(link) = tables.link(&link_id, "LINK") else {
            continue;
        };
        let Some(Canonical::Text(document)) = link.get("owner_document") else {
            continue;
        };
        let missing = occasions(&link_id, link)
            .into_iter()
            .filter(|it| !counted.contains(&(document.clone(), it.clone())));
        wrong.extend(missing.map(|it| format!("{it} of {link_id} is not counted")));
    }
    wrong
}

/// That a link was connected, and that Belvo has begun its last refresh.
fn occasions(link_id: &str, link: &Item) -> Vec<String> {
    let mut occasions = Vec::new();
    if link.contains_key("bound_at") {
        occasions.push(link_id.to_owned());
    }
    if let Some(refresh) = link.get("refresh")
        && *refresh.get("accepted") == Canonical::Bool(true)
    {
        occasions.push(refresh.get("id").text().to_owned());
    }
    occasions
}
