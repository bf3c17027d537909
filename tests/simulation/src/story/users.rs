//! Users and their apps.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use truth::Canonical;
use url::Url;

use super::{Habit, habit, some_link};
use crate::people::{Made, Outcome, Person, Visit};
use crate::random::Random;
use crate::system::RETURN_URL;
use crate::world::World;

pub const HABITS: &[Habit] = &[
    habit!(3, connects),
    habit!(1, connects_and_does_not_come_back),
    habit!(1, connects_and_belvo_forgets_who),
    habit!(1, connects_with_the_account_of_somebody_else),
    habit!(1, posts_the_proof_of_another_visit),
    habit!(1, begins_a_visit),
    habit!(1, leaves_the_widget),
    habit!(1, comes_back_late_or_again),
    habit!(1, renews),
    habit!(1, renews_as_a_new_link),
    habit!(1, revokes),
    habit!(1, revokes_at_the_bank),
    habit!(1, refreshes),
    habit!(1, looks),
    habit!(1, erases_a_link),
    habit!(1, erases_everything),
    habit!(1, tries_the_links_of_others),
];

/// The most people of an ordinary history; more would only take longer.
const MOST_PEOPLE: usize = 4;

/// The most links of an ordinary history.
const MOST_LINKS: usize = 5;

async fn connects(world: &mut World, random: &mut Random) {
    if world.links.len() < MOST_LINKS {
        let person = someone(world, random);
        let rows = world.setup.rows(random);
        connect(world, person, rows).await;
    }
}

async fn connects_and_does_not_come_back(world: &mut World, random: &mut Random) {
    if world.links.len() < MOST_LINKS {
        let person = someone(world, random);
        if let Some(visit) = mint(world, person).await {
            let rows = world.setup.rows(random);
            finish(world, person, visit, &json!({"transactions": rows})).await;
        }
    }
}

/// Belvo drops the `external_id` of the link for good.
async fn connects_and_belvo_forgets_who(world: &mut World, random: &mut Random) {
    if world.links.len() >= MOST_LINKS {
        return;
    }
    let person = someone(world, random);
    let Some(visit) = mint(world, person).await else {
        return;
    };
    let how = json!({"transactions": world.setup.rows(random), "external_id": null});
    if let Some((link_id, url)) = finish(world, person, visit, &how).await
        && !random.one_in(3)
    {
        return_to(world, person, &link_id, &url).await;
    }
}

async fn connects_with_the_account_of_somebody_else(world: &mut World, random: &mut Random) {
    if world.links.len() >= MOST_LINKS {
        return;
    }
    let person = someone(world, random);
    // Maybe that of another user, with links of their own.
    let other = random.position(world.people.len());
    let owner = match other == person {
        true => Person::account_holder_of(person).cpf,
        false => world.people[other].cpf.clone(),
    };
    if let Some(visit) = mint(world, person).await {
        let how = json!({"transactions": 20, "owner": owner});
        if let Some((link_id, url)) = finish(world, person, visit, &how).await {
            return_to(world, person, &link_id, &url).await;
        }
    }
}

async fn begins_a_visit(world: &mut World, random: &mut Random) {
    let person = someone(world, random);
    mint(world, person).await;
}

async fn leaves_the_widget(world: &mut World, random: &mut Random) {
    let person = someone(world, random);
    let Some(visit) = open_visit(world, person) else {
        return;
    };
    let outcomes = ["exit", "error", "warning", "exit_error:institution_down"];
    let outcome = *random.pick(&outcomes);
    let started = &world.people[person].visits[visit];
    let body = json!({"access_token": started.access_token, "outcome": outcome});
    // The token may be too old by now.
    let Ok(left) = world.bank.visit(&body).await else {
        return;
    };
    world.note(&format!("person {person} leaves the widget: {outcome}"));
    let mut returned = false;
    if let Some(url) = left.redirect_url {
        returned = world
            .open(&Url::parse(&url).unwrap())
            .await
            .location
            .is_some();
    }
    world.people[person].visits[visit].outcome = Some(Outcome::Other { returned });
}

