//! Reads a webhook's body: which of the events of Belvo's catalogue it is, and what it announces.

use super::{ConsentChange, Event, EventKind, Totals};
use crate::code::{Code, RequestId};
use crate::id::{ConsentId, ExternalId, LinkId};
use crate::json::{self, Members};
use crate::moment::end;
use crate::resource::ResourceKind;

impl Event {
    /// Reads a webhook's body: `None` if it is no object. Every object is an event; the worst one is
    /// `Unknown` without link. A value that cannot be read counts as absent, and spoils no other; so
    /// does all that is behind one that does not end.
    pub fn from_json(body: &str) -> Option<Self> {
        let body = json::text::of(body.as_bytes());
        let body = Members::beginning(&body)?;
        let data = body.object("data").unwrap_or_default();
        let (webhook_type, webhook_code) = (body.text("webhook_type"), body.text("webhook_code"));
        let kind = EventKind::read(webhook_type.as_deref(), webhook_code.as_deref(), &data);
        Some(Self {
            link_id: body.parsed("link_id", LinkId::parse),
            // One that could be somebody's document is no user's: Belvo keeps none such.
            external_id: body.parsed("external_id", ExternalId::of_user),
            totals: kind.totals(&data),
            kind,
            webhook_type: webhook_type.as_deref().map(Code::lenient),
            webhook_code: webhook_code.as_deref().map(Code::lenient),
            request_id: body.parsed("request_id", RequestId::parse),
            errors: errors(&data),
        })
    }
}

impl EventKind {
    /// The code decides; the type only where the code does not say which resource.
    ///
    /// Belvo's sample of `new_investments_available` carries the type ACCOUNTS. Belvo adds codes: one
    /// that is not known here is news of what its type names, which is read again.
    fn read(webhook_type: Option<&str>, code: Option<&str>, data: &Members<'_>) -> Self {
        let code = code.unwrap_or_default().to_ascii_lowercase();
        let webhook_type = webhook_type.unwrap_or_default();
        let by_type = ResourceKind::lenient(webhook_type);

        let is_type = |name: &str| {
            let singular = webhook_type
                .strip_suffix(['s', 'S'])
                .unwrap_or(webhook_type);
            singular.eq_ignore_ascii_case(name)
        };
        let about_consent = is_type("CONSENT") || code.contains("consent");
        let change = ConsentChange::from_code(&code);
        if let Some(change) = change.or(about_consent.then_some(ConsentChange::Other)) {
            return Self::Consent {
                change,
                consent_id: data.parsed("consent_id", ConsentId::parse),
                due_at: data.text("consent_due_date").and_then(|at| end(&at)),
            };
        }
        if let Some(name) = code
            .strip_prefix("new_")
            .and_then(|rest| rest.strip_suffix("_available"))
            && let Some(resource) = ResourceKind::lenient(name)
        {
            return Self::ResourceChanged { resource };
        }
        match (code.as_str(), by_type) {
            // Without a code, the type alone is a reason to read everything.
            ("historical_update" | "", Some(resource)) => Self::HistoricalUpdate { resource },
            ("transactions_updated" | "transactions_deleted", _) => Self::ResourceRevised {
                resource: ResourceKind::Transactions,
            },
            ("invalid_credentials" | "token_required", _) => Self::LinkNeedsUser,
            ("link_deleted", _) => Self::LinkDeleted,
            (_, Some(resource)) => Self::ResourceRevised { resource },
            _ if is_type("LINK") => Self::LinkChanged,
            _ => Self::Unknown,
        }
    }

    /// What is announced. Only `historical_update` tells of the whole resource: what totals stand for
    /// in other webhooks, Belvo does not document.
    fn totals(&self, data: &Members<'_>) -> Totals {
        match self {
            Self::HistoricalUpdate { resource } => totals(*resource, data),
            Self::ResourceChanged { resource } => Totals {
                new_rows: new_rows(*resource, data),
                ..Totals::default()
            },
            Self::ResourceRevised { .. }
            | Self::Consent { .. }
            | Self::LinkNeedsUser
            | Self::LinkDeleted
            | Self::LinkChanged
            | Self::Unknown => Totals::default(),
        }
    }
}

