//! Rows come, change and go at the bank.

use jiff::Span;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Habit, habit, some_link};
use crate::random::Random;
use crate::world::World;

pub const HABITS: &[Habit] = &[
    habit!(3, movements_change),
    habit!(1, a_movement_gets_another_date),
    habit!(1, a_backdated_movement_comes),
    habit!(1, movements_get_other_ids),
    habit!(1, a_statement_comes_under_other_ids),
    habit!(2, a_statement_is_corrected),
    habit!(2, other_objects_change),
];

async fn movements_change(world: &mut World, random: &mut Random) {
    let changes = match random.below(4) {
        0 => json!({"add": random.between(1, 8)}),
        1 => json!({"update": random.between(1, 8)}),
        2 => json!({"delete": random.between(1, 4)}),
        _ => json!({
            "add": random.between(1, 5),
            "update": random.between(1, 5),
            "delete": random.between(0, 2),
        }),
    };
    change(world, random, changes).await;
}

async fn a_movement_gets_another_date(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let rows = world.bank.transactions(&link_id).await;
    if rows.is_empty() {
        return;
    }
    let id = &random.pick(&rows).id;
    let date = some_date(world, random);
    let changes = json!({"update": [{"id": id, "value_date": date}]});
    world.bank.change(&link_id, &changes).await;
    world.note(&format!("at the bank of {link_id}: {changes}"));
}

async fn a_backdated_movement_comes(world: &mut World, random: &mut Random) {
    let date = some_date(world, random);
    change(world, random, json!({"add": [{"value_date": date}]})).await;
}

/// Rows get other dates and amounts, some come and go; Belvo says so at once.
pub async fn a_statement_is_corrected(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let rows = world.bank.transactions(&link_id).await;
    // Often the same ones again.
    let moved = rows
        .iter()
        .take(3)
        .map(|it| json!({"id": it.id, "value_date": some_date(world, random)}));
    let moved: Vec<Value> = moved.collect();
    let changes = json!({"update": moved, "add": 1, "delete": 1});
    world.bank.change(&link_id, &changes).await;
    world.note(&format!("at the bank of {link_id}: {changes}"));
    world.deliver_all().await;
}

/// The same statement under new ids.
async fn movements_get_other_ids(world: &mut World, random: &mut Random) {
    let rows = random.between(1, 6);
    change(world, random, json!({"add": rows, "delete": rows})).await;
}

/// The same statement under new ids, as after a bank's move to another system.
async fn a_statement_comes_under_other_ids(world: &mut World, random: &mut Random) {
    let Some(link_id) = some_link(world, random) else {
        return;
    };
    let rows = world.bank.transactions(&link_id).await;
    let again = rows.iter().map(|it| json!({"value_date": it.value_date}));
    let ids = rows.iter().map(|it| &it.id);
    let changes = json!({"add": again.collect::<Vec<_>>(), "delete": ids.collect::<Vec<_>>()});
    world.bank.change(&link_id, &changes).await;
    let count = rows.len();
    world.note(&format!(
        "at the bank of {link_id}: all {count} movements get other ids"
    ));
}

async fn other_objects_change(world: &mut World, random: &mut Random) {
    let resources = [
        "owners",
        "accounts",
        "bills",
        "investments",
        "investment_transactions",
    ];
    let resource = *random.pick(&resources);
    let delete = random.between(0, 1);
    let changes = json!({
        "resource": resource,
        "add": random.between(0, 2),
        "update": random.between(0, 2),
        // A link without an owner waits for one.
        "delete": if resource == "owners" { 0 } else { delete },
    });
    if let Some(link_id) = some_link(world, random) {
        world.bank.change_objects(&link_id, &changes).await;
        world.note(&format!("at the bank of {link_id}: {changes}"));
    }
}

async fn change(world: &mut World, random: &mut Random, changes: Value) {
    if let Some(link_id) = some_link(world, random) {
        world.bank.change(&link_id, &changes).await;
        world.note(&format!("at the bank of {link_id}: {changes}"));
    }
}

/// Mostly a recent date, sometimes an old or future one, now and then none.
fn some_date(world: &World, random: &mut Random) -> Value {
    let back = match random.below(10) {
        // Of a list that is too long to be read at once, these are named and not stored.
        0 if !world.setup.hurried => return Value::Null,
        1 => -5,
        2..=4 => random.between(30, 300) as i64,
        _ => random.between(0, 12) as i64,
    };
    let today = world.time.now().to_zoned_datetime(TimeZone::UTC).date();
    json!((today - Span::new().days(back)).to_string())
}
