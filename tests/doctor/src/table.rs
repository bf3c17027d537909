//! The printed table.

use std::fmt::Write as _;

use crate::{evidence::Evidence, row::Verdict};

/// The rows as a table, the count of each verdict, and the failures once more.
pub fn table(evidence: &Evidence) -> String {
    let item_width = evidence.rows.iter().map(|row| row.item.chars().count());
    let width = item_width.max().unwrap_or_default();
    let mut text = String::new();
    let mut line = |number: &str, item: &str, verdict: &str, seen: &str| {
        let line = format!("{number:<4} {item:<width$}  {verdict:<14}  {seen}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line("#", "Item", "Verdict", "Seen");
    for row in &evidence.rows {
        line(row.number, row.item, &row.verdict.to_string(), &row.seen);
    }
    let counts: Vec<String> = Verdict::ALL
        .iter()
        .map(|verdict| format!("{} {verdict}", evidence.with(*verdict).count()))
        .collect();
    text.push('\n');
    text.push_str(&counts.join(", "));
    text.push('\n');
    for row in evidence.with(Verdict::Fail) {
        // Writing to a String cannot fail.
        writeln!(text, "FAILED {} {}: {}", row.number, row.item, row.seen).ok();
    }
    text
}