impl ConsentChange {
    fn from_code(code: &str) -> Option<Self> {
        match code.strip_prefix("openfinance_").unwrap_or(code) {
            "consent_expired" => Some(Self::Expired),
            "consent_about_to_expire" => Some(Self::AboutToExpire),
            "consent_expiration_changed" => Some(Self::ExpirationChanged),
            "consent_with_unrecoverable_resources" => Some(Self::UnrecoverableResources),
            "consent_with_temporarily_unavailable_resources" => Some(Self::UnavailableResources),
            _ => None,
        }
    }
}

fn totals(kind: ResourceKind, data: &Members<'_>) -> Totals {
    let name = kind.name().to_ascii_lowercase();
    // Investment transactions announce theirs under the names of transactions.
    let flow = |prefix: &str| {
        data.count(&format!("total_{prefix}_{name}"))
            .or_else(|| data.count(&format!("total_{prefix}_transactions")))
    };
    let date = |key: &str| data.text(key)?.parse().ok();
    let dated = kind.is_dated();
    Totals {
        rows: data
            .count(&format!("total_{name}"))
            .or_else(|| data.count("total_transactions").filter(|_| dated)),
        new_rows: new_rows(kind, data),
        inflow: flow("inflow").filter(|_| dated),
        outflow: flow("outflow").filter(|_| dated),
        first_date: date("first_transaction_date").filter(|_| dated),
        last_date: date("last_transaction_date").filter(|_| dated),
    }
}

fn new_rows(kind: ResourceKind, data: &Members<'_>) -> Option<u64> {
    let name = kind.name().to_ascii_lowercase();
    let of_transactions = || data.count("new_transactions").filter(|_| kind.is_dated());
    data.count(&format!("new_{name}")).or_else(of_transactions)
}

