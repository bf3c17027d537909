//! What the API shows is what is stored, and only what may be shown.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::Value;
use truth::{Canonical, RESOURCES};

use crate::people::Made;
use crate::tables::Tables;
use crate::world::World;

/// Pages of a list of the API; more would be an endless list.
const MOST_PAGES: usize = 200;

/// The last part of the path of each resource's list.
const PATHS: [(&str, &str); 6] = [
    ("OWNERS", "owners"),
    ("ACCOUNTS", "accounts"),
    ("TRANSACTIONS", "transactions"),
    ("BILLS", "bills"),
    ("INVESTMENTS", "investments"),
    ("INVESTMENT_TRANSACTIONS", "investment-transactions"),
];

/// Objects, by link, kind and id.
type Objects = BTreeMap<(String, String, String), Canonical>;

/// How what a person is shown differs from what is stored.
pub async fn differences(world: &mut World, tables: &Tables, person: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let list = world
        .insist(person, Method::GET, "/links", &Value::Null)
        .await;
    let list = list.json();
    let mut seen = BTreeMap::new();
    for link in list["links"].as_array().into_iter().flatten() {
        let link_id = link["link_id"].as_str().unwrap_or_default();
        seen.insert(link_id.to_owned(), link.clone());
    }
    let mut all = Objects::new();
    let own = world.links.clone().into_iter();
    for (link_id, made) in own.filter(|(_, it)| it.person == person) {
        let view = seen.remove(&link_id);
        let status = view.as_ref().and_then(|it| it["status"].as_str());
        if !expected(world, &made).contains(&status) {
            wrong.push(format!("{link_id} is shown as {status:?}: {made:?}"));
        }
        let path = format!("/links/{link_id}");
        let alone = world.insist(person, Method::GET, &path, &Value::Null).await;
        let alone = Some(alone).filter(|it| it.status == 200);
        if alone.map(|it| without_age(it.json())) != view.clone().map(without_age) {
            wrong.push(format!("{path} differs from the list"));
        }
        let is_served = matches!(
            status,
            Some("loading" | "ready" | "needs_user" | "replaced" | "gone")
        );
        let stored = match is_served {
            true => stored(tables, &link_id),
            false => Objects::new(),
        };
        for (kind, name) in PATHS {
            let path = format!("/links/{link_id}/{name}");
            let of_kind = stored.iter().filter(|((_, it, _), _)| it == kind);
            let of_kind: Objects = of_kind.map(|(k, it)| (k.clone(), it.clone())).collect();
            match pages(world, person, &path).await {
                Ok(items) if is_served => {
                    wrong.extend(compare(&path, &of_kind, objects(kind, items)))
                }
                Err(status) if is_served => wrong.push(format!("{path} is answered {status}")),
                Ok(items) if !items.is_empty() => wrong.push(format!("{path} shows rows")),
                Ok(_) | Err(_) => {}
            }
        }
        all.extend(stored);
    }
    wrong.extend(
        seen.keys()
            .map(|it| format!("{it} is shown to person {person}")),
    );
    let path = "/transactions";
    match pages(world, person, path).await {
        Ok(items) => wrong.extend(compare_merged(path, &all, objects("TRANSACTIONS", items))),
        Err(status) => wrong.push(format!("{path} is answered {status}")),
    }
    match pages(world, person, "/export").await {
        Ok(items) => wrong.extend(compare("/export", &all, exported(items))),
        Err(status) => wrong.push(format!("/export is answered {status}")),
    }
    wrong
}

/// The states in which a link may be shown; none, if it may not.
fn expected(world: &World, made: &Made) -> &'static [Option<&'static str>] {
    match made {
        Made { erased: true, .. } => &[None],
        // It may never have been anybody's.
        Made {
            deleted_at_belvo: true,
            ..
        } => &[
            None,
            Some("gone"),
            Some("replaced"),
            Some("awaiting_owner"),
            Some("awaiting_proof"),
            Some("quarantined"),
        ],
        Made {
            owner_is_theirs: false,
            ..
        } => &[Some("quarantined")],
        // It is shown once the link that it continues was proven, if that came first.
        Made {
            continues: Some(_), ..
        } => &[
            None,
            Some("awaiting_proof"),
            Some("ready"),
            Some("needs_user"),
            Some("replaced"),
        ],
        Made {
            names_nobody: true, ..
        } => &[
            None,
            Some("awaiting_proof"),
            Some("ready"),
            Some("needs_user"),
            Some("replaced"),
        ],
        Made { proven: false, .. } if world.setup.body_mode => &[Some("awaiting_proof")],
        _ => &[Some("ready"), Some("needs_user"), Some("replaced")],
    }
}

/// What is stored of a link's rows.
fn stored(tables: &Tables, link_id: &str) -> Objects {
    let mut objects = Objects::new();
    for (key, item) in tables.records(link_id) {
        let kind = key.split('#').next().unwrap_or_default();
        if RESOURCES.iter().any(|(it, _)| *it == kind) {
            let data = with_marks(&item);
            let id = data.get("id").text().to_owned();
            objects.insert((link_id.to_owned(), kind.to_owned(), id), data);
        }
    }
    objects
}

/// An object with what stands beside it, as it is shown.
fn with_marks(item: &BTreeMap<String, Canonical>) -> Canonical {
    let Canonical::Map(mut shown) = item["data"].clone() else {
        panic!("{:?} is no object", item["data"]);
    };
    for name in ["missing_since", "only_embedded"] {
        let mark = item.get(name).map(|it| (name.to_owned(), it.clone()));
        shown.extend(mark);
    }
    Canonical::Map(shown)
}

