//! Belvo is unwell, or does something by itself.

use serde_json::json;

use super::{Habit, habit, some_link};
use crate::random::Random;
use crate::world::World;

pub const HABITS: &[Habit] = &[
    habit!(2, belvo_is_unwell),
    habit!(1, belvo_is_well),
    habit!(1, a_list_changes_while_it_is_read),
    habit!(1, counts_are_wrong),
    habit!(2, a_list_hides_a_row),
    habit!(1, belvo_mixes_up_links),
    habit!(1, lists_are_of_no_order),
    habit!(1, values_are_spoiled),
    habit!(1, something_stands_in_front_of_belvo),
    habit!(1, a_limit_is_reached),
    habit!(1, belvo_refreshes_everything),
    habit!(1, belvo_hides_a_link),
    habit!(1, belvo_shows_a_link_again),
    habit!(1, belvo_deletes_a_link),
];

/// Belvo fails, always or now and then, for all resources or one.
async fn belvo_is_unwell(world: &mut World, random: &mut Random) {
    let kinds = [
        "status_429",
        "http_5xx",
        "html_403",
        "timeout_408",
        "cut_body",
        "null_results",
        "shift_rows",
        "repeat_rows",
        "short_page",
        "empty_page",
        "empty_list",
        "next_circle",
        "next_elsewhere",
    ];
    let kind = *random.pick(&kinds);
    let when = match random.below(3) {
        0 => json!(true),
        1 => json!({"every": random.between(2, 6)}),
        _ => json!(random.between(1, 6)),
    };
    let mut faults = json!({kind: when});
    if random.one_in(3) {
        let paths = [
            "/transactions/",
            "/links/",
            "/bills/",
            "/investments/",
            "/accounts/",
            "/owners/",
        ];
        faults["path"] = json!(random.pick(&paths));
    }
    world.fail(&faults, false).await;
    world.note(&format!("Belvo is unwell: {faults}"));
}

async fn belvo_is_well(world: &mut World, _: &mut Random) {
    heal(world).await;
}

/// Belvo has no fault any more, and shows every link.
pub async fn heal(world: &mut World) {
    world.fail(&json!({}), false).await;
    let links = world.links.iter();
    let there = links.filter(|(_, it)| !it.deleted_at_belvo);
    for link_id in there.map(|(id, _)| id) {
        world.bank.show(link_id).await;
    }
    world.note("Belvo is well");
}

async fn a_list_changes_while_it_is_read(world: &mut World, random: &mut Random) {
    let (page, add, delete) = (random.between(1, 3), random.between(0, 3), random.below(3));
    let drift = json!({"path": "/transactions/", "page": page, "add": add, "delete": delete});
    let faults = json!({"drift": [drift]});
    // No webhook tells of it, whichever list it will be.
    world.fail(&faults, true).await;
    world.note(&format!("a list changes while it is read: {faults}"));
}

async fn counts_are_wrong(world: &mut World, random: &mut Random) {
    let faults = match random.one_in(2) {
        true => json!({"count_lies": 1}),
        false => json!({"count_flips": random.between(1, 6)}),
    };
    world.fail(&faults, false).await;
    world.note(&format!("counts are wrong: {faults}"));
}

/// Pages repeat rows and hide others whenever they are read, or nothing says how many there are.
async fn lists_are_of_no_order(world: &mut World, random: &mut Random) {
    let rewrite = |name: &str| json!({"path": "/api/", "from": name, "to": "\"another\":"});
    let faults = match random.below(4) {
        0 => json!({"first_page_again": true}),
        1 => json!({"shift_rows": true}),
        2 => json!({"rewrite": [rewrite("\"count\":")]}),
        _ => json!({"rewrite": [rewrite("\"next\":")]}),
    };
    // What stays hidden is looked for during a day, and then with the next full sync.
    world.fail(&faults, true).await;
    world.note(&format!("lists are of no order: {faults}"));
}

/// A row is missing, and the count says that there is none.
async fn a_list_hides_a_row(world: &mut World, random: &mut Random) {
    let faults = json!({"short_page": random.between(1, 8), "count_lies": -1});
    // A row that is hidden when it is announced is found with the next full sync.
    world.fail(&faults, true).await;
    world.note(&format!("a list hides a row: {faults}"));
}

