//! What always holds, checked after every step of a history.

use std::collections::{BTreeMap, BTreeSet};

use truth::{Canonical, RESOURCES};

use crate::people::{NAME, Person};
use crate::tables::{Item, Tables};
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

/// Checks all invariants on everything that is stored.
///
/// # Panics
/// With the name of the one that does not hold, and the story.
pub async fn check(world: &mut World) {
    world.take_touched();
    let tables = Tables::all(&world.client).await;
    let links = tables.link_ids().chain(world.rows.keys());
    let links = links.chain(world.links.keys()).cloned().collect();
    hold(world, &tables, &links).await;
}

/// Checks all invariants on the links and users of which a record was written since the last check,
/// and on all links of these users.
///
/// # Panics
/// Like [`check`].
#[cfg(test)]
pub async fn check_touched(world: &mut World) {
    let (mut links, mut users) = world.take_touched();
    let made = |id: &String| world.links.get(id);
    let makers = links.iter().filter_map(made).map(|it| it.person);
    users.extend(makers.map(|it| world.people[it].external_id.clone()));
    let of_users = |it: usize| users.contains(&world.people[it].external_id);
    let others = world.links.iter().filter(|(_, it)| of_users(it.person));
    links.extend(others.map(|(id, _)| id.clone()));
    let tables = Tables::of(&world.client, &users, &links).await;
    hold(world, &tables, &links).await;
}

/// Checks all invariants on these links.
async fn hold(world: &mut World, tables: &Tables, links: &BTreeSet<String>) {
    for invariant in INVARIANTS {
        if let Some(what) = (invariant.broken)(world, tables) {
            panic!("{}\nnot so: {}\n{what}", world.story(), invariant.name);
        }
    }
    let tombstones = tables.links("TOMBSTONE");
    world
        .tombstones
        .extend(tombstones.map(|(id, _)| id.clone()));
    let mut rows: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for row in tables.rows() {
        let of_link = rows.entry(row.link_id.clone()).or_default();
        of_link.insert((row.kind.clone(), row.id.clone()));
    }
    for link_id in links {
        let now = rows.remove(link_id).unwrap_or_default();
        let before = world.rows.insert(link_id.clone(), now);
        let gone = &before.unwrap_or_default() - &world.rows[link_id];
        if let Some(what) = a_row_is_lost(world, link_id, &gone).await {
            let name = "a row that was stored and that Belvo has is stored";
            panic!("{}\nnot so: {name}\n{what}", world.story());
        }
    }
}

/// Rows that were stored after the step before. An erasure removes what Belvo still has.
async fn a_row_is_lost(
    world: &World,
    link_id: &str,
    gone: &BTreeSet<(String, String)>,
) -> Option<String> {
    if gone.is_empty() || world.links.get(link_id).is_none_or(|it| it.erased) {
        return None;
    }
    let truth = world.bank.truth(link_id).await;
    let mut gone = gone.iter();
    let lost = gone.find(|(kind, id)| {
        let names = RESOURCES.iter().filter(|(it, _)| it == kind);
        let mut objects = names.flat_map(|(_, name)| truth.get(name).list());
        objects.any(|it| it.get("id").text() == id)
    });
    lost.map(|(kind, id)| format!("{kind} {id} of {link_id}"))
}

