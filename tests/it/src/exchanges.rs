//! A statement that comes again under new ids: what readers are told, what proves that the old rows
//! are gone, and how many requests it takes.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::syncing::attribute;
use crate::world::{CPF, User, World};
use truth::Canonical;

/// A user with a link that has so many transactions.
struct Statement {
    world: World,
    user: User,
    link_id: String,
}

impl Statement {
    async fn of(rows: usize) -> Self {
        let world = World::start().await;
        let user = world.individual().await;
        world.mint(&user).await;
        let order = json!({"external_id": user.external_id, "owner": CPF, "transactions": rows});
        let made = world.sandbox("links", &order).await;
        let link_id = made["link_id"].as_str().unwrap().to_owned();
        world.settle().await;
        let statement = Self {
            world,
            user,
            link_id,
        };
        assert_eq!(statement.stored().await.len(), rows);
        statement
    }

    /// Changes the statement at Belvo, which says only that there is one.
    async fn change(&self, changes: Value) {
        let mut changes = changes;
        changes["webhooks"] = json!(false);
        let path = format!("links/{}/changes", self.link_id);
        self.world.sandbox(&path, &changes).await;
        self.announce().await;
    }

    fn webhook(&self) -> Value {
        json!({
            "webhook_type": "TRANSACTIONS",
            "webhook_code": "historical_update",
            "link_id": self.link_id,
        })
    }

    async fn announce(&self) {
        self.world.post_webhook(&self.webhook()).await;
        self.world.settle().await;
    }

    async fn faults(&self, faults: Value) {
        self.world.sandbox("faults", &faults).await;
    }

    /// What Belvo has.
    async fn rows(&self) -> Vec<Value> {
        let path = format!("links/{}/truth", self.link_id);
        let truth: Value = serde_json::from_str(&self.world.ask_sandbox(&path).await).unwrap();
        truth["transactions"].as_array().unwrap().clone()
    }

    /// The ids that Belvo has.
    async fn truth(&self) -> BTreeSet<String> {
        let rows = self.rows().await;
        let ids = rows.iter().map(|it| it["id"].as_str().unwrap().to_owned());
        ids.collect()
    }

    /// The ids that are stored.
    async fn stored(&self) -> BTreeSet<String> {
        let records = self.world.records(&self.link_id).await;
        let rows = records.keys().filter(|it| it.starts_with("TRANSACTIONS#"));
        let id = |key: &String| key.rsplit('#').next().unwrap().to_owned();
        rows.map(id).collect()
    }

    /// What the user is told of the statement, and when to ask again.
    async fn shown(&self) -> (String, Option<u64>) {
        let path = format!("/links/{}", self.link_id);
        let answer = self.world.get(&self.user, &path).await;
        let wait = answer.headers().get("retry-after");
        let wait = wait.map(|it| it.to_str().unwrap().parse().unwrap());
        let link: Value = answer.json().await.unwrap();
        let state = &link["resources"]["transactions"]["state"];
        (state.as_str().unwrap().to_owned(), wait)
    }

