//! What always holds, checked after every step of a history.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use truth::{Canonical, RESOURCES};

use crate::people::Person;
use crate::sides::aws::{CONNECTION_TABLE, LINK_TABLE, RESOURCE_TABLE};
use crate::world::World;

/// A rule that every state of the tables keeps.
struct Invariant {
    name: &'static str,
    /// The first thing that breaks it.
    broken: fn(&World, &Tables) -> Option<String>,
}

/// All of them. To add one, write a function below and name it here.
const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "no row is stored twice, but while two processes work on one link",
        broken: a_row_is_doubled,
    },
    Invariant {
        name: "rows lie under the user who has made their link",
        broken: a_row_lies_under_another_user,
    },
    Invariant {
        name: "no row is stored of an owner who is not the user",
        broken: a_row_of_a_stranger_is_stored,
    },
    Invariant {
        name: "nothing comes back that was purged",
        broken: an_erased_link_is_back,
    },
    Invariant {
        name: "a link that waits for something has a date",
        broken: a_link_is_forgotten,
    },
    Invariant {
        name: "no document or name is queued or kept beside Belvo's objects",
        broken: a_document_leaks,
    },
    Invariant {
        name: "a receipt that is complete is true",
        broken: a_receipt_lies,
    },
];

/// Checks all invariants.
///
/// # Panics
/// With the name of the one that does not hold, and the story.
pub async fn check(world: &mut World) {
    let tables = Tables::read(world).await;
    for invariant in INVARIANTS {
        if let Some(what) = (invariant.broken)(world, &tables) {
            panic!("{}\nnot so: {}\n{what}", world.story(), invariant.name);
        }
    }
    world.tombstones.extend(tables.tombstones.keys().cloned());
    let rows = tables.rows.iter().map(RowKey::of_link);
    let before = std::mem::replace(&mut world.rows, rows.collect());
    let gone: Vec<_> = before.difference(&world.rows).cloned().collect();
    if let Some(what) = a_row_is_lost(world, &gone).await {
        let name = "a row that was stored and that Belvo has is stored";
        panic!("{}\nnot so: {name}\n{what}", world.story());
    }
}

/// Rows that were stored after the step before. An erasure removes what Belvo still has.
async fn a_row_is_lost(world: &World, gone: &[(String, String, String)]) -> Option<String> {
    for (link_id, kind, id) in gone {
        let erased = world.links.get(link_id).is_none_or(|it| it.erased);
        let name = RESOURCES.iter().find(|(it, _)| it == kind);
        let Some((_, name)) = name.filter(|_| !erased) else {
            continue;
        };
        let truth = world.bank.truth(link_id).await;
        let objects = truth.get(name).list().iter();
        if objects.into_iter().any(|it| it.get("id").text() == id) {
            return Some(format!("{kind} {id} of {link_id}"));
        }
    }
    None
}

type Item = BTreeMap<String, Canonical>;

/// What is stored.
struct Tables {
    /// User, link, kind and id of each row.
    rows: Vec<RowKey>,
    /// LINK, by link.
    links: BTreeMap<String, Item>,
    tombstones: BTreeMap<String, Item>,
    /// Everything that is no row.
    others: Vec<Item>,
}

struct RowKey {
    user: String,
    link_id: String,
    kind: String,
    id: String,
}

impl RowKey {
    fn of_link(&self) -> (String, String, String) {
        (self.link_id.clone(), self.kind.clone(), self.id.clone())
    }
}

impl Tables {
    async fn read(world: &World) -> Self {
        let rows = scan(world, RESOURCE_TABLE, Some("external_id, #record")).await;
        let rows = rows.iter().map(|it| {
            let record = text(it, "record");
            let parts: Vec<&str> = record.split('#').collect();
            RowKey {
                user: text(it, "external_id"),
                link_id: parts[0].to_owned(),
                kind: parts[1].to_owned(),
                id: parts.last().unwrap().to_string(),
            }
        });
        let mut others = scan(world, LINK_TABLE, None).await;
        let of_kind = |kind: &str| {
            let found = others.iter().filter(|it| text(it, "record") == kind);
            found.map(|it| (text(it, "link_id"), it.clone())).collect()
        };
        let (links, tombstones) = (of_kind("LINK"), of_kind("TOMBSTONE"));
        let rows = rows.collect();
        others.extend(scan(world, CONNECTION_TABLE, None).await);
        Self {
            rows,
            links,
            tombstones,
            others,
        }
    }
}

async fn scan(world: &World, table: &str, members: Option<&str>) -> Vec<Item> {
    let mut scan = world.client.scan().table_name(table).consistent_read(true);
    if let Some(members) = members {
        scan = scan
            .projection_expression(members)
            .expression_attribute_names("#record", "record");
    }
    let mut pages = scan.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        let mut item = item.unwrap();
        // The hash beside an object says nothing else than the object.
        item.remove("hash");
        let item = item.into_iter();
        let canonical =
            |(name, it): (String, AttributeValue)| (name, Canonical::from_attribute(&it));
        items.push(item.map(canonical).collect());
    }
    items
}