/// Lists come with the rows of all links, or single rows are those of others. (Of a filter that works
/// now and then nobody could tell whose an investment is, because it names no link.)
async fn belvo_mixes_up_links(world: &mut World, random: &mut Random) {
    let faults = match random.one_in(2) {
        true => json!({"ignore_filter": true}),
        false => json!({"foreign_object": random.between(1, 5)}),
    };
    // What was refused is read again with the next full sync.
    world.fail(&faults, true).await;
    world.note(&format!("Belvo mixes up links: {faults}"));
}

/// One value of each row becomes something that is not JSON, or half a character, or has another
/// encoding.
async fn values_are_spoiled(world: &mut World, random: &mut Random) {
    let paths = [
        "/transactions/",
        "/accounts/",
        "/bills/",
        "/investments/",
        "/owners/",
    ];
    let path = *random.pick(&paths);
    let mut rewrite = json!({"path": path, "from": "\"collected_at\":"});
    rewrite["to"] = json!(match random.below(3) {
        0 => "\"spoiled\":NaN,\"collected_at\":",
        1 => "\"spoiled\":\"\\ud83d\",\"collected_at\":",
        _ => "\"spoiled\":\"Itaú\",\"collected_at\":",
    });
    rewrite["latin1"] = json!(true);
    // What was spoiled is read again with the next full sync.
    world.fail(&json!({"rewrite": [rewrite]}), true).await;
    world.note(&format!("values are spoiled: {rewrite}"));
}

async fn something_stands_in_front_of_belvo(world: &mut World, random: &mut Random) {
    let statuses = [200, 302, 400, 401, 403, 404, 410, 421, 502];
    let bodies = ["<html>blocked</html>", r#"{"detail": "Not found."}"#, ""];
    let gateway = json!({"status": random.pick(&statuses), "body": random.pick(&bodies)});
    world.fail(&json!({"gateway": [gateway]}), false).await;
    world.note(&format!("something stands in front of Belvo: {gateway}"));
}

/// The month's limit of one resource is used up, and Belvo says so for some requests.
async fn a_limit_is_reached(world: &mut World, random: &mut Random) {
    let paths = ["/owners/", "/accounts/", "/transactions/", "/bills/"];
    let fault = json!({
        "count": random.between(1, 8),
        "status": 400,
        "code": "operational_limits_reached",
        "body": "json",
        "path": random.pick(&paths),
    });
    // What is declined is read with the next full sync, or in the next month.
    world.fail(&json!({"fail_next": fault}), true).await;
    world.note(&format!("a limit is reached: {fault}"));
}

async fn belvo_refreshes_everything(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        world.bank.refresh(&link_id).await;
        world.note(&format!("Belvo refreshes all data of {link_id}"));
    }
}

/// For a while Belvo knows nothing of a link.
async fn belvo_hides_a_link(world: &mut World, random: &mut Random) {
    if let Some(link_id) = some_link(world, random) {
        world.bank.hide(&link_id).await;
        world.note(&format!("Belvo hides {link_id}"));
    }
}

async fn belvo_shows_a_link_again(world: &mut World, random: &mut Random) {
    let links = world.links.iter();
    let there = links.filter(|(_, it)| !it.deleted_at_belvo);
    let there: Vec<String> = there.map(|(id, _)| id.clone()).collect();
    if !there.is_empty() {
        let link_id = random.pick(&there);
        world.bank.show(link_id).await;
        world.note(&format!("Belvo shows {link_id}"));
    }
}

/// The user has it deleted through Belvo, which tells us or not.
async fn belvo_deletes_a_link(world: &mut World, random: &mut Random) {
    if !random.one_in(3) {
        return;
    }
    if let Some(link_id) = some_link(world, random) {
        world.bank.hide(&link_id).await;
        if let Some(made) = world.links.get_mut(&link_id) {
            made.deleted_at_belvo = true;
        }
        let body = json!({
            "webhook_type": "LINK",
            "webhook_code": "link_deleted",
            "link_id": link_id,
            "external_id": world.people[world.links[&link_id].person].external_id,
        });
        let path = format!("links/{link_id}/webhook");
        if random.one_in(2) {
            world.bank.tell(&path, &body).await;
        }
        world.note(&format!("Belvo has deleted {link_id}"));
    }
}