/// `data.errors` is known from practice only, `data.error_code` from Belvo's LINK sample.
fn errors(data: &Members<'_>) -> Vec<Code> {
    let listed = data.list("errors").into_iter();
    let codes = listed.filter_map(|error| error.text("code"));
    // A body may hold any number of them; the first few say enough.
    data.text("error_code")
        .into_iter()
        .chain(codes)
        .take(10)
        .map(|code| Code::lenient(&code))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(body: Value) -> Event {
        Event::from_json(&body.to_string()).unwrap()
    }

    #[test]
    fn the_code_decides_and_the_type_helps() {
        use EventKind::{HistoricalUpdate, LinkChanged, LinkDeleted, LinkNeedsUser, Unknown};
        use EventKind::{ResourceChanged, ResourceRevised};
        use ResourceKind::Transactions;
        use ResourceKind::{Accounts, Bills, InvestmentTransactions, Investments, Owners};
        let check = |webhook_type: Value, code: Value, expected: EventKind| {
            let kind = event(json!({"webhook_type": webhook_type, "webhook_code": code})).kind;
            assert_eq!(kind, expected, "{webhook_type} {code}");
        };
        let all = |resource| HistoricalUpdate { resource };
        let some = |resource| ResourceChanged { resource };
        let revised = |resource| ResourceRevised { resource };
        check(json!("OWNERS"), json!("historical_update"), all(Owners));
        check(json!("ACCOUNT"), json!("historical_update"), all(Accounts));
        check(json!("bills"), json!("HISTORICAL_UPDATE"), all(Bills));
        check(json!("TRANSACTIONS"), json!(null), all(Transactions));
        check(
            json!("ACCOUNTS"),
            json!("new_investments_available"),
            some(Investments),
        );
        check(
            json!("INVESTMENT_TRANSACTIONS"),
            json!("new_investment_transactions_available"),
            some(InvestmentTransactions),
        );
        check(json!(null), json!("new_owners_available"), some(Owners));
        check(
            json!("TRANSACTIONS"),
            json!("transactions_updated"),
            revised(Transactions),
        );
        check(
            json!("TRANSACTIONS"),
            json!("transactions_deleted"),
            revised(Transactions),
        );
        check(json!("LINK"), json!("invalid_credentials"), LinkNeedsUser);
        check(json!("LINKS"), json!("token_required"), LinkNeedsUser);
        check(json!("LINK"), json!("link_deleted"), LinkDeleted);
        check(json!("INCOMES"), json!("historical_update"), Unknown);
        check(json!("INCOMES"), json!("incomes_updated"), Unknown);
        check(json!("OWNERS"), json!("something_new"), revised(Owners));
        check(json!("bill"), json!("bills_updated"), revised(Bills));
        check(json!("LINKS"), json!("link_updated"), LinkChanged);
        check(json!("SOMETHING"), json!("new"), Unknown);
        check(json!(7), json!(["historical_update"]), Unknown);
        check(json!(null), json!(null), Unknown);
    }

    #[test]
    fn both_spellings_of_consent_codes_are_known() {
        for (code, change) in [
            ("openfinance_consent_expired", ConsentChange::Expired),
            ("consent_expired", ConsentChange::Expired),
            (
                "openfinance_consent_about_to_expire",
                ConsentChange::AboutToExpire,
            ),
            (
                "openfinance_consent_expiration_changed",
                ConsentChange::ExpirationChanged,
            ),
            (
                "openfinance_consent_with_unrecoverable_resources",
                ConsentChange::UnrecoverableResources,
            ),
            (
                "openfinance_consent_with_temporarily_unavailable_resources",
                ConsentChange::UnavailableResources,
            ),
        ] {
            for webhook_type in ["CONSENT", "CONSENTS"] {
                let event = event(json!({
                    "webhook_type": webhook_type,
                    "webhook_code": code,
                    "link_id": "3d3364b7-0175-483d-a58b-b471f251e533",
                    "external_id": null,
                    "data": {
                        "consent_id": "29a54e55-21f0-4d02-8e34-797ab7d43940",
                        "consent_due_date": "2024-12-26T10:45:58.000Z",
                        "institution_display_name": "OF Mockbank"
                    }
                }));
                let expected = EventKind::Consent {
                    change,
                    consent_id: ConsentId::parse("29a54e55-21f0-4d02-8e34-797ab7d43940").ok(),
                    due_at: "2024-12-26T10:45:58Z".parse().ok(),
                };
                assert_eq!(event.kind, expected, "{code}");
                assert_eq!(event.external_id, None);
            }
        }
    }

    #[test]
    fn an_unknown_code_about_a_consent_is_news_of_the_consent() {
        for (webhook_type, code) in [
            ("CONSENT", "openfinance_consent_revoked"),
            ("consents", "something_new"),
            ("CONSENT", ""),
            ("INSTITUTION", "openfinance_consent_revoked"),
        ] {
            let kind = event(json!({"webhook_type": webhook_type, "webhook_code": code})).kind;
            let expected = EventKind::Consent {
                change: ConsentChange::Other,
                consent_id: None,
                due_at: None,
            };
            assert_eq!(kind, expected, "{webhook_type} {code}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_counts_as_absent() {
        let text = r#"{"link_id":"2f8ca7a1-c28f-46f2-bb41-21633099a280","webhook_type":"ACCOUNTS",
            "webhook_code":"historical_update","external_id":"\ud83d","request_id":7,
            "data":{"total_accounts":"2","name":"\ud83d","errors":["x",{"code":"\udc00"},{"code":"y"}]}}"#;
        let event = Event::from_json(text).unwrap();
        assert!(event.link_id.is_some());
        assert_eq!(event.external_id, None);
        assert_eq!(event.totals.rows, Some(2));
        let codes = event.errors.iter().map(Code::as_str);
        assert_eq!(codes.collect::<Vec<_>>(), ["unrecognized", "y"]);
        for text in ["", "[]", "7", "{", r#""x""#] {
            assert_eq!(Event::from_json(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_that_is_not_json_spoils_no_other() {
        let link = r#""link_id":"2f8ca7a1-c28f-46f2-bb41-21633099a280""#;
        let named = r#""webhook_type":"ACCOUNTS","webhook_code":"historical_update""#;
        for rest in [
            r#""data":{"total":NaN,"total_accounts":2}"#,
            r#""data":{"total":12,5,"total_accounts":2}"#,
            r#""data":{"total":undefined,"x":-Infinity,"total_accounts":2}"#,
            r#""\ud83d":1,"data":{"\ud83d":1,"total_accounts":2}"#,
            r#""x":01,'y':'z',"data":{"total_accounts":2}"#,
            r#""data":{"total_accounts":2},"name":"TV 50" LG""#,
            r#""data":{"total_accounts":2},"x":{"y":[1}"#,
            // Of two members with one name the last one counts.
            r#""data":7,"data":{"total_accounts":3,"total_accounts":2}"#,
        ] {
            let event = Event::from_json(&format!("{{{link},{named},{rest}}}")).unwrap();
            let resource = ResourceKind::Accounts;
            assert_eq!(
                event.kind,
                EventKind::HistoricalUpdate { resource },
                "{rest}"
            );
            assert!(event.link_id.is_some(), "{rest}");
            assert_eq!(event.totals.rows, Some(2), "{rest}");
        }
        let spoiled = format!(r#"{{{link},{named},"data":{{"name":"TV 50" LG"}}}}"#);
        let event = Event::from_json(&spoiled).unwrap();
        assert_eq!(event.totals, Totals::default());
    }

    #[test]
    fn totals_and_errors_are_kept_and_texts_are_not() {
        let event = event(json!({
            "webhook_type": "INVESTMENT_TRANSACTIONS",
            "webhook_code": "historical_update",
            "data": {
                "total_transactions": 19,
                "total_inflow_transactions": 10,
                "total_outflow_transactions": 9,
                "first_transaction_date": "2017-01-03",
                "last_transaction_date": null,
                "errors": [{"code": "operational_limits_reached", "message": "of 76109277673"}]
            }
        }));
        assert_eq!(event.totals.rows, Some(19));
        assert_eq!(event.totals.inflow, Some(10));
        assert_eq!(event.totals.outflow, Some(9));
        assert_eq!(event.totals.first_date, "2017-01-03".parse().ok());
        assert_eq!(event.totals.last_date, None);
        assert_eq!(event.errors, [Code::lenient("operational_limits_reached")]);
        assert!(
            !serde_json::to_string(&event)
                .unwrap()
                .contains("76109277673")
        );
    }

    #[test]
    fn numbers_of_new_rows_and_of_all_rows_are_two_things() {
        let check = |code: &str, data: Value, rows: Option<u64>, new_rows: Option<u64>| {
            let body = json!({"webhook_type": "TRANSACTIONS", "webhook_code": code, "data": data});
            let expected = Totals {
                rows,
                new_rows,
                ..Totals::default()
            };
            assert_eq!(event(body).totals, expected, "{code} {data}");
            assert_eq!(expected.is_of_all(), rows.is_some());
        };
        let new = "new_transactions_available";
        check(new, json!({"new_transactions": 3}), None, Some(3));
        let days = json!({"new_transactions": 3, "first_transaction_date": "2026-01-01"});
        check(new, days, None, Some(3));
        check(new, json!({"total_transactions": 3}), None, None);
        check(new, json!({}), None, None);
        let all = "historical_update";
        check(all, json!({"total_transactions": 9}), Some(9), None);
        check(all, json!({"new_transactions": 3}), None, Some(3));
        for code in [
            "transactions_updated",
            "transactions_deleted",
            "something_new",
        ] {
            check(code, json!({"total_transactions": 2}), None, None);
        }
    }

    #[test]
    fn odd_bodies_are_events_without_a_link() {
        for body in [
            json!({}),
            json!({"link_id": "../x", "external_id": "a@b.c", "data": []}),
            json!({"link_id": 7, "external_id": "76109277673", "data": {"errors": "none", "total_owners": -1}}),
        ] {
            let event = event(body);
            assert_eq!((event.link_id, event.kind), (None, EventKind::Unknown));
            assert_eq!(event.external_id, None);
        }
    }

    #[test]
    fn an_event_survives_the_queue() {
        let event = event(json!({
            "webhook_type": "OWNERS",
            "webhook_code": "historical_update",
            "link_id": "2f8ca7a1-c28f-46f2-bb41-21633099a280",
            "request_id": "4363b08b-51eb-4350-9c74-5df5ac92a7f6",
            "external_id": "your_external_id",
            "data": {"total_owners": 2}
        }));
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}
