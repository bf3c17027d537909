use super::*;

const LINK: &str = "30cb4806-6e00-48a4-91c9-ca55968576c8";

fn row(kind: ResourceKind, json: &str) -> Result<ResourceRow, Unstorable> {
    let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
    ResourceRow::new(kind, &raw)
}

fn prepared(kind: ResourceKind, json: &str) -> ResourceRow {
    row(kind, json).ok().unwrap()
}

fn record(kind: ResourceKind, json: &str) -> String {
    prepared(kind, json).record
}

#[test]
fn keys_follow_the_order_of_a_statement() {
    use ResourceKind::{Bills, InvestmentTransactions, Transactions};
    assert_eq!(
        record(Bills, r#"{"id":"b1","due_date":"2024-02-20"}"#),
        "BILLS#b1"
    );
    let check = |kind, json: &str, expected: &str| assert_eq!(record(kind, json), expected);
    check(
        Transactions,
        r#"{"id":"t1","value_date":"2024-02-20"}"#,
        "TRANSACTIONS#2024-02-20#t1",
    );
    check(
        InvestmentTransactions,
        r#"{"id":"t1","value_date":"2024-02-20T10:00:00Z"}"#,
        "INVESTMENT_TRANSACTIONS#2024-02-20#t1",
    );
    for odd in [
        "null",
        "\"\"",
        "\"soon\"",
        "7",
        "\"2024-13-40\"",
        "\"éééééééééé\"",
    ] {
        check(
            Transactions,
            &format!(r#"{{"id":"t1","value_date":{odd}}}"#),
            "TRANSACTIONS#0000-00-00#t1",
        );
    }
}

#[test]
fn ranges_of_keys_hold_the_days_and_no_others() {
    use ResourceKind::{InvestmentTransactions, Transactions};
    let days = |from: &str, to: &str| DateRange {
        from: from.parse().ok(),
        to: to.parse().ok(),
    };
    let check = |days: DateRange, date: &str, expected: bool| {
        let object = format!(r#"{{"id":"t1","value_date":"{date}"}}"#);
        let key = record(Transactions, &object);
        let (first, last) = range(Transactions, days);
        assert_eq!(first <= key && key <= last, expected, "{days:?} {date}");
        let other = record(InvestmentTransactions, &object);
        assert!(!(first <= other && other <= last));
    };
    for date in ["", "0001-01-01", "2026-01-31", "9999-12-31"] {
        check(DateRange::ALL, date, true);
    }
    let january = days("2026-01-01", "2026-01-31");
    for (date, expected) in [
        ("", false),
        ("2025-12-31", false),
        ("2026-01-01", true),
        ("2026-01-31", true),
        ("2026-02-01", false),
    ] {
        check(january, date, expected);
    }
    check(days("", "2026-01-31"), "", false);
    check(days("", "2026-01-31"), "0001-01-01", true);
    check(days("2026-01-31", ""), "9999-12-31", true);
}

#[test]
fn movements_without_a_date_have_places_of_their_own() {
    let kind = ResourceKind::Transactions;
    let (first, last) = undated(kind);
    let check = |object: &str, expected: bool| {
        let key = record(kind, object);
        assert_eq!(is_undated(&key), expected, "{object}");
        assert_eq!(first <= key && key <= last, expected, "{object}");
        let (first, last) = dated(kind, DateRange::ALL);
        assert_eq!(first <= key && key <= last, !expected, "{object}");
    };
    check(r#"{"id":"t1","value_date":null}"#, true);
    check(r#"{"id":"0000-00-00"}"#, true);
    check(r#"{"id":"t1","value_date":"0001-01-01"}"#, false);
    check(r#"{"id":"0000-00-00","value_date":"2026-11-23"}"#, false);
    assert!(!is_undated("ACCOUNTS#0000-00-00x"));
}

#[test]
fn a_signature_of_an_address_is_no_part_of_the_content() {
    let hash = |logo: &str| {
        let object = format!(r#"{{"id":"a","merchant":{{"logo":"{logo}"}}}}"#);
        prepared(ResourceKind::Transactions, &object).hash
    };
    let plain = hash("https://cdn.example.com/a.svg");
    assert_eq!(hash("https://cdn.example.com/a.svg?sig=1"), plain);
    assert_eq!(hash("https://cdn.example.com/a.svg?sig=2&se=1"), plain);
    assert_ne!(hash("https://cdn.example.com/a.svg?id=5"), plain);
    let other = hash("https://cdn.example.com/a.svg?id=6&sig=1");
    assert_eq!(hash("https://cdn.example.com/a.svg?id=6&sig=2"), other);
    assert_ne!(hash("https://cdn.example.com/a.svg?id=5&sig=1"), other);
    assert_ne!(hash("https://cdn.example.com/b.svg?sig=1"), plain);
    assert_ne!(hash("what?"), hash("what"));
}

#[test]
fn what_cannot_be_stored_is_named() {
    let check = |json: &str, expected: Unstorable| {
        assert_eq!(
            row(ResourceKind::Owners, json).err().unwrap(),
            expected,
            "{json}"
        );
    };
    check("[]", Unstorable::NotAnObject);
    check("{}", Unstorable::NoId);
    check(r#"{"id":null}"#, Unstorable::NoId);
    check(r#"{"id":7}"#, Unstorable::NoId);
    check(r#"{"id":"a#b"}"#, Unstorable::NoId);
    check(r#"{"id":"a","x":{"":1}}"#, Unstorable::EmptyName);
    let large = format!(r#"{{"id":"a","x":"{}"}}"#, "x".repeat(MAX_SIZE));
    check(&large, Unstorable::TooLarge);
}

#[test]
fn times_are_read_in_every_form_belvo_writes_them() {
    for text in [
        "2024-02-20T13:01:41Z",
        "2024-02-20T13:01:41.000Z",
        "2024-02-20T13:01:41.000000Z",
        "2024-02-20T13:01:41.000000+00:00",
        "2024-02-20T10:01:41-03:00",
    ] {
        let object = format!(r#"{{"id":"t1","created_at":"{text}"}}"#);
        let row = prepared(ResourceKind::Transactions, &object);
        let expected = Timestamp::from_second(1_708_434_101).ok();
        assert_eq!(row.created_at(), expected, "{text}");
    }
}

#[test]
fn an_embedded_account_becomes_a_reference() {
    let row = prepared(
        ResourceKind::Transactions,
        r#"{"id":"t1","account":{"id":"a1","balance":{"current":1}},"amount":2}"#,
    );
    assert_eq!(
        value::to_json(&AttributeValue::M(row.data.clone())),
        r#"{"account_id":"a1","amount":2,"id":"t1"}"#
    );
    assert_eq!(row.parent_id(), Some("a1"));
    let parent = row.parent().unwrap();
    assert_eq!(parent.record, "ACCOUNTS#a1");
    assert_eq!(
        value::to_json(&AttributeValue::M(parent.data)),
        r#"{"balance":{"current":1},"id":"a1"}"#
    );
}

#[test]
fn a_member_named_like_one_of_ours_gives_way_to_it() {
    let row = prepared(
        ResourceKind::Transactions,
        r#"{"id":"t1","link_id":"x","account_id":"x","account":{"id":"a1","link_id":"x"}}"#,
    );
    let written = |data: &Item| value::to_json(&AttributeValue::M(data.clone()));
    assert_eq!(written(&row.data), r#"{"account_id":"a1","id":"t1"}"#);
    assert_eq!(written(&row.parent().unwrap().data), r#"{"id":"a1"}"#);
    for account in [
        "",
        r#","account":null"#,
        r#","account":"a1""#,
        r#","account":{}"#,
    ] {
        let text = format!(r#"{{"id":"t1","account_id":"x"{account}}}"#);
        let row = prepared(ResourceKind::Transactions, &text);
        assert!(!row.data.contains_key("account_id"), "{text}");
        assert_eq!(row.parent_id(), None, "{text}");
    }
}

#[test]
fn the_hash_changes_with_the_content_and_not_with_the_reading() {
    let hash = |json: &str| prepared(ResourceKind::Accounts, json).hash;
    let first = hash(r#"{"id":"a","collected_at":"1","balance":{"current":1,"collected_at":"1"}}"#);
    let again =
        hash(r#"{"balance":{"collected_at":"2","current":1},"id":"a","last_accessed_at":"2"}"#);
    let other = hash(r#"{"id":"a","balance":{"current":2}}"#);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_ne!(
        hash(r#"{"id":"a","x":["1",""]}"#),
        hash(r#"{"id":"a","x":["","1"]}"#)
    );
}

#[test]
fn a_key_names_the_link_and_comes_apart_again() {
    let link = LinkId::parse(LINK).unwrap();
    let user = ExternalId::parse("user-1").unwrap();
    let row = prepared(ResourceKind::Bills, r#"{"id":"b1"}"#);
    let item = row.item(&user, link);
    let sort_key = format!("{LINK}#BILLS#b1");
    assert_eq!(text_of(&item, "external_id"), Some("user-1"));
    assert_eq!(text_of(&item, "record"), Some(sort_key.as_str()));
    assert_eq!(parse_sort_key(&sort_key), Some((link, "BILLS#b1")));
    assert_eq!(parse_sort_key("BILLS#b1"), None);
}

/// Also for a user whose id is as long as most issuers make them.
#[track_caller]
fn fits(json: &str, bytes: usize) {
    let link = LinkId::parse(LINK).unwrap();
    let user = ExternalId::parse(&"u".repeat(64)).unwrap();
    let item = prepared(ResourceKind::Transactions, json).item(&user, link);
    let size = value::item_size(&item);
    assert!(size <= bytes, "{size} bytes");
}

#[test]
fn a_typical_deposit_transaction_fits_into_one_write_unit() {
    fits(include_str!("../../samples/deposit_transaction.json"), 1024);
}

#[test]
fn a_typical_card_transaction_fits_into_two_write_units() {
    fits(include_str!("../../samples/card_transaction.json"), 2048);
}