/// The objects of a list, which has each with its link.
fn objects(kind: &str, items: Vec<String>) -> Vec<((String, String, String), Canonical)> {
    let items = items.into_iter();
    items
        .map(|item| match Canonical::from_json(&item) {
            Canonical::Map(mut members) => {
                let link_id = members.remove("link_id").unwrap_or(Canonical::Null);
                let object = Canonical::Map(members);
                let id = object.get("id").text().to_owned();
                ((link_id.text().to_owned(), kind.to_owned(), id), object)
            }
            other => panic!("{other:?} is no object"),
        })
        .collect()
}

/// The rows of an export.
fn exported(items: Vec<String>) -> Vec<((String, String, String), Canonical)> {
    let items = items.iter().map(|it| Canonical::from_json(it));
    let rows = items.filter(|it| {
        RESOURCES
            .iter()
            .any(|(kind, _)| *kind == it.get("kind").text())
    });
    rows.map(|row| {
        let (link_id, kind, object) = (row.get("link_id"), row.get("kind"), row.get("data"));
        let id = object.get("id").text().to_owned();
        let key = (link_id.text().to_owned(), kind.text().to_owned(), id);
        (key, object.clone())
    })
    .collect()
}

fn compare(
    path: &str,
    expected: &Objects,
    items: Vec<((String, String, String), Canonical)>,
) -> Vec<String> {
    let count = items.len();
    let shown: Objects = items.into_iter().collect();
    let mut wrong = Vec::new();
    if shown.len() < count {
        wrong.push(format!("{path} shows a row twice"));
    }
    for (key, object) in expected {
        match shown.get(key) {
            None => wrong.push(format!("{path} does not show {key:?}")),
            Some(shown) if shown != object => {
                wrong.push(format!("{path} shows {shown:?} instead of {object:?}"));
            }
            Some(_) => {}
        }
    }
    let more = shown.keys().filter(|key| !expected.contains_key(key));
    wrong.extend(more.map(|key| format!("{path} shows {key:?}, which is not stored")));
    wrong
}

/// The day of a movement that has none: it is as late as today.
const PENDING: &str = "9999-12-31";

/// The statements of all links in one: each row is stored, each day of an account is shown by one
/// link, and a row that is stored and not shown is of a day and an account that another link shows.
fn compare_merged(
    path: &str,
    stored: &Objects,
    items: Vec<((String, String, String), Canonical)>,
) -> Vec<String> {
    let accounts = stored.iter().filter(|((_, kind, _), _)| kind == "ACCOUNTS");
    let accounts: BTreeMap<(&str, &str), String> = accounts
        .map(|((link, _, id), it)| {
            let word = |name: &str| format!("{:?}", it.get(name));
            let words = ["agency", "number", "category"].map(word);
            ((link.as_str(), id.as_str()), words.join(" "))
        })
        .collect();
    // The account of a row by the bank's words, and its day.
    let place = |link: &str, row: &Canonical| {
        let id = row.get("account_id").text();
        let account = accounts.get(&(link, id)).cloned().unwrap_or_default();
        let day = match row.get("value_date") {
            Canonical::Text(day) => day.clone(),
            _ => PENDING.to_owned(),
        };
        (account, day)
    };
    let mut wrong = Vec::new();
    let mut showing: BTreeMap<(String, String), String> = BTreeMap::new();
    for ((link, _, id), row) in &items {
        let other = showing.insert(place(link, row), link.clone());
        if other.as_ref().is_some_and(|other| other != link) {
            wrong.push(format!(
                "{path} shows a day of {id} from {link} and {other:?}"
            ));
        }
    }
    let shown: BTreeSet<&(String, String, String)> = items.iter().map(|(key, _)| key).collect();
    let rows = stored
        .iter()
        .filter(|((_, kind, _), _)| kind == "TRANSACTIONS");
    let mut expected = Objects::new();
    for (key, row) in rows {
        let (account, day) = place(&key.0, row);
        let is_pending = day == PENDING;
        let days = showing.range(..=(account.clone(), day)).rev();
        let mut days = days.take_while(|((it, _), _)| *it == account);
        let is_another = |(_, link): (_, &String)| *link != key.0;
        let is_covered = match is_pending {
            // The newest link shows them, also if an older one has a movement of a later day.
            true => days.any(is_another),
            false => days.next().is_some_and(is_another),
        };
        if !is_covered || shown.contains(key) {
            expected.insert(key.clone(), row.clone());
        }
    }
    wrong.extend(compare(path, &expected, items));
    wrong
}

/// The ages that a view says grow from answer to answer.
fn without_age(mut view: Value) -> Value {
    let resources = view["resources"].as_object_mut().into_iter().flatten();
    for (_, resource) in resources {
        resource["age_seconds"] = Value::Null;
    }
    view
}

/// All items of a list as text, or the status of what is no list.
async fn pages(world: &mut World, person: usize, path: &str) -> Result<Vec<String>, u16> {
    let mut rows = Vec::new();
    let mut next = path.to_owned();
    for _ in 0..MOST_PAGES {
        let answer = world.insist(person, Method::GET, &next, &Value::Null).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        let page: Page<'_> = serde_json::from_str(&answer.text).unwrap();
        rows.extend(page.items.iter().map(|it| it.get().to_owned()));
        match page.next_cursor {
            None => return Ok(rows),
            Some(cursor) => {
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("cursor", &cursor)
                    .finish();
                next = format!("{path}?{query}");
            }
        }
    }
    panic!("{}\n{path} never ends", world.story());
}

/// Its numbers are kept as they are written.
#[derive(serde::Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a serde_json::value::RawValue>,
    next_cursor: Option<String>,
}