fn text(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(Canonical::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

fn a_row_is_doubled(world: &World, tables: &Tables) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut rows = tables
        .rows()
        .filter(|it| !world.overlapped.contains(&it.link_id));
    let double = rows.find(|it| !seen.insert((&it.link_id, &it.kind, &it.id)));
    double.map(|it| format!("{} {} of {}", it.kind, it.id, it.link_id))
}

fn a_row_lies_under_another_user(world: &World, tables: &Tables) -> Option<String> {
    let mut rows = tables.rows();
    let wrong = rows.find(|it| {
        let made = world.links.get(&it.link_id);
        made.is_none_or(|made| world.people[made.person].external_id != it.user)
    });
    wrong.map(|it| format!("{} {} of {} under {}", it.kind, it.id, it.link_id, it.user))
}

fn a_row_of_a_stranger_is_stored(world: &World, tables: &Tables) -> Option<String> {
    let is_theirs = |id: &str| world.links.get(id).is_some_and(|it| it.owner_is_theirs);
    let mut rows = tables.rows();
    let wrong = rows.find(|it| !is_theirs(&it.link_id));
    wrong.map(|it| format!("{} of {}", it.kind, it.link_id))
}

/// Until the second purge, a job of before may still write rows, but never LINK.
fn an_erased_link_is_back(_: &World, tables: &Tables) -> Option<String> {
    let mut links = tables.links("LINK");
    let tombstone = |id: &str| tables.link(id, "TOMBSTONE");
    let saved =
        |(id, it): &(&String, &Item)| it.contains_key("updated_at") && tombstone(id).is_some();
    if let Some((id, _)) = links.find(saved) {
        return Some(format!("LINK of {id}"));
    }
    let mut rows = tables.rows();
    let back = rows.find(|row| {
        tombstone(&row.link_id).is_some_and(|it| {
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
    let links = tables.links("LINK").map(|(_, it)| it);
    // A quarantined link is read again only when an operator or a webhook says so.
    let alive = |it: &&Item| {
        let status = text(it, "status");
        ["announced", "awaiting_owner", "bound"].contains(&status.as_str())
    };
    let is_empty = |it: &Canonical| match it {
        Canonical::Null => true,
        Canonical::Map(members) => members.is_empty(),
        Canonical::Bool(flag) => !flag,
        Canonical::List(list) => list.is_empty(),
        _ => false,
    };
    let mut links = links.filter(alive);
    let forgotten = links.find(|link| {
        let waits = match link.get("pending") {
            Some(Canonical::Map(pending)) => pending.values().any(|it| !is_empty(it)),
            _ => false,
        };
        waits
            && link.contains_key("updated_at")
            && !link.contains_key("due_at")
            && !is_queued(&text(link, "link_id"))
    });
    forgotten.map(|it| format!("{}: {:?}", text(it, "link_id"), it.get("pending")))
}

fn a_document_leaks(world: &World, tables: &Tables) -> Option<String> {
    let owners = (0..world.people.len()).map(|it| Person::account_holder_of(it).cpf);
    let own = world.people.iter().flat_map(Person::documents);
    let documents: BTreeSet<String> = owners.chain(own.cloned()).collect();
    let secret = |text: &str| {
        let mut numbers = text.split(|it: char| !it.is_ascii_digit());
        numbers.any(|it| documents.contains(it)) || text.contains(NAME)
    };
    let mut queue = world.queue.lock().unwrap();
    if let Some(body) = queue.take_new().iter().find(|it| secret(it)) {
        return Some(format!("on the queue: {body}"));
    }
    // A consent is Belvo's object.
    let mut of_links = tables.of_links();
    let leak = of_links.find(|item| {
        let mut members = item.iter().filter(|(name, _)| *name != "data");
        members.any(|(_, it)| secret(&format!("{it:?}")))
    });
    if let Some(item) = leak {
        return Some(format!("{:?}", item.keys().collect::<Vec<_>>()));
    }
    let mut of_users = tables.connections();
    let leak = of_users.find(|(_, _, it)| secret(&format!("{it:?}")));
    leak.map(|(_, key, _)| key.clone())
}

fn a_receipt_lies(_: &World, tables: &Tables) -> Option<String> {
    let mut receipts = tables
        .connections()
        .filter(|(_, key, _)| key.starts_with("receipt#"));
    receipts.find_map(|(_, _, receipt)| {
        let Canonical::Map(links) = receipt.get("links") else {
            return None;
        };
        let done = links
            .iter()
            .filter(|(_, it)| *it.get("completed_at") != Canonical::Null);
        let mut done = done.map(|(id, _)| id);
        let left = done.find(|id| {
            // A late webhook may have made LINK anew for a moment, empty.
            let link = tables.link(id, "LINK");
            let saved = link.is_some_and(|it| it.contains_key("updated_at"));
            saved || tables.rows().any(|it| it.link_id == **id)
        });
        left.map(|id| format!("{id} was erased, and something of it is stored"))
    })
}
