//! The output: the usage of each part, the bill, the formula with its inputs.

use std::collections::BTreeMap;

use local_stack::What;

use crate::Month;
use crate::bill::{self, Bill, Units};
use crate::part::Part;
use crate::play::Played;
use crate::prices::{Item, Money, Price, dollars};

/// The usage of one run of each part.
pub fn parts(played: &Played) {
    println!("What each part uses, once\n");
    println!(
        "| | write units | read units | queue requests | calls | log, bytes | Belvo requests |"
    );
    println!("|---|---|---|---|---|---|---|");
    for part in &played.parts {
        let asked: u64 = part.belvo.values().sum();
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            part.name,
            tenths(part.all(What::HalfWriteUnits), 2 * part.times),
            tenths(part.all(What::HalfReadUnits), 2 * part.times),
            tenths(part.all(What::QueueRequests), part.times),
            tenths(part.all(What::Invocations), part.times),
            part.all(What::LogBytes) / part.times,
            tenths(asked, part.times),
        );
    }
    println!("\nUnits by table and index, once\n");
    for part in &played.parts {
        println!("{}", part.name);
        for (what, name) in [
            (What::HalfWriteUnits, "written"),
            (What::HalfReadUnits, "read"),
        ] {
            for (of, amount) in by_place(part, what) {
                println!("  {:>9} {name:<7} {of}", tenths(amount, 2 * part.times));
            }
        }
        let refused = part.all(What::RefusedWrites);
        if refused > 0 {
            let refused = tenths(refused, part.times);
            println!("  {refused:>9} writes refused, billed as a unit each");
        }
    }
    println!();
}

fn by_place(part: &Part, what: What) -> BTreeMap<&str, u64> {
    let mut by_place = BTreeMap::new();
    for (it, amount) in part.used.iter().filter(|(it, _)| it.what == what) {
        *by_place.entry(it.of.as_str()).or_default() += amount;
    }
    by_place
}

pub fn bill(month: &Month, bill: &Bill, prices: &[Price]) {
    let all = bill.all();
    let total = sum(&all, prices);
    println!("The bill of {} users a month\n", month.users);
    println!("| | amount | price | source | costs | share |");
    println!("|---|---|---|---|---|---|");
    let mut rows: Vec<(Money, String)> = Vec::new();
    for price in prices {
        for (of, amount) in places(&all, price.item) {
            let cost = price.of(amount);
            let name = format!("{} {of}", price.name);
            let text = format!(
                "| {} | {} | ${} per {} | {} | ${} | {} |",
                name.trim(),
                shown(price, amount),
                plain(price.nano_dollars),
                price.unit.0,
                price.source.name(),
                dollars(cost),
                percent(cost, total),
            );
            rows.push((cost, text));
        }
    }
    rows.sort_by(|left, right| right.cmp(left));
    for (_, text) in rows {
        println!("{text}");
    }
    println!("| **all** | | | | **${}** | |", dollars(total));
    println!("\n| part | times a month | costs | share |");
    println!("|---|---|---|---|");
    for (name, happens, units) in &bill.parts {
        let cost = sum(units, prices);
        let share = percent(cost, total);
        println!(
            "| {name} | {} | ${} | {share} |",
            grouped(*happens),
            dollars(cost)
        );
    }
    fetcher(&all, prices);
    println!("\nNo price is confirmed. \"São Paulo\" is AWS's list as remembered, \"estimate\" is");
    println!("Virginia's and half as much again. Check them at https://aws.amazon.com/:");
    let mut pages: Vec<&str> = prices.iter().map(|it| it.page).collect();
    pages.dedup();
    println!("{}.\n", pages.join(", "));
}