/// A browser keeps the address of a callback, and opens it once more.
async fn comes_back_late_or_again(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let made = world.links[&link_id].clone();
    if let Some(url) = world.redirects.get(&link_id).cloned() {
        return_to(world, made.person, &link_id, &url).await;
    }
}

async fn renews(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let made = world.links[&link_id].clone();
    let mut body = json!({"mode": "renew", "link_id": link_id});
    identify(world, made.person, &mut body);
    let answer = world
        .insist(made.person, Method::POST, "/portal", &body)
        .await;
    let how = json!({"new_link": false, "new_consent": random.one_in(2)});
    world
        .bank
        .tell(&format!("links/{link_id}/renew"), &how)
        .await;
    world.note(&format!(
        "the consent of {link_id} is renewed: {how}, portal {}",
        answer.status
    ));
}

/// The portal makes a new link of the consent, which names no user.
async fn renews_as_a_new_link(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let made = world.links[&link_id].clone();
    if !made.owner_is_theirs || !is_bound(world, &link_id).await || world.links.len() >= MOST_LINKS
    {
        return;
    }
    let path = format!("links/{link_id}/renew");
    let renewed = world.bank.tell(&path, &json!({"new_link": true})).await;
    let new = renewed["link_id"].as_str().unwrap().to_owned();
    world.note(&format!("the consent of {link_id} is renewed as {new}"));
    let made = Made {
        continues: Some(link_id),
        ..made
    };
    world.links.insert(new, made);
}

async fn names_a_user(world: &World, link_id: &str) -> bool {
    let link = world.record(link_id, "LINK").await;
    link.is_some_and(|it| it.contains_key("external_id"))
}

async fn is_bound(world: &World, link_id: &str) -> bool {
    let link = world.record(link_id, "LINK").await;
    let status = link.and_then(|mut it| it.remove("status"));
    status == Some(Canonical::Text("bound".to_owned()))
}

async fn revokes(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        let path = format!("links/{link_id}/consent");
        world.bank.tell(&path, &json!({"expire": true})).await;
        world.note(&format!("the consent of {link_id} ends"));
    }
}

/// No webhook tells of it, and a day later it is known all the same.
async fn revokes_at_the_bank(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        world.collect_mail().await;
        let before = world.mail.len();
        let path = format!("links/{link_id}/consent");
        world.bank.tell(&path, &json!({"expire": true})).await;
        world.collect_mail().await;
        world.mail.truncate(before);
        world.note(&format!("the consent of {link_id} is revoked at the bank"));
    }
}

async fn refreshes(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        let person = world.links[&link_id].person;
        let path = format!("/links/{link_id}/refresh");
        let answer = world.ask(person, Method::POST, &path, &json!({})).await;
        world.note(&format!("{link_id} is to be refreshed: {}", answer.status));
    }
}

/// An app shows its user everything; nothing of it may be another's.
async fn looks(world: &mut World, random: &mut Random) {
    let person = someone(world, random);
    let answer = world.ask(person, Method::GET, "/links", &Value::Null).await;
    if answer.status == 200 {
        let seen = answer.json();
        for link in seen["links"].as_array().into_iter().flatten() {
            let id = link["link_id"].as_str().unwrap();
            let owner = world.links.get(id).map(|it| it.person);
            assert_eq!(owner, Some(person), "{}\n{id} is shown", world.story());
        }
    }
}

async fn erases_a_link(world: &mut World, random: &mut Random) {
    if random.one_in(2)
        && let Some(link_id) = some_link(world, random)
    {
        erase_link(world, &link_id).await;
    }
}

async fn erases_everything(world: &mut World, random: &mut Random) {
    if random.one_in(3) && !world.people.is_empty() {
        let person = random.position(world.people.len());
        erase_user(world, person).await;
    }
}