    /// The ids of the rows that the user is shown as missing.
    async fn marked(&self) -> BTreeSet<String> {
        let (mut marked, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let path = format!("/links/{}/transactions?limit=500{cursor}", self.link_id);
            let page = self.world.get(&self.user, &path).await;
            let page: Value = page.json().await.unwrap();
            let items = page["items"].as_array().unwrap().iter();
            let missing = items.filter(|it| it["missing_since"].is_string());
            marked.extend(missing.map(|it| it["id"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return marked,
            }
        }
    }

    /// Whether the user is shown some of these rows together with others.
    async fn shows_both(&self, old: &BTreeSet<String>) -> bool {
        let path = format!("/links/{}/transactions?limit=500", self.link_id);
        let page = self.world.get(&self.user, &path).await;
        let page: Value = page.json().await.unwrap();
        let items = page["items"].as_array().unwrap().iter();
        let mut is_old = items.map(|it| old.contains(it["id"].as_str().unwrap()));
        let first = is_old.next();
        is_old.any(|it| Some(it) != first)
    }

    /// Requests so far, and for which single transactions.
    async fn asked(&self) -> (usize, Vec<String>) {
        let requests = self.world.ask_sandbox("requests").await;
        let requests: Vec<Value> = serde_json::from_str(&requests).unwrap();
        let paths = requests.iter().map(|it| it["path"].as_str().unwrap());
        let single = paths.filter_map(|it| {
            let id = it.strip_prefix("/api/transactions/")?.strip_suffix('/')?;
            Some(id.to_owned())
        });
        (requests.len(), single.collect())
    }

    async fn forget_requests(&self) {
        let belvo = &self.world.stack.endpoints().belvo_url;
        let url = format!("{belvo}/_sandbox/requests");
        self.world.http.delete(url).send().await.unwrap();
    }

    /// The last read that lacked many rows was so long ago.
    async fn read_ago(&self, seconds: i64) {
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
        let path = ["resources", "TRANSACTIONS", "missing", "all", "read_at"];
        let then = AttributeValue::S(then.to_string());
        self.world.set_on_link(&self.link_id, &path, then).await;
    }

    /// The next full read goes through the statement in parts.
    async fn read_in_parts(&self) {
        let run = json!({"mode": "full", "started_at": "2026-11-23T00:00:00Z", "chunk_size": 150});
        let path = ["resources", "TRANSACTIONS", "run"];
        self.world
            .set_on_link(&self.link_id, &path, attribute(&run))
            .await;
    }

    async fn let_time_pass(&self) {
        self.world.let_time_pass(&self.link_id).await;
    }

    async fn transactions(&self) -> Canonical {
        let link = self.world.link(&self.link_id).await;
        link["resources"].get("TRANSACTIONS").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_of_a_thousand_rows_is_told_of_and_takes_a_few_requests() {
    let statement = Statement::of(1000).await;
    let old = statement.stored().await;
    statement.forget_requests().await;
    statement.change(json!({"delete": old, "add": 1000})).await;
    let new = statement.truth().await;
    assert!(new.is_disjoint(&old));
    let both: BTreeSet<String> = old.union(&new).cloned().collect();
    assert_eq!(statement.stored().await, both, "nothing is removed yet");
    let (state, wait) = statement.shown().await;
    assert_eq!(state, "settling");
    assert!(wait.is_some());
    let marked: BTreeSet<String> = statement.marked().await;
    assert_eq!(marked, old, "a reader can leave out the old rows");

    // Before two minutes have passed, a second read proves nothing.
    statement.read_ago(90).await;
    statement.let_time_pass().await;
    assert_eq!(statement.stored().await, both);
    assert_eq!(statement.shown().await.0, "settling");
    assert_eq!(statement.asked().await.1, Vec::<String>::new());

    statement.read_ago(150).await;
    statement.let_time_pass().await;
    assert_eq!(statement.stored().await, new);
    assert_eq!(statement.shown().await, ("ready".to_owned(), None));
    let (requests, single) = statement.asked().await;
    let different: BTreeSet<&String> = single.iter().collect();
    assert_eq!(different.len(), 20, "twenty of them are asked for");
    assert!(different.iter().all(|id| old.contains(*id)));
    assert!(requests < 60, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_goes_for_the_sake_of_others_if_belvo_has_one_of_them() {
    let statement = Statement::of(240).await;
    let before = statement.stored().await;
    let gone: BTreeSet<String> = before.iter().take(40).cloned().collect();
    // Pages of four rows that lack their last one: the list hides a quarter, and agrees with itself.
    let hides = json!({
        "path": "/api/transactions/", "largest_page": 4, "short_page": true, "count_lies": -50,
    });
    statement.faults(hides).await;
    statement.change(json!({"delete": gone})).await;
    assert_eq!(statement.stored().await, before);
    statement.forget_requests().await;
    statement.read_ago(150).await;
    statement.let_time_pass().await;
    let there: BTreeSet<String> = before.difference(&gone).cloned().collect();
    assert_eq!(statement.stored().await, there);
    let (_, single) = statement.asked().await;
    let single: BTreeSet<String> = single.into_iter().collect();
    assert!(single.is_superset(&gone), "each was asked for");
    assert_eq!(single.len(), 90, "those that the list hides as well");

    statement.faults(json!({})).await;
    statement.announce().await;
    assert_eq!(statement.stored().await, there);
    assert_eq!(statement.shown().await.0, "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reads_that_disagree_prove_nothing() {
    let statement = Statement::of(120).await;
    let old = statement.stored().await;
    statement.change(json!({"delete": old, "add": 120})).await;
    let both = statement.stored().await;
    let first = statement.transactions().await;
    statement.read_ago(150).await;
    // One goes and one comes, so that the count is the same.
    let one: Vec<String> = statement.truth().await.into_iter().take(1).collect();
    statement.forget_requests().await;
    statement.change(json!({"delete": one, "add": 1})).await;
    assert!(statement.stored().await.is_superset(&both));
    assert_eq!(statement.asked().await.1, Vec::<String>::new());
    let second = statement.transactions().await;
    let ids = |it: &Canonical| it.get("missing").get("all").get("ids").clone();
    assert_ne!(ids(&first), ids(&second));

    statement.read_ago(150).await;
    statement.let_time_pass().await;
    assert_eq!(statement.stored().await, statement.truth().await);
}

/// Investments carry no link, so no list of them proves anything by itself.
#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_asked_for_if_the_list_does_not_name_the_link() {
    let bank = Bank::connected().await;
    let more = json!({"resource": "investments", "add": 60});
    let added = bank.control("objects", &more).await["added"].clone();
    bank.world.settle().await;
    let before = bank.stored("INVESTMENTS").await;
    let gone = json!({"resource": "investments", "delete": added, "webhooks": false});
    bank.control("objects", &gone).await;
    bank.announce("INVESTMENTS", "historical_update", json!({}))
        .await;
    assert_eq!(bank.stored("INVESTMENTS").await, before);
    let long_ago = AttributeValue::S("2026-11-23T00:00:00Z".to_owned());
    let read_at = ["resources", "INVESTMENTS", "missing", "all", "read_at"];
    bank.set_on_link(&read_at, long_ago).await;
    bank.forget_requests().await;
    bank.announce("INVESTMENTS", "historical_update", json!({}))
        .await;
    bank.assert_complete().await;
    let requests = bank.requests().await;
    let is_asked = |id: &&Value| {
        let path = format!("/{}/", id.as_str().unwrap());
        requests.iter().any(|it| it.contains(&path))
    };
    assert_eq!(
        added.as_array().unwrap().iter().filter(is_asked).count(),
        60
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_back_settle_what_was_doubted() {
    let statement = Statement::of(240).await;
    let before = statement.stored().await;
    let hides = json!({
        "path": "/api/transactions/", "largest_page": 4, "short_page": true, "count_lies": -60,
    });
    statement.faults(hides).await;
    statement.announce().await;
    assert_eq!(statement.shown().await.0, "settling");
    statement.faults(json!({})).await;
    statement.forget_requests().await;
    statement.read_ago(150).await;
    statement.let_time_pass().await;
    assert_eq!(statement.stored().await, before);
    assert_eq!(statement.marked().await, BTreeSet::new());
    assert_eq!(statement.shown().await, ("ready".to_owned(), None));
    assert_eq!(statement.asked().await.1, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_a_long_statement_is_proven_for_itself() {
    let statement = Statement::of(1200).await;
    let old = statement.stored().await;
    // The new rows are as spread as the old ones, so that no part is empty.
    let rows = statement.rows().await;
    let dates = rows
        .iter()
        .map(|it| json!({"value_date": it["value_date"]}));
    let changes = json!({"delete": old, "add": dates.collect::<Vec<_>>()});
    statement.read_in_parts().await;
    statement.change(changes).await;
    let marks = statement.transactions().await.get("missing").clone();
    let Canonical::Map(marks) = marks else {
        panic!("{marks:?}");
    };
    assert!(marks.len() > 1, "{marks:?}");
    let asked = statement.asked().await.1.len();
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(150);
    for days in marks.keys() {
        let path = ["resources", "TRANSACTIONS", "missing", days, "read_at"];
        let then = AttributeValue::S(then.to_string());
        statement
            .world
            .set_on_link(&statement.link_id, &path, then)
            .await;
    }
    statement.read_in_parts().await;
    statement.let_time_pass().await;
    assert_eq!(statement.stored().await, statement.truth().await);
    assert_eq!(statement.shown().await.0, "ready");
    let more = statement.asked().await.1.len() - asked;
    assert_eq!(more, 20 * marks.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_told_from_the_first_row_on_that_stands_beside_an_old_one() {
    let statement = Statement::of(240).await;
    let old = statement.stored().await;
    // Three pages, which come late, so that there is time to look.
    let slow = json!({"path": "/api/transactions/", "largest_page": 80, "latency_ms": 700});
    statement.faults(slow).await;
    let changes = json!({"delete": old, "add": 240, "webhooks": false});
    let path = format!("links/{}/changes", statement.link_id);
    statement.world.sandbox(&path, &changes).await;
    statement.world.post_webhook(&statement.webhook()).await;
    let mut seen = 0;
    let settled = statement.world.settle();
    tokio::pin!(settled);
    loop {
        let look = async {
            let shows_both = statement.shows_both(&old).await;
            (shows_both, statement.shown().await.0)
        };
        tokio::select! {
            () = &mut settled => break,
            (shows_both, state) = look => {
                seen += usize::from(shows_both);
                assert!(!shows_both || state == "settling", "{state}");
            }
        }
    }
    assert!(seen > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_told_while_some_rows_are_asked_for_one_by_one() {
    let statement = Statement::of(40).await;
    let old = statement.stored().await;
    // Each of them is answered late, so that there is time to look.
    let slow = json!({"path": "/api/transactions/", "latency_ms": 150});
    statement.faults(slow).await;
    let changes = json!({"delete": old, "add": 40, "webhooks": false});
    let path = format!("links/{}/changes", statement.link_id);
    statement.world.sandbox(&path, &changes).await;
    statement.world.post_webhook(&statement.webhook()).await;
    let mut told = false;
    let settled = statement.world.settle();
    tokio::pin!(settled);
    loop {
        tokio::select! {
            () = &mut settled => break,
            (state, _) = statement.shown() => told |= state == "settling",
        }
    }
    assert!(told);
    assert_eq!(statement.stored().await, statement.truth().await);
    assert_eq!(statement.shown().await.0, "ready");
}