/// Jobs that take most of their time waiting for Belvo could wait side by side.
fn fetcher(all: &Units, prices: &[Price]) {
    let time = all.iter().filter(|((item, function), _)| {
        *item == Item::MegabyteMilliseconds && function.as_str() == "fetcher"
    });
    let time: Units = time.map(|(of, amount)| (of.clone(), *amount)).collect();
    let alone = sum(&time, prices);
    println!(
        "\nThe fetcher's time is ${} of it, with one job in an invocation. With ten of different links \
         in each it would be ${} at least, and each of the ten would wait for the slowest.",
        dollars(alone),
        dollars(alone / 10),
    );
}

/// Tables and indexes apart, all other places together.
fn places(units: &Units, item: Item) -> BTreeMap<&str, u64> {
    let apart = matches!(item, Item::HalfWriteUnits | Item::HalfReadUnits);
    let mut places = BTreeMap::new();
    for ((_, of), amount) in units.iter().filter(|((it, _), _)| *it == item) {
        *places.entry(if apart { of } else { "" }).or_default() += amount;
    }
    places
}

pub fn inputs(month: &Month, played: &Played) {
    let Month { users, links, .. } = month;
    let stored = &played.stored;
    let requests = played.parts.iter().map(|part| {
        let asked: u64 = part.belvo.values().sum();
        asked * bill::happens(month, part.name) / part.times
    });
    println!(
        "Formula
  A month is each part times how often it happens, what is stored, and the stack itself.
  links = users x banks = {users} x {links}
  connecting, a consent that ends, erasing: links / {}
  days with news: links x {}; without: links x {}; weekly reads: links x 30 / 7
  looks at consents: links x 30
  visits: users x {}
",
        month.months, month.news_days, month.quiet_days, month.visits,
    );
    println!(
        "Inputs
  A link, once connected: {} transactions; {} items and entries of indexes;
    {} bytes in the tables, of which LINK {}; {} bytes in indexes.
  A day with news brings {} transactions.
  Belvo is asked {} times a month.
  A request to Belvo takes {} ms, everything else {} times as long as here, where a call took",
        stored.transactions,
        stored.items,
        grouped(stored.table_bytes),
        grouped(stored.link_bytes),
        grouped(stored.index_bytes),
        month.new_transactions,
        grouped(requests.sum()),
        month.belvo_ms,
        month.slower,
    );
    for (function, (calls, milliseconds)) in times(played) {
        println!("    {} ms: {function}", milliseconds / calls.max(1));
    }
    println!(
        "  Metrics, and in how many hours of the month they are sent, for {} banks:",
        month.banks
    );
    for (metric, hours) in bill::metric_hours(month, played) {
        println!("    {hours:>5} {metric}");
    }
}

fn times(played: &Played) -> BTreeMap<&str, (u64, u64)> {
    let mut times: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (it, amount) in played.parts.iter().flat_map(|part| &part.used) {
        let entry = times.entry(it.function.as_str()).or_default();
        match it.what {
            What::Invocations => entry.0 += amount,
            What::Milliseconds => entry.1 += amount,
            _ => {}
        }
    }
    times
}

fn sum(units: &Units, prices: &[Price]) -> Money {
    let of = |item: Item| prices.iter().find(|it| it.item == item);
    let costs = units
        .iter()
        .map(|((item, _), amount)| of(*item).map_or(0, |it| it.of(*amount)));
    costs.sum()
}

fn shown(price: &Price, amount: u64) -> String {
    let (name, small) = price.shown;
    format!("{} {name}", grouped(amount.div_ceil(small)))
        .trim_end()
        .to_owned()
}

/// A quotient with one digit after the point.
fn tenths(amount: u64, by: u64) -> String {
    let tenths = (amount * 10 + by / 2) / by.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn percent(cost: Money, total: Money) -> String {
    let tenths = cost * 1_000 / total.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn plain(nano_dollars: u64) -> String {
    let text = format!(
        "{}.{:09}",
        nano_dollars / 1_000_000_000,
        nano_dollars % 1_000_000_000
    );
    let text = text.trim_end_matches('0');
    text.trim_end_matches('.').to_owned()
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