async fn tries_the_links_of_others(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let owner = world.links[&link_id].person;
    let stranger = someone(world, random);
    if stranger == owner {
        return;
    }
    let paths = ["", "/transactions", "/accounts", "/refresh"];
    let path = *random.pick(&paths);
    let method = match path {
        "" => [Method::GET, Method::DELETE][usize::from(random.one_in(2))].clone(),
        "/refresh" => Method::POST,
        _ => Method::GET,
    };
    let path = format!("/links/{link_id}{path}");
    let answer = world.ask(stranger, method, &path, &Value::Null).await;
    let refused = matches!(answer.status, 400 | 404 | 500..);
    assert!(
        refused,
        "{}\n{path} is answered {}",
        world.story(),
        answer.status
    );
}

/// Somebody wants a link of another shown to them, or their own by the proof of another visit.
async fn posts_the_proof_of_another_visit(world: &mut World, random: &mut Random) {
    let links: Vec<String> = world.links.keys().cloned().collect();
    let proofs: Vec<(String, String)> = world.proofs.clone().into_iter().collect();
    if links.is_empty() || proofs.is_empty() {
        return;
    }
    let (link_id, (from, proof)) = (random.pick(&links).clone(), random.pick(&proofs).clone());
    let person = random.position(world.people.len());
    let comes_from_them = world.links[&from].person == person;
    if comes_from_them && world.links[&link_id].person == person {
        return;
    }
    let body = json!({"link_id": link_id, "proof": proof});
    let answer = world.ask(person, Method::POST, "/callback", &body).await;
    world.note(&format!(
        "person {person} posts the proof of {from} for {link_id}: {}",
        answer.status
    ));
    let refused = comes_from_them || matches!(answer.status, 400..=499 | 500..);
    assert!(
        refused,
        "{}\na proof of another user is accepted",
        world.story()
    );
}

/// Somebody, or somebody new.
fn someone(world: &mut World, random: &mut Random) -> usize {
    let people = world.people.len();
    if people == 0 || (people < MOST_PEOPLE && random.one_in(3)) {
        world.people.push(Person::invented(people));
        return people;
    }
    random.position(people)
}

fn open_visit(world: &World, person: usize) -> Option<usize> {
    let mut visits = world.people[person].visits.iter();
    visits.position(|it| it.outcome.is_none())
}

fn identify(world: &World, person: usize, body: &mut Value) {
    if world.setup.body_mode {
        body["identification"] = world.people[person].identification();
    }
}

/// The app gets a token for the widget, unless a cap is reached.
pub async fn mint(world: &mut World, person: usize) -> Option<usize> {
    let mut body = json!({"return_url": RETURN_URL});
    identify(world, person, &mut body);
    let begun_at = world.time.now();
    let answer = world.insist(person, Method::POST, "/token", &body).await;
    if answer.status == 429 {
        return None;
    }
    let story = world.story();
    assert_eq!(answer.status, 201, "{story}\n{}", answer.text);
    let answer = answer.json();
    let url = Url::parse(answer["widget_url"].as_str().unwrap()).unwrap();
    let token = url.query_pairs().find(|(name, _)| name == "access_token");
    let visit = Visit {
        session_id: answer["session_id"].as_str().unwrap().to_owned(),
        access_token: token.unwrap().1.into_owned(),
        begun_at,
        outcome: None,
    };
    world.note(&format!(
        "person {person} begins visit {}",
        visit.session_id
    ));
    world.people[person].visits.push(visit);
    Some(world.people[person].visits.len() - 1)
}

/// The user ends a visit with a link. Gives it, and the address that the browser is sent to.
pub async fn finish(
    world: &mut World,
    person: usize,
    visit: usize,
    how: &Value,
) -> Option<(String, Url)> {
    // A user needs a while for it.
    world.time.pass(SignedDuration::from_secs(90));
    let who = &world.people[person];
    let session_id = who.visits[visit].session_id.clone();
    let mut body = json!({
        "access_token": who.visits[visit].access_token,
        "external_id": who.external_id,
    });
    for (name, value) in how.as_object().unwrap() {
        body[name] = value.clone();
    }
    // The token may be too old by now.
    let connected = world.bank.visit(&body).await.ok()?;
    let link_id = connected.link_id?;
    let url = Url::parse(&connected.redirect_url?).unwrap();
    world.people[person].visits[visit].outcome = Some(Outcome::Success { returned: false });
    world.note(&format!("person {person} connects {link_id}: {how}"));
    world.redirects.insert(link_id.clone(), url.clone());
    let made = Made {
        person,
        session_id,
        owner_is_theirs: how.get("owner").is_none(),
        names_nobody: how.get("external_id") == Some(&Value::Null),
        proven: false,
        erased: false,
        deleted_at_belvo: false,
        continues: None,
    };
    world.links.insert(link_id.clone(), made);
    Some((link_id, url))
}