fn text(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(Canonical::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn a_row_is_doubled(world: &World, tables: &Tables) -> Option<String> {
    let mut seen = BTreeSet::new();
    let rows = tables.rows.iter();
    let mut rows = rows.filter(|it| !world.overlapped.contains(&it.link_id));
    let double = rows.find(|it| !seen.insert((&it.link_id, &it.kind, &it.id)));
    double.map(|it| format!("{} {} of {}", it.kind, it.id, it.link_id))
}

fn a_row_lies_under_another_user(world: &World, tables: &Tables) -> Option<String> {
    let mut rows = tables.rows.iter();
    let wrong = rows.find(|it| {
        let made = world.links.get(&it.link_id);
        made.is_none_or(|made| world.people[made.person].external_id != it.user)
    });
    wrong.map(|it| format!("{} {} of {} under {}", it.kind, it.id, it.link_id, it.user))
}

fn a_row_of_a_stranger_is_stored(world: &World, tables: &Tables) -> Option<String> {
    let is_theirs = |id: &str| world.links.get(id).is_some_and(|it| it.owner_is_theirs);
    let mut rows = tables.rows.iter();
    let wrong = rows.find(|it| !is_theirs(&it.link_id));
    wrong.map(|it| format!("{} of {}", it.kind, it.link_id))
}

/// Until the second purge, a job of before may still write rows, but never LINK.
fn an_erased_link_is_back(_: &World, tables: &Tables) -> Option<String> {
    let mut links = tables.links.iter();
    let saved = |(id, it): &(&String, &Item)| {
        it.contains_key("updated_at") && tables.tombstones.contains_key(*id)
    };
    if let Some((id, _)) = links.find(saved) {
        return Some(format!("LINK of {id}"));
    }
    let mut rows = tables.rows.iter();
    let back = rows.find(|row| {
        let tombstone = tables.tombstones.get(&row.link_id);
        tombstone.is_some_and(|it| {
            let schedule = it.get("schedule").unwrap_or(&Canonical::Null);
            *schedule.get("purge") == Canonical::Null
        })
    });
    back.map(|it| format!("{} of {}", it.kind, it.link_id))
}

/// A job that was stopped has a message that comes back.
fn a_link_is_forgotten(world: &World, tables: &Tables) -> Option<String> {
    let queue = world.queue.lock().unwrap();
    let is_queued = |link_id: &str| queue.waiting_bodies().any(|it| it.contains(link_id));
    let links = tables.links.values();
    // A quarantined link is read again only when an operator or a webhook says so.
    let alive = |it: &&Item| {
        let status = text(it, "status");
        ["announced", "awaiting_owner", "bound"].contains(&status.as_str())
    };
    let links = links.filter(alive);
    let mut links = links.filter(|it| !is_queued(&text(it, "link_id")));
    let forgotten = links.find(|link| {
        let is_empty = |it: &Canonical| match it {
            Canonical::Null => true,
            Canonical::Map(members) => members.is_empty(),
            Canonical::Bool(flag) => !flag,
            Canonical::List(list) => list.is_empty(),
            _ => false,
        };
        let waits = match link.get("pending") {
            Some(Canonical::Map(pending)) => pending.values().any(|it| !is_empty(it)),
            _ => false,
        };
        waits && link.contains_key("updated_at") && !link.contains_key("due_at")
    });
    forgotten.map(|it| format!("{}: {:?}", text(it, "link_id"), it.get("pending")))
}

fn a_document_leaks(world: &World, tables: &Tables) -> Option<String> {
    let queue = world.queue.lock().unwrap();
    let owners = (0..world.people.len()).map(Person::account_holder_of);
    let people: Vec<Person> = world.people.iter().cloned().chain(owners).collect();
    let secret = |text: &str| {
        let mut people = people.iter();
        people.any(|it| text.contains(&it.cpf) || text.contains(&it.name))
    };
    if let Some(body) = queue.bodies().find(|it| secret(it)) {
        return Some(format!("on the queue: {body}"));
    }
    // A consent is Belvo's object.
    let mut others = tables.others.iter();
    let leak = others.find(|item| {
        let mut members = item.iter().filter(|(name, _)| *name != "data");
        members.any(|(_, it)| secret(&format!("{it:?}")))
    });
    leak.map(|it| format!("{:?}", it.keys().collect::<Vec<_>>()))
}

fn a_receipt_lies(_: &World, tables: &Tables) -> Option<String> {
    let receipts = tables.others.iter();
    let mut receipts = receipts.filter(|it| text(it, "session_id").starts_with("receipt#"));
    receipts.find_map(|receipt| {
        let Some(Canonical::Map(links)) = receipt.get("links") else {
            return None;
        };
        let done = links
            .iter()
            .filter(|(_, it)| *it.get("completed_at") != Canonical::Null);
        let mut done = done.map(|(id, _)| id);
        let left = done.find(|id| {
            // A late webhook may have made LINK anew for a moment, empty.
            let link = tables.links.get(*id);
            let saved = link.is_some_and(|it| it.contains_key("updated_at"));
            saved || tables.rows.iter().any(|it| it.link_id == **id)
        });
        left.map(|id| format!("{id} was erased, and something of it is stored"))
    })
}
