//! Accounts and investments that stand inside other objects: none comes back that its own list has
//! lost, and none is lost that stands nowhere else.

use serde_json::{Value, json};

use crate::bank::Bank;

/// An account or investment that some movement refers to, and that movement: `(own, movement)`.
async fn referred(bank: &Bank, movements: &str, member: &str) -> (String, String) {
    let records = bank.world.records(bank.link_id()).await;
    let prefix = format!("{movements}#");
    let row = records.iter().find(|(key, _)| key.starts_with(&prefix));
    let data = &row.unwrap().1["data"];
    let of = |name: &str| data.get(name).text().to_owned();
    (of(&format!("{member}_id")), of("id"))
}

/// Rows as the user is shown them.
async fn items(bank: &Bank, resource: &str) -> Vec<Value> {
    let path = format!("/links/{}/{resource}", bank.link_id());
    let page = bank.world.get(&bank.user, &path).await;
    let page: Value = page.json().await.unwrap();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_own_list_has_lost_does_not_come_back_whatever_belvo_answers_for_it() {
    let bank = Bank::connected().await;
    for (own, movements, member) in [
        ("ACCOUNTS", "TRANSACTIONS", "account"),
        ("INVESTMENTS", "INVESTMENT_TRANSACTIONS", "investment"),
    ] {
        let (id, movement) = referred(&bank, movements, member).await;
        let name = own.to_lowercase();
        let sold = json!({"resource": name, "delete": [id]});
        bank.control("objects", &sold).await;
        bank.world.settle().await;
        let key = format!("{own}#{id}");
        assert!(!bank.stored(own).await.contains(&key), "{own}");

        // The sale itself, which shows the position once more. Belvo does not answer for that.
        let outage = json!({"gateway": [{"status": 502, "path": format!("/{id}/")}]});
        bank.faults(&outage).await;
        let update = json!([{"id": movement, "description": "settled"}]);
        let changed = match movements {
            "TRANSACTIONS" => ("changes", json!({"update": update})),
            _ => {
                let resource = movements.to_lowercase();
                ("objects", json!({"resource": resource, "update": update}))
            }
        };
        bank.control(changed.0, &changed.1).await;
        bank.world.settle().await;
        assert!(!bank.stored(own).await.contains(&key), "{own}");
        bank.faults(&json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_its_own_list_has_again_is_there_again() {
    let bank = Bank::connected().await;
    let (id, _) = referred(&bank, "TRANSACTIONS", "account").await;
    let key = format!("ACCOUNTS#{id}");
    let truth = bank.truth().await;
    let accounts = truth["accounts"].as_array().unwrap().iter();
    let account = accounts.into_iter().find(|it| it["id"] == json!(id));
    let account = account.unwrap().clone();
    let gone = json!({"resource": "accounts", "delete": [id]});
    bank.control("objects", &gone).await;
    bank.world.settle().await;
    assert!(!bank.stored("ACCOUNTS").await.contains(&key));
    let back = json!({"resource": "accounts", "add": [{"id": account["id"]}]});
    bank.control("objects", &back).await;
    bank.world.settle().await;
    assert!(bank.stored("ACCOUNTS").await.contains(&key));
    let link = bank.link().await;
    let known = link["resources"].get("ACCOUNTS").get("gone");
    assert_eq!(*known, truth::Canonical::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_exists_only_in_its_transactions_is_kept_and_told_apart() {
    // Whichever is read first.
    for order in [["ACCOUNTS", "TRANSACTIONS"], ["TRANSACTIONS", "ACCOUNTS"]] {
        let bank = Bank::unheard().await;
        let truth = bank.truth().await;
        let id = truth["transactions"][0]["account"]["id"].as_str().unwrap();
        let closed = json!({"resource": "accounts", "delete": [id], "webhooks": false});
        bank.control("objects", &closed).await;
        bank.hear_of("OWNERS").await;
        for resource in order {
            bank.hear_of(resource).await;
        }
        let key = format!("ACCOUNTS#{id}");
        assert!(bank.stored("ACCOUNTS").await.contains(&key), "{order:?}");
        // Nor does it go with a later read of either list.
        for resource in order {
            bank.hear_of(resource).await;
        }
        assert!(bank.stored("ACCOUNTS").await.contains(&key), "{order:?}");
        let shown = items(&bank, "accounts").await;
        for account in shown {
            let only_embedded = account.get("only_embedded").cloned();
            let expected = (account["id"] == id).then_some(json!(true));
            assert_eq!(only_embedded, expected, "{order:?}");
        }

        // Its own list has it after all.
        let found = json!({"resource": "accounts", "add": [{"id": id}], "webhooks": false});
        bank.control("objects", &found).await;
        bank.hear_of("ACCOUNTS").await;
        let shown = items(&bank, "accounts").await;
        let mut shown = shown.iter();
        assert!(shown.all(|it| it.get("only_embedded").is_none()));
    }
}