/// The browser comes back, and the app posts the proof if it wants one.
pub async fn return_to(world: &mut World, person: usize, link_id: &str, url: &Url) {
    let answer = world.open(url).await;
    let Some(location) = answer.location else {
        return;
    };
    let location = Url::parse(&location).unwrap();
    let proof = location.query_pairs().find(|(name, _)| name == "proof");
    let proof = proof.map(|(_, proof)| proof.into_owned());
    let mut proven = false;
    if let Some(proof) = proof {
        world.proofs.insert(link_id.to_owned(), proof.clone());
        let body = json!({"link_id": link_id, "proof": proof});
        let posted = world.insist(person, Method::POST, "/callback", &body).await;
        proven = posted.status == 202;
    }
    world.note(&format!("the browser of {link_id} comes back"));
    if let Some(made) = world.links.get_mut(link_id) {
        made.proven |= proven;
        let session = made.session_id.clone();
        let visits = world.people[person].visits.iter_mut();
        for visit in visits.filter(|it| it.session_id == session) {
            visit.outcome = Some(Outcome::Success { returned: true });
        }
    }
}

/// A whole visit.
pub async fn connect(world: &mut World, person: usize, transactions: u64) -> Option<String> {
    let visit = mint(world, person).await?;
    let how = json!({"transactions": transactions});
    let (link_id, url) = finish(world, person, visit, &how).await?;
    return_to(world, person, &link_id, &url).await;
    Some(link_id)
}

/// The user has a link erased. It may be unknown yet, and then it stays.
pub async fn erase_link(world: &mut World, link_id: &str) -> bool {
    let person = world.links[link_id].person;
    let path = format!("/links/{link_id}");
    let answer = world
        .insist(person, Method::DELETE, &path, &Value::Null)
        .await;
    world.note(&format!(
        "person {person} erases {link_id}: {}",
        answer.status
    ));
    if answer.status != 202 {
        return false;
    }
    let receipt = answer.json()["receipt_id"].as_str().unwrap().to_owned();
    world.people[person].receipts.push(receipt);
    if let Some(made) = world.links.get_mut(link_id) {
        made.erased = true;
    }
    true
}

/// The user has everything erased. Visits that are open are given up.
pub async fn erase_user(world: &mut World, person: usize) {
    let answer = world
        .insist(person, Method::DELETE, "/me", &Value::Null)
        .await;
    world.note(&format!(
        "person {person} erases everything: {}",
        answer.status
    ));
    assert_eq!(answer.status, 202, "{}", world.story());
    let receipt = answer.json()["receipt_id"].as_str().unwrap().to_owned();
    let now = world.time.now();
    let who = &mut world.people[person];
    who.erased_at = Some(now);
    who.receipts.push(receipt.clone());
    who.erasures.push(receipt);
    for visit in &mut who.visits {
        visit.outcome = visit.outcome.or(Some(Outcome::Other { returned: false }));
    }
    let own = world.links.iter().filter(|(_, it)| it.person == person);
    let own: Vec<(String, Made)> = own.map(|(id, it)| (id.clone(), it.clone())).collect();
    for (link_id, made) in own {
        // Of a link that names nobody, nobody can tell yet.
        let is_known = made.is_named() || names_a_user(world, &link_id).await;
        if let Some(made) = world.links.get_mut(&link_id).filter(|_| is_known) {
            made.erased = true;
        }
    }
    // Two clocks say what was connected before and what since, so nobody connects at once.
    world.time.pass(SignedDuration::from_mins(2));
}
